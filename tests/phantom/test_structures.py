"""Where version 2 draws what must not be reported: inside the picture, where anatomy says, and never over a lesion."""

from collections import Counter

import numpy as np
import pytest

from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.phantom import DistractorKind

IN_MLO_ONLY = {DistractorKind.AXILLARY_NODE, DistractorKind.INFRAMAMMARY_FOLD, DistractorKind.DEVICE}
METAL = {DistractorKind.MARKER, DistractorKind.CLIP, DistractorKind.SCAR_MARKER, DistractorKind.WIRE}


@pytest.fixture(params=["on_film", "with_implants"])
def drawn(request):
    return request.getfixturevalue(request.param)


def cut(pixels, box, margin=0):
    y0, x0 = max(0, int(box.y0) - margin), max(0, int(box.x0) - margin)
    return pixels[y0 : int(box.y1) + margin, x0 : int(box.x1) + margin].astype(float)


def from_the_wall(phantom, distractor):
    """Nearest and farthest distance of a box from the picture's chest-wall edge, pixels."""
    view, box = phantom.exam.view(distractor.view_id), distractor.box
    if view.laterality is Laterality.LEFT:
        return box.x0, box.x1
    return view.width_px - box.x1, view.width_px - box.x0


def test_every_box_lies_in_its_picture_and_has_whole_pixels(drawn):
    assert drawn.distractors
    for found in drawn.distractors:
        view = drawn.exam.view(found.view_id)
        assert drawn.pixels[view.id].shape == (view.height_px, view.width_px)
        assert found.box.clipped(view.width_px, view.height_px) == found.box
        assert all(edge == int(edge) for edge in found.box.as_list())


def test_every_view_has_one_nipple_far_from_the_chest_wall(drawn):
    nipples = [d for d in drawn.distractors if d.kind is DistractorKind.NIPPLE]
    assert Counter(d.view_id for d in nipples) == {v.id: 1 for v in drawn.exam.views}
    for nipple in nipples:
        near, _ = from_the_wall(drawn, nipple)
        lit = (drawn.pixels[nipple.view_id] > 400).any(axis=0).sum()
        assert near > 0.35 * lit
        assert 50 < nipple.box.height < 140  # 5 to 14 mm


def test_nodes_of_the_armpit_and_the_fold_below_the_breast_are_in_mlo_views_at_top_and_bottom(drawn):
    seen = set()
    for found in drawn.distractors:
        if found.kind not in IN_MLO_ONLY:
            continue
        seen.add(found.kind)
        view = drawn.exam.view(found.view_id)
        assert view.projection is Projection.MLO
        middle = found.box.centre[1] / view.height_px
        if found.kind is DistractorKind.INFRAMAMMARY_FOLD:
            assert middle > 0.6 and from_the_wall(drawn, found)[0] < 40
        else:
            assert middle < 0.45
    assert DistractorKind.INFRAMAMMARY_FOLD in seen


def test_metal_is_nearly_white_and_clips_lie_in_the_breast(drawn):
    metal = [d for d in drawn.distractors if d.kind in METAL]
    assert metal
    for found in metal:
        pixels = drawn.pixels[found.view_id]
        assert cut(pixels, found.box).max() > 0.5 * 4095
        if found.kind is DistractorKind.CLIP:
            assert np.median(cut(pixels, found.box, margin=15)) > 250


def test_a_clip_is_as_far_from_the_chest_wall_in_both_views_of_its_breast(on_film):
    for side in "RL":
        clips = {
            projection: sorted(
                np.mean(from_the_wall(on_film, d))
                for d in on_film.distractors
                if d.kind is DistractorKind.CLIP and d.view_id == f"{side}_{projection}"
            )
            for projection in ("CC", "MLO")
        }
        assert len(clips["CC"]) == len(clips["MLO"])
        # positions differ by a few millimetres, and a film's border by as much again
        assert np.allclose(clips["CC"], clips["MLO"], atol=90)
    assert any(d.kind is DistractorKind.CLIP for d in on_film.distractors)


def test_letters_and_labels_are_in_the_air(drawn):
    printed = [d for d in drawn.distractors if d.kind in (DistractorKind.LETTER, DistractorKind.FILM_TAB)]
    for found in printed:
        pixels, box = drawn.pixels[found.view_id], found.box
        assert cut(pixels, box).max() > 700
        ring = np.zeros(pixels.shape, bool)
        ring[max(0, int(box.y0) - 12) : int(box.y1) + 12, max(0, int(box.x0) - 12) : int(box.x1) + 12] = True
        ring[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)] = False
        # a label may touch the white border of its film, but on most sides it has air
        assert np.quantile(pixels[ring], 0.3) < 250
    assert printed


def test_white_borders_are_at_the_edges_of_films_and_nowhere_on_a_detector(on_film, with_implants):
    borders = [d for d in on_film.distractors if d.kind is DistractorKind.FILM_BORDER]
    assert borders
    for found in borders:
        view, box = on_film.exam.view(found.view_id), found.box
        assert min(box.x0, box.y0, view.width_px - box.x1, view.height_px - box.y1) == 0
        assert min(box.width, box.height) <= 70  # 7 mm
        assert cut(on_film.pixels[view.id], box).max() > 0.8 * 4095
    kinds = {d.kind for d in with_implants.distractors}
    assert not kinds & {DistractorKind.FILM_BORDER, DistractorKind.FILM_TAB}


def test_air_is_black_on_a_detector_and_nearly_black_on_film(on_film, with_implants):
    corner = np.s_[300:340, -160:-120]
    assert with_implants.pixels["L_CC"][:, -20:].max() == 0
    assert 0 < np.median(on_film.pixels["L_CC"][corner]) < 250


def test_implants_are_dense_and_lie_at_the_chest_wall_of_every_view(with_implants):
    implants = [d for d in with_implants.distractors if d.kind is DistractorKind.IMPLANT]
    assert {d.view_id for d in implants} == {"R_CC", "L_CC", "R_MLO", "L_MLO"}
    for found in implants:
        near, far = from_the_wall(with_implants, found)
        assert near == 0 and far > 150
        pixels = with_implants.pixels[found.view_id]
        x, y = (int(v) for v in found.box.centre)
        assert np.median(pixels[y - 30 : y + 30, x - 30 : x + 30]) > np.median(pixels[pixels > 200])


def test_every_lesion_can_be_seen_under_what_is_drawn_around_it(drawn):
    assert drawn.findings
    for finding in drawn.findings:
        without = drawn.without(finding.id)
        for mark in finding.marks:
            mask = drawn.masks[finding.id, mark.view_id]
            change = cut(drawn.pixels[mark.view_id], mark.box) - cut(without.pixels[mark.view_id], mark.box)
            assert np.abs(change[mask]).mean() > 20
            y, x = (int(v) // 2 for v in mask.shape)
            assert np.abs(change[y - 5 : y + 6, x - 5 : x + 6]).max() > 0


def test_no_metal_and_no_implant_covers_the_middle_of_a_lesion(drawn):
    hiding = METAL | {DistractorKind.IMPLANT, DistractorKind.DEVICE}
    for finding in drawn.findings:
        for mark in finding.marks:
            for found in drawn.distractors:
                if found.view_id == mark.view_id and found.kind in hiding - {DistractorKind.IMPLANT}:
                    assert not found.box.contains(*mark.box.centre)
