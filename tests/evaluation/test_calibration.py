"""Calibration fits against scikit-learn and known truth."""

import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression

from mammoscribe.evaluation.calibration import (
    Platt,
    calibration_slope,
    coverage_and_risk,
    fit_logistic,
    fit_platt,
    fit_ridge_logistic,
    fit_temperature,
    reliability_table,
)
from mammoscribe.support.errors import InputError


def _drawn(n: int, slope: float, intercept: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n) * 2
    return scores, (rng.random(n) < special.expit(slope * scores + intercept)).astype(int)


def test_platt_agrees_with_a_logistic_regression_on_the_smoothed_targets():
    scores, labels = _drawn(120, 0.8, -1.0)
    positives, negatives = labels.sum(), (1 - labels).sum()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    twice = np.concatenate([scores, scores])[:, None]
    reference = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(
        twice, np.repeat([1, 0], len(scores)), sample_weight=np.concatenate([target, 1 - target])
    )
    found = fit_platt(scores, labels)
    assert found.slope == pytest.approx(reference.coef_[0, 0], abs=1e-3)
    assert found.intercept == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_platt_finds_the_truth_it_was_drawn_from():
    found = fit_platt(*_drawn(20000, 1.5, -0.5))
    assert found.slope == pytest.approx(1.5, abs=0.08)
    assert found.intercept == pytest.approx(-0.5, abs=0.06)


def test_platt_stays_finite_on_separable_scores_of_any_scale():
    for scale in (1e-6, 1.0, 1e6):
        found = fit_platt(np.array([-3, -2, -1, 1, 2, 3]) * scale, [0, 0, 0, 1, 1, 1])
        assert 0 < found.slope * scale < 50
        assert found.apply([3 * scale])[0] > 0.8


def test_constant_scores_give_the_prevalence():
    assert fit_platt([0.3] * 8, [1, 0, 0, 0] * 2).apply([0.3])[0] == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize(("scores", "labels"), [([1.0, 2.0], [1, 1]), ([1.0], [0, 1]), ([float("inf"), 1], [0, 1])])
def test_platt_refuses_what_cannot_be_fitted(scores, labels):
    with pytest.raises(InputError):
        fit_platt(scores, labels)


def test_temperature_undoes_an_over_confident_scale():
    rng = np.random.default_rng(2)
    honest = rng.normal(size=(8000, 4)) * 1.5
    probs = special.softmax(honest, axis=1)
    labels = (probs.cumsum(1) > rng.random((8000, 1))).argmax(1)
    assert fit_temperature(honest * 3, labels) == pytest.approx(3.0, rel=0.06)


def test_reliability_bins_hold_every_case_once_in_order():
    rng = np.random.default_rng(3)
    probs, labels = rng.random(103), rng.integers(0, 2, 103)
    table = reliability_table(probs, labels, 10)
    assert sum(b.n for b in table) == 103
    assert max(b.n for b in table) - min(b.n for b in table) <= 1
    assert [b.predicted for b in table] == sorted(b.predicted for b in table)
    assert sum(b.n * b.observed for b in table) == pytest.approx(labels.sum())
    assert all(b.interval.low <= b.observed <= b.interval.high for b in table)


def test_fewer_cases_than_bins_leave_no_empty_bin():
    assert [b.n for b in reliability_table([0.2, 0.8], [0, 1], 15)] == [1, 1]


def test_platt_applies_a_sigmoid():
    assert Platt(2.0, -1.0).apply([0.5])[0] == pytest.approx(0.5)


def test_a_feature_that_falls_with_the_label_gets_no_weight():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    rising, falling = labels + rng.normal(0, 1, 200), -labels + rng.normal(0, 1, 200)
    up, down, _ = fit_logistic(np.stack((rising, falling), axis=1), labels)
    assert up > 0.5 and down == 0.0


def test_a_ridge_fit_is_that_of_scikit_learn_on_standardised_features():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 30)) * rng.uniform(3, 20, 30) + rng.uniform(-9, 9, 30)
    y = (x[:, 0] / x[:, 0].std() + rng.normal(size=200) > 0).astype(int)
    found = fit_ridge_logistic(x, y, np.zeros(200), ridge=7.0)
    z = (x - x.mean(0)) / x.std(0)
    theirs = LogisticRegression(C=1 / 7.0, tol=1e-10, max_iter=5000).fit(z, y)
    np.testing.assert_allclose(x @ found[:-1] + found[-1], theirs.decision_function(z), atol=2e-3)


def test_what_tells_two_datasets_apart_teaches_nothing():
    rng = np.random.default_rng(6)
    group = np.repeat([0, 1], 300)
    y = (rng.random(600) < np.where(group == 1, 0.8, 0.2)).astype(int)
    sign, place = y + rng.normal(size=600), group + 0.01 * rng.normal(size=600)
    x = np.stack((sign, place), axis=1)
    apart, together = (fit_ridge_logistic(x, y, g, ridge=1.0) for g in (group, np.zeros(600)))
    assert abs(apart[1]) < 0.25 * abs(together[1]) and apart[0] > 0.5


def test_a_ridge_fit_on_one_class_is_refused():
    with pytest.raises(InputError, match="one class"):
        fit_ridge_logistic(np.ones((4, 2)), np.ones(4), np.zeros(4), ridge=1.0)


# --- slope, intercept, coverage -----------------------------------------------------------------------------------


def test_slope_and_intercept_find_what_was_done_to_right_probabilities():
    rng = np.random.default_rng(3)
    logit = rng.normal(-1, 1.5, 40000)
    labels = rng.random(40000) < 1 / (1 + np.exp(-logit))
    slope, intercept = calibration_slope(1 / (1 + np.exp(-2 * logit)), labels)
    assert slope == pytest.approx(0.5, abs=0.03)
    slope, intercept = calibration_slope(1 / (1 + np.exp(-(logit + 0.7))), labels)
    assert (slope, intercept) == (pytest.approx(1, abs=0.04), pytest.approx(-0.7, abs=0.04))


def test_the_slope_is_that_of_scikit_learn_without_a_penalty():
    rng = np.random.default_rng(5)
    probs = rng.uniform(0.05, 0.95, 300)
    labels = rng.random(300) < probs**2
    x = np.log(probs / (1 - probs))[:, None]
    fitted = LogisticRegression(C=1e9, tol=1e-10).fit(x, labels)
    assert calibration_slope(probs, labels)[0] == pytest.approx(fitted.coef_[0, 0], abs=1e-4)


@pytest.mark.parametrize("probs", [[0.1, 0.2, 0.8, 0.9], [0.5, 0.5, 0.5, 0.5], [0.9, 0.8, 0.2, 0.1]])
def test_a_slope_that_is_not_defined_is_no_number(probs):
    assert np.isnan(calibration_slope(probs, [0, 0, 1, 1])[0])
    assert np.isnan(calibration_slope(probs, [1, 1, 1, 1])).all()


def test_risk_is_the_share_of_wrong_decisions_among_the_most_certain():
    coverage, risk = coverage_and_risk([0.99, 0.6, 0.4, 0.05], [1, 0, 0, 1], 0.5)
    assert coverage == pytest.approx([0.25, 0.5, 1.0, 1.0])  # 0.6 and 0.4 are equally certain
    assert risk == pytest.approx([0.0, 0.5, 0.5, 0.5])


def test_a_feature_that_is_one_value_for_all_but_two_cases_gets_no_large_weight():
    rng = np.random.default_rng(2)
    labels = rng.random(200) < 0.5
    others = rng.normal(0, 1, (200, 4)) + labels[:, None]
    still = np.full(200, -0.02)
    still[np.flatnonzero(labels)[:2]] = 0.01
    found = fit_ridge_logistic(np.column_stack((others, still)), labels, np.zeros(200), ridge=1.0)
    moved = np.column_stack((others, still + 0.002))  # a bit more than rounding in 16 bits
    assert np.abs((moved - np.column_stack((others, still))) @ found[:-1]).max() < 0.01
    assert found[:4].min() > 0.3


def test_a_feature_that_hardly_varies_gets_no_weight_though_it_tells_the_classes_apart():
    rng = np.random.default_rng(1)
    labels = rng.random(200) < 0.5
    varies = rng.normal(0, 1, 200) + labels
    found = fit_ridge_logistic(np.stack((varies, 6 + 1e-4 * labels), axis=1), labels, np.zeros(200), ridge=1.0)
    assert found[0] > 0.3 and found[1] == 0.0
    assert np.abs(found).max() < 10
