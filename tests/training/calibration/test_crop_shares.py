"""The share of the crop refiner follows who was right on labelled lesions, and a fold's labels do not fix its own share."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.folds import Fold
from mammoscribe.domain.lexicon import Axis
from mammoscribe.models.reader.queries import AXIS_TERMS
from mammoscribe.training.calibration.crop_shares import crop_shares
from mammoscribe.training.calibration.out_of_fold import LeftOut, mixed_by_other_folds
from mammoscribe.training.calibration.point import calibrated
from tests.training.calibration.made import lesion, mark, seen

SHAPES = AXIS_TERMS[Axis.SHAPE]


def shape(word: str, prob: float) -> np.ndarray:
    rest = (1 - prob) / (len(SHAPES) - 1)
    return np.array([prob if term == word else rest for term in SHAPES])


def read(name: str, first: tuple[float, float], second: tuple[float, float], malignant: bool = True):
    """An exam with an oval mass; each pass gives (probability of oval, suspicion)."""
    found = mark(100, 0.9, look=0.5)
    words = {**found.words, Axis.SHAPE: shape("shape.oval", first[0])}
    found = replace(
        found, words=words, suspicion=first[1], crop_suspicion=second[1],
        crop_words={Axis.SHAPE: shape("shape.oval", second[0])},
    )  # fmt: skip
    truth = replace(lesion("t", 100, words=["shape.oval"]), suspicion=float(malignant))
    return seen(name, [found], [truth])


def test_the_pass_that_was_right_gets_the_say_in_each_question():
    words_by_first = [read(f"p{i}", (0.9, 0.2), (0.2, 0.9)) for i in range(25)]
    assert crop_shares(words_by_first) == (0.0, 1.0)
    assert crop_shares([read(f"p{i}", (0.2, 0.1), (0.9, 0.8), malignant=False) for i in range(25)]) == (1.0, 0.0)


def test_two_passes_that_err_on_different_lesions_are_mixed():
    half = [read(f"p{i}", *(((0.95, 0.9), (0.6, 0.4)) if i % 2 else ((0.6, 0.4), (0.95, 0.9)))) for i in range(30)]
    assert crop_shares(half) == (0.5, 0.5)


def test_few_labels_leave_both_passes_alike_and_no_refiner_leaves_everything():
    assert crop_shares([read("p", (0.9, 0.9), (0.1, 0.1))]) == (0.5, 0.5)
    assert crop_shares([seen("p", [mark(100, 0.9)], [lesion("t", 100)])]) == (1.0, 1.0)


def test_a_calibrated_point_says_the_shares_it_was_fixed_with():
    exams = [read(f"p{i}", (0.9, 0.2), (0.2, 0.9), malignant=bool(i % 2)) for i in range(25)]
    assert calibrated(exams, "made").crop_shares[0] == 0.0


def test_a_fold_s_own_labels_do_not_fix_its_share():
    ours = [LeftOut(Fold(0, 2), read(f"a{i}", (0.9, 0.9), (0.2, 0.2))) for i in range(25)]
    others = [LeftOut(Fold(1, 2), read(f"b{i}", (0.2, 0.2), (0.9, 0.9))) for i in range(25)]
    mixed = mixed_by_other_folds([*ours, *others])
    assert mixed[0].seen.seen.marks[0].suspicion == pytest.approx(0.2)  # the refiner's, which was right elsewhere
    assert mixed[-1].seen.seen.marks[0].suspicion == pytest.approx(0.2)  # the first pass'
