"""Malignancy of real breasts, out of fold: what it is judged by, the logistic scaling, and predictions that no fold helped."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mammoscribe.evaluation.calibration import fit_logistic

FEATURES = ("malignant_logit", "recall_logit", "strongest", "suspicious")
"""Columns of `breasts.csv`, in the order of `reader.malignancy_features`."""
Weights = tuple[float, float, float, float, float]


def with_marks(breasts: Sequence[Mapping[str, str]], views: Sequence[Mapping]) -> list[dict]:
    """Rows of `breasts.csv` with the strength of the breast's marks added.

    Args:
        breasts: one row a breast.
        views: rows of the `rsna` part of `marks.json`, whose marks were seen twice; `exam` is rsna-PATIENT-SIDE.
    """
    marks: dict[str, list[tuple[float, float]]] = {}
    for view in views:
        own = marks.setdefault(view["exam"], [])
        for mark in view["predicted"]:
            strength = float(mark["score"]) * float(mark.get("look", 1.0))
            own.append((strength, strength * float(mark.get("suspicion", 0.0))))
    rows = []
    for row in breasts:
        found = marks.get(f"rsna-{row['patient_id']}-{row['laterality']}", []) or [(0.0, 0.0)]
        strongest, suspicious = (round(max(values), 5) for values in zip(*found, strict=True))
        rows.append({**row, "strongest": strongest, "suspicious": suspicious})
    return rows


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
