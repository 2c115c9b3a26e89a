"""Operating points: thresholds keep their allowance, calibration names its population, reliability counts what it says."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.view import Box, Laterality, Projection, View
from mammoscribe.training.operating import (
    NEVER,
    ValidationExam,
    film_mark_weights,
    film_threshold,
    mark_weights,
    neutral,
    phantom_curve,
    phantom_threshold,
    real_point,
    reliability,
    synthetic_point,
    weaker_level,
    with_word_level,
)  # fmt: skip

FIRST = (1.0, 0.0, 0.0)
VIEWS = tuple(View(f"R_{p}", Laterality.RIGHT, p, 500, 500, "file") for p in Projection)


def mass(name: str, x: float, score: float) -> Finding:
    marks = tuple(Mark(v.id, v.projection, Box(x, 100, x + 40, 140), score) for v in VIEWS)
    return Finding(name, FindingType.MASS, Laterality.RIGHT, marks, score, 0.5)


def exam(i: int, truth: tuple[Finding, ...], candidates: tuple[Finding, ...], malignant: int = 0) -> ValidationExam:
    density = (np.log(np.array([0.1, 0.6, 0.2, 0.1])), 1 + i % 2)
    side = Laterality.RIGHT
    return ValidationExam(
        Exam(f"e{i}", VIEWS),
        truth,
        candidates,
        {side: ((malignant * 2.0 - 1, 0.0, 0.5 * malignant, 0.5 * malignant), malignant)},
        {side: density},
    )


@pytest.fixture
def exams() -> list[ValidationExam]:
    """Ten exams: every lesion found at 0.9, and a false mass at 0.2, 0.25 ... 0.65."""
    return [
        exam(i, (mass("t", 100, 1.0),), (mass("f1", 102, 0.9), mass("f2", 300, 0.2 + 0.05 * i)), i % 2)
        for i in range(10)
    ]


def test_the_threshold_stands_between_what_is_there_and_what_is_not(exams):
    level = phantom_threshold(phantom_curve(exams, FindingType.MASS))
    assert 0.65 < level <= 0.9


def test_a_type_that_validation_never_showed_is_not_reported(exams):
    assert phantom_threshold(phantom_curve(exams, FindingType.ASYMMETRY)) == NEVER


def test_weaker_marks_begin_where_the_allowance_of_false_ones_is_used_up(exams):
    curve = phantom_curve(exams, FindingType.MASS)  # two views an exam, one false mark in each
    level = weaker_level(curve, 0.9)
    false = sum(0.2 + 0.05 * i >= level for i in range(10)) / 10
    assert 0.2 <= false <= 0.4
    assert weaker_level(curve, 0.3) == pytest.approx(0.3)


def test_a_type_that_is_never_reported_has_no_weaker_marks_where_validation_showed_none(exams):
    assert weaker_level(phantom_curve(exams, FindingType.ASYMMETRY), NEVER) == NEVER


def test_reliability_counts_the_named_findings_that_were_there(exams):
    (line,) = reliability(exams, dict.fromkeys((t.value for t in FindingType), 0.5), "test phantoms")
    assert line.startswith("mass: 10 of 14 such sentences were right") and "test phantoms" in line


def test_the_synthetic_point_names_its_population_and_prevalence(exams):
    point = synthetic_point(exams, "test phantoms")
    assert point.calibration.population == "test phantoms"
    assert (point.prevalence, point.n) == (0.5, 10)
    assert point.malignant[0] > 0 and point.density_temperature > 0


def film(score: float, true: bool) -> dict:
    row = {
        "exam": "m",
        "labelled": True,
        "predicted": [{"box": [10, 10, 30, 30], "score": score, "type": 0}],
        "truth": [],
    }
    return {**row, "truth": [{"box": [12, 12, 28, 28], "type": 0}]} if true else row


def test_films_without_known_places_do_not_move_the_threshold():
    known = [film(0.9, True), film(0.3, False), film(0.4, False)]
    hidden = [{**film(0.95, False), "labelled": False}]
    assert film_threshold(known + hidden, 0.4, FIRST) == film_threshold(known, 0.4, FIRST)


def test_the_real_point_says_what_was_measured_on_films_and_what_was_not(exams):
    synthetic = synthetic_point(exams, "test phantoms")
    breasts = [
        {
            "malignant": str(i % 2),
            "malignant_logit": str(i % 2 - 0.5 + 0.1 * i),
            "recall_logit": "0",
            "strongest": str(0.1 * i),
            "suspicious": "0.1",
        }
        for i in range(8)
    ]
    real = real_point(breasts, [film(0.9, True), film(0.3, False)], 0.1, synthetic)
    assert 0.3 < real.thresholds["mass"] <= 0.9
    assert real.thresholds["calcification"] == synthetic.thresholds["calcification"]
    assert "RSNA" in real.population and real.n == 8
    assert real.reliability[0].startswith("marks of any kind: 1 of 1 lesions found with 0.00 false marks")
    assert "synthetic exams only" in real.reliability[1]


def test_a_crop_refiner_that_tells_hits_from_misses_gets_the_weight():
    scores = [(0.5, 0.8 if hit else 0.2, hit) for hit in (True, False) * 20]
    first, second, _ = mark_weights(scores)
    assert second > 1 and first == pytest.approx(0.0, abs=1e-6)


def test_without_a_crop_refiner_the_first_pass_decides_alone():
    assert mark_weights([]) == FIRST
    assert film_mark_weights([film(0.9, True), film(0.3, False)]) == FIRST


def test_words_are_stated_from_the_probability_at_which_the_facts_are_best(monkeypatch):
    """`oval`, which is true, has a probability of 0.6, and `circumscribed`, which is not, one of 0.4."""

    def judge(seen, exam, point):
        words = [w for w, p in (("shape.oval", 0.6), ("margin.circumscribed", 0.4)) if p >= point.least_word]
        return SimpleNamespace(findings=(replace(mass("f1", 100, 0.9), descriptors=tuple(words)),))

    monkeypatch.setattr("mammoscribe.training.operating.judge", judge)
    truth = (replace(mass("t", 100, 1.0), descriptors=("shape.oval", "margin.spiculated")),)
    seen = [SimpleNamespace(seen=None, exam=Exam("e", VIEWS), truth=truth)]
    assert with_word_level(seen, neutral()).least_word == 0.45  # the lowest that leaves the wrong word out
