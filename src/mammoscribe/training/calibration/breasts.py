"""Probabilities of a breast: weights that scale its malignancy, and the temperature of its density letters."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.calibration import fit_logistic, fit_temperature
from mammoscribe.models.reader.judging import breast_features
from mammoscribe.models.reader.malignancy import MalignancyFeatures
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.reader.samples import UNKNOWN

LEAST_LABELS = 20
"""Labelled breasts, of all classes together, from which labels of breasts fix a probability or a threshold."""
LEAST_OF_A_CLASS = 5
"""Breasts, malignant ones and others, from which the probability of malignancy is scaled."""

Weights = tuple[float, float, float, float, float, float]


def malignancy_rows(exams: Sequence[SeenExam]) -> list[tuple[MalignancyFeatures, int]]:
    """Features and label of every breast that is labelled malignant or not."""
    return [
        (breast_features(e.seen, side), labels.malignant)
        for e in exams
        for side, labels in e.labelled()
        if labels.malignant != UNKNOWN
    ]


def fit_malignancy(features: ArrayLike, labels: ArrayLike) -> Weights:
    """Weights of the five features ([n, 5]) and the intercept, from labels 0 or 1 ([n]); no weight is negative."""
    a, b, c, d, e, intercept = (float(w) for w in fit_logistic(np.asarray(features, dtype=float), labels))
    return a, b, c, d, e, intercept


def malignancy(exams: Sequence[SeenExam]) -> dict:
    """Weights, prevalence and n as an operating point holds them; weights None where the labels do not support them."""
    rows = malignancy_rows(exams)
    labels = [label for _, label in rows]
    if len(rows) < LEAST_LABELS or min(labels.count(0), labels.count(1)) < LEAST_OF_A_CLASS:
        return {"malignant": None}
    weights = fit_malignancy([features for features, _ in rows], labels)
    return {"malignant": weights, "prevalence": float(np.mean(labels)), "n": len(rows)}


def density_logits(exam: SeenExam, side: Laterality) -> np.ndarray:
    """[4] logits of the letters a to d."""
    return exam.seen.breasts.density[list(Laterality).index(side)].float().numpy()


def density_rows(exams: Sequence[SeenExam]) -> list[tuple[np.ndarray, int]]:
    """Logits [4] and letter (0 for a to 3 for d) of every breast with a density label."""
    return [
        (density_logits(e, side), labels.density)
        for e in exams
        for side, labels in e.labelled()
        if labels.density != UNKNOWN
    ]


def density(exams: Sequence[SeenExam]) -> dict:
    """The temperature as an operating point holds it; None, which withholds the probabilities, without enough labels."""
    rows = density_rows(exams)
    if len(rows) < LEAST_LABELS or len({letter for _, letter in rows}) < 2:
        return {"density_temperature": None}
    logits, letters = zip(*rows, strict=True)
    return {"density_temperature": fit_temperature(np.stack(logits), letters)}
