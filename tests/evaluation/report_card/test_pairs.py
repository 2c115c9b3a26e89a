"""Two sides are joined by the ids of their exams, and nothing is left out without being named."""

import pytest

from mammoscribe.data.report_files import StoredReport
from mammoscribe.evaluation.report_card.pairs import join
from mammoscribe.support.errors import InputError


def side(**reports):
    """`a="text"` or `a=("text", "patient")`."""
    given = {i: (r if isinstance(r, tuple) else (r, None)) for i, r in reports.items()}
    return {i: StoredReport(i, text, patient) for i, (text, patient) in given.items()}


def test_exams_are_joined_in_the_order_of_the_reference():
    pairs = join(side(a=("one", "p"), b=("two", "q")), side(b="2", a="1"))
    assert (pairs.ids, pairs.candidates, pairs.patients) == (("a", "b"), ("1", "2"), ("p", "q"))
    assert pairs.patients_known


def test_without_patients_every_exam_is_one_of_its_own():
    pairs = join(side(a="one", b="two"), side(a="1", b="2"))
    assert (pairs.patients, pairs.patients_known) == (("a", "b"), False)


def test_missing_and_surplus_exams_are_named():
    with pytest.raises(InputError) as refused:
        join(side(a="one", b="two"), side(a="1", c="3"))
    assert "1 exams of the reference have no candidate report (b)" in refused.value.sentence()
    assert "1 candidate reports have no reference (c)" in refused.value.sentence()
    assert "--common" in refused.value.do


def test_what_is_left_out_on_request_is_listed():
    pairs = join(side(a="one", b="two"), side(a="1", c="3"), common_only=True)
    assert (pairs.ids, pairs.left_out) == (("a",), ("b", "c"))
    assert join(side(a="one", b="two"), side(a="1", b="2"), True, {"b"}).ids == ("b",)


def test_files_without_a_common_exam_are_refused_with_an_id_of_each():
    with pytest.raises(InputError, match="'a' and 'x'"):
        join(side(a="one"), side(x="1"), common_only=True)


def test_an_empty_candidate_is_a_report_and_an_empty_reference_is_none():
    assert join(side(a="one"), side(a="")).candidates == ("",)
    with pytest.raises(InputError, match="1 references are empty"):
        join(side(a=""), side(a="1"))


def test_shuffled_ids_are_found_where_both_sides_name_patients():
    reference, shuffled = side(a=("one", "p"), b=("two", "q")), side(a=("1", "q"), b=("2", "p"))
    with pytest.raises(InputError, match="different patients for 2 exams"):
        join(reference, shuffled)
