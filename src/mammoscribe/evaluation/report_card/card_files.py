"""The card as files: `card.json` for programs, `card.md` for people."""

import json
import math
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from mammoscribe.evaluation.bootstrap import Interval
from mammoscribe.evaluation.card import table
from mammoscribe.evaluation.report_card.card import Difference, Entry, Line, ReportCard, System
from mammoscribe.evaluation.report_card.fact_counts import CATEGORIES, DENSITIES
from mammoscribe.support.files import write_text

SCHEMA = "mammoscribe.report-card/1"
METHOD = (
    "Facts are read by the report parser of this package, and what it cannot read is not scored: the share of sentences "
    "without a fact is stated below. Intervals are 95 % percentile intervals of a bootstrap that draws whole patients. "
    "The best constant report is, for each figure and exam, the one of at most eight typical references that is best by "
    "that figure on all other exams, never the exam's own."
)
COMPARISON = (
    "First minus second on the same draws of patients. p by the standard error of the bootstrap, then corrected over all "
    "figures of the table (Holm). `detectable` is the smallest true difference that a set of this size shows in four of "
    "five tests at 5 % without correction."
)


def write_card(card: ReportCard, folder: Path) -> tuple[Path, Path]:
    """Write `card.json` and `card.md` into the folder."""
    text = json.dumps(_finite(card_json(card)), indent=1, allow_nan=False, ensure_ascii=False)
    return write_text(folder / "card.json", text + "\n"), write_text(folder / "card.md", card_markdown(card))


def card_json(card: ReportCard) -> dict[str, Any]:
    """The card as JSON values; a figure that is not defined is NaN here and null in the file."""
    return {
        "schema": SCHEMA,
        "method": METHOD,
        "reference": _system_json(card.reference),
        "candidates": [_system_json(s) for s in card.systems],
        "exams": card.num_exams,
        "patients": card.num_patients,
        "bootstrap_draws": card.num_draws,
        "notes": list(card.notes),
        "figures": [_line_json(line) for line in card.lines],
        "differences": [_difference_json(d) for d in card.differences],
    }


def _system_json(system: System) -> dict[str, Any]:
    tables = {"density": system.density, "birads": system.birads}
    return {
        "name": system.name,
        "sha256_of_texts": system.digest,
        "share_distinct": system.distinct,
        "share_equal_to_reference": system.copies,
        "share_of_sentences_without_a_fact": system.unread,
        "confusion": {name: [list(row) for row in rows] for name, rows in tables.items() if rows},
    }


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "name": line.figure.name,
        "group": line.figure.group,
        "higher_is_better": line.figure.higher_is_better,
        "n_counts": line.figure.of,
        "candidates": [{"value": e.value, "n": e.n, "interval": _ends(e.interval)} for e in line.entries],
        "best_constant": line.constant,
    }


def _difference_json(d: Difference) -> dict[str, Any]:
    return {
        "name": d.figure.name,
        "difference": d.value,
        "interval": _ends(d.interval),
        "p": d.p,
        "p_holm": d.p_holm,
        "detectable": d.detectable,
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval else None


def _finite(value: Any) -> Any:
    """The value with null for every number that is none."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- markdown -----------------------------------------------------------------------------------------------------


def card_markdown(card: ReportCard) -> str:
    """The card as a page."""
    exams = f"{card.num_exams} exams of {card.num_patients} patients, {card.num_draws} bootstrap draws."
    parts = ["# Report card", exams, METHOD, *(f"Note: {note}." for note in card.notes), _texts_table(card)]
    for group, lines in groupby(card.lines, key=lambda line: line.figure.group):
        parts += [f"## {group[0].upper()}{group[1:]}", _figures_table(card, list(lines))]
        parts += [_confusion_table(s, group) for s in card.systems if group in _CLASSES]
    if card.differences:
        parts += [f"## {card.systems[0].name} against {card.systems[1].name}", COMPARISON, _differences_table(card)]
    return "\n\n".join(parts) + "\n"


_CLASSES = {"density": DENSITIES, "BI-RADS": CATEGORIES}


def _confusion_table(system: System, group: str) -> str:
    """Classes of the reference (rows, those that it has) by the candidate's answers."""
    classes = _CLASSES[group]
    rows = system.density if group == "density" else system.birads
    head = (f"reference \\ {_cell(system.name)}", *classes, "none")
    return table(head, [(c, *row) for c, row in zip(classes, rows, strict=True) if sum(row)])


def _texts_table(card: ReportCard) -> str:
    head = ("texts", "distinct", "equal to their reference", "sentences without a fact", "sha256")
    rows = [
        (_cell(s.name), *(_number(v, 3) for v in (s.distinct, s.copies, s.unread)), s.digest[:12])
        for s in (card.reference, *card.systems)
    ]
    return table(head, rows)


def _figures_table(card: ReportCard, lines: list[Line]) -> str:
    names = [_cell(s.name) for s in card.systems]
    head = ["figure", *(h for name in names for h in (name, "95 % interval", "n")), "of", "best constant"]
    return table(head, [list(_figure_cells(line)) for line in lines])


def _figure_cells(line: Line) -> Iterator[str]:
    digits = line.figure.digits
    yield line.figure.name
    for entry in line.entries:
        yield from (_number(entry.value, digits), _interval(entry, digits), str(entry.n))
    yield from (line.figure.of, _number(line.constant, digits))


def _differences_table(card: ReportCard) -> str:
    head = ("figure", "difference", "95 % interval", "p", "p (Holm)", "detectable")
    rows = []
    for d in card.differences:
        digits = d.figure.digits
        ends = _interval(Entry(d.value, 0, d.interval), digits)
        rows.append(
            (
                d.figure.name, f"{d.value:+.{digits}f}", ends, _number(d.p, 4), _number(d.p_holm, 4),
                _number(d.detectable, digits),
            )
        )  # fmt: skip
    return table(head, rows)


def _interval(entry: Entry, digits: int) -> str:
    ends = entry.interval
    return f"{ends.low:.{digits}f} to {ends.high:.{digits}f}" if ends else ""


def _number(value: float, digits: int) -> str:
    return "not defined" if math.isnan(value) else f"{value:.{digits}f}"


def _cell(name: str) -> str:
    """A file's name as a cell of a table: a bar would end it."""
    return name.replace("|", "/").replace("\n", " ")
