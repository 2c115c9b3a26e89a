"""The operating point names the population of its probabilities, and says what could not be measured."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.training.calibration.point import calibrated, neutral
from mammoscribe.training.reader.samples import BreastLabels
from tests.training.calibration.made import ALL, CALC, lesion, mark, seen


@pytest.fixture
def exams():
    films = [
        seen(f"f{i}", [mark(100, 0.9), mark(600, 0.3)], [lesion("t", 100)], searched=ALL - {CALC}, dataset="films")
        for i in range(40)
    ]
    screened = [
        seen(f"s{i}", boxed=frozenset(), searched=ALL - {CALC}, dataset="screening", malignant=2.0 * (i % 3 == 0) + 0.01 * i,
             right=BreastLabels(malignant=int(i % 3 == 0), density=i % 4), density=[float(k == i % 4) for k in range(4)])
        for i in range(30)
    ]  # fmt: skip
    return [*films, *screened]


def test_the_population_of_a_probability_is_that_of_the_breasts_that_scaled_it(exams):
    point = calibrated(exams, "patients left out of training (5 folds)")
    assert point.population == "patients left out of training (5 folds) of screening"
    assert (point.n, point.prevalence) == (30, pytest.approx(1 / 3))
    assert point.malignant[0] > 0 and point.density_temperature is not None
    assert 0.3 < point.thresholds["mass"] <= 0.9


def test_the_views_of_the_exams_are_what_the_reader_is_used_to_where_they_are_enough(exams):
    rng = np.random.default_rng(0)

    def looking(exam):
        looks = {v.id: rng.normal(5, 1, 8) for v in exam.exam.current}
        return replace(exam, seen=replace(exam.seen, looks=looks))

    point = calibrated([looking(e) for e in exams], "all exams")
    assert point.familiar is not None
    assert (point.familiar.population, point.familiar.num_views) == ("all exams of films and screening", 140)
    assert (
        point.familiar.distance(np.full(8, 5.0)) < 1 < point.familiar.limit < point.familiar.distance(np.full(8, 12.0))
    )
    assert calibrated([looking(e) for e in exams[:4]], "all exams").familiar is None
    assert calibrated(exams, "all exams").familiar is None  # nothing is known of how their views look


def test_what_these_exams_could_not_be_searched_for_keeps_its_threshold_and_is_named(exams):
    drawn = calibrated([seen(f"d{i}", [mark(100, 0.7, CALC)], [lesion("t", 100, CALC)]) for i in range(30)], "split")
    point = calibrated(exams, "out of fold", drawn)
    assert point.thresholds["calcification"] == drawn.thresholds["calcification"] == pytest.approx(0.7)
    assert point.reliability[-1].startswith("calcification: not measured on such images")
    assert "split of made" in point.reliability[-1]


def test_the_lines_say_how_often_marks_were_right(exams):
    (line,) = (line for line in calibrated(exams, "out of fold").reliability if line.startswith("mass"))
    assert line.startswith("mass: 40 of 40 such sentences") and "out of fold of films and screening" in line


def test_kinds_without_ground_for_a_threshold_are_named_as_never_reported(exams):
    point = calibrated(exams, "split")
    assert point.thresholds["mass"] < 0.99 and "mass" not in point.unreported
    assert set(point.unreported) == {kind for kind, level in point.thresholds.items() if level == 0.99}


def test_unlabelled_exams_withhold_everything():
    point = calibrated([seen(f"e{i}", [mark(100, 0.9)], boxed=frozenset()) for i in range(4)], "split")
    assert len(point.unreported) == 4
    assert point.malignant is None and point.density_temperature is None and not point.words_measured
    assert set(point.thresholds.values()) == {0.99} and point.reliability == ()


def test_the_same_exams_read_by_an_uncalibrated_point_differ(exams):
    assert calibrated(exams, "x").thresholds != neutral().thresholds
