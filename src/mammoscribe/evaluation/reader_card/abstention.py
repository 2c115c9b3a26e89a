"""Breasts that are left to a person: figures of split conformal abstention, and its curve of coverage and risk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.evaluation.bootstrap import IntArray
from mammoscribe.evaluation.card_page import Chart
from mammoscribe.evaluation.conformal import MALIGNANT, OTHER, Abstention, decided
from mammoscribe.evaluation.reader_card.breast_measures import BreastCases
from mammoscribe.evaluation.reader_card.measures import UNDEFINED, Measure, MeasureSet
from mammoscribe.support.charts import UNIT, Points, line_chart

ABSTENTION = "Breasts left to a person"
RATES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""Allowed error rates along the curve."""


@dataclass(frozen=True)
class Abstaining:
    """A rule of abstention with the error rate that is allowed in each class, and where it was fixed, in words."""

    rule: Abstention
    alpha: float
    source: str

    @property
    def words(self) -> str:
        """What is promised, and what it rests on."""
        promise = (
            f"At least {1 - self.alpha:.0%} of the malignant breasts, and of the others, get a set of answers that holds the truth, on average "
            "over breasts of the population that the rule was fixed on (split conformal prediction for each class). A breast whose set does not hold exactly one answer is left to a "
            f"person. Fixed on {self.source}."
        )
        few = [
            name
            for name, limit in zip(("other", "malignant"), self.rule.limits(self.alpha), strict=True)
            if np.isinf(limit)
        ]
        return (
            f"{promise} So few {' and '.join(few)} breasts were there that this answer is in every set."
            if few
            else promise
        )


def abstention_measures(c: BreastCases, asked: Abstaining) -> MeasureSet | None:
    """Whether the promise is kept on these breasts, and what is decided; None without a case."""
    if not len(c.labels):
        return None
    sets, true = asked.rule.sets(c.scores, asked.alpha), c.labels.astype(int)
    holds, alone = sets[np.arange(len(true)), true], decided(sets)
    malignant, missed = true == MALIGNANT, alone & sets[:, OTHER]
    # (name, of, which breasts, which of them count, whether a higher share is better)
    parts = (
        ("malignant breasts whose set holds the truth", "malignant breasts", malignant, holds, True),
        ("other breasts whose set holds the truth", "other breasts", ~malignant, holds, True),
        ("breasts decided", "breasts", np.ones(len(true), bool), alone, True),
        ("decided breasts: wrong", "breasts decided", alone, ~holds, False),
        ("malignant breasts decided as not malignant", "malignant breasts", malignant, missed, False),
    )
    measures = tuple(
        Measure(f"{name} (alpha {asked.alpha:g})", ABSTENTION, of, int(among.sum()), higher_is_better=better)
        for name, of, among, _, better in parts
    )

    def values(drawn: IntArray) -> list[float]:
        at = c.rows.of(drawn)
        return [float(which[at][among[at]].mean()) if among[at].any() else UNDEFINED for _, _, among, which, _ in parts]

    return MeasureSet(measures, values)


def abstention_chart(named: Sequence[tuple[str, BreastCases, Abstaining]]) -> Iterator[Chart]:
    """Share decided against share decided wrongly, along the allowed error rates; nothing where nothing is decided."""
    curves: dict[str, Points] = {name: list(_curve(c, asked)) for name, c, asked in named}
    curves = {name: points for name, points in curves.items() if points}
    if curves:
        highest = max(y for points in curves.values() for _, y in points)
        frame = replace(UNIT, y_range=(0.0, min(1.0, max(0.05, 1.1 * highest))))
        title = "Conformal abstention: coverage against risk"
        rates = f"{RATES[0]:g} to {RATES[-1]:g}"
        yield Chart(
            title, line_chart(title, "share of breasts decided", curves, frame, "share decided wrongly"),
            f"One point for each allowed error rate, {rates}; breasts with no or both answers are not decided.",
        )  # fmt: skip


def _curve(c: BreastCases, asked: Abstaining) -> Iterator[tuple[float, float]]:
    for alpha in RATES:
        sets = asked.rule.sets(c.scores, alpha)
        alone = decided(sets)
        if alone.any():
            holds = sets[np.arange(len(c.labels)), c.labels.astype(int)]
            yield float(alone.mean()), float((~holds)[alone].mean())
