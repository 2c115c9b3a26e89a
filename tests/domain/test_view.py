"""Boxes in stored pixels, and views that cannot be built wrong."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.domain.view import Box, Laterality, Projection, Role, SpacingSource, standard_view_id
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import make_view

edges = st.floats(-500, 500, allow_nan=False)
sizes = st.floats(0.5, 300, allow_nan=False)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), edges, edges, sizes, sizes)


@pytest.mark.parametrize(
    "edges", [(1, 1, 1, 2), (1, 1, 2, 1), (2, 1, 1, 2), (math.nan, 0, 1, 1), (0, 0, math.inf, 1), (0, -math.inf, 1, 1)]
)
def test_a_box_that_is_empty_or_not_finite_cannot_be_built(edges):
    with pytest.raises(InvalidNoun, match="box"):
        Box(*edges)


def test_a_box_holds_its_left_edge_and_not_its_right_one():
    box = Box(10, 20, 30, 40)
    assert box.contains(10, 20)
    assert not box.contains(30, 20)
    assert not box.contains(10, 40)
    assert (box.width, box.height, box.area, box.centre) == (20, 20, 400, (20, 30))


@given(boxes, boxes)
def test_iou_is_symmetric_and_between_zero_and_one(one, other):
    assert one.iou(other) == pytest.approx(other.iou(one))
    assert -1e-9 <= one.iou(other) <= 1 + 1e-9
    assert one.iou(one) == pytest.approx(1)


def test_iou_of_half_shifted_boxes_is_a_third():
    assert Box(0, 0, 2, 2).iou(Box(1, 0, 3, 2)) == pytest.approx(1 / 3)


@given(boxes)
def test_clipping_keeps_the_part_inside_and_does_nothing_twice(box):
    inside = box.clipped(200, 300)
    whole = Box(0, 0, 200, 300)
    assert (inside is None) == (box.overlap(whole) == 0)
    if inside is not None:
        assert inside.area == pytest.approx(box.overlap(whole))
        assert inside.clipped(200, 300) == inside


def test_a_box_is_written_with_two_decimals_as_plain_floats():
    assert Box(1 / 3, 0, 2, 3.14159).as_list() == [0.33, 0.0, 2.0, 3.14]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id": ""}, "without an id"),
        ({"width_px": 15}, "at least 16"),
        ({"height_px": 0}, "at least 16"),
        ({"spacing_source": SpacingSource.HEADER}, "no spacing"),
        ({"spacing_source": SpacingSource.DECLARED}, "no spacing"),
        ({"spacing_mm": (0.001, 0.1)}, "spacing"),
        ({"spacing_mm": (0.1, 5.0)}, "spacing"),
    ],
)
def test_a_wrong_view_cannot_be_built(wrong, message):
    with pytest.raises(InvalidNoun, match=message):
        make_view(**wrong)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        (SpacingSource.HEADER, True),
        (SpacingSource.DECLARED, True),
        (SpacingSource.ASSUMED, False),
        (SpacingSource.UNKNOWN, False),
    ],
)
def test_millimetres_are_known_only_from_a_header_or_a_declared_value(source, known):
    assert make_view(spacing_mm=(0.1, 0.1), spacing_source=source).millimetres_known is known


def test_views_are_named_as_a_reader_calls_them():
    assert make_view(Laterality.LEFT, Projection.MLO).name == "L MLO"
    assert standard_view_id(Laterality.LEFT, Projection.CC, Role.PRIOR) == "prior_L_CC"
    assert (Laterality.RIGHT.word, Laterality.LEFT.word) == ("right", "left")
