"""Exams: any subset of the four views, never a contradiction."""

import datetime as dt
from dataclasses import replace

import pytest

from mammoscribe.domain.exam import Exam, SetAside
from mammoscribe.domain.view import Origin, Role
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import CC, EARLIER, MLO, TODAY, L, R, make_exam, make_view


def test_views_come_in_hanging_order_whatever_the_order_given():
    exam = make_exam(views=(make_view(L, MLO), make_view(R, MLO), make_view(L, CC), make_view(R, CC)))
    assert [v.name for v in exam.current] == ["R CC", "L CC", "R MLO", "L MLO"]


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ((), "no current view"),
        ((make_view(role=Role.PRIOR),), "no current view"),
        ((make_view(), make_view(R, MLO, id="R_CC")), "repeat"),
        ((make_view(), make_view(id="again")), "two views of one kind"),
        ((make_view(date=EARLIER), make_view(role=Role.PRIOR, date=TODAY)), "prior before the exam"),
        ((make_view(date=TODAY), make_view(role=Role.PRIOR, date=TODAY)), "prior before the exam"),
    ],
)
def test_a_contradictory_exam_cannot_be_built(views, message):
    with pytest.raises(InvalidNoun, match=message):
        Exam("e1", views)


def test_an_exam_needs_an_id():
    with pytest.raises(InvalidNoun, match="without an id"):
        make_exam(id="")


def test_an_indication_is_words_or_none():
    assert make_exam().indication is None
    with pytest.raises(InvalidNoun, match="blank indication"):
        make_exam(indication=" ")


def test_one_breast_alone_is_an_exam_that_knows_which_breast_was_imaged():
    exam = make_exam(sides=(L,))
    assert exam.imaged == (L,)
    assert exam.views_of(R) == ()
    assert make_exam().imaged == (R, L)


def test_a_view_finds_its_own_prior():
    exam = make_exam(prior=True)
    prior = exam.prior_of(exam.view("L_MLO"))
    assert prior is not None
    assert prior.id == "prior_L_MLO"
    assert (exam.date, exam.prior_date) == (TODAY, EARLIER)
    assert make_exam().prior_of(make_exam().view("L_MLO")) is None


def test_an_undated_prior_is_a_prior():
    exam = Exam("e1", (make_view(date=TODAY), make_view(role=Role.PRIOR)))
    assert exam.prior_date is None
    assert len(exam.prior) == 1


def test_an_unknown_view_is_refused_with_the_known_ones():
    with pytest.raises(InvalidNoun, match=r"no view 'X'.*R_CC"):
        make_exam().view("X")


def test_dates_are_of_the_current_views():
    exam = Exam("e1", (make_view(), make_view(L, date=dt.date(2026, 3, 4))))
    assert exam.date == dt.date(2026, 3, 4)


@pytest.mark.parametrize("patient", ["PHANTOM^SEVEN", "PHANTOM-99", "DOE^JANE", None])
def test_a_patients_name_never_makes_an_exam_synthetic(patient):
    assert make_exam(patient_id=patient).origin is Origin.ACQUIRED


def test_an_exam_is_synthetic_when_its_files_are_and_never_half_of_it():
    drawn = make_view(R, CC, origin=Origin.SYNTHETIC)
    assert Exam("e1", (drawn,), "DOE^JANE").synthetic
    with pytest.raises(InvalidNoun, match="mixes synthetic and acquired"):
        Exam("e1", (drawn, make_view(R, MLO)))


def test_a_missing_view_is_explained_by_the_file_that_was_set_aside_for_it():
    spot = SetAside("spot.dcm", "a magnification view", R, MLO)
    exam = make_exam(views=(make_view(R, CC),), set_aside=(spot,))
    assert exam.why_missing(R, MLO) == "set aside: a magnification view"
    assert exam.why_missing(L, CC) == "not in this exam"
    with pytest.raises(InvalidNoun, match="without its name or reason"):
        SetAside("spot.dcm", " ")


def test_months_between_exam_and_prior_need_both_dates():
    assert make_exam(prior=True).months_since_prior == pytest.approx(12.0, abs=0.1)
    assert make_exam().months_since_prior is None


def test_withheld_dates_keep_the_interval_and_contradict_dates_that_are_there():
    undated = tuple(replace(view, date=None) for view in make_exam(prior=True).views)
    exam = Exam("e1", undated, dates_withheld=True, days_since_prior=730)
    assert exam.months_since_prior == pytest.approx(23.98, abs=0.01)
    for wrong in ({"days_since_prior": 730}, {"dates_withheld": True, "days_since_prior": 0}):
        with pytest.raises(InvalidNoun, match="has an interval of"):
            Exam("e1", undated, **wrong)
    with pytest.raises(InvalidNoun, match="has an interval of"):
        Exam("e1", undated[:4], dates_withheld=True, days_since_prior=9)
    with pytest.raises(InvalidNoun, match="has dates and withholds them"):
        make_exam(dates_withheld=True)
