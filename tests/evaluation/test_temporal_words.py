"""Temporal entity matching: sets of the listed words, compared by F1."""

import pytest

from mammoscribe.evaluation.temporal_words import (
    TEMPORAL_WORDS,
    temporal_entity_matching,
    temporal_f1,
    temporal_words,
)
from mammoscribe.support.errors import InputError


def test_the_list_is_the_published_one_in_size():
    assert len(TEMPORAL_WORDS) == 44
    assert {"worsening", "unchanged", "decreased", "new"} <= TEMPORAL_WORDS


def test_whole_words_count_whatever_their_case():
    assert temporal_words("Unchanged. The newly STABLE mass is new; renewal") == {"unchanged", "stable", "new"}


@pytest.mark.parametrize(
    ("written", "reference", "expected"),
    [
        ("a mass", "no mass", 1.0),
        ("a new mass", "a mass", 0.0),
        ("a mass", "stable mass", 0.0),
        ("stable", "a stable, stable mass", 1.0),
        ("new and larger", "larger", 2 / 3),
        ("worse", "worsening", 0.0),
    ],
)
def test_f1_of_two_sets(written, reference, expected):
    assert temporal_f1(written, reference) == pytest.approx(expected)
    assert temporal_f1(reference, written) == pytest.approx(expected)


def test_reports_are_averaged_and_have_to_be_pairs():
    assert temporal_entity_matching(["new", "stable", ""], ["new", "worse", ""]) == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="1 reports beside 2"):
        temporal_entity_matching(["a"], ["a", "b"])
    with pytest.raises(InputError):
        temporal_entity_matching([], [])
