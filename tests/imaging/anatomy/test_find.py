"""What a box rests on: structures are named, and what may be a lesion never is."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.domain.anatomy import Structure
from mammoscribe.domain.view import Box
from mammoscribe.imaging.anatomy.find import Anatomy, find_anatomy, skin_distance
from mammoscribe.imaging.anatomy.nipple import Nipple
from mammoscribe.imaging.prepare import PreparedView, prepare_view
from mammoscribe.support.errors import InvalidNoun
from tests.imaging.anatomy.scene import Scene, breast, canvas_box, depth_at
from tests.imaging.drawn import a_picture, a_view


def mlo() -> Scene:
    return breast().add_arm().add_muscle().add_abdomen().add_nipple(130.0)


def rests(view: PreparedView, x: float, y: float, side: float = 10.0) -> Structure | None:
    resting = find_anatomy(view).structure_of(canvas_box(view, x, y, side))
    return None if resting is None else resting.structure


def test_a_box_on_the_nipple_rests_on_it_by_most_of_its_area() -> None:
    view = breast().add_nipple(110.0).prepared()
    resting = find_anatomy(view).structure_of(canvas_box(view, depth_at(110) + 1, 110, 8))
    assert resting is not None
    assert resting.structure is Structure.NIPPLE
    assert resting.share > 0.8


def test_a_mass_behind_the_nipple_is_not_the_nipple() -> None:
    view = breast().add_nipple(110.0).add_disc(depth_at(110) - 20, 110, 5, 0.8).prepared()
    assert rests(view, depth_at(110) - 20, 110, 12) is None


def test_a_box_much_larger_than_the_nipple_does_not_rest_on_it() -> None:
    view = breast().add_nipple(110.0).prepared()
    assert rests(view, depth_at(110) - 6, 101, 24) is None


def test_nothing_is_named_after_a_nipple_that_was_not_seen() -> None:
    view = breast().prepared()
    x, y = (v / 2 for v in view.placement.to_stored_point(*view.nipple_xy))
    assert rests(view, x - 3, y, 12) is None


def test_boxes_at_the_folds_rest_on_them() -> None:
    assert rests(mlo().prepared("LMLO"), 10, 178) is Structure.INFRAMAMMARY_FOLD
    cc = breast().prepared()
    assert rests(cc, 4, 176, 8) is Structure.SKIN_FOLD
    assert rests(cc, 4, 24, 8) is Structure.SKIN_FOLD


def test_a_box_on_the_abdomen_past_the_fold_rests_on_it() -> None:
    assert rests(mlo().prepared("LMLO"), 5, 195, 8) is Structure.INFRAMAMMARY_FOLD


def test_a_flat_box_along_the_skin_rests_on_the_skin_line_and_a_mass_beneath_it_does_not() -> None:
    view = breast().prepared()
    anatomy = find_anatomy(view)
    skin = depth_at(70)
    on_skin = Box((skin - 2) * 2, 132, (skin + 2) * 2, 148)
    resting = anatomy.structure_of(view.placement.to_canvas_box(on_skin))
    assert resting is not None
    assert resting.structure is Structure.SKIN_LINE
    assert rests(view, skin - 8, 70, 10) is None


def test_a_box_high_in_the_muscle_rests_on_the_axilla_and_a_low_one_does_not() -> None:
    view = mlo().prepared("LMLO")
    assert rests(view, 12, 12) is Structure.AXILLA
    assert rests(view, 6, 75) is None


def test_the_bare_edge_of_the_muscle_is_named_and_a_mass_on_it_is_not() -> None:
    assert rests(mlo().prepared("LMLO"), 20, 55, 10) is Structure.PECTORAL_EDGE
    assert rests(mlo().add_disc(23, 57, 6, 0.9).prepared("LMLO"), 21, 56, 14) is None


@pytest.mark.parametrize(("x", "y"), [(35, 100), (45, 70), (30, 140), (20, 100), (55, 100)])
def test_a_box_within_the_breast_rests_on_nothing(x: float, y: float) -> None:
    for name, scene in (("LCC", breast()), ("LMLO", mlo())):
        view = scene.add_disc(x, y, 6, 0.8).prepared(name)
        assert rests(view, x, y, 14) is None


def test_a_box_around_a_marker_rests_on_it_and_a_larger_one_does_not() -> None:
    view = breast().add_ring(35, 90, 7).prepared()
    assert rests(view, 36, 91, 14) is Structure.MARKER
    assert rests(view, 45, 90, 60) is None


def test_a_box_far_outside_the_canvas_rests_on_the_skin_line_or_nothing_and_does_no_harm() -> None:
    view = breast().prepared()
    assert find_anatomy(view).structure_of(Box(-500, -500, -400, -400)) is not None
    assert find_anatomy(view).structure_of(Box(0, 0, 5000, 5000)) is not None


def test_the_chest_wall_and_the_borders_of_the_picture_are_no_skin() -> None:
    view = mlo().prepared("LMLO")
    depth = skin_distance(view)
    x, y = view.placement.to_canvas_point(3, 3)
    assert depth[int(y), int(x)] > 20
    x, y = view.placement.to_canvas_point((depth_at(100) - 4) * 2, 200)
    assert depth[int(y), int(x)] == pytest.approx(5, abs=1.5)


def test_anatomy_of_pictures_that_do_not_fit_cannot_be_built() -> None:
    nipple = Nipple(1, 1, 0.5, True)
    with pytest.raises(InvalidNoun, match="one shape"):
        Anatomy(0.5, np.zeros((4, 4), np.float32), np.zeros((4, 5), np.float32), nipple)
    with pytest.raises(InvalidNoun, match="scale"):
        Anatomy(0.0, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32), nipple)


def test_a_view_takes_less_than_60_ms() -> None:
    view = mlo().prepared("LMLO", um=500.0, size=(384, 224))
    took = []
    for _ in range(4):
        start = time.process_time()
        find_anatomy(view)
        took.append(time.process_time() - start)
    assert min(took) <= 0.06


@given(
    height=st.integers(20, 160), width=st.integers(20, 160), mm=st.floats(0.08, 2.0), seed=st.integers(0, 999),
    name=st.sampled_from(["LCC", "RMLO"]), sized=st.booleans(), white=st.floats(0.0, 1.0),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_whatever_a_picture_shows_anatomy_can_be_looked_for(
    height: int, width: int, mm: float, seed: int, name: str, sized: bool, white: float
) -> None:
    rng = np.random.default_rng(seed)
    pixels = (rng.random((height, width)) * (rng.random((height, width)) < white + 0.01)).astype(np.float32)
    pixels[0, :2] = 0.0, 1.0
    picture = a_picture(pixels, mm)
    view = prepare_view(a_view(picture, name), picture, 500.0, (384, 224) if sized else None)
    anatomy = find_anatomy(view, view)
    high, wide = view.mask.shape
    resting = anatomy.structure_of(Box(0, 0, wide / 2, high / 2))
    assert resting is None or 0 <= resting.share <= 1
