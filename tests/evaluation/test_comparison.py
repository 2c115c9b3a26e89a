"""Two systems on the same draws: differences, corrected p-values, power."""

import numpy as np
import pytest
from scipy import stats

from mammoscribe.evaluation.card_page import differences_table, lines_table
from mammoscribe.evaluation.comparison import Line, compare, entry, holm, p_value
from mammoscribe.evaluation.report_card.figures import FIGURES


def test_holm_corrects_step_down_and_never_beyond_one():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.6, float("nan"), 0.7])[0] == 1.0


def test_few_cases_that_all_differ_alike_are_no_proof():
    assert p_value(1.0, np.ones(1000), 1) == 1.0
    assert p_value(1.0, np.ones(1000), 10) == pytest.approx(2 / 1024)
    assert p_value(0.5, np.random.default_rng(0).normal(0.5, 0.25, 20000), 1000) == pytest.approx(0.0455, abs=0.003)


def test_detectable_is_a_difference_that_a_normal_test_finds_in_four_of_five():
    rng = np.random.default_rng(0)
    one = entry(0.5, rng.normal(0.5, 0.03, 4000), 100)
    true = np.full(20000, one.detectable) + rng.normal(0, 0.03 * np.sqrt(2), 20000)
    found = np.mean(2 * stats.norm.sf(np.abs(true) / (0.03 * np.sqrt(2))) < 0.05)
    assert found == pytest.approx(0.8, abs=0.03)


def test_a_set_too_small_for_any_difference_of_shares_shows_none():
    wide = np.random.default_rng(0).normal(0.5, 0.4, 4000)
    assert entry(0.5, wide, 4).detectable == float("inf")
    assert 1 < entry(0.5, wide, 4, whole=None).detectable < 2  # a slope may differ by more than 1
    assert 1 < entry(0.5, wide, 4, whole=100.0).detectable < 2  # errors per 100 reports
    draws = [(wide, np.random.default_rng(1).normal(0.5, 0.4, 4000))]
    (share,) = compare(FIGURES[:1], [(0.6, 0.5)], draws, [4], wholes=[1.0])
    (other,) = compare(FIGURES[:1], [(0.6, 0.5)], draws, [4], wholes=[None])
    assert share.detectable == float("inf") and 1 < other.detectable < 2
    assert differences_table([share]).rows[0][-1] == "none at this n"
    line = Line(FIGURES[0], (entry(0.5, wide, 4),))
    assert "none at this n" in lines_table(("a",), (line,)).rows[0]


def test_only_the_named_figures_are_compared_and_corrected():
    draws = (np.random.default_rng(0).normal(0.6, 0.02, 500), np.random.default_rng(1).normal(0.5, 0.02, 500))
    three = FIGURES[:3]
    every = compare(three, [(0.6, 0.5)] * 3, [draws] * 3, [100] * 3)
    one = compare(three, [(0.6, 0.5)] * 3, [draws] * 3, [100] * 3, frozenset({three[1].name}))
    assert [d.figure for d in every] == list(three)
    assert [d.figure for d in one] == [three[1]]
    assert one[0].p_holm == one[0].p
    assert every[0].p_holm == pytest.approx(3 * every[0].p)


def test_where_all_came_out_alike_the_interval_is_the_exact_one():
    """Of 20 patients without a failure the true share may be 83 % (1 - 0.025 ** (1 / 20))."""
    perfect = entry(1.0, np.ones(500), 40, independent=20)
    assert perfect.interval is not None
    assert (perfect.interval.low, perfect.interval.high) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    none = entry(0.0, np.zeros(500), 10, whole=100.0)
    assert none.interval is not None
    assert (none.interval.low, none.interval.high) == (0.0, pytest.approx(100 * (1 - 0.025 ** (1 / 10))))
    assert np.isnan(perfect.detectable)


def test_a_constant_that_is_no_share_keeps_its_draws():
    constant = entry(1.0, np.ones(500), 40, whole=None)
    assert constant.interval is not None and constant.interval.low == 1.0
