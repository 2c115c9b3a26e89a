"""Folds: the hash rule is fixed for ever, and a fold is written I/K."""

import pytest

from mammoscribe.data.folds import Fold, fold
from mammoscribe.support.errors import InputError


def test_the_fold_rule_never_changes():
    assert {p: fold(p) for p in ("1", "5", "mias-3", "10049")} == {"1": 0, "5": 3, "mias-3": 0, "10049": 2}


def test_every_patient_is_in_one_fold_and_folds_are_about_even():
    patients = [f"p{i}" for i in range(3000)]
    sizes = [sum(Fold(n, 3).holds(p) for p in patients) for n in range(3)]
    assert sum(sizes) == 3000 and min(sizes) > 900


def test_a_fold_is_written_as_its_number_of_how_many():
    assert Fold.from_text(" 2/5 ") == Fold(2, 5) and str(Fold(2, 5)) == "2/5"


@pytest.mark.parametrize("text", ["5/5", "2", "", "a/b", "-1/5", "0/1", "1/2/3"])
def test_what_is_no_fold_is_refused(text):
    with pytest.raises(InputError, match="0/5"):
        Fold.from_text(text)


@pytest.mark.parametrize(("patient", "folds"), [("", 5), ("p", 1)])
def test_no_patient_and_one_fold_are_refused(patient, folds):
    with pytest.raises(InputError, match="no fold"):
        fold(patient, folds)
