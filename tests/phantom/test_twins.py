import numpy as np
import pytest

from mammoscribe.domain.view import Laterality
from mammoscribe.phantom import DistractorKind
from mammoscribe.support.errors import InputError


@pytest.fixture(scope="module")
def twin(fatty):
    return fatty.without("m1")


def _outside(phantom, finding_id, view_id, margin_px):
    """True far from the lesion's mark."""
    keep = np.ones(phantom.pixels[view_id].shape, bool)
    box = next(f for f in phantom.findings if f.id == finding_id).mark_in(view_id).box
    r0, c0 = max(0, int(box.y0) - margin_px), max(0, int(box.x0) - margin_px)
    keep[r0 : int(box.y1) + margin_px, c0 : int(box.x1) + margin_px] = False
    return keep


@pytest.mark.parametrize("view_id", ["L_CC", "L_MLO"])
def test_a_twin_differs_only_within_the_reach_of_the_lesion(fatty, twin, view_id):
    before, after = fatty.pixels[view_id], twin.pixels[view_id]
    reach = int(fatty.lesion("m1").diameter_mm * 10 * 1.2 + 60)
    outside = _outside(fatty, "m1", view_id, reach)
    assert outside.mean() > 0.2
    assert np.array_equal(before[outside], after[outside])
    box = next(f for f in fatty.findings if f.id == "m1").mark_in(view_id).box
    inside = np.s_[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
    mask = fatty.masks["m1", view_id]
    assert (before[inside].astype(int) - after[inside])[mask].mean() > 100


def test_a_twin_keeps_the_other_breast_and_the_other_lesions(fatty, twin):
    assert twin.pixels["R_CC"] is fatty.pixels["R_CC"]
    assert [f.id for f in twin.findings] == [f.id for f in fatty.findings if f.id != "m1"]
    assert {k for k in twin.masks if k[0] == "c1"} == {k for k in fatty.masks if k[0] == "c1"}
    assert [f for f in twin.findings if f.id == "c1"] == [f for f in fatty.findings if f.id == "c1"]


def test_a_moved_lesion_is_on_the_other_side_and_nowhere_else(fatty):
    moved = fatty.moved("m1")
    mass = next(f for f in moved.findings if f.id == "m1")
    assert mass.laterality is Laterality.RIGHT
    assert {m.view_id for m in mass.marks} == {"R_CC", "R_MLO"}
    assert moved.exam.id == fatty.exam.id
    assert not np.array_equal(moved.pixels["R_CC"], fatty.pixels["R_CC"])


def test_a_lesion_moved_within_its_breast_keeps_its_side(fatty):
    moved = fatty.moved("m1", Laterality.LEFT)
    old, new = fatty.lesion("m1"), moved.lesion("m1")
    assert new.laterality is Laterality.LEFT
    assert (new.lat * old.lat < 0) or (new.z * old.z < 0)


def test_a_lesion_nobody_drew_cannot_be_taken_away(fatty):
    with pytest.raises(InputError, match="m9"):
        fatty.without("m9")


@pytest.mark.parametrize("view_id", ["L_CC", "L_MLO"])
def test_a_twin_of_version_2_keeps_metal_film_and_letters_as_they_were(on_film, view_id):
    without = on_film.without("m1")
    before, after = on_film.pixels[view_id], without.pixels[view_id]
    reach = int(on_film.lesion("m1").diameter_mm * 10 * 1.2 + 60)
    outside = _outside(on_film, "m1", view_id, reach)
    assert outside.mean() > 0.2
    assert np.array_equal(before[outside], after[outside])
    assert not np.array_equal(before, after)
    assert without.distractors == on_film.distractors
    assert without.pixels["R_CC"] is on_film.pixels["R_CC"]


def test_a_lesion_moved_beside_implants_stays_in_front_of_them(with_implants):
    moved = with_implants.moved("m1")
    mass = next(f for f in moved.findings if f.id == "m1")
    assert mass.laterality is Laterality.LEFT
    for mark in mass.marks:
        implant = next(
            d.box for d in moved.distractors if d.view_id == mark.view_id and d.kind is DistractorKind.IMPLANT
        )
        inside = implant.x0 < mark.box.centre[0] < implant.x1 and implant.y0 < mark.box.centre[1] < implant.y1
        # the box of a round implant has corners that it does not fill
        if inside:
            x, y = (mark.box.centre[0] / implant.x1), abs(mark.box.centre[1] - implant.centre[1]) / (implant.height / 2)
            assert x**2 + y**2.3 > 1
    assert moved.distractors == with_implants.distractors
