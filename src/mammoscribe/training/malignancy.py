"""Malignancy of real breasts, out of fold: what it is judged by, the logistic scaling, and predictions that no fold helped."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.calibration import fit_logistic
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.malignancy import MalignancyFeatures, MarkSigns, malignancy_features

FEATURES = MalignancyFeatures._fields
"""Columns of `breasts.csv`."""
Weights = tuple[float, float, float, float, float]


def with_marks(breasts: Sequence[Mapping[str, str]], views: Sequence[Mapping]) -> list[dict]:
    """Rows of `breasts.csv` with the strength of the breast's marks added.

    Args:
        breasts: one row a breast.
        views: rows of the `rsna` part of `marks.json`, whose marks were seen twice; `exam` is rsna-PATIENT-SIDE.
    """
    signs: dict[str, list[MarkSigns]] = {}
    for view in views:
        signs.setdefault(view["exam"], []).extend(
            _signs(mark) for mark in view["predicted"] if not _is_calcification(mark)
        )
    rows = []
    for row in breasts:
        own = signs.get(f"rsna-{row['patient_id']}-{row['laterality']}", [])
        features = malignancy_features(float(row["malignant_logit"]), float(row["recall_logit"]), own)
        rows.append({**row, **{name: round(value, 5) for name, value in features._asdict().items()}})
    return rows


def _signs(mark: Mapping) -> MarkSigns:
    strength = float(mark["score"]) * float(mark.get("look", 1.0))
    return MarkSigns(strength, float(mark.get("suspicion", 0.0)), calcification=False)


def _is_calcification(mark: Mapping) -> bool:
    """Marks of that type are left to the 100 um path in a reading, which these views are too coarse for."""
    return TYPES[int(mark["type"])] is FindingType.CALCIFICATION


def fit_malignancy(features: ArrayLike, labels: ArrayLike) -> Weights:
    """Weights of the four features and the intercept; none is negative."""
    a, b, c, d, intercept = (float(w) for w in fit_logistic(np.asarray(features, dtype=float), labels))
    return a, b, c, d, intercept


def features_of(row: Mapping[str, str]) -> list[float]:
    """The four features of a row."""
    return [float(row[name]) for name in FEATURES]


def cross_fitted(rows: Sequence[Mapping[str, str]]) -> list[dict]:
    """Predictions of every breast, scaled by weights fitted on the breasts of the other folds.

    Returns:
        rows with `patient_id, laterality, fold, prob_cancer, prob_dense`, as `evaluation.out_of_fold` reads them.
    """
    folds = np.array([int(r["fold"]) for r in rows])
    labels = np.array([int(r["malignant"]) for r in rows])
    features = np.array([features_of(r) for r in rows])
    probabilities = np.zeros(len(rows))
    for left_out in sorted(set(folds.tolist())):
        train = (folds != left_out) & (labels >= 0)
        weights = fit_malignancy(features[train], labels[train])
        own = folds == left_out
        probabilities[own] = 1 / (1 + np.exp(-(features[own] @ np.array(weights[:-1]) + weights[-1])))
    return [
        {
            "patient_id": r["patient_id"], "laterality": r["laterality"], "fold": r["fold"],
            "prob_cancer": round(float(p), 6), "prob_dense": round(_dense(r), 6),
        }
        for r, p in zip(rows, probabilities, strict=True)
    ]  # fmt: skip


def _dense(row: Mapping[str, str]) -> float:
    """Probability of density c or d."""
    logits = np.array([float(row[f"density_{c}"]) for c in "abcd"])
    weights = np.exp(logits - logits.max())
    return float(weights[2:].sum() / weights.sum())
