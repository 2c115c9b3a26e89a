"""Yes, no or no answer: by a margin for exactly these prompts, on pictures of the origin it was fixed on."""

from dataclasses import replace

import pytest

from mammoscribe.domain.view import Origin
from mammoscribe.explain.verdict import Verdict, verdict
from mammoscribe.explain.zero_shot import PromptSet, ZeroShotScore, mammography_prompts
from mammoscribe.models.reader.card import read_card
from mammoscribe.models.reader.loading import WEIGHTS
from mammoscribe.models.space_measures import PromptMargin
from tests.explain.fake_space import BrightnessSpace, MeasuredBrightness, figures, spot_png

SIDES = PromptSet("light", ("bright place",), ("dark place",))
MARGIN = PromptMargin(
    "light", SIDES.sha256, -0.25, Origin.SYNTHETIC, figures(), figures(population="others", sensitivity=0.55)
)


@pytest.fixture
def picture(tmp_path):
    return BrightnessSpace(whole=False).prepare(spot_png(tmp_path / "a.png", 60, 80))


def asked(space, picture, difference: float, prompts: PromptSet = SIDES) -> Verdict:
    return verdict(space, picture, prompts, ZeroShotScore(prompts.name, 0.5 + difference, 0.5))


@pytest.mark.parametrize(
    ("difference", "present", "gap"), [(-0.2, True, "0.0500 above"), (-0.3, False, "0.0500 below")]
)
def test_the_answer_is_by_the_margin_and_not_by_zero(difference, present, gap, picture):
    answer = asked(MeasuredBrightness(MARGIN), picture, difference)
    assert (answer.present, answer.margin) == (present, -0.25)
    assert f"{gap} the margin that was fixed on 60 drawn exams" in answer.why
    assert "on 60 others this answer has a sensitivity of 0.55 and a specificity of 0.64" in answer.why


def test_a_difference_on_the_margin_counts_as_present(picture):
    assert asked(MeasuredBrightness(MARGIN), picture, -0.25).present is True


@pytest.mark.parametrize(
    "space", [BrightnessSpace(whole=False), MeasuredBrightness()], ids=["without a card", "nothing measured"]
)
def test_without_a_margin_no_answer_is_given(space, picture):
    answer = asked(space, picture, 0.9)
    assert (answer.present, answer.margin) == (None, None)
    assert answer.why == "no yes or no: no margin was fixed for these prompts on brightness"


def test_a_card_that_measured_nothing_gives_no_answer(picture):
    space = MeasuredBrightness(MARGIN)
    space.measures = None
    assert "no margin was fixed" in asked(space, picture, 0.9).why


def test_a_margin_is_of_prompts_and_not_of_a_name(picture):
    space = MeasuredBrightness(MARGIN)
    assert asked(space, picture, 0.9, PromptSet("glow", SIDES.positive, SIDES.negative)).present is True
    other = asked(space, picture, 0.9, PromptSet("light", ("bright place", "bright spot"), SIDES.negative))
    assert other.present is None and "no margin was fixed" in other.why


@pytest.mark.parametrize("part", ["fixed", "measured"])
def test_prompts_that_do_no_better_than_chance_give_no_answer(part, picture):
    chance = figures(low=0.49, auc=0.53, auc_high=0.58)
    answer = asked(MeasuredBrightness(replace(MARGIN, **{part: chance})), picture, 0.9)
    assert answer.present is None
    assert "better than chance (AUC 0.53, 95 % interval 0.49 to 0.58, on 60 drawn exams)" in answer.why


def test_on_pictures_that_it_was_never_measured_on_no_answer_is_given(picture):
    answer = asked(MeasuredBrightness(MARGIN, origin=Origin.ACQUIRED), picture, 0.9)
    assert answer.present is None
    assert "an image from an X-ray machine" in answer.why and "never measured" in answer.why


def test_each_origin_of_pictures_has_its_margin(picture):
    acquired = replace(MARGIN, origin=Origin.ACQUIRED, margin=0.5)
    space = MeasuredBrightness(MARGIN, acquired, origin=Origin.ACQUIRED)
    assert asked(space, picture, 0.4).present is False
    assert asked(space, picture, 0.6).present is True


def test_the_card_that_ships_has_a_margin_for_each_prompt_set_that_ships():
    measures = read_card(WEIGHTS / "starter.json").joint
    assert measures is not None
    for prompts in mammography_prompts():
        (margin,) = measures.margins_of(prompts.sha256)
        assert (margin.name, margin.origin) == (prompts.name, Origin.SYNTHETIC)
