"""Classification measures against scikit-learn and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from mammoscribe.evaluation.classification import (
    Weights,
    auc,
    auc_by_group,
    auc_interval,
    average_precision,
    brier,
    delong,
    expected_calibration_error,
    kappa,
    partial_auc,
    roc_points,
    sensitivity_at_specificity,
)
from mammoscribe.support.errors import InputError

cases = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=40).filter(
    lambda c: 0 < sum(y for _, y in c) < len(c)
)


@given(cases)
@settings(max_examples=60, deadline=None)
def test_auc_and_average_precision_agree_with_scikit_learn(drawn):
    scores, labels = [s / 8 for s, _ in drawn], [int(y) for _, y in drawn]
    assert auc(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert average_precision(scores, labels) == pytest.approx(metrics.average_precision_score(labels, scores))


@given(cases, st.sampled_from([0.1, 0.3, 0.9]))
@settings(max_examples=60, deadline=None)
def test_the_partial_area_and_the_curve_agree_with_scikit_learn(drawn, max_fpr):
    scores, labels = [s / 8 for s, _ in drawn], [int(y) for _, y in drawn]
    assert partial_auc(scores, labels, max_fpr) == pytest.approx(metrics.roc_auc_score(labels, scores, max_fpr=max_fpr))
    fpr, tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    found = roc_points(scores, labels)
    assert found[0] == pytest.approx(fpr) and found[1] == pytest.approx(tpr)


@given(cases, st.sampled_from([0.0, 0.5, 0.8, 0.9, 1.0]))
@settings(max_examples=60, deadline=None)
def test_sensitivity_at_specificity_is_the_best_of_all_thresholds(drawn, specificity):
    scores, labels = np.array([s for s, _ in drawn]), np.array([y for _, y in drawn])
    best = max(
        (scores[labels] >= t).mean() for t in [*range(9), np.inf] if (scores[~labels] < t).mean() >= specificity - 1e-12
    )
    assert sensitivity_at_specificity(scores, labels, specificity) == pytest.approx(best)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=40))
@settings(max_examples=60, deadline=None)
def test_kappa_agrees_with_scikit_learn(pairs):
    truth, seen = zip(*pairs, strict=True)
    for weights, name in ((Weights.NONE, None), (Weights.LINEAR, "linear"), (Weights.QUADRATIC, "quadratic")):
        with np.errstate(all="ignore"):
            found = kappa(truth, seen, 4, weights)
            if len(set(truth) | set(seen)) > 1:
                reference = metrics.cohen_kappa_score(truth, seen, weights=name, labels=[0, 1, 2, 3])
                assert found == pytest.approx(reference, nan_ok=True)
            else:
                assert np.isnan(found)


def test_one_class_has_no_auc():
    assert np.isnan(auc([0.1, 0.2], [1, 1]))
    assert np.isnan(sensitivity_at_specificity([0.1, 0.2], [0, 0], 0.9))


def test_a_score_that_is_not_a_number_is_refused():
    with pytest.raises(InputError, match="not numbers"):
        auc([0.1, float("nan")], [0, 1])


def _graded(n: int, gap: float, seed: int):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return rng.normal(size=n) + gap * labels, labels


def test_delong_gives_the_auc_and_an_interval_like_the_bootstrap():
    scores, labels = _graded(300, 1.0, 3)
    found = delong([scores], labels)
    drawn = auc_interval(scores, labels, range(300), num_draws=1500)
    assert found.aucs[0] == pytest.approx(auc(scores, labels))
    assert found.interval().low == pytest.approx(drawn.low, abs=0.012)
    assert found.interval().high == pytest.approx(drawn.high, abs=0.012)


def test_delong_variance_agrees_with_the_sums_over_all_pairs():
    scores, labels = _graded(40, 0.7, 4)
    scores = np.round(scores, 1)  # ties
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(1).var(ddof=1) / len(positive) + wins.mean(0).var(ddof=1) / len(negative)
    assert delong([scores], labels).covariance[0, 0] == pytest.approx(variance)


def test_delong_tells_systems_apart_and_a_copy_not():
    good, labels = _graded(200, 2.0, 5)
    poor, _ = _graded(200, 0.1, 6)
    compared = delong([good, poor, good * 3], labels)
    assert compared.p_value(0, 1) < 0.001
    assert compared.p_value(0, 2) == 1.0


def test_brier_agrees_with_scikit_learn():
    rng = np.random.default_rng(7)
    probs, labels = rng.random(50), rng.integers(0, 2, 50)
    assert brier(probs, labels) == pytest.approx(metrics.brier_score_loss(labels, probs))


def test_calibrated_probabilities_have_less_calibration_error_than_doubled_odds():
    rng = np.random.default_rng(8)
    probs = rng.beta(2, 5, 6000)
    labels = (rng.random(6000) < probs).astype(int)
    odds = 4 * probs / (1 - probs)
    assert (
        expected_calibration_error(probs, labels) < 0.03 < 0.15 < expected_calibration_error(odds / (1 + odds), labels)
    )


def test_a_small_group_is_listed_without_an_auc():
    scores, labels = _graded(60, 1.0, 9)
    groups = ["49"] * 52 + ["29"] * 8
    small, large = auc_by_group(scores, labels, groups, range(60), num_draws=100)
    assert (small.group, small.n, small.interval) == ("29", 8, None)
    assert np.isnan(small.auc)
    assert large.auc == pytest.approx(auc(scores[:52], labels[:52]))
    assert large.interval.low < large.auc < large.interval.high


def test_the_gap_of_a_group_is_to_all_other_cases_on_the_same_draws():
    rng = np.random.default_rng(3)
    labels = np.tile([0, 1], 150)
    good = np.arange(300) < 150
    scores = rng.normal(0, 1, 300) + labels * np.where(good, 2.5, 0.2)
    groups = ["good" if g else "poor" for g in good]
    one, other = auc_by_group(scores, labels, groups, range(300), num_draws=200)
    assert one.gap == pytest.approx(auc(scores[good], labels[good]) - auc(scores[~good], labels[~good]))
    assert other.gap == pytest.approx(-one.gap)
    assert one.gap_interval is not None and 0.1 < one.gap_interval.low < one.gap < one.gap_interval.high
    (alone,) = auc_by_group(scores[good], labels[good], ["good"] * 150, range(150), num_draws=50)
    assert np.isnan(alone.gap) and alone.gap_interval is None
