"""Generator versions: what version 1 draws never changes, and version 2 draws the same patients with more around them."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.view import Role
from mammoscribe.phantom import BENCH_V1, BENCH_V2, TRAINING_SPEC, GeneratorVersion, draw_exam
from mammoscribe.phantom.anatomy import draw_patient
from mammoscribe.phantom.png import truth_record

VERSION_2 = replace(TRAINING_SPEC, generator=GeneratorVersion.V2)


def ninths(pixels: np.ndarray) -> list[float]:
    """Mean greys of a picture's nine equal parts, row by row; a rest at the right and lower edge is left out."""
    rows, cols = (n // 3 for n in pixels.shape)
    return pixels[: 3 * rows, : 3 * cols].reshape(3, rows, 3, cols).mean(axis=(1, 3)).ravel().tolist()


def truth_digest(phantom) -> str:
    return hashlib.sha256(json.dumps(truth_record(phantom), sort_keys=True).encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def first_of_bench_v1():
    return draw_exam(BENCH_V1.seeds[0], BENCH_V1.spec)


@pytest.fixture(scope="module")
def first_of_bench_v2():
    return draw_exam(BENCH_V2.seeds[0], BENCH_V2.spec)


def test_version_1_draws_the_pictures_that_it_drew_before_there_was_a_version_2(fatty, with_prior):
    assert fatty.pixels["R_CC"].shape == (1680, 992)
    assert ninths(fatty.pixels["R_CC"]) == pytest.approx(
        [0.0, 462.8, 980.0, 58.6, 1410.1, 1501.6, 0.0, 221.0, 682.5], abs=0.5
    )
    assert ninths(fatty.pixels["L_MLO"]) == pytest.approx(
        [2077.4, 878.2, 49.6, 1714.0, 1552.5, 436.0, 1108.6, 778.4, 57.0], abs=0.5
    )
    assert ninths(with_prior.pixels["prior_R_MLO"]) == pytest.approx(
        [37.9, 844.2, 1921.7, 623.5, 2624.9, 1709.3, 40.1, 931.9, 1013.2], abs=0.5
    )


def test_the_first_exam_of_bench_v1_is_the_one_it_always_was(first_of_bench_v1):
    assert truth_digest(first_of_bench_v1) == "242a93cf1e97b79f"
    assert ninths(first_of_bench_v1.pixels["R_CC"]) == pytest.approx(
        [13.8, 662.7, 1175.1, 230.3, 2460.0, 1859.7, 1.3, 581.5, 886.9], abs=0.5
    )


def test_the_first_exam_of_bench_v2_is_the_one_it_was_frozen_with(first_of_bench_v2):
    assert truth_digest(first_of_bench_v2) == "618844e55a1622cf"
    assert ninths(first_of_bench_v2.pixels["R_CC"]) == pytest.approx(
        [0.0, 232.7, 995.9, 0.0, 1965.9, 2784.1, 0.0, 306.4, 1206.7], abs=0.5
    )
    assert ninths(first_of_bench_v2.pixels["L_MLO"]) == pytest.approx(
        [2730.7, 505.5, 0.0, 2749.1, 1026.7, 0.0, 681.4, 17.6, 0.0], abs=0.5
    )


def test_the_truth_says_which_version_drew_it_and_only_version_2_names_distractors(fatty, on_film):
    old, new = truth_record(fatty), truth_record(on_film)
    assert (old["generator_version"], new["generator_version"]) == ("1", "2")
    assert "distractors" not in old
    assert {d["view"] for d in new["distractors"]} <= {v.id for v in on_film.exam.views}
    assert json.loads(json.dumps(new))["distractors"] == new["distractors"]


def test_version_2_draws_the_same_exam_twice(on_film):
    again = draw_exam(on_film.seed, on_film.spec)
    assert truth_record(again) == truth_record(on_film)
    assert all(np.array_equal(again.pixels[k], on_film.pixels[k]) for k in on_film.pixels)


def test_a_seed_is_the_same_patient_in_both_versions():
    for seed in range(900, 940):
        old, new = draw_patient(seed, TRAINING_SPEC), draw_patient(seed, VERSION_2)
        assert (old.density, old.glandular_fraction) == (new.density, new.glandular_fraction)
        assert [(v.depth, v.up, v.down, v.thickness) for v in old.views] == [
            (v.depth, v.up, v.down, v.thickness) for v in new.views
        ]


def test_version_1_has_no_implants_metal_or_film():
    for seed in range(900, 960):
        patient = draw_patient(seed, TRAINING_SPEC)
        assert not patient.implants and not patient.foreign and not patient.look.film
        assert all(v.stored_size == (v.rows, v.cols) and not v.abdomen for v in patient.views)


def test_version_2_takes_a_third_of_exams_on_film_and_more_of_the_earlier_ones():
    seeds = range(1000, 1500)
    now = np.mean([draw_patient(s, VERSION_2).look.film for s in seeds])
    before = np.mean([draw_patient(s, VERSION_2, Role.PRIOR).look.film for s in seeds])
    assert 0.28 < now < 0.42
    assert 0.43 < before < 0.57


def test_version_2_shows_fat_in_very_different_greys():
    looks = [draw_patient(s, VERSION_2).look for s in range(1000, 1200)]
    fat = np.array([look.fat_grey for look in looks])
    assert np.quantile(fat, 0.1) < 0.21 and np.quantile(fat, 0.9) > 0.45
    assert all(look.gain > 0.12 for look in looks)
