"""Pooled out-of-fold figures from a made-up cohort."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import rsna
from mammoscribe.data.folds import fold
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.out_of_fold import Breast, join, out_of_fold_rows, read_breasts, read_predictions
from mammoscribe.support.errors import InputError


def made_up_breasts(number: int, rng: np.random.Generator) -> list[Breast]:
    age, machine = float(rng.integers(40, 80)), str(29 + number % 2 * 20)
    return [Breast(str(number), s, bool(rng.random() < 0.4), "abcd"[rng.integers(4)], age, machine) for s in Laterality]


@pytest.fixture
def cohort() -> list[Breast]:
    rng = np.random.default_rng(0)
    return [breast for number in range(60) for breast in made_up_breasts(number, rng)]


def write_predictions(path: Path, cohort, header: str, row) -> Path:
    lines = [row(b) for b in cohort]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def honest(breast) -> str:
    cancer = 0.8 if breast.cancer else 0.2
    dense = 0.9 if breast.density in "cd" else 0.1
    letter = breast.density
    return f"rsna-2023,{breast.patient_id},{breast.laterality},{cancer},{dense},{letter},{fold(breast.patient_id)}/5"


HEADER = "dataset,patient_id,laterality,prob_cancer,prob_dense,letter,fold"


def test_perfect_predictions_reach_every_bar(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", cohort, HEADER, honest)
    rows = {r.what: r for r in out_of_fold_rows(join(read_predictions(path), cohort), num_draws=50)}
    assert rows["cancer AUC per breast, pooled out-of-fold"].value == 1.0
    assert all(r.met for r in rows.values() if r.bar is not None)
    assert {"cancer AUC, machine 29", "cancer AUC, machine 49"} <= set(rows)
    ages, labels = [b.age for b in cohort], [b.cancer for b in cohort]
    assert rows["… age alone"].value == pytest.approx(auc(ages, labels))
    assert rows["… gain over age alone (paired)"].value == pytest.approx(1 - auc(ages, labels))


def test_a_letter_is_right_where_it_is_that_of_the_label_and_d_is_counted_apart(cohort, tmp_path):
    always_c = write_predictions(
        tmp_path / "p.csv", cohort, HEADER, lambda b: honest(b).replace(f",{b.density},", ",c,")
    )
    rows = {r.what: r for r in out_of_fold_rows(join(read_predictions(always_c), cohort), num_draws=20)}
    densities = [b.density for b in cohort]
    assert rows["… density letter exact"].value == pytest.approx(densities.count("c") / len(cohort))
    densest = rows["… d given where the label is d"]
    assert (densest.value, densest.n, densest.met) == (0.0, f"{densities.count('d')} breasts", False)


def test_rows_of_other_datasets_and_breasts_without_a_prediction_are_left_out(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", cohort[:2], HEADER, honest)
    path.write_text(path.read_text() + "mini-mias,mias-3,R,0.5,0.5,b,0/5\nrsna-2023,5,R,,0.5,b,0/5\n")
    assert set(read_predictions(path)) == {("0", "R"), ("0", "L")}


def test_a_fold_that_is_missing_is_refused(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", [b for b in cohort if fold(b.patient_id) != 2], HEADER, honest)
    with pytest.raises(InputError, match="have no prediction"):
        join(read_predictions(path), cohort)


def test_no_breast_at_all_is_refused():
    with pytest.raises(InputError, match="0 of 0 breasts"):
        join({}, [])


def test_the_command_prints_the_pooled_figure_with_its_bars(cohort, tmp_path, monkeypatch, capsys):
    path = write_predictions(tmp_path / "p.csv", cohort, HEADER, honest)
    monkeypatch.setattr(rsna, "read_breasts", lambda folder: cohort)
    monkeypatch.setattr("sys.argv", ["rsna.py", str(path), "--draws", "20"])
    assert rsna.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("RSNA, 60 patients, images only, pooled over 5 folds")
    assert ">= 0.7" in printed


def test_a_patient_predicted_by_a_network_that_met_it_is_refused(cohort, tmp_path):
    path = write_predictions(
        tmp_path / "p.csv", cohort, HEADER, lambda b: honest(b)[:-3] + f"{(fold(b.patient_id) + 1) % 5}/5"
    )
    with pytest.raises(InputError, match="by the hash rule"):
        read_predictions(path)


def test_a_breast_predicted_twice_is_refused(cohort, tmp_path):
    path = write_predictions(tmp_path / "p.csv", [*cohort, cohort[0]], HEADER, honest)
    with pytest.raises(InputError, match="predicted twice"):
        read_predictions(path)


def test_a_missing_file_or_column_is_one_clear_sentence(cohort, tmp_path):
    with pytest.raises(InputError, match="no predictions in"):
        read_predictions(tmp_path / "none.csv")
    path = write_predictions(tmp_path / "p.csv", cohort, "dataset,patient_id,laterality,prob_cancer,x,fold", honest)
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(path)


@pytest.mark.real
def test_every_labelled_breast_of_the_real_set_is_read_once(data_root):
    breasts = read_breasts(data_root / "rsna_512")
    with (data_root / "rsna_512" / "metadata.csv").open(newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if r["view"] in ("CC", "MLO")]
    expected = {(r["patient_id"], r["laterality"]): r for r in rows}
    assert len(breasts) == len(expected) == 1023
    for breast in breasts:
        row = expected[breast.patient_id, breast.laterality.value]
        assert breast.cancer == (row["cancer"] == "1") and (breast.density or "") == row["density"].lower()
        assert breast.machine == row["machine_id"] and breast.age == (float(row["age"]) if row["age"] else None)
