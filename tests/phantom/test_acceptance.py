"""Held against the field's figures: spectra, glandular fraction, CC/MLO agreement, contrast, prevalence, no leakage."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.view import Laterality, Projection, Role
from mammoscribe.phantom import TRAINING_SPEC, draw_exam
from mammoscribe.phantom.anatomy import draw_patient
from mammoscribe.phantom.lesions import draw_lesions
from mammoscribe.phantom.tissue import draw_tissue
from tests.phantom.test_texture import spectral_slope

CLEAN = replace(TRAINING_SPEC, lesion_probability=0.0, prior_probability=0.0)
SEEDS = range(20_000, 20_400)


@pytest.fixture(scope="module")
def plans():
    drawn = []
    for seed in SEEDS:
        patient = draw_patient(seed, TRAINING_SPEC)
        drawn.append((patient, draw_lesions(patient, TRAINING_SPEC, has_prior=seed % 3 == 0)))
    return drawn


def test_dense_tissue_has_the_spectral_exponent_of_mammograms(with_prior, fatty):
    slopes = []
    for phantom in (with_prior, fatty):
        for view_id in ("R_CC", "L_CC"):
            picture = phantom.pixels[view_id].astype(float)
            rows, cols = (n // 2 * 2 for n in picture.shape)
            coarse = picture[:rows, :cols].reshape(rows // 2, 2, cols // 2, 2).mean(axis=(1, 3))
            pieces = [
                coarse[r : r + 128, c : c + 128]
                for r in range(0, rows // 2 - 127, 64)
                for c in range(0, cols // 2 - 127, 64)
            ]
            inside = [p for p in pieces if p.min() > 200]
            best = sorted(inside, key=lambda p: p.mean())[-4:]
            slopes += [spectral_slope(p, 0.2) for p in best]
    assert 2.9 <= np.mean(slopes) <= 3.4


def test_glandular_fraction_meets_its_target_and_rises_with_the_letter(plans):
    by_letter = {p.density: p for p, _ in plans}
    fractions = []
    for letter in "abcd":
        patient = by_letter[letter]
        view = patient.view(Laterality.RIGHT, Projection.CC)
        tissue = draw_tissue(patient, view)
        reach = np.clip(tissue.depth_mm / (view.thickness / 2), 0, 1)
        volume = np.sqrt(1 - (1 - reach) ** 2).sum() * view.thickness / 10
        fractions.append(float(tissue.gland().sum() / volume))
        assert fractions[-1] == pytest.approx(patient.fraction_of(Laterality.RIGHT), rel=0.12)
    assert fractions == sorted(fractions)
    assert fractions[0] <= 0.05 < fractions[1] <= 0.15 < fractions[2] <= 0.34 < fractions[3]


def test_nipple_distances_agree_between_projections(plans):
    gaps = []
    for patient, lesions in plans:
        for lesion in lesions:
            cc, mlo = (patient.view(lesion.laterality, p) for p in Projection)
            distances = [v.depth - float(v.project(lesion.x, lesion.lat, lesion.z)[0]) for v in (cc, mlo)]
            gaps.append(abs(distances[0] - distances[1]))
    assert len(gaps) > 300
    assert np.mean(np.array(gaps) < 5.0) > 0.98
    assert math.sqrt(np.mean(np.square(gaps))) < 2.5


def test_prevalences_are_those_of_the_spec(plans):
    letters = Counter(p.density for p, _ in plans)
    for letter, expected in zip("abcd", TRAINING_SPEC.density_probabilities, strict=True):
        assert letters[letter] / len(plans) == pytest.approx(expected, abs=0.08)
    with_lesion = sum(len({k.laterality for k in lesions}) for _, lesions in plans) / (2 * len(plans))
    assert with_lesion == pytest.approx(TRAINING_SPEC.lesion_probability, abs=0.06)


def test_sizes_and_counts_stay_in_the_documented_ranges(plans):
    lesions = [k for _, found in plans for k in found]
    masses = [k for k in lesions if k.id.startswith("m")]
    assert 10 < np.median([m.diameter_mm for m in masses]) < 14
    assert all(5 <= m.diameter_mm <= 30 for m in masses)
    groups = [k for k in lesions if k.word("morphology") == "fine_pleomorphic"]
    assert all(5 <= g.count <= 35 and 0.15 <= g.particle_mm <= 0.8 for g in groups)
    assert np.mean([k.subtle for k in lesions]) == pytest.approx(TRAINING_SPEC.subtle_fraction, abs=0.05)


def test_suspicion_is_the_rate_of_malignancy(plans):
    lesions = [k for _, found in plans for k in found]
    expected = sum(k.suspicion for k in lesions)
    spread = math.sqrt(sum(k.suspicion * (1 - k.suspicion) for k in lesions))
    assert abs(sum(k.malignant for k in lesions) - expected) < 3 * spread


def test_anatomy_and_machine_do_not_know_of_lesions(fatty):
    clean = draw_exam(fatty.seed, CLEAN)
    assert not clean.findings
    assert {k: p.shape for k, p in clean.pixels.items()} == {k: p.shape for k, p in fatty.pixels.items()}
    assert np.array_equal(clean.pixels["R_CC"], fatty.pixels["R_CC"])
    for view_id, picture in clean.pixels.items():
        for edge in (np.s_[:40, :], np.s_[-12:, :]):
            assert np.array_equal(picture[edge], fatty.pixels[view_id][edge])


def test_a_plain_mass_stands_out_of_its_surroundings(with_prior):
    without = with_prior.without("m1")
    assert not with_prior.lesion("m1").subtle
    for mark in with_prior.findings[0].marks:
        box = mark.box
        cut = np.s_[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
        mask = with_prior.masks["m1", mark.view_id]
        ground = without.pixels[mark.view_id][cut].astype(float)
        lift = (with_prior.pixels[mark.view_id][cut] - ground)[mask].mean()
        assert lift / ground[~mask].std() > 1.0


def test_a_new_lesion_is_absent_from_the_prior(with_prior):
    without = with_prior.without("m1")
    assert np.array_equal(without.pixels["prior_R_CC"], with_prior.pixels["prior_R_CC"])
    grown = with_prior.without("c1")
    assert not np.array_equal(grown.pixels["prior_L_CC"], with_prior.pixels["prior_L_CC"])


def test_a_prior_is_the_same_breast_in_another_position():
    now = draw_patient(102, TRAINING_SPEC)
    before = draw_patient(102, TRAINING_SPEC, Role.PRIOR)
    for a, b in zip(now.views, before.views, strict=True):
        assert (a.rows, a.cols, a.angle) == (b.rows, b.cols, b.angle)
        assert 0 < abs(a.depth - b.depth) < 3
