"""Words for numbers."""

import pytest

from mammoscribe.reporting.words import LIKELIHOOD_WORDS, likelihood_word, listed, with_article
from mammoscribe.support.errors import InvalidNoun


@pytest.mark.parametrize(
    ("prob", "word"),
    [(0.0, "exceptionally unlikely"), (0.02, "very unlikely"), (0.33, "unlikely"), (0.5, "about as likely as not"), (0.7, "likely"), (0.95, "very likely"), (1.0, "virtually certain")],
)  # fmt: skip
def test_a_word_stands_for_its_band_in_the_ipcc_scale(prob, word):
    assert likelihood_word(prob) == word


def test_bands_rise_to_one():
    edges = [edge for edge, _ in LIKELIHOOD_WORDS]
    assert edges == sorted(edges)
    assert edges[-1] == 1.0


@pytest.mark.parametrize("prob", [-0.01, 1.01, float("nan")])
def test_a_number_that_is_no_probability_is_refused(prob):
    with pytest.raises(InvalidNoun):
        likelihood_word(prob)


def test_lists_and_articles():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert with_article("oval mass") == "an oval mass"
    assert with_article("mass") == "a mass"
