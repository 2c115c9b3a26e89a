"""Splits by patient: each in one part, the same everywhere, and nobody moves when data is added."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.catalogue import read_splits
from mammoscribe.data.folds import fold
from mammoscribe.data.records import SPLITS, TextDocument
from mammoscribe.data.splits import (
    SplitRule,
    empty_parts,
    known_division,
    position,
    shares_of,
    split_groups,
    write_division,
)
from mammoscribe.support.errors import InputError
from tests.data.some_records import R, exam, study


def patients(count, start=0, **more):
    return [exam(f"e{n}", f"p{n}", **more) for n in range(start, start + count)]


NAMES = st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=8, unique=True)


@given(NAMES, NAMES, st.sampled_from(("", "x")))
def test_adding_patients_moves_nobody(some, more, salt):
    rule = SplitRule(salt=salt)
    first = split_groups([exam(f"e{n}", name) for n, name in enumerate(some)], rule)
    both = split_groups([exam(f"e{n}", name) for n, name in enumerate([*more, *some])], rule)
    assert {name: both[name] for name in some} == first


def test_all_records_of_a_patient_are_one_group_and_shares_hold_on_average():
    records = [exam(f"e{n}", f"p{n // 2}") for n in range(4000)]
    splits = split_groups(records, SplitRule((60, 15, 25)))
    assert len(splits) == 2000
    found = {part: percent for part, _, percent in shares_of(splits)}
    assert abs(found["train"] - 60) < 3 and abs(found["val"] - 15) < 3 and abs(found["test"] - 25) < 3


def test_the_division_is_the_same_for_ever():
    assert position("p7") == pytest.approx(0.77965, abs=1e-5)
    assert split_groups(patients(5), SplitRule()) == split_groups(patients(5)[::-1], SplitRule())
    other = split_groups(patients(200), SplitRule(salt="again"))
    assert other != split_groups(patients(200), SplitRule())


def labelled(counts, start=0):
    return [
        exam(f"{value}{n}", f"{value}{n}", breasts={R: {"birads": value}})
        for value, count in counts.items()
        for n in range(start, start + count)
    ]


def test_strata_have_their_shares_to_one_patient():
    records = labelled({"1": 50, "4": 11, "5": 3})
    splits = split_groups(records, SplitRule((60, 20, 20), stratify="birads"))
    for value, count in (("1", 50), ("4", 11), ("5", 3)):
        found = Counter(part for group, part in splits.items() if group[0] == value)
        for part, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)):
            assert abs(found[part] - share * count) < 1.01


def test_strata_keep_those_who_have_a_place():
    rule = SplitRule((60, 20, 20), stratify="birads")
    first = split_groups(labelled({"1": 30, "4": 7}), rule)
    both = split_groups(labelled({"1": 55, "4": 20}), rule, first)
    assert {group: both[group] for group in first} == first
    found = Counter(part for group, part in both.items() if group[0] == "4")
    assert all(abs(found[part] - share * 20) <= 1.01 for part, share in (("train", 0.6), ("val", 0.2), ("test", 0.2)))
    without = split_groups(labelled({"1": 55, "4": 20}), rule)
    assert {group: without[group] for group in first} != first  # so that keeping them is a thing


COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1)
SHARES = st.tuples(st.integers(1, 90), st.integers(0, 50), st.integers(0, 50))


@given(COUNTS, SHARES)
def test_every_stratum_has_its_shares_and_every_patient_one_part(counts, shares):
    splits = split_groups(labelled(counts), SplitRule(shares, stratify="birads"))
    assert set(splits) == {f"{value}{n}" for value, count in counts.items() for n in range(count)}
    for value, count in counts.items():
        found = Counter(part for group, part in splits.items() if group[0] == value)
        for part, share in zip(SPLITS, shares, strict=True):
            assert abs(found[part] - count * share / sum(shares)) < 1


@given(COUNTS, COUNTS, SHARES, st.sampled_from((None, "birads")))
def test_adding_patients_to_any_division_moves_nobody(counts, more, shares, label):
    rule = SplitRule(shares, stratify=label)
    first = split_groups(labelled(counts), rule)
    larger = {value: counts.get(value, 0) + more.get(value, 0) for value in {**counts, **more}}
    both = split_groups(labelled(larger), rule, first)
    assert {group: both[group] for group in first} == first
    assert len(both) == sum(larger.values())


def test_a_stratified_division_does_not_depend_on_the_order_of_records():
    records = labelled({"1": 40, "4": 20})
    rule = SplitRule((60, 20, 20), stratify="birads")
    assert split_groups(records, rule) == split_groups(records[::-1], rule)


def test_many_strata_of_one_patient_do_not_all_go_to_train():
    records = [exam(f"e{n}", f"p{n}", labels={"age": str(n)}) for n in range(200)]
    found = Counter(split_groups(records, SplitRule((80, 10, 10), stratify="age")).values())
    assert abs(found["train"] - 160) <= 2 and abs(found["val"] - 20) <= 2


def test_new_patients_fill_what_those_with_a_place_left_short():
    first = {f"4{n}": "train" for n in range(30)}
    splits = split_groups(labelled({"4": 50}), SplitRule((60, 20, 20), stratify="birads"), first)
    assert Counter(splits.values()) == {"train": 30, "val": 10, "test": 10}
    splits = split_groups(labelled({"4": 40}), SplitRule((60, 20, 20), stratify="birads"), first)
    assert Counter(splits.values()) == {"train": 30, "val": 5, "test": 5}


def test_a_division_is_known_to_the_rule_that_made_it_only(tmp_path):
    rule = SplitRule((60, 20, 20), stratify="birads")
    assert known_division(tmp_path, rule) is None
    splits = split_groups(labelled({"4": 9}), rule)
    write_division(tmp_path, splits, rule)
    assert known_division(tmp_path, SplitRule((60, 20, 20), stratify="birads")) == splits == read_splits(tmp_path)
    for other in (SplitRule((70, 10, 20), stratify="birads"), SplitRule((60, 20, 20)), replace(rule, salt="x")):
        assert known_division(tmp_path, other) is None
    (tmp_path / "splits.json").write_text("no rule")
    assert known_division(tmp_path, rule) is None


def test_a_rule_never_stands_beside_the_division_of_another(tmp_path, monkeypatch):
    rule = SplitRule()
    write_division(tmp_path, {"p": "train"}, rule)
    monkeypatch.setattr("mammoscribe.data.splits.write_text", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_division(tmp_path, {"p": "test"}, SplitRule(salt="x"))
    assert known_division(tmp_path, rule) is None


def test_a_division_with_other_parts_is_refused():
    with pytest.raises(InputError, match="the splits so far name 'dev'"):
        split_groups(labelled({"4": 2}), SplitRule(stratify="birads"), {"40": "dev"})


def test_a_report_may_be_the_stratum():
    records = [exam(f"e{n}", f"p{n}", **({} if n % 2 else {"report": None})) for n in range(20)]
    splits = split_groups(records, SplitRule((50, 0, 50), stratify="has_report"))
    assert Counter(splits[f"p{n}"] for n in range(0, 20, 2)) == {"train": 5, "test": 5}


def test_official_splits_are_kept_and_the_rest_is_divided():
    records = [exam("a", "pa", split="test"), exam("b", "pb", split="train"), *patients(50)]
    splits = split_groups(records, SplitRule())
    assert (splits["pa"], splits["pb"]) == ("test", "train")
    assert set(splits.values()) == {"train", "val", "test"}
    assert split_groups(records, SplitRule(official=False))["pa"] == split_groups([exam("a", "pa")], SplitRule())["pa"]


def test_a_patient_in_two_official_splits_is_an_error_unless_the_stricter_is_asked_for():
    records = [exam("a", "p", split="train"), exam("b", "p", split="test"), exam("c", "q", split="val")]
    with pytest.raises(InputError, match="1 patients into two parts \\(p in test and train\\)"):
        split_groups(records, SplitRule())
    assert split_groups(records, SplitRule(strictest=True)) == {"p": "test", "q": "val"}


def test_val_is_taken_from_official_train_when_asked():
    records = [*patients(300, split="train"), exam("t", "pt", split="test")]
    assert "val" not in split_groups(records, SplitRule()).values()
    splits = split_groups(records, SplitRule(val_from_train=20))
    assert splits["pt"] == "test"
    assert 40 < Counter(splits.values())["val"] < 80
    with pytest.raises(InputError, match="have a val"):
        split_groups([*records, exam("v", "pv", split="val")], SplitRule(val_from_train=20))
    with pytest.raises(InputError, match="from an official train"):
        split_groups(patients(9), SplitRule(val_from_train=20))


def test_what_official_splits_leave_no_room_for_is_refused():
    records = [exam("a", "pa", split="test"), *patients(9)]
    with pytest.raises(InputError, match="folds where 1 of 10 patients have an official split"):
        split_groups(records, SplitRule(folds=5))
    assert len(split_groups(records, SplitRule(folds=5, official=False))) == 10
    with pytest.raises(InputError, match="strata of age where every patient"):
        split_groups(records[:1], SplitRule(stratify="age"))


def test_a_file_that_puts_a_patient_into_two_splits_is_refused(tmp_path):
    (tmp_path / "splits.csv").write_text("group,split\np1,train\np2,val\np1,train\n")
    assert read_splits(tmp_path) == {"p1": "train", "p2": "val"}
    (tmp_path / "splits.csv").write_text("group,split\np1,train\np2,val\np1,test\n")
    with pytest.raises(InputError, match="line 4 puts p1 into test, and a line before it into train"):
        read_splits(tmp_path)


def test_folds_are_those_of_every_other_cross_validation():
    splits = split_groups(patients(100), SplitRule(folds=5, test_fold=3))
    assert {group for group, part in splits.items() if part == "test"} == {
        f"p{n}" for n in range(100) if fold(f"p{n}") == 3
    }
    assert Counter(splits.values())["train"] > 5 * Counter(splits.values())["val"] > 0


def test_other_kinds_are_divided_too():
    splits = split_groups([study("s"), TextDocument("t", "text")], SplitRule())
    assert set(splits) == {"p1", "t"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"shares": (0, 50, 50)}, "train/val/test"), ({"shares": (80, -10, 30)}, "train/val/test"),
        ({"folds": 5, "stratify": "age"}, "folds stratified by age"), ({"val_from_train": 100}, "100 percent"), ({"folds": 1}, "fold 0 of 1"), ({"folds": 5, "test_fold": 5}, "fold 5 of 5"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(given, told):
    with pytest.raises(InputError, match=told):
        SplitRule(**given)


def test_nothing_to_split_and_a_label_of_nobody_are_told():
    with pytest.raises(InputError, match="no record"):
        split_groups([], SplitRule())
    with pytest.raises(InputError, match="no record has the label size"):
        split_groups(patients(2), SplitRule(stratify="size"))


def test_parts_that_few_patients_leave_empty_are_known():
    few = {f"p{n}": "train" for n in range(6)}
    assert empty_parts(few, SplitRule()) == ("val", "test")
    assert empty_parts(few | {"p0": "test"}, SplitRule()) == ("val",)
    assert empty_parts(few, SplitRule(shares=(100, 0, 0))) == ()
    assert empty_parts(few, SplitRule(shares=(80, 20, 0), folds=5)) == ("val", "test")
    assert empty_parts({f"p{n}": "train" for n in range(200)}, SplitRule()) == ()
