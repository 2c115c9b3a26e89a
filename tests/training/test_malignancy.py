"""Malignancy out of fold: marks join their breast, and no breast is scaled by weights that it helped to fit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.models.reader.assemble import RawMark
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.judging import Seen, breast_features
from mammoscribe.training.malignancy import cross_fitted, features_of, fit_malignancy, with_marks
from tests.nouns import make_view

CALC = FindingType.CALCIFICATION


def row(patient: str, fold: int, malignant: int, logit: float, **more) -> dict:
    values = {"strongest": 0.1, "suspicious": 0.05, "recall_logit": 0.0} | more
    dense = {"density_a": 0.0, "density_b": 0.0, "density_c": 2.0, "density_d": 0.0}
    return {"patient_id": patient, "laterality": "R", "fold": fold, "malignant": malignant, "malignant_logit": logit, **values, **dense}  # fmt: skip


def cohort(seed: int = 0) -> list[dict]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 60)
    return [row(str(i), i % 3, int(y), float(y + rng.normal())) for i, y in enumerate(labels)]


def test_the_strongest_mark_of_all_views_joins_its_breast():
    logits = {"malignant_logit": 0.5, "recall_logit": -1.0}
    breasts = [{"patient_id": "5", "laterality": side, **logits} for side in "RL"]
    views = [
        {"exam": "rsna-5-R", "predicted": [{"score": 0.5, "look": 0.4, "suspicion": 1.0, "type": 0}]},
        {"exam": "rsna-5-R", "predicted": [{"score": 0.9, "look": 0.5, "suspicion": 0.2, "type": 0}]},
    ]
    right, left = with_marks(breasts, views)
    assert (right["strongest"], right["suspicious"]) == (pytest.approx(0.45), pytest.approx(0.2))
    assert (left["strongest"], left["suspicious"]) == (0.0, 0.0)


def test_the_fit_and_a_reading_judge_a_breast_by_the_same_features():
    """The rows that the weights are fitted on, against the reader's own features of the same marks."""
    looked = [(0.5, 0.4, 1.0, FindingType.MASS), (0.9, 0.5, 0.2, FindingType.ASYMMETRY), (0.99, 0.9, 0.9, CALC)]
    predicted = [
        {"score": s, "look": k, "suspicion": m, "type": TYPES.index(kind)} for s, k, m, kind in looked
    ]  # fmt: skip
    breast = {"patient_id": "5", "laterality": "R", "malignant_logit": 0.5, "recall_logit": -1.0}
    (fitted,) = with_marks([breast], [{"exam": "rsna-5-R", "predicted": predicted}])
    assert tuple(features_of(fitted)) == pytest.approx(breast_features(seen_with(looked), Laterality.RIGHT))


def seen_with(looked) -> Seen:
    """What a reader saw: those marks in the right CC (calcifications are dropped before), and two logits."""
    view, box = make_view(), Box(1, 2, 3, 4)
    marks = tuple(
        RawMark(view, box, s, np.eye(len(TYPES))[TYPES.index(kind)], {}, m, None, None, 1.0, 1.0, 0.5, crop_score=k)
        for s, k, m, kind in looked
        if kind is not CALC
    )
    breasts = SimpleNamespace(malignant=torch.tensor([0.5, 9.0]), recall=torch.tensor([-1.0, 9.0]))
    return Seen(marks, SimpleNamespace(breasts=breasts))


def test_a_feature_that_tells_gets_weight_and_none_is_negative():
    rows = cohort()
    weights = fit_malignancy([features_of(r) for r in rows], [r["malignant"] for r in rows])
    assert weights[0] > 0.3 and min(weights[:-1]) >= 0


def test_a_fold_s_own_labels_do_not_move_its_predictions():
    rows = cohort()
    turned = [{**r, "malignant": 1 - r["malignant"]} if r["fold"] == 1 else r for r in rows]
    before, after = cross_fitted(rows), cross_fitted(turned)
    own = [a["prob_cancer"] == b["prob_cancer"] for a, b in zip(before, after, strict=True) if a["fold"] == 1]
    other = [a["prob_cancer"] == b["prob_cancer"] for a, b in zip(before, after, strict=True) if a["fold"] != 1]
    assert all(own) and not any(other)


def test_density_c_or_d_is_the_share_of_its_two_logits():
    first = cross_fitted(cohort())[0]
    assert first["prob_dense"] == pytest.approx((np.e**2 + 1) / (np.e**2 + 3), abs=1e-5)
