"""Priors: the latest earlier record of the same patient."""

import datetime as dt

import pytest

from mammoscribe.data.chronology import Chronology
from tests.data.some_records import study


def priors(*records):
    with Chronology() as chronology:
        chronology.add_all(records)
        return [chronology.prior_of(r) for r in records]


def test_the_prior_is_the_latest_earlier_record_of_the_patient_whatever_their_order():
    records = [
        study("c", day="2020-03-01"), study("a", day="2018-03-01"), study("b", day="2019-03-01"),
        study("z", "p2", day="2017-01-01"),
    ]  # fmt: skip
    assert priors(*records) == ["b", None, "a", None]


def test_a_record_without_a_date_has_no_prior_and_is_none():
    assert priors(study("a"), study("b", day="2020-01-01")) == [None, None]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (dt.time(9), dt.time(10), [None, "a"]),
        (dt.time(10), dt.time(10), [None, None]),
        (None, dt.time(10), [None, None]),
        (dt.time(9), None, [None, None]),
        (dt.time(9), dt.time(9, 0, 0, 500), [None, "a"]),
    ],
)
def test_on_one_day_the_time_decides_and_without_it_neither_is_the_others_prior(first, second, expected):
    one, two = study("a", day="2020-01-01", time=first), study("b", day="2020-01-01", time=second)
    assert priors(one, two) == expected
