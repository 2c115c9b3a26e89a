"""The way from stored pixels to the canvas and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.domain.view import Box
from mammoscribe.imaging.placement import Placement
from mammoscribe.support.errors import InvalidNoun


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    number = st.floats(-2000, 2000)
    scale = st.floats(0.05, 4.0)
    size = st.integers(16, 5000)
    return Placement(
        draw(size), draw(size), draw(st.booleans()), draw(scale), draw(scale), draw(number), draw(number),
        draw(size), draw(size), 400.0, draw(st.booleans()), draw(st.booleans()),
    )  # fmt: skip


coordinate = st.floats(-100, 6000)


@settings(deadline=None)  # a busy machine must not fail it
@given(placements(), coordinate, coordinate)
def test_a_stored_point_survives_the_round_trip(placement: Placement, x: float, y: float) -> None:
    back = placement.to_stored_point(*placement.to_canvas_point(x, y))
    assert back == pytest.approx((x, y), abs=1e-6)


@settings(deadline=None)  # a busy machine must not fail it
@given(placements(), coordinate, coordinate)
def test_a_canvas_point_survives_the_round_trip(placement: Placement, x: float, y: float) -> None:
    back = placement.to_canvas_point(*placement.to_stored_point(x, y))
    assert back == pytest.approx((x, y), abs=1e-6)


@settings(deadline=None)  # a busy machine must not fail it
@given(placements(), coordinate, coordinate, st.floats(0.5, 900), st.floats(0.5, 900))
def test_a_box_survives_the_round_trip(placement: Placement, x: float, y: float, wide: float, high: float) -> None:
    box = Box(x, y, x + wide, y + high)
    back = placement.to_stored_box(placement.to_canvas_box(box), clip=False)
    assert back is not None
    assert (back.x0, back.y0, back.x1, back.y1) == pytest.approx((box.x0, box.y0, box.x1, box.y1), abs=1e-6)


def test_a_flip_mirrors_the_stored_columns() -> None:
    flipped = Placement(100, 50, True, 0.5, 0.5, 0.0, 10.0, 50, 45)
    assert flipped.to_canvas_point(100, 0) == (0.0, 10.0)
    assert flipped.to_canvas_box(Box(90, 0, 100, 20)) == Box(0, 10, 5, 20)


def test_a_picture_on_its_side_is_set_upright_and_laid_back() -> None:
    stored = np.arange(12).reshape(3, 4)
    for transposed, upended in ((True, False), (False, True), (True, True), (False, False)):
        place = Placement(4, 3, True, 1.0, 1.0, 0.0, 0.0, 9, 9, None, transposed, upended)
        upright = place.set_upright(stored)
        assert upright.shape == (place.turned_height_px, place.turned_width_px)
        assert np.array_equal(place.as_stored(upright), stored)
        x, y = place.upright.to_stored_point(*place.to_canvas_point(1.5, 2.5))  # the stored pixel in row 2, column 1
        assert upright[int(y), int(x)] == stored[2, 1]


def test_a_box_is_clipped_to_the_stored_picture_or_lost() -> None:
    placement = Placement(100, 50, False, 1.0, 1.0, 0.0, 0.0, 200, 100)
    assert placement.to_stored_box(Box(90, 40, 120, 60)) == Box(90, 40, 100, 50)
    assert placement.to_stored_box(Box(150, 60, 180, 80)) is None


def test_a_placement_without_size_or_scale_cannot_be_built() -> None:
    with pytest.raises(InvalidNoun, match="empty"):
        Placement(0, 50, False, 1, 1, 0, 0, 10, 10)
    with pytest.raises(InvalidNoun, match="scale"):
        Placement(10, 50, False, 0, 1, 0, 0, 10, 10)
