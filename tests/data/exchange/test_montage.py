"""Montages: who hangs where, at which size; nothing cropped, stretched or enlarged."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.data.exchange import montage as montages
from mammoscribe.data.exchange.montage import GAP_PX, LONGEST_PX, Pane, columns_for, montage
from mammoscribe.domain.view import Box


def flat(grey, high=60, wide=40):
    return np.full((high, wide), grey, np.uint8)


def test_panes_are_in_reading_order_with_black_gaps():
    made, _ = montage([Pane(flat(grey)) for grey in (50, 100, 150, 200)], 2)
    assert made.shape == (120 + GAP_PX, 80 + GAP_PX)
    assert [made[30, 20], made[30, 76], made[106, 20], made[106, 76]] == [50, 100, 150, 200]
    assert not made[60 : 60 + GAP_PX].any() and not made[:, 40 : 40 + GAP_PX].any()


def test_an_absent_picture_is_a_black_pane_of_the_same_size():
    made, placed = montage([Pane(flat(50)), Pane(None), Pane(flat(150)), Pane(None)], 2)
    assert made.shape == (120 + GAP_PX, 80 + GAP_PX)
    assert not made[:, 40 + GAP_PX :].any() and placed[1] is placed[3] is None


def test_a_smaller_picture_is_padded_on_its_outer_side_and_above_and_below():
    made, placed = montage([Pane(flat(50), align=1.0), Pane(flat(100, 30, 20), align=0.0)], 2)
    assert made.shape == (60, 80 + GAP_PX)
    assert np.array_equal(made == 100, np.pad(np.ones((30, 20), bool), ((15, 15), (40 + GAP_PX, 20))))
    assert (placed[1].left_px, placed[1].top_px, placed[1].scale) == (40 + GAP_PX, 15, 1.0)
    right, _ = montage([Pane(flat(100, 60, 20), align=1.0), Pane(flat(50))], 2)
    assert (right[:, 20:40] == 100).all() and not right[:, :20].any()


def test_pictures_of_other_pixel_sizes_are_brought_to_one_scale():
    """100 x 80 pixels of 0.1 mm and 50 x 40 of 0.2 mm show the same breast: the coarser one is not enlarged."""
    made, placed = montage([Pane(flat(50, 100, 80), 0.1), Pane(flat(100, 50, 40), 0.2)], 2)
    assert made.shape == (50, 80 + GAP_PX)
    assert [p.scale for p in placed] == [0.5, 1.0]
    one_unknown, placed = montage([Pane(flat(50, 100, 80), 0.1), Pane(flat(100, 50, 40))], 2)
    assert one_unknown.shape == (100, 160 + GAP_PX) and [p.scale for p in placed] == [1.0, 1.0]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=6),
    st.integers(1, 3),
)
def test_shapes_are_kept_within_a_pixel_and_nothing_is_enlarged_or_outside(sizes, columns):
    with patch.object(montages, "LONGEST_PX", 256):
        made, placed = montage([Pane(np.full((high, wide), 255, np.uint8)) for high, wide in sizes], columns)
    assert max(made.shape) <= 256 + columns + len(sizes)
    scales = {p.scale for p in placed}
    assert len(scales) == 1 and max(scales) <= 1
    for (high, wide), place in zip(sizes, placed, strict=True):
        box = place.box(Box(0, 0, wide, high))
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= made.shape[1] + 1 and box.y1 <= made.shape[0] + 1
        if box.width >= 2 and box.height >= 2:
            inside = made[int(box.y0) + 1 : int(box.y1) - 1, int(box.x0) + 1 : int(box.x1) - 1]
            assert (inside == 255).all(), "the picture fills its whole place"


def test_a_marked_place_is_where_its_pixels_are():
    picture = flat(10, 3000, 2000)
    picture[600:900, 500:1500] = 250
    made, placed = montage([Pane(flat(10, 3000, 2000)), Pane(picture)], 2)
    assert max(made.shape) <= LONGEST_PX < 3000
    box = placed[1].box(Box(500, 600, 1500, 900))
    rows, columns = np.nonzero(made > 130)
    assert abs(rows.min() - box.y0) <= 1 and abs(rows.max() + 1 - box.y1) <= 1
    assert abs(columns.min() - box.x0) <= 1 and abs(columns.max() + 1 - box.x1) <= 1


@pytest.mark.parametrize(("pictures", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (9, 3), (10, 4)])
def test_pictures_without_a_hanging_are_in_a_row_or_a_square(pictures, columns):
    assert columns_for(pictures) == columns
