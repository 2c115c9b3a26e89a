"""A plan written before the look: which figures decide, what they must reach, how thresholds are fixed; and the looks so far.

The card holds the plan's digest. A folder of results notes every look at its outputs, so that a plan that comes after a look
is refused; a look that went to another folder cannot be seen here.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammoscribe.evaluation.card_page import Section, Table, interval_words, number
from mammoscribe.evaluation.comparison import Difference, Line
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.support.lookup import look_up
from mammoscribe.support.parsing import json_value, read_toml

LOOKS = "looks.jsonl"
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "title": str, "endpoints": list, "secondary": list, "split": str, "draws": int, "threshold": (int, float),
    "specificity": (int, float), "threshold_split": str, "bars": dict,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A plan.

    Args:
        name, sha256: of its file. title: in words.
        endpoints: names of the figures that decide; two systems are tested on these alone (Holm over them).
        secondary: names of figures that are stated beside.
        bars: name of an endpoint -> what the worse end of its interval must reach.
        options: options of the command that the plan fixes: split, draws, threshold, specificity, threshold_split.

    Raises:
        InputError: without an endpoint, and for a bar of a figure that is no endpoint.
    """

    name: str
    sha256: str
    title: str
    endpoints: tuple[str, ...]
    secondary: tuple[str, ...] = ()
    bars: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise InputError(f"{self.name} names no endpoint", 'endpoints = ["malignant breast: AUC"]')
        for figure in self.bars:
            look_up(figure, {e: e for e in self.endpoints}, f"endpoint of {self.name}")


def read_plan(path: Path) -> Plan:
    """The plan that a TOML file holds.

    Raises:
        InputError: for a file that is none, an unknown key or a value of another kind.
    """
    path = Path(path)
    table = read_toml(path, "a plan (TOML)")
    for key, value in table.items():
        kind = look_up(key, _TYPES, f"key of {path.name}")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InputError(f"{path.name}: {key} = {value!r}", "see docs/how_to/evaluate.md for what a plan holds")
    names = [n for key in ("endpoints", "secondary") for n in table.get(key, [])]
    bars = table.get("bars", {})
    if not all(isinstance(n, str) for n in names) or not all(_is_number(v) for v in bars.values()):
        raise InputError(f"{path.name}: endpoints or bars that are none", "names of figures; numbers for bars")
    options = {k: table[k] for k in ("split", "draws", "threshold", "specificity", "threshold_split") if k in table}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Plan(
        path.name, digest, table.get("title", ""), tuple(table.get("endpoints", ())), tuple(table.get("secondary", ())),
        {k: float(v) for k, v in bars.items()}, options,
    )  # fmt: skip


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def planned_lines(plan: Plan, lines: Sequence[Line]) -> tuple[Line, ...]:
    """The figures that the plan names, endpoints first.

    Raises:
        InputError: for a figure that the card has not.
    """
    known = {line.figure.name: line for line in lines}
    return tuple(look_up(name, known, f"figure that {plan.name} names") for name in (*plan.endpoints, *plan.secondary))


def is_met(line: Line, system: int, bar: float) -> bool:
    """Whether the worse end of the interval (without one, the figure itself) reaches a bar."""
    found = line.entries[system]
    higher, ends = line.figure.higher_is_better, found.interval
    worse = found.value if ends is None else ends.low if higher else ends.high
    return worse >= bar if higher else worse <= bar


# --- on the card --------------------------------------------------------------------------------------------------


def plan_section(
    plan: Plan, systems: Sequence[str], lines: Sequence[Line], differences: Sequence[Difference], looks: int
) -> Section:
    """The plan with what it asked for, as the first section of a card."""
    tested = {d.figure.name: d for d in differences}
    rows = []
    for line in planned_lines(plan, lines):
        name, digits = line.figure.name, line.figure.digits
        for k, (system, found) in enumerate(zip(systems, line.entries, strict=True)):
            bar = plan.bars.get(name)
            met = "" if bar is None else "yes" if is_met(line, k, bar) else "no"
            rows.append(
                (
                    name, "endpoint" if name in plan.endpoints else "secondary", system, number(found.value, digits),
                    interval_words(found.interval, digits), "" if bar is None else f"{bar:g}", met,
                    number(tested[name].p_holm, 4) if name in tested and k == 0 else "",
                )
            )  # fmt: skip
    head = ("figure", "kind", "system", "value", "95 % interval", "bar", "met", "p (Holm over endpoints)")
    text = (
        f"{plan.title + '. ' if plan.title else ''}Plan {plan.name}, sha256 {plan.sha256}; look {looks} at these outputs in this "
        "folder. A bar is met when the worse end of the interval reaches it."
    )
    return Section("Plan", text, tables=(Table(head, tuple(rows)),))


def plan_json(plan: Plan, lines: Sequence[Line], looks: int) -> dict[str, Any]:
    """The plan and which bars were met, for a JSON file."""
    return {
        "name": plan.name, "sha256": plan.sha256, "title": plan.title, "endpoints": list(plan.endpoints),
        "secondary": list(plan.secondary), "bars": dict(plan.bars), "options": dict(plan.options), "look": looks,
        "met": {
            line.figure.name: [is_met(line, k, plan.bars[line.figure.name]) for k in range(len(line.entries))]
            for line in planned_lines(plan, lines)
            if line.figure.name in plan.bars
        },
    }  # fmt: skip


# --- looks --------------------------------------------------------------------------------------------------------


def looks_before(folder: Path, outputs: Sequence[str]) -> list[Mapping[str, Any]]:
    """Earlier looks at any of these outputs (their digests), as the folder has noted them."""
    path = folder / LOOKS
    if not path.is_file():
        return []
    try:
        noted = [json_value(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        return [look for look in noted if set(look["outputs"]) & set(outputs)]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(
            f"{path} cannot be read ({error})", "the looks that were noted", "give another --out"
        ) from error


def late_plan(plan: Plan, before: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence when these outputs were looked at without this plan."""
    other = [look for look in before if look.get("plan") != plan.sha256]
    if not other:
        return []
    return [
        f"these outputs were looked at on {other[0].get('time')} without {plan.name}, so it was not written before the look"
    ]


def note_look(folder: Path, outputs: Sequence[str], plan: Plan | None) -> None:
    """Note in the folder that these outputs were looked at."""
    path = folder / LOOKS
    noted = path.read_text(encoding="utf-8") if path.is_file() else ""
    look = {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), "outputs": sorted(outputs),
        "plan": None if plan is None else plan.sha256,
    }  # fmt: skip
    write_text(path, noted + json.dumps(look) + "\n")
