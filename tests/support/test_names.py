"""Look-ups that suggest, and ids as folder names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up
from mammoscribe.support.names import folder_name

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_a_known_name_is_found():
    assert look_up("a", {"a": 1}, "letter") == 1


def test_an_unknown_name_brings_the_nearest_or_the_first_known_ones():
    table = {"starter": 1, "biovil_t": 2}
    with pytest.raises(InputError, match=r"no reader is called 'startr'; did you mean starter\?"):
        look_up("startr", table, "reader")
    with pytest.raises(InputError, match="biovil_t, starter"):
        look_up("zzz", table, "reader")


@given(ids)
def test_any_id_makes_one_path_component(text):
    name = folder_name(text)
    assert name not in ("", ".", "..")
    assert "/" not in name
    assert "\0" not in name


@given(ids, ids)
def test_different_ids_make_different_folders(one, other):
    assert (folder_name(one) == folder_name(other)) == (one == other)


def test_ordinary_ids_stay_as_they_are():
    assert folder_name("exam_01-R") == "exam_01-R"
