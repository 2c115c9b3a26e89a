"""The nipple: found where it is drawn, with a certainty that says when it is a guess."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.view import Projection, SpacingSource
from mammoscribe.imaging.anatomy.nipple import Nipple, find_nipple
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import prepare_view, resample
from mammoscribe.support.errors import InvalidNoun
from tests.imaging.anatomy.scene import MM, WIDTH_MM, breast, depth_at, mm_from
from tests.imaging.drawn import a_picture, a_view


@pytest.mark.parametrize("y", [85.0, 100.0, 118.0])
def test_a_nipple_in_profile_is_found_where_it_is(y: float) -> None:
    view = breast().add_nipple(y).prepared("LCC")
    assert mm_from(view, depth_at(y) + 2, y) < 4
    assert view.nipple_found
    assert view.nipple_in_profile


def test_a_nipple_low_on_an_mlo_view_is_not_taken_for_the_farthest_point_of_the_skin() -> None:
    view = breast().add_arm().add_muscle().add_nipple(145.0).prepared("LMLO")
    assert mm_from(view, depth_at(145), 145) < 8
    assert mm_from(view, depth_at(100), 100) > 35


def test_a_nipple_too_faint_for_the_mask_is_found() -> None:
    scene = breast().add_nipple(85.0, grey=0.012, height=9.0)
    view = scene.prepared("LCC")
    x, y = view.placement.to_canvas_point((depth_at(85) + 6) / MM, 85 / MM)
    assert not view.mask[int(y), int(x)]
    assert mm_from(view, depth_at(85), 85) < 6


def test_a_metal_ball_beside_the_skin_tells_where_the_nipple_is() -> None:
    with_ball = breast().add_disc(depth_at(84) + 3, 84.0, 1.0, 1.0).prepared("LCC")
    assert mm_from(with_ball, depth_at(84), 84) < 6


def test_a_smooth_outline_shows_no_nipple_in_profile() -> None:
    assert not breast().prepared("LCC").nipple_in_profile


def test_a_mirrored_picture_has_its_nipple_at_the_mirrored_place() -> None:
    scene = breast().add_nipple(112.0)
    left, right = scene.prepared("LCC"), scene.prepared("RCC")
    x, y = right.placement.to_stored_point(*right.nipple_xy)
    assert left.placement.to_stored_point(*left.nipple_xy) == pytest.approx((WIDTH_MM / MM - x, y), abs=1.5)


def test_the_place_depends_neither_on_brightness_nor_on_the_canvas() -> None:
    scene = breast().add_nipple(112.0)
    view = scene.prepared("LCC")
    darker = replace(scene, grey=scene.grey * 0.5).prepared("LCC")
    whole = scene.prepared("LCC", um=350.0, size=None)
    for other in (darker, whole):
        stored = other.placement.to_stored_point(*other.nipple_xy)
        assert stored == pytest.approx(view.placement.to_stored_point(*view.nipple_xy), abs=2.5)


def test_the_place_is_right_in_a_padded_picture_whose_pixels_are_not_square() -> None:
    scene = breast().add_nipple(112.0)
    stored = np.pad(np.repeat(scene.grey, 2, axis=1), ((60, 20), (50, 90)))
    picture = Picture(np.ascontiguousarray(stored), (MM, MM / 2), SpacingSource.HEADER)
    view = prepare_view(a_view(picture), picture)
    x, y = view.placement.to_stored_point(*view.nipple_xy)
    assert (x, y) == pytest.approx((50 + 2 * (depth_at(112) + 4) / MM, 60 + 112 / MM), abs=8)


def test_a_resampled_view_keeps_what_is_known_of_the_nipple() -> None:
    scene = breast().add_nipple(112.0)
    view = scene.prepared("LCC")
    fine = resample(a_picture(scene.grey, MM), view, 250.0)
    assert (fine.nipple_certainty, fine.nipple_in_profile) == (view.nipple_certainty, view.nipple_in_profile)


def test_no_outline_gives_no_nipple() -> None:
    empty = np.zeros((120, 90), bool)
    assert find_nipple(np.zeros((120, 90), np.float32), empty, 0.8, Projection.CC) is None


def test_a_certainty_is_a_fraction() -> None:
    with pytest.raises(InvalidNoun, match="certainty"):
        Nipple(1.0, 2.0, 1.2, True)
