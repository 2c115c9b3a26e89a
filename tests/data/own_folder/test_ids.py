"""Ids that two sources write differently: what cannot be undone is said, what is alike is suggested."""

import pytest

from mammoscribe.data.own_folder.ids import KnownIds, lost_by_a_spreadsheet, plain_id, why_unlike


@pytest.mark.parametrize("text", ["1.23457E+11", "1,23457E+11", "1E+15", "-2.5e+12", "#NAME?", "########", "#N/A"])
def test_an_id_that_a_spreadsheet_lost_is_said_to_be(text):
    assert text in lost_by_a_spreadsheet(text) and "spreadsheet" in lost_by_a_spreadsheet(text)


@pytest.mark.parametrize("text", ["123456789010", "1E15", "E+11", "A1.5E+2B", "1.2.840", "00123", "#1", "2E", "12-A"])
def test_other_ids_are_left_alone(text):
    assert lost_by_a_spreadsheet(text) == ""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("00123", "123"),
        ("123.0", "123"),
        ("A-00123", "a123"),
        ("ACC 17/4", "acc174"),
        ("X0007Y0010", "x7y10"),
        ("p_1", "P1"),
    ],
)
def test_what_programs_do_to_ids_makes_no_difference_to_the_plain_form(first, second):
    assert plain_id(first) == plain_id(second)


def test_different_ids_have_different_plain_forms():
    ids = ["1", "10", "100", "a1", "1a", "a10", "12", "102", "0"]
    assert len({plain_id(name) for name in ids}) == len(ids)


@pytest.mark.parametrize(
    ("written", "known", "why"),
    [
        ("123", "00123", "is it 00123, and did a spreadsheet change the id?"), ("a-17", "A17", "is it A17?"),
        ("ACC-2023-0018", "ACC-2023-0017", "is it ACC-2023-0017?"), ("1234567890123450000", "1234567890123456789", "keeps 15 digits"),
        ("zzz", "", ""),
    ],
)  # fmt: skip
def test_the_known_id_that_another_is_like_is_found(written, known, why):
    with KnownIds() as ids:
        for name in ["00123", "A17", "ACC-2023-0017", "1234567890123456789", "unlike"]:
            ids.add(name)
        assert ids.alike(written) == known
        assert why in why_unlike(written, ids.alike(written))


def test_an_id_that_became_a_date_is_said_to_be():
    assert "made a date of" in why_unlike("12-Mar", "3-12") and "made a date of" in why_unlike("Mar-12", "")
