"""What a search by picture is worth: the figures of the card, or that nobody measured it."""

from dataclasses import replace

import pytest

from mammoscribe.domain.view import Origin
from mammoscribe.explain.search_note import search_note
from mammoscribe.models.space_measures import PictureSearch, SpaceMeasures
from tests.explain.fake_space import BrightnessSpace, MeasuredBrightness, spot_png

KIND = PictureSearch("a finding of the same kind", "drawn exams", Origin.SYNTHETIC, 60, 90, 5, 0.32, 0.15, 0.1, 0.2)
PLACE = replace(KIND, related="one at the same place", precision=0.03, chance=0.02, gain_low=-0.01, gain_high=0.02)


@pytest.fixture
def picture(tmp_path):
    return BrightnessSpace(whole=False).prepare(spot_png(tmp_path / "a.png", 60, 80))


def measured(*found: PictureSearch, origin: Origin = Origin.SYNTHETIC) -> MeasuredBrightness:
    space = MeasuredBrightness(origin=origin)
    space.measures = SpaceMeasures("0" * 64, (), found)
    return space


def test_what_was_measured_is_stated_beside_chance_and_what_it_cannot_tell_is_named(picture):
    assert search_note(measured(KIND, PLACE), picture) == (
        "most of the nearest pictures do not show the same: measured on 60 drawn exams, of the 5 nearest pictures 32% show a "
        "finding of the same kind (15% by chance); 3% show one at the same place, which is no more than by chance (2%): it "
        "cannot tell these from others"
    )
    good = replace(KIND, precision=0.8)
    assert search_note(measured(good), picture).startswith("measured on 60 drawn exams")


@pytest.mark.parametrize("space", [BrightnessSpace(), measured()], ids=["without a card", "nothing measured"])
def test_a_space_of_which_nothing_was_measured_says_so(space, picture):
    assert search_note(space, picture) == "what a search by picture finds with brightness was not measured"


def test_figures_of_drawn_images_are_not_given_for_acquired_ones(picture):
    note = search_note(measured(KIND, origin=Origin.ACQUIRED), picture)
    assert note == "what a search by picture finds among images from an X-ray machine with brightness was not measured"
