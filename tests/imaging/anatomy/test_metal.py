"""Things that are no tissue: found by shape and sharpness, and not seen where there are none."""

import numpy as np
import pytest

from mammoscribe.domain.anatomy import Structure
from mammoscribe.imaging.anatomy.find import find_anatomy
from mammoscribe.imaging.anatomy.metal import ForeignObject
from mammoscribe.imaging.prepare import resample
from tests.imaging.anatomy.scene import MM, Scene, breast, canvas_box, depth_at
from tests.imaging.drawn import a_picture

FINE_MM = 0.1


def things_in(scene: Scene, name: str = "LCC", closely: bool = False) -> list[ForeignObject]:
    view = scene.prepared(name)
    detail = resample(a_picture(scene.grey, scene.mm), view, 200.0) if closely else None
    return list(find_anatomy(view, detail).foreign)


def kinds_in(scene: Scene, name: str = "LCC", closely: bool = False) -> list[Structure]:
    return [thing.structure for thing in things_in(scene, name, closely)]


def test_nothing_is_seen_where_nothing_is() -> None:
    assert kinds_in(breast().add_nipple(100.0)) == []
    assert kinds_in(breast(FINE_MM), closely=True) == []


@pytest.mark.parametrize("radius", [4.5, 7.0])
def test_a_ring_is_a_marker_and_its_box_is_the_ring(radius: float) -> None:
    scene = breast().add_ring(35, 90, radius)
    (ring,) = things_in(scene)
    assert ring.structure is Structure.MARKER
    view = scene.prepared()
    assert ring.box.iou(canvas_box(view, 35, 90, 2 * radius + 1)) > 0.7


def test_a_ring_cut_by_the_chest_wall_is_still_a_marker() -> None:
    assert kinds_in(breast().add_ring(2, 90, 7)) == [Structure.MARKER]


@pytest.mark.parametrize("grey", [0.35, 0.47])
def test_a_ring_with_a_gap_or_a_faint_part_is_none(grey: float) -> None:
    scene = breast().add_ring(35, 90, 7)
    part = (scene.x > 35) & (np.abs(scene.y - 90) < 4)
    scene.grey[part & (scene.grey > 0.9)] = grey
    assert Structure.MARKER not in kinds_in(scene)


def test_a_round_mass_is_no_ring() -> None:
    assert kinds_in(breast().add_disc(35, 90, 7, 0.8)) == []


def test_a_ball_in_the_air_beside_the_skin_is_a_marker() -> None:
    assert kinds_in(breast().add_disc(depth_at(70) + 2.0, 70, 1.25, 1.0)) == [Structure.MARKER]


@pytest.mark.parametrize("half_length", [1.0, 8.0, 14.0])
def test_a_white_stretch_of_skin_is_neither_ball_nor_wire(half_length: float) -> None:
    scene = breast().add_disc(30, 110, 14, 0.55)
    radius = np.hypot(scene.x / 70, (scene.y - 100) / 80)
    scene.grey[(radius < 0.98) & (radius > 0.9)] = 0.05
    scene.grey[(radius < 1) & (radius > 0.975)] = 0.47
    scene.grey[(radius < 1) & (radius > 0.975) & (np.abs(scene.y - 70) < half_length)] = 1.0
    assert kinds_in(scene) == []


def test_strokes_in_a_row_at_the_skin_are_letters() -> None:
    scene = breast()
    for y in (66.0, 70.0, 74.0):
        scene.add_rectangle(depth_at(y) + 1.2, y, depth_at(y) + 3.2, y + 2)
    found = kinds_in(scene)
    assert found
    assert set(found) == {Structure.LETTER}


def test_a_label_that_overlaps_the_skin_is_a_letter() -> None:
    scene = breast().add_rectangle(depth_at(60) - 2, 55, depth_at(60) + 8, 65)
    assert kinds_in(scene) == [Structure.LETTER]


def test_a_long_even_thin_line_is_a_wire_and_a_beaded_one_is_not() -> None:
    assert kinds_in(breast().add_rectangle(20, 90, 45, 91)) == [Structure.WIRE]
    beads = breast().add_rectangle(20, 90, 45, 91, 0.45)
    for x in np.arange(20, 45, 3.0):
        beads.add_disc(x, 90.5, 0.7, 1.0)
    assert Structure.WIRE not in kinds_in(beads)


def test_a_white_strip_along_the_film_is_a_border() -> None:
    scene = breast().add_arm().add_rectangle(0, 0, 58, 2)
    assert Structure.FILM_BORDER in kinds_in(scene, "LMLO")
    assert Structure.FILM_BORDER not in kinds_in(breast().add_arm(), "LMLO")


def test_an_implant_at_the_chest_wall_is_no_border() -> None:
    scene = breast().add_arm().add_disc(-60, 100, 90, 1.0)
    assert kinds_in(scene, "LMLO") == []


def test_fine_pixels_tell_a_ball_over_the_breast() -> None:
    scene = breast(FINE_MM).add_disc(35, 90, 1.0, 1.0)
    (ball,) = things_in(scene, closely=True)
    assert ball.structure is Structure.MARKER
    assert things_in(scene) == []


def test_fine_pixels_tell_a_clip() -> None:
    assert kinds_in(breast(FINE_MM).add_rectangle(33, 90, 37, 90.8), closely=True) == [Structure.CLIP]


@pytest.mark.parametrize("radius", [0.2, 0.35])
def test_a_group_of_round_calcifications_is_not_metal(radius: float) -> None:
    scene = breast(FINE_MM)
    for dx, dy in ((0, 0), (2.1, 0.6), (1.0, 1.9), (-1.7, 1.2), (0.4, -2.2), (2.6, 2.4)):
        scene.add_disc(35 + dx, 90 + dy, radius, 0.9)
    assert kinds_in(scene, closely=True) == []


def test_a_coarse_calcification_that_is_not_round_is_no_ball() -> None:
    scene = breast(FINE_MM).add_disc(35, 90, 0.7, 1.0).add_disc(36.2, 90, 0.7, 1.0)
    assert kinds_in(scene, closely=True) == []


def test_coarse_stored_pixels_are_not_taken_for_detail() -> None:
    scene = breast(MM).add_disc(35, 90, 1.0, 1.0)
    assert kinds_in(scene, closely=True) == []
