"""What a card says was measured of a joint space: figures that can be, one margin for each set of prompts."""

import math
from dataclasses import asdict, replace

import pytest

from mammoscribe.domain.view import Origin
from mammoscribe.models.space_measures import (
    AnswerFigures,
    PictureSearch,
    PromptMargin,
    SentenceThreshold,
    SpaceMeasures,
    measures_from,
)
from mammoscribe.support.errors import InvalidNoun

FIGURES = AnswerFigures("drawn exams", 60, 40, 200, 0.8, 0.7, 0.9, 0.71, 0.64)
MARGIN = PromptMargin("light", "a" * 64, -0.2, Origin.SYNTHETIC, FIGURES, FIGURES)
SEARCH = PictureSearch("the same kind", "drawn exams", Origin.SYNTHETIC, 60, 90, 5, 0.3, 0.15, 0.1, 0.2)


SENTENCES = SentenceThreshold(0.5, FIGURES, {"sides": FIGURES})


def test_plain_values_give_the_same_measures_back():
    measures = SpaceMeasures("b" * 64, (MARGIN, replace(MARGIN, origin=Origin.ACQUIRED)), (SEARCH,), SENTENCES)
    assert measures_from(asdict(measures)) == measures


@pytest.mark.parametrize(
    "changed",
    [
        {"population": " "}, {"exams": 0}, {"with_it": 2.5}, {"without": True}, {"auc": 1.2},
        {"auc": math.nan}, {"sensitivity": "high"}, {"specificity": None}, {"auc_low": 0.95},
    ],
)  # fmt: skip
def test_figures_that_cannot_be_are_refused(changed):
    with pytest.raises(InvalidNoun):
        replace(FIGURES, **changed)


@pytest.mark.parametrize(
    "changed", [{"name": ""}, {"margin": math.nan}, {"margin": 2.5}, {"margin": True}, {"prompts_sha256": "A" * 64}]
)
def test_a_margin_that_cannot_be_is_refused(changed):
    with pytest.raises(InvalidNoun):
        replace(MARGIN, **changed)


def test_one_set_of_prompts_has_one_margin_for_each_origin():
    with pytest.raises(InvalidNoun, match="two margins of the same prompts"):
        SpaceMeasures("b" * 64, (MARGIN, replace(MARGIN, name="other", margin=0.1)))
    with pytest.raises(InvalidNoun, match="64 lower-case hex digits"):
        SpaceMeasures("b" * 63, (MARGIN,))


@pytest.mark.parametrize(("fixed", "measured", "can"), [(0.51, 0.51, True), (0.5, 0.6, False), (0.6, 0.5, False)])
def test_an_answer_needs_an_interval_above_chance_on_both_sets_of_exams(fixed, measured, can):
    margin = replace(MARGIN, fixed=replace(FIGURES, auc_low=fixed), measured=replace(FIGURES, auc_low=measured))
    assert margin.can_tell is can


@pytest.mark.parametrize(
    "changed",
    [
        {"related": ""}, {"population": None}, {"exams": 0}, {"queries": 1.5}, {"nearest": True}, {"precision": 1.1},
        {"chance": math.nan}, {"gain_low": 0.3}, {"gain_high": 2.0},
    ],
)  # fmt: skip
def test_figures_of_a_search_that_cannot_be_are_refused(changed):
    with pytest.raises(InvalidNoun):
        replace(SEARCH, **changed)


def test_a_search_is_better_than_chance_when_its_whole_gain_is():
    assert SEARCH.better_than_chance
    assert not replace(SEARCH, gain_low=0.0).better_than_chance


@pytest.mark.parametrize(
    "changed", [{"threshold": 1.5}, {"threshold": "low"}, {"measured": {}}, {"measured": {"": FIGURES}}]
)
def test_a_threshold_of_sentences_that_cannot_be_is_refused(changed):
    with pytest.raises(InvalidNoun):
        replace(SENTENCES, **changed)
