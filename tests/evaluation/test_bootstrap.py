"""Intervals against closed forms and brute force."""

import numpy as np
import pytest
from scipy import stats

from mammoscribe.evaluation.bootstrap import (
    bootstrap_interval,
    clopper_pearson,
    cluster_bootstrap,
    percentile_interval,
    wilson,
)
from mammoscribe.support.errors import InputError


def test_whole_patients_are_drawn_never_single_rows():
    clusters = ["a", "b", "a", "c", "b", "a"]
    draws = []

    def remember(rows):
        draws.append(rows)
        return 0.0

    cluster_bootstrap(remember, clusters, num_draws=50)
    for rows in draws:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2] == counts[5]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3


def test_systems_that_are_compared_see_the_same_draws():
    values = np.arange(20.0)
    both = cluster_bootstrap(lambda i: (values[i].mean(), values[i].mean() + 1), range(20), num_draws=30)
    assert np.allclose(both[:, 1] - both[:, 0], 1)


def test_bootstrap_of_a_mean_agrees_with_the_normal_interval():
    sample = np.random.default_rng(1).normal(5, 2, 400)
    found = bootstrap_interval(lambda i: sample[i].mean(), range(400), num_draws=2000)
    half = 1.96 * sample.std() / 20
    assert found.low == pytest.approx(sample.mean() - half, abs=0.03)
    assert found.high == pytest.approx(sample.mean() + half, abs=0.03)


def test_rows_of_one_patient_widen_the_interval():
    sample = np.repeat(np.random.default_rng(2).normal(size=50), 8)
    by_patient = bootstrap_interval(lambda i: sample[i].mean(), np.repeat(np.arange(50), 8).tolist())
    by_row = bootstrap_interval(lambda i: sample[i].mean(), range(400))
    assert by_patient.high - by_patient.low > 2 * (by_row.high - by_row.low)


def test_a_statistic_that_is_mostly_undefined_is_refused():
    with pytest.raises(InputError, match="undefined"):
        percentile_interval(np.array([np.nan, np.nan, np.nan, 0.5]))


def test_no_rows_are_refused():
    with pytest.raises(InputError, match="no rows"):
        cluster_bootstrap(lambda i: 0.0, [])


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (57, 80)])
def test_proportion_intervals_agree_with_scipy(k, n):
    reference = stats.binomtest(k, n)
    exact, score = clopper_pearson(k, n), wilson(k, n)
    assert (exact.low, exact.high) == pytest.approx(tuple(reference.proportion_ci(method="exact")))
    assert (score.low, score.high) == pytest.approx(tuple(reference.proportion_ci(method="wilson")))


def test_impossible_counts_are_refused():
    with pytest.raises(InputError):
        clopper_pearson(4, 3)


def test_few_cases_move_the_ends_as_far_out_as_a_t_interval_of_a_mean():
    """Of a mean of 8 normal values the bootstrap's normal draws with the biased spread give the t interval back."""
    values = np.random.default_rng(0).normal(size=8)
    spread = values.std() / np.sqrt(8)  # of bootstrap draws of the mean
    draws = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000, values.mean(), spread)
    low, high = stats.t.interval(0.95, 7, values.mean(), values.std(ddof=1) / np.sqrt(8))
    found = percentile_interval(draws, cases=8)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert percentile_interval(draws).high < found.high
