"""Temporal classification: the head is the regularised optimum, folds keep patients together, chance stays chance."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training import temporal
from mammoscribe.training.feature_cache import FeatureKind
from mammoscribe.training.temporal import (
    TemporalSettings,
    cross_validate,
    figures_of,
    fit_head,
    save_heads,
    temporal_json,
    temporal_table,
    train_and_test,
)
from tests.feature_sets import changing_pairs, make_features


@pytest.mark.parametrize("balanced", [True, False])
def test_the_head_is_scikit_learns_optimum(balanced):
    pairs = changing_pairs(90)
    x, y = pairs.features * [1, 5, 1, 1, 1, 1, 1, 0.2] + 3, pairs.labels[:, 0].astype(int)
    y[y == 2] = np.where(np.arange((y == 2).sum()) % 3, 1, 2)  # unequal classes
    z = (x - x.mean(0)) / x.std(0)
    weights = "balanced" if balanced else None
    reference = LogisticRegression(C=1 / (0.05 * len(y)), class_weight=weights, tol=1e-8, max_iter=1000).fit(z, y)
    given = fit_head(x, y, TemporalSettings(0.05, balanced)).logits(x)
    given -= given.mean(1, keepdims=True)
    np.testing.assert_allclose(given, reference.decision_function(z), atol=1e-3)


def test_a_class_without_pairs_is_never_answered():
    pairs = changing_pairs(60)
    two = pairs.labels[:, 0] < 2
    head = fit_head(pairs.features[two], pairs.labels[two, 0])
    assert set(head.logits(pairs.features).argmax(1)) == {0, 1}


def test_a_constant_feature_changes_nothing():
    pairs = changing_pairs(60)
    x, y = pairs.features.copy(), pairs.labels[:, 0]
    wider = np.concatenate([x, np.full((60, 1), 7, np.float32)], axis=1)
    np.testing.assert_allclose(fit_head(wider, y).logits(wider), fit_head(x, y).logits(x), atol=1e-6)


def test_what_can_be_told_is_told_and_chance_stays_chance():
    result = cross_validate(changing_pairs(), num_draws=200)
    told, chance = result.findings
    assert (told.finding, sum(told.counts), told.patients) == ("edema", 240, 120)
    assert told.macro_accuracy > 0.7
    assert told.interval is not None and told.interval.low < told.macro_accuracy < told.interval.high
    assert chance.interval is not None and chance.interval.low < 1 / 3 < chance.interval.high
    assert result.mean == pytest.approx((told.macro_accuracy + chance.macro_accuracy) / 2)


def test_the_same_pairs_give_the_same_result():
    one, other = (temporal_json(cross_validate(changing_pairs(), num_draws=20)) for _ in range(2))
    assert one == other


def test_no_head_sees_a_pair_of_a_patient_it_answers(monkeypatch):
    """Features are the patient's number, so that a head that saw the patient could be told from one that did not."""
    pairs = changing_pairs(60)
    numbers = np.array([float(p[1:]) for p in pairs.patients], np.float32)
    pairs = replace(pairs, features=np.repeat(numbers[:, None], 8, axis=1))
    fits = []

    class Spy:
        def __init__(self, seen):
            self.seen = seen

        def logits(self, x):
            fits.append((self.seen, set(x[:, 0])))
            return np.zeros((len(x), 3))

    monkeypatch.setattr(temporal, "fit_head", lambda x, y, settings: Spy(set(x[:, 0])))
    cross_validate(pairs, findings=["edema"], num_draws=2)
    assert len(fits) == 5
    assert all(not seen & answered and len(seen | answered) == 30 for seen, answered in fits)


def test_figures_are_balanced_accuracy_and_a_confusion_table():
    rng = np.random.default_rng(0)
    truth, given = rng.integers(0, 3, 50), rng.integers(0, 3, 50)
    figures = figures_of("x", truth, given, list(range(50)), 10)
    assert figures.macro_accuracy == pytest.approx(balanced_accuracy_score(truth, given))
    assert figures.confusion[1][2] == ((truth == 1) & (given == 2)).sum()


def test_the_published_protocol_fits_on_train_and_measures_on_test():
    pairs = changing_pairs()
    result = train_and_test(pairs, "test", num_draws=20)
    assert sum(result.findings[0].counts) == pairs.splits.count("test")
    assert result.findings[0].macro_accuracy > 0.7
    train = pairs.split("train")
    expected = fit_head(train.features, train.labels[:, 0])
    np.testing.assert_array_equal(result.heads["edema"].weight, expected.weight)


def test_a_patient_in_two_splits_is_refused():
    pairs = changing_pairs(60)
    mixed = replace(pairs, splits=("test", "train") * 30)
    with pytest.raises(InputError, match="30 patients are in train and in test"):
        train_and_test(mixed, "test")
    with pytest.raises(InputError, match="measuring on train"):
        train_and_test(pairs, "train")


def test_a_finding_that_cannot_be_measured_is_left_out_with_its_reason():
    pairs = changing_pairs(60)
    labels = pairs.labels.copy()
    labels[:, 1] = 1
    result = cross_validate(replace(pairs, labels=labels), num_draws=2)
    assert [f.finding for f in result.findings] == ["edema"]
    assert result.left_out == (("chance", "60 pairs, all stable; expected two classes."),)
    train = np.array([s == "train" for s in pairs.splits])
    labels[train, 0] = np.nan
    with pytest.raises(InputError, match="no finding can be measured; the first, edema: no pair is labelled"):
        train_and_test(replace(pairs, labels=labels), "test")


def test_unknown_changes_are_not_used():
    pairs = changing_pairs(60)
    labels = pairs.labels.copy()
    labels[:20, 0] = np.nan
    assert sum(cross_validate(replace(pairs, labels=labels), num_draws=2).findings[0].counts) == 40


def test_projected_features_and_sets_without_changes_are_refused():
    with pytest.raises(InputError, match="projected features; expected pooled ones"):
        cross_validate(replace(changing_pairs(60), kind=FeatureKind.PROJECTED))
    features = make_features()
    with pytest.raises(InputError, match="no change labels of edema; expected out of edema change"):
        cross_validate(features, findings=["edema"])


@pytest.mark.parametrize("fields", [{"penalty": 0.0}, {"penalty": float("nan")}, {"folds": 1}])
def test_settings_cannot_be_built_wrong(fields):
    with pytest.raises(InvalidNoun):
        TemporalSettings(**fields)


def test_the_result_is_a_table_json_and_heads(tmp_path):
    result = cross_validate(changing_pairs(60), num_draws=20)
    lines = temporal_table(result).splitlines()
    assert lines[0] == "5-fold cross-validation by patient" and lines[-1].startswith("| mean ")
    plain = json.loads(temporal_json(result, model="numbers"))
    assert plain["provenance"] == {"model": "numbers"} and plain["findings"][0]["finding"] == "edema"
    heads = load_file(save_heads(result, tmp_path / "heads.safetensors", "numbers"))
    np.testing.assert_allclose(heads["edema.weight"], result.heads["edema"].weight, atol=1e-6)
