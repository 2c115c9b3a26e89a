"""What rows of a lab's table say: values made alike, and nothing guessed."""

import pytest

from mammoscribe.data.own_folder.values import one, split_of, tidy
from mammoscribe.support.errors import InputError


@pytest.mark.parametrize(
    ("label", "value", "expected"),
    [
        ("birads", "4.0", "4"), ("birads", "4", "4"), ("score", "0.50", "0.50"), ("score", "-1.0", "-1"), ("density", "C", "c"),
        ("density", "2", "b"), ("birads", "BI-RADS IV b", "4B"), ("birads", "many", "many"), ("density", "AB", "AB"), ("grade", "C", "C"), ("version", "1.0.0", "1.0.0"), ("x", "", ""),
    ],
)  # fmt: skip
def test_values_are_made_alike_where_their_meaning_is_the_same(label, value, expected):
    assert tidy(label, value) == expected


def test_one_value_is_taken_and_two_are_told():
    assert one("date", "e1", ["", "a", "a", ""]) == "a"
    assert one("date", "e1", ["", ""]) == ""
    with pytest.raises(InputError, match="exam e1 has more than one date: a, b; expected one"):
        one("date", "e1", ["a", "", "b"])


@pytest.mark.parametrize(
    ("word", "split"), [("Training", "train"), ("DEV", "val"), ("validation", "val"), ("test", "test"), ("", None)]
)
def test_usual_words_of_splits_are_known(word, split):
    assert split_of("e1", [word, ""]) == split
