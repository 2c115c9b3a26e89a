"""`compare`: figures of sentence pairs on one line, the pairs in a table when asked for."""

import csv

import pytest

from tests.cli.joint_house import Loads, stand_in

PAIRS = "sentence_1,sentence_2,label\nbright,bright one,paraphrase\nbright,dark,contradiction\na,b,neutral\n"


@pytest.fixture
def loads(monkeypatch) -> Loads:
    return stand_in(monkeypatch)


def test_pairs_give_accuracy_and_auc_and_neutral_ones_are_told(run, loads, tmp_path):
    (tmp_path / "p.csv").write_text(PAIRS)
    shown = run("compare", tmp_path / "p.csv", "--out", tmp_path / "r.csv")
    assert shown.exit_code == 0, shown.output
    assert "accuracy 1.0000 at 0.5000 (fitted on these pairs), ROC-AUC 1.0000" in shown.stdout
    assert "1 neutral pairs are left out" in shown.stderr
    with (tmp_path / "r.csv").open() as stream:
        assert [(r["similarity"], r["alike"]) for r in csv.DictReader(stream)] == [("1.0000", "yes"), ("0.0000", "no")]


def test_a_threshold_from_elsewhere_is_used(run, loads, tmp_path):
    (tmp_path / "p.csv").write_text(PAIRS)
    assert "accuracy 0.5000 at -0.5000 (as given)" in run("compare", tmp_path / "p.csv", "--threshold", "-0.5").stdout


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
