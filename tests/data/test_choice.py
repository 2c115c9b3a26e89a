"""Several pictures of one view: one is read, and every other has its reason."""

from itertools import permutations

import pytest

from mammoscribe.data.choice import Candidate, choose


def dicom(name: str, **facts) -> Candidate:
    return Candidate(name, 1000, **{"has_header": True, "instance": f"uid of {name}", **facts})


def chosen(*candidates: Candidate) -> str:
    return candidates[choose(candidates)[0]].name


def reasons(*candidates: Candidate) -> dict[str, str]:
    return {candidates[i].name: reason for i, reason in choose(candidates)[1].items()}


FULL = dicom("full")
BEHIND = [
    (dicom("raw", is_raw=True), "a FOR PROCESSING image beside full"),
    (dicom("c-view", is_generated=True), "a 2D view synthesised from tomosynthesis beside full"),
    (dicom("displaced", is_displaced=True), "an implant-displaced view beside the full one, full"),
    (dicom("part", is_partial=True), "a partial view beside full"),
    (Candidate("a.png", 9999), "a picture without DICOM header beside full"),
]


@pytest.mark.parametrize(("other", "reason"), BEHIND)
def test_the_plain_full_view_goes_before_every_special_one(other, reason):
    assert reasons(FULL, other) == reasons(other, FULL) == {other.name: reason}


def test_many_are_sorted_out_at_once_in_any_order():
    everything = [FULL, *(other for other, _ in BEHIND)]
    for order in permutations(everything):
        assert reasons(*order) == {other.name: reason for other, reason in BEHIND}


def test_what_is_special_is_read_where_there_is_nothing_else():
    assert chosen(dicom("raw", is_raw=True)) == "raw"
    assert reasons(dicom("a", is_displaced=True, is_raw=True), dicom("b", is_displaced=True)) == {
        "a": "a FOR PROCESSING image beside b"
    }


def test_the_latest_repeat_is_read_even_when_it_is_smaller():
    early, late = dicom("early", acquired="20200102101500"), dicom("late", acquired="20200102101700")
    assert reasons(late, early) == reasons(early, late) == {"early": "an earlier repeat of late"}


def test_without_all_times_the_largest_is_read_and_of_equal_ones_the_last():
    small, large = Candidate("small.png", 10), Candidate("large.png", 20)
    assert reasons(large, small) == {"small.png": "a smaller repeat of large.png"}
    timed = dicom("timed", acquired="20200102101500")
    assert chosen(timed, dicom("untimed")) == "untimed"
    assert reasons(Candidate("1.png", 10), Candidate("2.png", 10)) == {"1.png": "a repeat, listed before 2.png"}


def test_an_object_that_comes_twice_is_taken_once():
    same = dicom("copy", instance="uid of full")
    assert reasons(FULL, same) == {"copy": "the same object as full (SOP Instance UID)"}
    assert reasons(same, FULL, dicom("raw", is_raw=True)) == {
        "full": "the same object as copy (SOP Instance UID)", "raw": "a FOR PROCESSING image beside copy",
    }  # fmt: skip
    assert len(reasons(dicom("a", instance=""), dicom("b", instance=""))) == 1
