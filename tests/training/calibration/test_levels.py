"""Levels: a threshold stands between what is there and what is not, and what nothing supports is not reported."""

from dataclasses import replace

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.training.calibration.levels import LEAST_LESIONS, NOT_REPORTED, levels, mark_weights
from mammoscribe.training.calibration.point import candidates, neutral
from mammoscribe.training.reader.samples import BreastLabels
from tests.training.calibration.made import ALL, CALC, MASS, lesion, mark, seen

ASYMMETRY = FindingType.ASYMMETRY


def found(exams, other=None):
    return levels(exams, candidates(exams, neutral()), other)


@pytest.fixture
def masses():
    """Every mass found at 0.9, and in every exam a false one at 0.20 to 0.67."""
    return [
        seen(f"e{i}", [mark(100, 0.9), mark(600, 0.2 + 0.02 * i)], [lesion("t", 102)]) for i in range(LEAST_LESIONS + 4)
    ]


def test_the_threshold_stands_between_what_is_there_and_what_is_not(masses):
    assert 0.66 < found(masses)[MASS].threshold <= 0.9


def test_weaker_marks_begin_where_the_allowance_of_false_ones_is_used_up(masses):
    level = found(masses)[MASS].weaker  # two views an exam, one false mark in each exam
    false = sum(0.2 + 0.02 * i >= level for i in range(24)) / 48
    assert 0.35 < false <= 0.4


def test_a_kind_whose_marks_are_mostly_wrong_at_any_score_is_neither_stated_nor_shown():
    exams = [seen(f"e{i}", [mark(600, 0.8)], [lesion("t", 100)]) for i in range(30)]
    exams += [seen("hit", [mark(100, 0.5)], [lesion("t", 100)]), *(seen(f"n{i}") for i in range(20))]
    assert found(exams)[MASS] == NOT_REPORTED


def test_a_kind_that_nothing_shows_is_not_reported():
    exams = [seen(f"e{i}", [mark(600, 0.9, ASYMMETRY)]) for i in range(5)]
    assert found(exams)[ASYMMETRY] == NOT_REPORTED


def test_a_kind_with_few_lesions_takes_the_level_of_marks_of_any_kind(masses):
    few = [seen(f"a{i}", [mark(300, 0.3, ASYMMETRY)], [lesion("a", 300, ASYMMETRY)]) for i in range(6)]
    assert found([*masses, *few])[ASYMMETRY].threshold > 0.66  # its own lesions alone would give 0.3
    assert found(few)[ASYMMETRY].threshold == pytest.approx(0.3, abs=0.01)  # nothing else is there to go by
    assert found(few[:4])[ASYMMETRY] == NOT_REPORTED  # too few for a threshold at all


def test_a_kind_with_few_lesions_whose_marks_are_mostly_wrong_at_that_level_is_not_reported(masses):
    right = [seen(f"a{i}", [mark(300, 0.9, ASYMMETRY)], [lesion("a", 300, ASYMMETRY)]) for i in range(6)]
    wrong = [seen(f"w{i}", [mark(300, 0.9, ASYMMETRY)]) for i in range(12)]
    spoken, silent = found([*masses, *right])[ASYMMETRY], found([*masses, *right, *wrong])[ASYMMETRY]
    assert spoken.threshold <= 0.9
    assert silent == NOT_REPORTED


def test_a_kind_with_few_lesions_that_no_mark_finds_at_that_level_is_not_reported(masses):
    missed = [seen(f"a{i}", [mark(300, 0.1, ASYMMETRY)], [lesion("a", 300, ASYMMETRY)]) for i in range(6)]
    assert found([*masses, *missed])[ASYMMETRY] == NOT_REPORTED


def test_a_kind_that_no_exam_was_searched_for_keeps_the_level_of_another_point(masses):
    coarse = [replace(e, searched=ALL - {CALC}) for e in masses]
    other = replace(neutral(), thresholds={**neutral().thresholds, "calcification": 0.77})
    assert found(coarse, other)[CALC].threshold == 0.77
    assert found(coarse)[CALC] == NOT_REPORTED
    assert found(masses, other)[CALC] == NOT_REPORTED  # searched, and none was shown


def test_exams_without_the_boxes_of_a_kind_do_not_move_its_threshold(masses):
    unknown = [seen(f"u{i}", [mark(600, 0.95)], boxed=frozenset()) for i in range(40)]
    assert found([*masses, *unknown])[MASS] == found(masses)[MASS]


def test_without_boxes_labels_of_breasts_say_how_often_a_healthy_one_is_marked():
    exams = [
        seen(f"e{i}", [mark(100, 0.01 * i)], boxed=frozenset(), right=BreastLabels(malignant=0)) for i in range(100)
    ]
    level = found(exams)[MASS]
    assert level.threshold == pytest.approx(0.89, abs=0.01) and level.weaker == pytest.approx(0.5, abs=0.01)


def test_a_crop_refiner_that_tells_hits_from_misses_gets_the_weight():
    exams = [seen(f"e{i}", [mark(100, 0.5, look=0.8), mark(600, 0.5, look=0.2)], [lesion("t", 100)]) for i in range(20)]
    first, second, _ = mark_weights(exams)
    assert second > 1 and first == pytest.approx(0.0, abs=1e-6)


def test_without_a_crop_refiner_or_without_all_boxes_the_first_pass_decides_alone(masses):
    assert mark_weights(masses) == (1.0, 0.0, 0.0)
    only_masses = frozenset({MASS})
    exams = [
        seen(f"e{i}", [mark(100, 0.5, look=0.8), mark(600, 0.5, look=0.2)], [lesion("t", 100)], only_masses)
        for i in range(20)
    ]
    assert mark_weights(exams) == (1.0, 0.0, 0.0)


def labelled_breasts(scores, kind=MASS, malignant=0):
    return [
        seen(f"h{i}", [mark(600, s, kind)], boxed=frozenset(), right=BreastLabels(malignant=malignant))
        for i, s in enumerate(scores)
    ]


def test_few_breasts_without_cancer_get_a_sentence_whatever_boxed_exams_allow(masses):
    healthy = labelled_breasts([0.9 + 0.0009 * i for i in range(100)])  # all of them above what the masses give
    own, together = found(masses)[MASS], found([*masses, *healthy])[MASS]
    assert own.threshold == 0.9 and sum(0.9 + 0.0009 * i >= together.threshold for i in range(100)) == 30
    assert together.weaker == own.weaker


def test_breasts_with_cancer_and_quiet_ones_raise_nothing(masses):
    cancers = labelled_breasts([0.95] * 50, malignant=1)
    quiet = labelled_breasts([0.1] * 50)
    assert found([*masses, *cancers])[MASS] == found([*masses, *quiet])[MASS] == found(masses)[MASS]


def test_the_share_of_healthy_breasts_is_of_all_kinds_together(masses):
    apart = [seen(f"a{i}", [mark(300, 0.9, ASYMMETRY)], [lesion("a", 300, ASYMMETRY)]) for i in range(24)]
    one, other = labelled_breasts([0.95] * 20), labelled_breasts([0.95] * 20, ASYMMETRY)
    healthy = [*one, *other, *labelled_breasts([0.1] * 60)]
    levels_ = found([*masses, *apart, *healthy])
    stated = [
        e
        for e in healthy
        if any(
            m.score >= levels_[t].threshold
            for m in e.seen.marks
            for t in (MASS, ASYMMETRY)
            if m.types[list(FindingType).index(t)]
        )
    ]
    assert len(stated) <= 30
