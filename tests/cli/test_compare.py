"""`compare`: figures of sentence pairs on one line, the pairs in a table when asked for."""

import csv

import pytest

from mammoscribe.models.space_measures import SentenceThreshold, SpaceMeasures
from tests.cli.joint_house import Loads, stand_in
from tests.explain.fake_space import MeasuredBrightness, figures

PAIRS = "sentence_1,sentence_2,label\nbright,bright one,paraphrase\nbright,dark,contradiction\na,b,neutral\n"


@pytest.fixture
def loads(monkeypatch) -> Loads:
    return stand_in(monkeypatch)


def test_pairs_give_accuracy_and_auc_and_neutral_ones_are_told(run, loads, tmp_path):
    (tmp_path / "p.csv").write_text(PAIRS)
    shown = run("compare", tmp_path / "p.csv", "--out", tmp_path / "r.csv")
    assert shown.exit_code == 0, shown.output
    assert "accuracy 1.0000 at 0.5000 (fitted on these pairs, which flatters), ROC-AUC 1.0000" in shown.stdout
    assert "1 neutral pairs are left out" in shown.stderr
    with (tmp_path / "r.csv").open() as stream:
        rows = [(r["similarity"], r["says_the_same"], r["alike"]) for r in csv.DictReader(stream)]
    assert rows == [("1.0000", "not given", "yes"), ("0.0000", "not given", "no")]


def test_a_threshold_from_elsewhere_is_used(run, loads, tmp_path):
    (tmp_path / "p.csv").write_text(PAIRS)
    assert "accuracy 0.5000 at -0.5000 (as given)" in run("compare", tmp_path / "p.csv", "--threshold", "-0.5").stdout


def measured_space() -> MeasuredBrightness:
    space = MeasuredBrightness()
    chance = figures(low=0.45, population="others", auc=0.5, auc_high=0.55)
    told = {"a finding against its denial": figures(population="others", specificity=0.9), "sides": chance}
    space.measures = SpaceMeasures("0" * 64, sentences=SentenceThreshold(-0.5, figures(), told))
    return space


def test_the_threshold_of_the_card_is_used_and_what_it_tells_apart_is_printed(run, loads, tmp_path):
    loads.space = measured_space()
    (tmp_path / "p.csv").write_text(PAIRS)
    shown = run("compare", tmp_path / "p.csv", "--out", tmp_path / "r.csv")
    assert "accuracy 0.5000 at -0.5000 (fixed on pairs about 60 drawn exams), ROC-AUC 1.0000" in shown.stdout
    assert (
        "measured on pairs about 60 others: a finding against its denial: 0.71 of those that say the same"
        in shown.stdout
    )
    assert (
        "0.90 of the others right; sides: cannot be told apart (AUC 0.50, 95 % interval 0.45 to 0.55)" in shown.stdout
    )
    with (tmp_path / "r.csv").open() as stream:
        assert [r["says_the_same"] for r in csv.DictReader(stream)] == ["yes", "yes"]


def test_a_threshold_that_is_given_goes_before_that_of_the_card(run, loads, tmp_path):
    loads.space = measured_space()
    (tmp_path / "p.csv").write_text(PAIRS)
    shown = run("compare", tmp_path / "p.csv", "--threshold", "0.4").stdout
    assert "at 0.4000 (as given)" in shown and "told apart" not in shown


def test_a_file_without_pairs_is_refused_before_the_model_is_loaded(run, loads, tmp_path):
    (tmp_path / "p.csv").write_text("a,b\n")
    shown = run("compare", tmp_path / "p.csv")
    assert shown.exit_code == 2
    assert loads.asked == []


def test_one_kind_of_pair_has_no_auc_and_says_so(run, loads, tmp_path):
    (tmp_path / "p.csv").write_text("sentence_1;sentence_2;label\nbright;bright one;paraphrase\n")
    shown = run("compare", tmp_path / "p.csv")
    assert shown.exit_code == 0, shown.output
    assert "ROC-AUC not defined, as there is one kind of pair only" in shown.stdout
