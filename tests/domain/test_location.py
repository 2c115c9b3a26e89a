"""Where in a breast: hand-computed cases and properties of the two-view geometry."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mammoscribe.domain import location as loc
from mammoscribe.domain.location import Depth, Half, Location, Quadrant
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import CC, MLO, L, R

offsets = st.floats(-80, 80, allow_nan=False)


def seen(lateral: float, superior: float) -> tuple[float, float]:
    """Offsets in CC and MLO of a point, by the projection of the module's docstring."""
    return lateral, lateral * math.cos(loc.MLO_ANGLE_RAD) + superior * math.sin(loc.MLO_ANGLE_RAD)


@pytest.mark.parametrize(
    ("side", "hours"),
    [(R, {"upper outer": {10, 11}, "upper inner": {1, 2}, "lower inner": {4, 5}, "lower outer": {7, 8}}),
     (L, {"upper outer": {1, 2}, "upper inner": {10, 11}, "lower inner": {7, 8}, "lower outer": {4, 5}})],
)  # fmt: skip
def test_quadrants_lie_at_the_hours_a_radiologist_names(side, hours):
    """Clock face as the examiner faces the patient: upper outer is 10-11 on the right, 1-2 on the left."""
    for quadrant, expected in hours.items():
        vertical, horizontal = quadrant.split()
        lateral, superior = (1 if horizontal == "outer" else -1), (1 if vertical == "upper" else -1)
        for slant in (0.8, 1.25):
            place = loc.from_two_views(side, *seen(20.0 * lateral, 20.0 * slant * superior), 0.5)
            assert place.quadrant == quadrant
            assert place.clock in expected


@pytest.mark.parametrize(
    ("side", "lateral", "superior", "hour"),
    [(R, 0, 1, 12), (R, 1, 0, 9), (R, 0, -1, 6), (R, -1, 0, 3), (L, 1, 0, 3), (L, -1, 0, 9), (L, 0, 1, 12)],
)
def test_the_four_cardinal_hours(side, lateral, superior, hour):
    assert loc.clock_of(side, lateral, superior) == hour


@given(st.sampled_from(Laterality), offsets, offsets)
def test_two_views_give_the_quadrant_back(side, lateral, superior):
    assume(min(abs(lateral), abs(superior)) > 1e-3)
    place = loc.from_two_views(side, *seen(lateral, superior), 0.5)
    on_border = place.clock in loc.BORDER_HOURS
    assert place.quadrant == (None if on_border else loc.quadrant_of(lateral, superior))


@pytest.mark.parametrize("hour", [3, 6, 9, 12])
def test_an_hour_on_the_border_of_two_quadrants_names_none(hour):
    """DICOM CID 6020 and the clock face: 12 o'clock belongs to the upper outer and to the upper inner quadrant."""
    with pytest.raises(InvalidNoun, match="on its border"):
        loc.Location(quadrant=loc.Quadrant.UPPER_OUTER, clock=hour)


def test_a_distance_from_the_nipple_is_one_that_a_breast_has():
    assert loc.Location(nipple_distance_mm=0).nipple_distance_mm == 0
    with pytest.raises(InvalidNoun, match="from the nipple"):
        loc.Location(nipple_distance_mm=401)


@given(offsets, offsets)
def test_the_left_breast_is_the_mirror_of_the_right(lateral, superior):
    assume(math.hypot(lateral, superior) > 1e-3)
    degrees = math.degrees(math.atan2(lateral, superior)) % 30
    assume(abs(degrees - 15) > 0.01)  # on the half hour, rounding may go either way
    right, left = loc.clock_of(R, lateral, superior), loc.clock_of(L, lateral, superior)
    assert (right + left) % 12 == 0


@given(st.sampled_from(Laterality), offsets, offsets, st.floats(0.01, 100))
def test_the_clock_does_not_depend_on_the_unit(side, lateral, superior, scale):
    assume(math.hypot(lateral, superior) > 1e-3)
    degrees = math.degrees(math.atan2(lateral, superior)) % 30
    assume(abs(degrees - 15) > 0.01)
    assert loc.clock_of(side, lateral * scale, superior * scale) == loc.clock_of(side, lateral, superior)


@pytest.mark.parametrize(
    ("fraction", "depth"),
    [
        (0.0, Depth.ANTERIOR),
        (0.33, Depth.ANTERIOR),
        (0.34, Depth.MIDDLE),
        (0.66, Depth.MIDDLE),
        (0.67, Depth.POSTERIOR),
        (1.0, Depth.POSTERIOR),
    ],
)
def test_depth_is_thirds_from_nipple_to_chest_wall(fraction, depth):
    """BI-RADS 5th edition, location of lesions: depth in thirds."""
    assert loc.depth_of(fraction) is depth


@pytest.mark.parametrize(
    ("projection", "offset", "half"),
    [(CC, 5.0, Half.OUTER), (CC, -5.0, Half.INNER), (MLO, 5.0, Half.UPPER), (MLO, -5.0, Half.LOWER)],
)
def test_one_view_gives_a_half_and_never_a_quadrant(projection, offset, half):
    place = loc.from_one_view(projection, offset, 0.5)
    assert (place.half, place.quadrant, place.clock, place.needs_two_views) == (half, None, None, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"clock": 0},
        {"clock": 13},
        {"half": Half.OUTER, "clock": 3},
        {"half": Half.UPPER, "quadrant": Quadrant.UPPER_OUTER},
    ],
)
def test_a_wrong_location_cannot_be_built(wrong):
    with pytest.raises(InvalidNoun):
        Location(**wrong)
