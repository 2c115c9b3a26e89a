"""Writes MODEL_CARD.md from the card of the weights, the committed figures and a template; `--check` fails when it is stale."""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "MODEL_CARD.md"
TEMPLATE = ROOT / "tools" / "model_card.md.j2"
FIGURES = ROOT / "benchmarks" / "figures.json"
CARD = ROOT / "src" / "mammoscribe" / "models" / "weights" / "starter.json"


@dataclass(frozen=True)
class Figure:
    """One measured figure, its numbers as text with the digits in which they are stated.

    Args:
        name: unique. group: heading of the page. what: in words.
        figure: `0.90`, or `19 of 86`. interval: its 95 % ends, or None. n: on how many of what.
        bar: `>= 0.85` or `<= 0.5`, None where it is only stated.
        command: prints it. date: when it entered the documents.
        weights_sha256: of the weights that it was measured with.
        quoted: document -> the words in which it states the figure.
        lesion_kind: what is found or missed, for the table of failures.

    Raises:
        ValueError: for an interval that does not hold the figure, or a bar that is none.
    """

    name: str
    group: str
    what: str
    figure: str
    interval: Sequence[str] | None
    n: str
    bar: str | None
    command: str
    date: str
    weights_sha256: str
    quoted: dict[str, list[str]] = field(default_factory=dict)
    lesion_kind: str = ""

    def __post_init__(self) -> None:
        if self.interval and not float(self.interval[0]) <= self.value <= float(self.interval[1]):
            raise ValueError(f"{self.name}: {self.figure} is not within its interval {self.interval}")
        if self.bar is not None and self.bar.split()[0] not in (">=", "<="):
            raise ValueError(f"{self.name}: the bar {self.bar!r} is neither '>= NUMBER' nor '<= NUMBER'")

    @property
    def value(self) -> float:
        """The figure as a number; of a count its share."""
        found, _, of = self.figure.partition(" of ")
        return float(found) / float(of) if of else float(found)

    @property
    def is_met(self) -> bool:
        """Whether its bar is reached; True without one."""
        sense, bar = (self.bar or ">= -inf").split()
        return self.value >= float(bar) if sense == ">=" else self.value <= float(bar)

    @property
    def shown(self) -> str:
        """`0.90 (0.82–0.96)`, the figure in bold where it missed its bar."""
        ends = f" ({self.interval[0]}–{self.interval[1]})" if self.interval else ""
        return (self.figure if self.is_met else f"**{self.figure}**") + ends


def read_figures(path: Path = FIGURES) -> tuple[Figure, ...]:
    """The committed figures; ValueError for two of one name."""
    figures = tuple(Figure(**values) for values in json.loads(path.read_text(encoding="utf-8"))["figures"])
    names = [f.name for f in figures]
    if twice := {n for n in names if names.count(n) > 1}:
        raise ValueError(f"{path.name} has {', '.join(sorted(twice))} twice")
    return figures


def weights_of(card: dict[str, Any], file: Path) -> dict[str, str]:
    """How many numbers a weight file holds and how large it is; ValueError where it is not the one of the card."""
    payload = file.read_bytes()
    if hashlib.sha256(payload).hexdigest() != card["weights_sha256"]:
        raise ValueError(f"{file.name} is not the file that {card['name']}.json is about")
    header = json.loads(payload[8 : 8 + int.from_bytes(payload[:8], "little")])
    count = sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    return {"millions": f"{count / 1e6:.1f}", "megabytes": f"{len(payload) / 1e6:.1f}"}


def kinds_of(figures: Sequence[Figure]) -> list[dict[str, str]]:
    """For each kind of lesion its number, and what is found in sentences and with weaker marks."""
    kinds: dict[str, dict[str, str]] = {}
    for f in figures:
        if f.lesion_kind:
            row = kinds.setdefault(f.lesion_kind, {"name": f.lesion_kind, "n": f.n, "stated": "", "shown": ""})
            row["stated" if f.what.endswith("in sentences") else "shown"] = f.shown
    return list(kinds.values())


def page(card_file: Path = CARD, figures_file: Path = FIGURES, template: Path = TEMPLATE) -> str:
    """The whole of MODEL_CARD.md.

    Raises:
        ValueError: when figures, card and weights do not belong together.
        jinja2.UndefinedError: for a name in the template that nothing gives.
    """
    card = json.loads(card_file.read_text(encoding="utf-8"))
    figures = read_figures(figures_file)
    if other := [f.name for f in figures if f.weights_sha256 != card["weights_sha256"]]:
        raise ValueError(f"{', '.join(other)}: measured with other weights than {card_file.name} is about")
    by_name = {f.name: f for f in figures}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    paths = {"card": card_file, "figures": figures_file, "template": template}
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        card=card,
        weights=weights_of(card, card_file.with_suffix(".safetensors")),
        groups=[(name, list(own)) for name, own in groupby(figures, key=lambda f: f.group)],
        kinds=kinds_of(figures),
        figure=by_name.__getitem__,
        paths={name: path.relative_to(ROOT).as_posix() for name, path in paths.items()},
    )


def main() -> int:
    """Write the page, or with `--check` compare it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when MODEL_CARD.md is stale")
    try:
        fresh = page()
    except (ValueError, jinja2.UndefinedError) as error:
        print(error, file=sys.stderr)
        return 1
    if not parser.parse_args().check:
        PAGE.write_text(fresh, encoding="utf-8")
        return 0
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != fresh:
        print("MODEL_CARD.md is stale: run `make model-card` and commit it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
