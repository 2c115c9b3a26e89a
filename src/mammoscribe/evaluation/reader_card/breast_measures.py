"""Figures of breasts: malignancy, recall, density and BI-RADS category against the labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.assessment import Category
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.bootstrap import FloatArray, IntArray
from mammoscribe.evaluation.calibration import calibration_slope, coverage_and_risk
from mammoscribe.evaluation.classification import (
    Weights,
    auc,
    average_precision,
    brier,
    expected_calibration_error,
    kappa,
    partial_auc,
)
from mammoscribe.evaluation.labelled_exams import LabelledBreast
from mammoscribe.evaluation.outputs.exam_output import DENSITIES, BreastOutput
from mammoscribe.evaluation.reader_card.cases import Case
from mammoscribe.evaluation.reader_card.measures import UNDEFINED, Measure, MeasureSet, Rows

RECALLED = ("0", "4", "4A", "4B", "4C", "5")
"""Categories that call a patient back; 3 (short-term follow-up) is not among them, and 6 is set aside."""
ORDINAL = "12345"
HALF = 0.5


@dataclass(frozen=True)
class BreastCases:
    """Breasts that have a label and an answer to one question, in the order of their exams.

    Args:
        rows: of draws of exams. exams, sides: of each breast, [n].
        labels: [n] of 0 and 1, or of classes. scores: [n]. ages: of the patients, NaN where not known.
        unanswered: labelled breasts without an answer.
    """

    rows: Rows
    exams: tuple[int, ...]
    sides: tuple[Laterality, ...]
    labels: FloatArray
    scores: FloatArray
    ages: FloatArray
    unanswered: int

    @property
    def both_classes(self) -> bool:
        """Whether there are positives and negatives."""
        return len(set(self.labels.tolist())) > 1


Label = Callable[[LabelledBreast], float | None]
Answer = Callable[[BreastOutput], float | None]


def malignant(b: LabelledBreast) -> float | None:
    """1 for a malignant breast."""
    return None if b.malignant is None else float(b.malignant)


def recall(b: LabelledBreast) -> float | None:
    """1 for a breast that was recalled."""
    return None if b.recall is None else float(b.recall)


def prob_malignant(b: BreastOutput) -> float | None:
    """The reader's probability."""
    return b.prob_malignant


def recalled(b: BreastOutput) -> float | None:
    """1 where the category of the report calls the patient back; None without a category, or for 6."""
    return None if b.birads in (None, "6") else float(b.birads in RECALLED)


GIVEN = tuple(c.value for c in Category)
"""Categories that a report can give, in their order."""


def category_given(b: BreastOutput) -> float | None:
    """The place of the report's category in `GIVEN`; None without one."""
    return None if b.birads is None else float(GIVEN.index(b.birads))


def dense(b: LabelledBreast) -> float | None:
    """1 for density c or d."""
    return None if b.density is None else float(b.density in "cd")


def prob_dense(b: BreastOutput) -> float | None:
    """The reader's probability of density c or d."""
    return None if b.density_probs is None else float(sum(b.density_probs[2:]))


def breast_cases(cases: Sequence[Case], label: Label, answer: Answer) -> BreastCases:
    """The breasts of exams that have a label and an answer; both are counted."""
    found: list[tuple[int, Laterality, float, float, float]] = []
    unanswered = 0
    for number, case in enumerate(cases):
        age = UNDEFINED if case.labels.age is None else case.labels.age
        for side, labels in case.labels.breasts.items():
            true = label(labels)
            given = answer(case.output.breasts[side]) if side in case.output.breasts else None
            unanswered += true is not None and given is None
            if true is not None and given is not None:
                found.append((number, side, true, given, age))
    exams, sides = tuple(f[0] for f in found), tuple(f[1] for f in found)
    labels, scores, ages = (np.array([f[k] for f in found], dtype=np.float64) for k in (2, 3, 4))
    return BreastCases(Rows(exams, len(cases)), exams, sides, labels, scores, ages, unanswered)


# --- yes or no ----------------------------------------------------------------------------------------------------

_SCORES: tuple[tuple[str, Callable[[FloatArray, FloatArray], float], bool], ...] = (
    ("AUC", auc, True),
    ("partial AUC (false positive rate up to 0.1, McClish)", partial_auc, True),
    ("average precision", average_precision, True),
)
_PROBABILITIES: tuple[tuple[str, Callable[[FloatArray, FloatArray], float], bool], ...] = (
    ("Brier score", brier, False),
    ("expected calibration error (15 bins of like size)", expected_calibration_error, False),
    ("calibration slope", lambda p, y: calibration_slope(p, y)[0], True),
    ("calibration intercept (slope held at 1)", lambda p, y: calibration_slope(p, y)[1], True),
)


def score_measures(group: str, name: str, c: BreastCases, probabilities: bool) -> MeasureSet | None:
    """How well scores rank, and as probabilities fit; None without both classes.

    Args:
        group: heading. name: of the question. c: the breasts. probabilities: whether the scores are probabilities of it.
    """
    if not c.both_classes:
        return None
    scored = _SCORES + (_PROBABILITIES if probabilities else ())
    prevalence = float(c.labels.mean())
    chance = {"AUC": 0.5, "average precision": prevalence, "Brier score": prevalence * (1 - prevalence)}
    chance["partial AUC (false positive rate up to 0.1, McClish)"] = 0.5
    known = ~np.isnan(c.ages)
    measures = tuple(
        Measure(
            f"{name}: {what}", group, "breasts", len(c.labels), int(c.labels.sum()),
            (("chance", chance.get(what, UNDEFINED)), ("age alone", _by_age(value, what, c, known))), better,
            is_share=not what.startswith("calibration"),
        )
        for what, value, better in scored
    )  # fmt: skip

    def values(drawn: IntArray) -> list[float]:
        at = c.rows.of(drawn)
        if not len(at):
            return [UNDEFINED] * len(scored)
        return [value(c.scores[at], c.labels[at]) for _, value, _ in scored]

    return MeasureSet(measures, values)


def _by_age(value: Callable[[FloatArray, FloatArray], float], what: str, c: BreastCases, known: np.ndarray) -> float:
    """What the ages of the patients rank; NaN for figures of probabilities, and where few ages are known."""
    if not what.startswith(("AUC", "partial", "average")) or known.mean() < HALF:
        return UNDEFINED
    return value(c.ages[known], c.labels[known])


def decision_measures(group: str, name: str, c: BreastCases, threshold: float) -> MeasureSet | None:
    """Sensitivity, specificity and predictive values of `score >= threshold`; None without a case."""
    if not len(c.labels):
        return None
    yes, true = c.scores >= threshold, c.labels == 1
    whats = ("sensitivity", "specificity", "positive predictive value", "negative predictive value")
    # (which cases, which of them are right)
    parts = ((true, yes), (~true, ~yes), (yes, true), (~yes, ~true))
    measures = tuple(
        Measure(f"{name}: {what}", group, of, int(among.sum()))
        for what, of, (among, _) in zip(
            whats, ("positive breasts", "negative breasts", "breasts called positive", "breasts called negative"), parts,
            strict=True,
        )
    )  # fmt: skip

    def values(drawn: IntArray) -> list[float]:
        at = c.rows.of(drawn)
        return [_share(right[at], among[at]) for among, right in parts]

    return MeasureSet(measures, values)


def category_shares(group: str, name: str, c: BreastCases) -> MeasureSet | None:
    """The share of positives among the breasts of each category that was given (observed PPV); None without a case."""
    if not len(c.labels):
        return None
    shown = [k for k in range(len(GIVEN)) if (c.scores == k).any()]
    measures = tuple(
        Measure(
            f"{name}, given BI-RADS {GIVEN[k]}: observed share (PPV)", group, "breasts of the category",
            int((c.scores == k).sum()), int(c.labels[c.scores == k].sum()), is_share=True,
        )
        for k in shown
    )  # fmt: skip

    def values(drawn: IntArray) -> list[float]:
        at = c.rows.of(drawn)
        return [_share(c.labels[at] == 1, c.scores[at] == k) for k in shown]

    return MeasureSet(measures, values)


def _share(right: np.ndarray, among: np.ndarray) -> float:
    return float(right[among].mean()) if among.any() else UNDEFINED


def risk_measures(group: str, name: str, c: BreastCases, threshold: float) -> MeasureSet | None:
    """Area under the curve of coverage and risk; None without a case."""
    if not len(c.labels):
        return None
    measure = Measure(
        f"{name}: area under coverage and risk, decided at {threshold:g}", group, "breasts", len(c.labels),
        int(c.labels.sum()), higher_is_better=False,
    )  # fmt: skip

    def values(drawn: IntArray) -> list[float]:
        at = c.rows.of(drawn)
        return [float(coverage_and_risk(c.scores[at], c.labels[at], threshold)[1].mean())] if len(at) else [UNDEFINED]

    return MeasureSet((measure,), values)


# --- classes ------------------------------------------------------------------------------------------------------


def density_cases(cases: Sequence[Case]) -> BreastCases:
    """Density letters as numbers; a missing answer is -1, which is never right."""
    return breast_cases(
        cases, lambda b: None if b.density is None else float(DENSITIES.index(b.density)),
        lambda b: -1.0 if b.density is None else float(DENSITIES.index(b.density)),
    )  # fmt: skip


def category_cases(cases: Sequence[Case]) -> BreastCases:
    """Ordinal categories 1 to 5 as 0 to 4 (4A to 4C as 4); a missing answer, 0 or 6 is -1."""
    return breast_cases(
        cases, lambda b: None if b.birads is None else float(ORDINAL.index(b.birads)),
        lambda b: float(ORDINAL.find(b.birads[0])) if b.birads else -1.0,
    )  # fmt: skip


def class_measures(group: str, name: str, c: BreastCases, num: int, weights: Weights) -> MeasureSet | None:
    """Share of right answers, and kappa of the answered ones, beside the likeliest class alone; None without a case."""
    if not len(c.labels):
        return None
    answered = c.scores >= 0
    commonest = float(np.bincount(c.labels.astype(int), minlength=num).max() / len(c.labels))
    measures = (
        Measure(f"{name}: exact", group, "breasts", len(c.labels), baselines=(("commonest class", commonest),)),
        Measure(
            f"{name}: kappa ({weights} weights)", group, "breasts answered", int(answered.sum()),
            baselines=(("commonest class", 0.0),),
        ),
    )  # fmt: skip

    def values(drawn: IntArray) -> list[float]:
        at = c.rows.of(drawn)
        kept = at[answered[at]]
        agreement = kappa(c.labels[kept], c.scores[kept], num, weights) if len(kept) else UNDEFINED
        return [float((c.labels[at] == c.scores[at]).mean()) if len(at) else UNDEFINED, agreement]

    return MeasureSet(measures, values)


def confusion(c: BreastCases, num: int) -> list[list[int]]:
    """[true][answer] counts; the last column counts missing answers."""
    rows = [[0] * (num + 1) for _ in range(num)]
    for true, given in zip(c.labels.astype(int), c.scores.astype(int), strict=True):
        rows[true][given if given >= 0 else num] += 1
    return rows
