"""Words are stated from the probability at which reports are best, and not at all where labels do not bear them out."""

from dataclasses import replace

import pytest

from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.calibration.words import with_word_level, words_at
from tests.training.calibration.made import lesion, mark, seen

OVAL, ROUND, SPICULATED, CIRCUMSCRIBED = "shape.oval", "shape.round", "margin.spiculated", "margin.circumscribed"


def exams(words, truth, count=40, **more):
    return [
        seen(f"{more.get('dataset', 'e')}{i}", [mark(100, 0.9, words=words)], [lesion("t", 100, words=truth)], **more)
        for i in range(count)
    ]


def test_words_are_stated_from_the_probability_at_which_the_facts_are_best():
    """`oval`, which is true, has a probability of 0.62, and `circumscribed`, which is not, one of 0.42."""
    point = with_word_level(exams({OVAL: 0.62, CIRCUMSCRIBED: 0.42}, [OVAL, SPICULATED]), neutral())
    assert point.words_measured and point.least_word == 0.45  # the lowest that leaves the wrong word out


def test_words_that_are_mostly_wrong_are_not_stated():
    """Two in five are right: reports would have the better F1 with them, and three in five would be false."""
    some_right = [*exams({OVAL: 0.9}, [OVAL], 16), *exams({OVAL: 0.9}, [ROUND], 24)]
    assert with_word_level(some_right, neutral()).least_word == 1.0
    assert with_word_level([*some_right, *exams({OVAL: 0.9}, [OVAL], 10)], neutral()).least_word < 0.9


def test_few_labelled_words_count_as_not_measured():
    assert not with_word_level(exams({OVAL: 0.9}, [OVAL], count=5), neutral()).words_measured
    assert not with_word_level(exams({OVAL: 0.9}, []), neutral()).words_measured


def test_an_axis_that_a_dataset_does_not_label_is_not_counted():
    point = replace(neutral(), least_word=0.0)
    both = [*exams({OVAL: 0.9, SPICULATED: 0.9}, [SPICULATED], 3, dataset="films"), *exams({OVAL: 0.9}, [OVAL], 2)]
    counted = words_at(both, point).words
    assert (counted.right, counted.wrong, counted.missed) == (5, 0, 0)


@pytest.mark.parametrize(("x", "kinds"), [(100, (1, 0, 0)), (600, (0, 1, 1))])
def test_a_mark_beside_the_lesion_is_a_wrong_kind_and_a_missed_one(x, kinds):
    counted = words_at([seen("e", [mark(x, 0.9, words={OVAL: 0.9})], [lesion("t", 100, words=[OVAL])])], neutral())
    assert (counted.kinds.right, counted.kinds.wrong, counted.kinds.missed) == kinds
    assert (counted.words.right, counted.words.wrong, counted.words.missed) == kinds
