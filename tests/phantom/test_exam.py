import hashlib
import json
import time

import numpy as np
import pytest

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.view import Laterality, Projection, Role, SpacingSource
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.phantom.png import truth_record
from mammoscribe.support.errors import InputError


def test_an_exam_has_four_views_and_a_prior_has_four_more(with_prior, fatty):
    assert [v.id for v in fatty.exam.views] == ["R_CC", "L_CC", "R_MLO", "L_MLO"]
    assert [v.id for v in with_prior.exam.prior] == ["prior_R_CC", "prior_L_CC", "prior_R_MLO", "prior_L_MLO"]
    assert set(with_prior.pixels) == {v.id for v in with_prior.exam.views}


def test_views_tell_their_size_and_spacing(with_prior):
    for view in with_prior.exam.views:
        assert with_prior.pixels[view.id].shape == (view.height_px, view.width_px)
        assert view.spacing_mm == (0.1, 0.1)
        assert view.spacing_source is SpacingSource.HEADER


def test_pixels_are_12_bit_with_the_chest_wall_at_the_standard_edge(fatty):
    for view in fatty.exam.views:
        pixels = fatty.pixels[view.id]
        assert pixels.dtype == np.uint16
        assert pixels.max() <= 4095
        wall, air = (-1, 0) if view.laterality is Laterality.RIGHT else (0, -1)
        middle = slice(view.height_px // 3, 2 * view.height_px // 3)
        assert np.median(pixels[middle, wall]) > 400
        assert np.median(pixels[middle, air]) == 0


def test_the_same_seed_draws_the_same_exam(fatty):
    again = draw_exam(fatty.seed)
    assert truth_record(again) == truth_record(fatty)
    assert all(np.array_equal(again.pixels[k], fatty.pixels[k]) for k in fatty.pixels)


def test_labels_are_those_stored_for_the_seed(with_prior):
    text = json.dumps(truth_record(with_prior), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "df385637b7ba50e7"


def test_another_seed_draws_another_exam(fatty, with_prior):
    assert fatty.pixels["R_CC"].shape != with_prior.pixels["R_CC"].shape or fatty.breasts != with_prior.breasts


def test_every_mark_has_a_mask_that_fills_its_box(with_prior, fatty):
    for phantom in (with_prior, fatty):
        marks = {(f.id, m.view_id): m for f in phantom.findings for m in f.marks}
        assert set(marks) == set(phantom.masks)
        for key, mark in marks.items():
            mask = phantom.masks[key]
            assert mask.shape == (mark.box.height, mark.box.width)
            assert mask.any()
            view = phantom.exam.view(mark.view_id)
            assert mark.box.clipped(view.width_px, view.height_px) == mark.box
            assert view.role is Role.CURRENT


def test_change_is_told_only_where_a_prior_was_drawn(with_prior, fatty):
    assert {f.change for f in with_prior.findings} == {Change.NEW, Change.INCREASED}
    assert {f.change for f in fatty.findings} == {None}


def test_breast_labels_follow_the_findings(fatty):
    right, left = fatty.breasts
    assert (right.laterality, right.category, right.malignant) == (Laterality.RIGHT, "1", False)
    assert left.category == "4"
    assert {f.type for f in fatty.findings} == {FindingType.MASS, FindingType.CALCIFICATION, FindingType.DISTORTION}
    assert right.density == left.density == "a"


def test_a_finding_seen_in_one_view_names_a_half_and_no_clock_face():
    drawn = draw_exam(87)
    asymmetry = next(f for f in drawn.findings if f.id == "a1")
    assert len(asymmetry.marks) == 1
    assert asymmetry.location.half is not None
    assert asymmetry.location.clock is None


def test_places_agree_with_the_marks(fatty):
    mass = next(f for f in fatty.findings if f.type is FindingType.MASS)
    plan, view = fatty.lesion(mass.id), fatty.exam.view("L_MLO")
    mark = mass.mark_in("L_MLO")
    assert mark is not None and mark.projection is Projection.MLO
    assert mark.box.centre[0] * 0.1 == pytest.approx(plan.x, abs=4)
    assert (mass.location.quadrant or "").startswith("upper" if plan.z >= 0 else "lower")
    assert view.laterality is mass.laterality


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match="seed -1"):
        draw_exam(-1, TRAINING_SPEC)


def test_four_views_are_drawn_within_the_time_bar():
    began = time.process_time()
    draw_exam(3)
    assert time.process_time() - began < 4.0
