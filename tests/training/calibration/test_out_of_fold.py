"""Left-out patients: each is seen by the run that did not learn from it, and no breast scales its own probability."""

import json

import pytest

from mammoscribe.data.folds import Fold
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration import out_of_fold
from mammoscribe.training.calibration.out_of_fold import LeftOut, breast_rows, fold_runs, mark_rows, write_predictions
from mammoscribe.training.reader.samples import BreastLabels
from tests.training.calibration.made import lesion, mark, seen


def run_folder(path, left_out, finished=True):
    path.mkdir()
    about = {"schema": "mammoscribe.run/1", "fields": {"task": {"left_out": left_out}}}
    (path / "run.json").write_text(json.dumps(about))
    if finished:
        (path / "model").mkdir()
        (path / "model" / "card.json").write_text("{}")
    return path


def test_runs_are_known_by_the_fold_that_they_left_out(tmp_path):
    folders = [run_folder(tmp_path / f"r{i}", f"{i}/3") for i in (2, 0, 1)]
    assert [r.fold for r in fold_runs(folders)] == [Fold(0, 3), Fold(1, 3), Fold(2, 3)]


@pytest.mark.parametrize("given", [("0/2",), ("0/2", "0/2"), ("0/2", "1/2", "1/3"), ("0/3", "1/2")])
def test_a_fold_that_is_missing_or_comes_twice_is_refused(given, tmp_path):
    folders = [run_folder(tmp_path / f"r{i}", text) for i, text in enumerate(given)]
    with pytest.raises(InputError, match="once"):
        fold_runs(folders)


def test_a_run_that_left_nobody_out_or_is_not_finished_is_refused(tmp_path):
    with pytest.raises(InputError, match="left out no patients"):
        fold_runs([run_folder(tmp_path / "a", None)])
    with pytest.raises(InputError, match="has no model yet"):
        fold_runs([run_folder(tmp_path / "b", "0/2", finished=False)])
    with pytest.raises(InputError, match="holds no run"):
        fold_runs([tmp_path])


def test_each_patient_is_seen_by_the_run_that_left_it_out_and_the_test_split_by_none(tmp_path, monkeypatch):
    runs = fold_runs([run_folder(tmp_path / f"r{i}", f"{i}/2") for i in range(2)])
    patients = {"train": [f"p{i}" for i in range(12)], "val": ["v1", "v2", "v3"], "test": ["t1", "t2"]}
    monkeypatch.setattr(out_of_fold, "load_reader", lambda folder: folder)
    monkeypatch.setattr(out_of_fold, "with_parts", lambda reader, parts: (reader, parts))
    monkeypatch.setattr(out_of_fold, "PreparedDataset", lambda folder, split: patients[split])
    monkeypatch.setattr(
        out_of_fold, "see", lambda reader, dataset, chosen: ((reader, p) for p in dataset if chosen(p))
    )  # fmt: skip
    seen = {e.seen[1]: (e.fold, e.seen[0]) for r in runs for e in out_of_fold.see_left_out(r, "parts", [tmp_path])}
    assert seen.keys() == {*patients["train"], *patients["val"]}
    for patient, (left_out, (folder, parts)) in seen.items():
        assert (
            left_out.holds(patient) and folder == str(tmp_path / f"r{left_out.number}" / "model") and parts == "parts"
        )
    some = out_of_fold.see_left_out(runs[0], "parts", [tmp_path], lambda patient: patient == "v1")
    assert {e.seen[1] for e in some} <= {"v1"}


def cohort(turned=()):
    """Thirty labelled breasts in three folds; the labels of the folds in `turned` are turned round."""
    exams = []
    for i in range(30):
        label = int(i % 2) ^ int(i % 3 in turned)
        told = seen(
            f"p{i}", malignant=(i % 2) + 0.1 * (i % 5), right=BreastLabels(malignant=label), density=(0, 0, 2, 0)
        )
        exams.append(LeftOut(Fold(i % 3, 3), told))
    return exams


def test_a_fold_s_own_labels_do_not_move_its_predictions():
    before, after = breast_rows(cohort()), breast_rows(cohort(turned={1}))
    same = [a["prob_cancer"] == b["prob_cancer"] for a, b in zip(before, after, strict=True)]
    assert all(s for s, row in zip(same, before, strict=True) if row["fold"] == "1/3")
    assert not any(s for s, row in zip(same, before, strict=True) if row["fold"] != "1/3")
    assert before[1]["prob_cancer"] > before[0]["prob_cancer"]


def test_density_c_or_d_is_the_share_of_its_two_logits_and_the_letter_is_the_likeliest():
    e = 2.718281828
    row = breast_rows(cohort())[0]
    assert row["letter"] == "c"
    assert row["prob_dense"] == pytest.approx((e**2 + 1) / (e**2 + 3), abs=1e-5)


def test_without_labels_to_scale_it_a_probability_is_blank():
    assert {r["prob_cancer"] for r in breast_rows([LeftOut(Fold(0, 2), seen("p", right=BreastLabels(density=1)))])} == {
        ""
    }


def test_a_view_is_a_row_with_its_marks_and_true_boxes():
    exam = seen(
        "p",
        [mark(100, 0.9, look=0.5, words={"shape.oval": 0.8}), mark(300, 0.2)],
        [lesion("t", 100)],
        right=BreastLabels(malignant=1),
    )
    right, left = mark_rows(LeftOut(Fold(2, 5), exam))
    assert (right["view"], right["fold"], right["malignant"], left["malignant"]) == ("R_MLO", "2/5", 1, -1)
    first = right["marks"][0]
    assert (first["box"], first["score"], first["crop_score"], first["type"]) == (
        [100, 100, 140, 140],
        0.9,
        0.5,
        "mass",
    )
    assert first["suspicion"] == 0.5 and set(first["words"]) == {"shape", "margin", "density"}
    assert max(first["words"]["shape"], key=first["words"]["shape"].get) == "shape.oval"
    lesion_row = {"box": [100, 100, 140, 140], "type": "mass", "descriptors": [], "suspicion": None}
    assert right["truth"] == [lesion_row] and not left["truth"]


def test_both_files_are_written_and_unlabelled_breasts_have_no_row(tmp_path):
    write_predictions(cohort(), tmp_path)
    assert len((tmp_path / "breasts.csv").read_text().splitlines()) == 31
    assert len(json.loads((tmp_path / "marks.json").read_text())["views"]) == 60
