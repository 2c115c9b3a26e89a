"""Markers, clips, wires and implants as plans: how often they are there, where, and that lesions keep clear of them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.view import Laterality, Projection, Role
from mammoscribe.phantom import TRAINING_SPEC, DistractorKind, GeneratorVersion
from mammoscribe.phantom.anatomy import draw_patient
from mammoscribe.phantom.lesions import draw_lesions

VERSION_2 = replace(TRAINING_SPEC, lesion_probability=0.9, generator=GeneratorVersion.V2)
SEEDS = range(60_000, 60_500)


@pytest.fixture(scope="module")
def patients():
    return [draw_patient(seed, VERSION_2) for seed in SEEDS]


def test_each_kind_is_there_as_often_as_it_should_be(patients):
    exams = Counter(kind for p in patients for kind in {f.kind for f in p.foreign})
    shares = {kind: exams[kind] / len(patients) for kind in exams}
    for kind, low, high in (
        (DistractorKind.MARKER, 0.25, 0.50),
        (DistractorKind.SCAR_MARKER, 0.06, 0.18),
        (DistractorKind.CLIP, 0.15, 0.35),
        (DistractorKind.WIRE, 0.005, 0.06),
        (DistractorKind.DEVICE, 0.01, 0.07),
    ):
        assert low < shares[kind] < high, kind
    assert 0.02 < np.mean([bool(p.implants) for p in patients]) < 0.09
    assert 0.15 < np.mean([v.nipple_inside is not None for p in patients for v in p.views]) < 0.35
    belly = [v.abdomen > 0 for p in patients for v in p.views if v.projection is Projection.MLO]
    assert 0.5 < np.mean(belly) < 0.7


def test_nothing_of_it_is_drawn_at_a_rate_of_zero():
    bare = replace(VERSION_2, distractor_rate=0.0)
    for seed in SEEDS[:60]:
        patient = draw_patient(seed, bare)
        assert not patient.foreign and not patient.implants
        assert all(v.nipple_inside is None and not v.abdomen for v in patient.views)


def test_implants_are_mostly_in_both_breasts(patients):
    counts = Counter(len(p.implants) for p in patients if p.implants)
    assert counts[2] > 3 * counts[1]


def test_clips_and_markers_lie_within_the_outline_of_both_views_and_biopsy_clips_deep_in_it(patients):
    seen = Counter()
    for patient in patients:
        for thing in patient.foreign:
            if thing.kind not in (DistractorKind.CLIP, DistractorKind.SCAR_MARKER, DistractorKind.MARKER):
                continue
            for projection in thing.projections:
                view = patient.view(thing.laterality, projection)
                for x, lat, z in thing.points[::5]:
                    shown_x, u = (float(v) for v in view.project(x, lat, z))
                    deep = 5.0 if thing.id == "biopsy" else 0.0
                    assert 0 < shown_x < float(view.outline(u)) - deep
                    seen[thing.kind] += 1
    assert min(seen.values()) > 50 and len(seen) == 3


def test_sizes_are_those_of_real_things(patients):
    sizes = {"nipple_ball": (1, 2.5), "ball": (1, 2.5), "ring": (7, 14), "ribbon": (1.5, 4), "coil": (1.5, 4), "bar": (1.5, 4),
             "staple": (3.5, 6.5), "scar_wire": (0.3, 1), "hook": (0.3, 0.6), "port": (20, 45)}  # fmt: skip
    for patient in patients:
        for thing in patient.foreign:
            low, high = sizes[thing.style]
            assert low < thing.size_mm < high
            if thing.style == "scar_wire":
                steps = np.diff(np.array(thing.points), axis=0)
                assert 10 < np.linalg.norm(steps, axis=1).sum() < 80


def test_a_clip_that_was_there_before_is_at_the_same_place_on_the_prior():
    checked = 0
    for seed in SEEDS:
        now, before = draw_patient(seed, VERSION_2), draw_patient(seed, VERSION_2, Role.PRIOR)
        places = {(f.id, f.laterality): f.points for f in before.foreign}
        for thing in now.foreign:
            if thing.kind is DistractorKind.CLIP:
                assert places[thing.id, thing.laterality] == thing.points
                checked += thing.prior
    assert checked > 30


def test_lesions_lie_in_front_of_implants_and_clear_of_metal(patients):
    behind = 0
    for patient in patients:
        if not patient.implants and not patient.foreign:
            continue
        for lesion in draw_lesions(patient, VERSION_2, has_prior=False):
            for projection in Projection:
                view = patient.view(lesion.laterality, projection)
                x, u = (float(v) for v in view.project(lesion.x, lesion.lat, lesion.z))
                for implant in (i for i in patient.implants if i.laterality is lesion.laterality):
                    assert x > float(implant.front(view, u)) + 5
                    behind += 1
                for thing in (f for f in patient.foreign if f.shown_in(view)):
                    assert np.hypot(*(thing.projected(view) - (x, u)).T).min() > 2.5
    assert behind > 10


def test_breasts_with_implants_have_about_as_many_lesions(patients):
    sides = [(p, i.laterality) for p in patients for i in p.implants]
    plain = draw_lesions
    with_them = sum(sum(k.laterality is side for k in plain(p, VERSION_2, False)) for p, side in sides)
    bare = sum(
        sum(k.laterality is side for k in plain(replace(p, implants=(), foreign=()), VERSION_2, False))
        for p, side in sides
    )
    assert with_them >= 0.85 * bare


def test_lesions_change_nothing_of_what_is_drawn_around_them():
    for seed in SEEDS[:80]:
        many = draw_patient(seed, VERSION_2)
        none = draw_patient(seed, replace(VERSION_2, lesion_probability=0.0))
        assert many == none


def test_a_nipple_ball_lies_on_the_nipple_of_each_view(patients):
    balls = [(p, f) for p in patients for f in p.foreign if f.style == "nipple_ball"]
    assert balls and {f.laterality for _, f in balls} == set(Laterality)
    for patient, ball in balls:
        for projection in Projection:
            view = patient.view(ball.laterality, projection)
            ((x, u),) = ball.projected(view)
            edge = float(view.outline(u))
            if view.nipple_inside is None:
                assert edge < x < edge + 9
            else:
                assert edge - 22 < x < edge
