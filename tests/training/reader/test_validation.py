"""Figures of a reader under training, and by which of them the best weights are chosen."""

import pytest

from mammoscribe.domain.view import Box
from mammoscribe.evaluation.detection import ViewMarks
from mammoscribe.training.reader.validation import Measured, summary

BOX = Box(10, 10, 30, 30)


def view(kind: int, found: bool) -> Measured:
    """A view with one lesion of a kind, found or not."""
    marks = ((BOX, 0.9),) if found else ()
    return Measured(((kind, ViewMarks(marks, (("lesion", BOX),))),), ())


def breast(question: str, score: float, label: int) -> Measured:
    return Measured((), ((question, score, label),))


def test_lesions_that_are_few_are_stated_and_do_not_choose_the_weights():
    figures = summary([view(0, n < 9) for n in range(12)] + [view(2, True), view(2, True)])
    assert figures["found/mass"] == pytest.approx(0.75) and figures["found/architectural_distortion"] == 1.0
    assert figures["score"] == pytest.approx(0.75)


def test_breasts_of_one_answer_that_are_few_do_not_choose_the_weights():
    many = [breast("recall", n % 2, n % 2) for n in range(20)]
    few = [breast("malignant", 1.0, 0) for _ in range(30)] + [breast("malignant", 0.0, 1) for _ in range(3)]
    figures = summary(many + few)
    assert (figures["auc/recall"], figures["auc/malignant"]) == (1.0, 0.0)
    assert figures["score"] == 1.0


def test_where_all_are_few_all_count():
    figures = summary([view(0, True), view(0, False), breast("recall", 1.0, 1), breast("recall", 0.0, 0)])
    assert figures["score"] == pytest.approx((0.5 + 1.0) / 2)


def test_nothing_measured_scores_nothing():
    assert summary([]) == {"score": 0.0}
