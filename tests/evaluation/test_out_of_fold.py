"""Pooled out-of-fold figures from a made-up cohort."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import rsna
from mammoscribe.data.folds import fold
from mammoscribe.data.rsna import RsnaBreast, RsnaExam, RsnaImage
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Laterality, Projection, View
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.out_of_fold import folds_of, join, out_of_fold_rows, read_predictions
from mammoscribe.support.errors import InputError


def made_up_exam(number: int, rng: np.random.Generator) -> RsnaExam:
    views = tuple(View(f"{s}_CC", s, Projection.CC, 64, 64, "x.jpg") for s in Laterality)
    images = tuple(RsnaImage(Path("x.jpg"), "1", v.laterality, "CC", v, True, True) for v in views)
    breasts = tuple(
        RsnaBreast(s, bool(rng.random() < 0.4), "abcd"[rng.integers(4)], None, False, False, False, False)
        for s in Laterality
    )
    exam = Exam(f"rsna-{number}", views, str(number))
    return RsnaExam(
        exam, str(number), images, breasts, float(rng.integers(40, 80)), str(29 + number % 2 * 20), "1", "train"
    )


@pytest.fixture
def cohort() -> list[RsnaExam]:
    rng = np.random.default_rng(0)
    return [made_up_exam(number, rng) for number in range(60)]


def write_predictions(path: Path, cohort, header: str, row) -> Path:
    lines = [row(e, b) for e in cohort for b in e.breasts]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def honest(exam, breast) -> str:
    cancer = 0.8 if breast.cancer else 0.2
    dense = 0.9 if breast.density in "cd" else 0.1
    return f"{exam.patient_id},{breast.laterality},{cancer},{dense},{fold(exam.patient_id)}"


HEADER = "patient_id,laterality,prob_cancer,prob_dense,fold"


def test_perfect_predictions_reach_every_bar(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", cohort, HEADER, honest)
    rows = {r.what: r for r in out_of_fold_rows(join(read_predictions([path]), cohort), num_draws=50)}
    assert rows["cancer AUC per breast, pooled out-of-fold"].value == 1.0
    assert all(r.met for r in rows.values() if r.bar is not None)
    assert {"cancer AUC, machine 29", "cancer AUC, machine 49"} <= set(rows)
    ages = [e.age for e in cohort for _ in e.breasts]
    labels = [b.cancer for e in cohort for b in e.breasts]
    assert rows["… age alone"].value == pytest.approx(auc(ages, labels))
    assert rows["… gain over age alone (paired)"].value == pytest.approx(1 - auc(ages, labels))


def test_the_logits_that_the_recipe_writes_are_read(cohort, tmp_path):
    def row(exam, breast):
        dense = [0, 0, 9, 9] if breast.density in "cd" else [9, 9, 0, 0]
        logit = 3 if breast.cancer else -3
        return f"{exam.patient_id},{breast.laterality},{logit},{','.join(map(str, dense))},{fold(exam.patient_id)}"

    header = "patient_id,laterality,malignant_logit,density_a,density_b,density_c,density_d,fold"
    found = read_predictions([write_predictions(tmp_path / "p.csv", cohort, header, row)])
    first = cohort[0]
    read = found[first.patient_id, "R"]
    assert read.cancer == pytest.approx(0.953 if first.breasts[0].cancer else 0.047, abs=1e-3)
    assert read.dense == pytest.approx(1.0 if first.breasts[0].density in "cd" else 0.0, abs=1e-3)


def test_a_fold_that_is_missing_is_refused(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", [e for e in cohort if fold(e.patient_id) != 2], HEADER, honest)
    with pytest.raises(InputError, match="have no prediction"):
        join(read_predictions([path]), cohort)


def test_folds_that_are_given_can_be_measured_alone(cohort, tmp_path):
    own = [e for e in cohort if fold(e.patient_id) == 2]
    found = read_predictions([write_predictions(tmp_path / "p.csv", own, HEADER, honest)])
    cases = join(found, cohort, folds={2})
    assert folds_of(cases) == [2]
    assert len(cases) == 2 * len(own)
    assert "… machine alone" not in {r.what for r in out_of_fold_rows(cases, num_draws=20)}
    del found[own[0].patient_id, "R"]
    with pytest.raises(InputError, match=r"1 of \d+ breasts have no prediction.*of the folds that are given"):
        join(found, cohort, folds={2})
    with pytest.raises(InputError, match="0 of 0 breasts"):
        join({}, cohort, folds=())


@pytest.mark.parametrize(("given", "named"), [((0,), "fold 0 only"), ((1, 3), "folds 1, 3 only")])
def test_the_command_says_that_only_some_folds_were_measured_and_holds_up_no_bar(
    given, named, cohort, tmp_path, monkeypatch, capsys
):
    own = [e for e in cohort if fold(e.patient_id) in given]
    path = write_predictions(tmp_path / "p.csv", own, HEADER, honest)
    monkeypatch.setattr(rsna, "read_rsna", lambda folder: cohort)
    monkeypatch.setattr("sys.argv", ["rsna.py", str(path), "--draws", "20"])
    assert rsna.main() == 2
    assert "expected all folds" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["rsna.py", str(path), "--draws", "20", "--folds-given"])
    assert rsna.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"RSNA, {named}, {2 * len(own)} breasts of {len(own)} patients")
    assert ">=" not in printed


def test_all_folds_given_are_the_pooled_figure_with_its_bars(cohort, tmp_path, monkeypatch, capsys):
    path = write_predictions(tmp_path / "p.csv", cohort, HEADER, honest)
    monkeypatch.setattr(rsna, "read_rsna", lambda folder: cohort)
    monkeypatch.setattr("sys.argv", ["rsna.py", str(path), "--draws", "20", "--folds-given"])
    assert rsna.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("RSNA, 60 patients, images only, pooled out-of-fold")
    assert ">= 0.7" in printed


def test_a_patient_predicted_by_a_network_that_met_it_is_refused(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", cohort, HEADER, lambda e, b: honest(e, b)[:-1] + "9")
    with pytest.raises(InputError, match="by the hash rule"):
        read_predictions([path])


def test_a_breast_predicted_twice_is_refused(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", cohort, HEADER, honest)
    with pytest.raises(InputError, match="predicted twice"):
        read_predictions([path, path])


def test_a_missing_file_or_column_is_one_clear_sentence(cohort, tmp_path):
    with pytest.raises(InputError, match="no predictions in"):
        read_predictions([tmp_path / "none.csv"])
    path = write_predictions(tmp_path / "p.csv", cohort, "patient_id,laterality,prob_cancer,x,fold", honest)
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions([path])
