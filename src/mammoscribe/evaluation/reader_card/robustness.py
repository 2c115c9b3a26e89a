"""The same exams with their pictures changed: how far every answer moves, and the difference of each main figure, paired."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.bootstrap import cluster_bootstrap
from mammoscribe.evaluation.card_page import (
    DIFFERENCES,
    Chart,
    Section,
    Table,
    difference_json,
    differences_table,
    interval_words,
    line_json,
    number,
)
from mammoscribe.evaluation.comparison import Difference, Line, entry
from mammoscribe.evaluation.labelled_exams import LabelledExam
from mammoscribe.evaluation.outputs.changes import AS_THEY_ARE, CHANGES, Change
from mammoscribe.evaluation.outputs.exam_output import BreastOutput
from mammoscribe.evaluation.outputs.store import Outputs
from mammoscribe.evaluation.reader_card.card import compared
from mammoscribe.evaluation.reader_card.cases import Joined, join
from mammoscribe.evaluation.reader_card.measures import UNDEFINED, Measure
from mammoscribe.support.charts import Bar, interval_chart
from mammoscribe.support.errors import InputError

GROUP = "Robustness"
_OF_BREASTS = (
    "malignant breast: AUC", "malignant breast: Brier score", "malignant breast: calibration intercept (slope held at 1)",
    "malignant breast, called by the report's category: sensitivity",
    "malignant breast, called by the report's category: specificity", "density: exact", "BI-RADS 1 to 5: exact",
)  # fmt: skip
_OF_MARKS = (
    "found at 0.5 false marks a view, any threshold", "found, with a sentence in the report",
    "false marks a view, with a sentence in the report",
)  # fmt: skip
MAIN = frozenset(_OF_BREASTS) | {f"{k.value.replace('_', ' ')}: {what}" for k in FindingType for what in _OF_MARKS}
"""Figures that are compared."""
DRAWN = ("malignant breast: AUC", "mass: found at 0.5 false marks a view, any threshold", "density: exact")
"""Figures of which a chart is drawn."""
TEXT = (
    "Every exam was decoded again, its pictures were changed before the breast was found, and it was read again. Differences are "
    "of the figures with changed pictures minus those with the pictures as they are, on the same draws of patients; p-values are corrected over the "
    "figures of one change (Holm). A difference whose interval holds 0 is no proof that nothing changed."
)
_Answer = Callable[[BreastOutput], Any]
_MOVES: tuple[tuple[str, _Answer, Callable[[Any, Any], float]], ...] = (
    ("mean change of the probability of malignancy", lambda b: b.prob_malignant, lambda one, other: abs(one - other)),
    ("share of breasts whose category changes", lambda b: b.birads, lambda one, other: float(one != other)),
    ("share of breasts whose density changes", lambda b: b.density, lambda one, other: float(one != other)),
)


@dataclass(frozen=True)
class Shift:
    """What one change does.

    Args:
        change: of the pictures. num_exams: that were read both ways.
        moves: how far the answers move, whatever is true. differences: of the main figures.
    """

    change: Change
    num_exams: int
    moves: tuple[Line, ...]
    differences: tuple[Difference, ...]


def sweep(labels: Sequence[LabelledExam], read: Callable[[Change], Outputs], num_draws: int) -> Iterator[Shift]:
    """Read exams with every change, and hold the answers against those with the pictures as they are.

    Args:
        labels: of the exams. read: the outputs of a reader with a change. num_draws: bootstrap samples of patients.
    """
    clean = read(AS_THEY_ARE)
    for change in CHANGES:
        changed = read(change)
        own = [e for e in labels if change.concerns(e.views)]
        try:
            joined = join(own, {change.words: changed.exams, AS_THEY_ARE.words: clean.exams}, common_only=True)
        except InputError:  # no exam has such a view, or none has another one left
            continue
        differences = compared(joined, num_draws, MAIN)
        yield Shift(change, len(joined.labels), tuple(_moves(joined, change, num_draws)), differences)


def _moves(joined: Joined, change: Change, num_draws: int) -> Iterator[Line]:
    patients = [e.patient_id for e in joined.labels]
    for name, answer, apart in _MOVES:
        pairs = [
            [(answer(b), answer(before.breasts[side])) for side, b in after.breasts.items() if side in before.breasts]
            for after, before in zip(*joined.outputs, strict=True)
        ]
        moved = [[apart(*pair) for pair in own if None not in pair] for own in pairs]
        sums, counts = np.array([sum(m) for m in moved], dtype=float), np.array([len(m) for m in moved])
        if not counts.any():
            continue

        def value(rows, sums=sums, counts=counts) -> float:
            return float(sums[rows].sum() / counts[rows].sum()) if counts[rows].sum() else UNDEFINED

        n = int(counts.sum())
        share = name.startswith("share")
        measure = Measure(f"{change.words}: {name}", GROUP, "breasts", n, higher_is_better=False, is_share=share)
        drawn, whole = cluster_bootstrap(value, patients, num_draws), 1.0 if share else None
        yield Line(
            measure, (entry(value(np.arange(len(patients))), drawn, n, independent=len(set(patients)), whole=whole),)
        )


def robustness_json(shifts: Sequence[Shift]) -> list[dict[str, Any]]:
    """The shifts as JSON values."""
    return [
        {
            "change": s.change.name, "words": s.change.words, "exams": s.num_exams,
            "moves": [line_json(line) for line in s.moves], "differences": [difference_json(d) for d in s.differences],
        }
        for s in shifts
    ]  # fmt: skip


def robustness_section(shifts: Sequence[Shift]) -> Section:
    """The shifts as a part of the page of one reader."""
    rows = tuple(
        (f"{s.change.words} ({s.num_exams} exams)", *row)
        for s in shifts
        for row in differences_table(s.differences).rows
    )
    tables = (_moves_table(shifts), *([Table(("pictures", *DIFFERENCES), rows)] if rows else []))
    return Section(GROUP, TEXT, tables=tables, charts=tuple(_charts(shifts)))


def _moves_table(shifts: Sequence[Shift]) -> Table:
    """One row for each change: how far each answer moves, with its interval and the breasts that have it."""

    def cell(s: Shift, name: str) -> str:
        e = next((line.entries[0] for line in s.moves if line.figure.name.endswith(f": {name}")), None)
        ends = "" if e is None or e.interval is None else f" ({interval_words(e.interval, 3)})"
        return "" if e is None else f"{number(e.value, 3)}{ends} of {e.n}"

    names = [name for name, _, _ in _MOVES]
    rows = tuple((s.change.words, str(s.num_exams), *(cell(s, name) for name in names)) for s in shifts)
    return Table(("pictures", "exams", *names), rows)


def _charts(shifts: Sequence[Shift]) -> Iterator[Chart]:
    for name in DRAWN:
        found = [(s, d) for s in shifts for d in s.differences if d.figure.name == name]
        bars = [
            Bar(d.value, d.interval.low, d.interval.high, name=s.change.name)
            for s, d in found
            if d.interval is not None
        ]
        if bars:
            title = f"Change of: {name}"
            yield Chart(
                title, interval_chart(title, "changed pictures minus pictures as they are", bars, 0.0), f"{name}."
            )
