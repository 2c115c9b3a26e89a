"""What rows of a lab's table say: days in the usual forms, values made alike, and nothing guessed."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.own_folder.said import date_of, one, split_of, tidy
from mammoscribe.support.errors import InputError


@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    st.sampled_from(["", " 10:05", "T10:05:59", " 00:00:00", "T10:05:59.5Z"]),
)
def test_a_day_is_read_in_every_form_that_can_mean_one_day_only(day, time):
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%Y.%m.%d"):
        assert date_of(f"{day:{form}}{time}") == day


@pytest.mark.parametrize(
    "text",
    ["01/02/2020", "2020-13-01", "2020-1-2", "soon", "2020-01-02 or later", "20200102123", "2020-0102", "1.2.20"],
)
def test_another_form_is_told(text):
    with pytest.raises(InputError, match="the date"):
        date_of(text)


def test_no_text_is_no_day():
    assert date_of("") is None


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
