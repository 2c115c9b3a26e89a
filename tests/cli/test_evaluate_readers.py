"""`evaluate --data`: a reader or results of `predict` against the labels of a prepared split."""

import csv
import hashlib
import json

import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from tests.cli.tiny_reader import write_tiny_reader
from tests.training.reader.lab import labelled_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Prepared: patients 0, 2, 3, 5 in `train`, 1 and 4 in `val`; the right breast of the even ones is malignant."""
    return labelled_lab(tmp_path_factory.mktemp("lab"))


def results(lab, path, prob=lambda patient, side: 0.8 if side == "R" and int(patient) % 2 == 0 else 0.1, extra=()):
    """A table of answers for every breast of the lab."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["exam_id", "laterality", "prob_malignant", "birads", "density"])
        for stored in PreparedDataset(lab):
            for side in "RL":
                p = prob(stored.record.patient_id, side)
                writer.writerow([stored.record.id, side, p, "0" if p > 0.5 else "1", "b"])
        writer.writerows(extra)
    return path


def test_results_of_predict_are_measured_against_labels(run, lab, tmp_path):
    table = results(lab, tmp_path / "results.csv")
    shown = run(
        "evaluate",
        "--predictions",
        table,
        "--data",
        lab,
        "--split",
        "train",
        "--out",
        tmp_path / "card",
        "--draws",
        100,
    )
    assert shown.exit_code == 0, shown.output
    card = json.loads((tmp_path / "card" / "card.json").read_text())
    figures = {f["name"]: f["candidates"][0] for f in card["figures"]}
    assert (card["exams"], card["patients"], card["split"]) == (4, 4, "train")
    assert figures["malignant breast: AUC"]["value"] == 1.0
    assert (figures["malignant breast: AUC"]["n"], figures["malignant breast: AUC"]["positives"]) == (8, 2)
    assert (tmp_path / "card" / "card.md").read_text() in shown.stdout
    assert (tmp_path / "card" / "card.html").read_text().startswith("<!doctype html>")
    assert len(list((tmp_path / "card").glob("outputs-*.jsonl"))) == 1
    assert "personal data" in shown.stdout


def test_two_tables_are_compared(run, lab, tmp_path):
    good = results(lab, tmp_path / "good.csv")
    poor = results(lab, tmp_path / "poor.csv", lambda patient, side: 0.5)
    shown = run("evaluate", "--predictions", good, "--predictions", poor, "--data", lab, "--split", "train",
                "--out", tmp_path / "card", "--draws", 100)  # fmt: skip
    assert shown.exit_code == 0, shown.output
    card = json.loads((tmp_path / "card" / "card.json").read_text())
    assert next(d for d in card["differences"] if d["name"] == "malignant breast: AUC")["difference"] == 0.5
    assert "## good.csv against poor.csv" in (tmp_path / "card" / "card.md").read_text()


def test_a_threshold_is_fixed_on_another_split(run, lab, tmp_path):
    table = results(lab, tmp_path / "results.csv", lambda patient, side: (int(patient) + 1) / 10 - (side == "L") * 0.05)
    options = ("--predictions", table, "--data", lab, "--out", tmp_path / "card", "--draws", 100)
    shown = run("evaluate", *options, "--split", "train", "--specificity", 0.6)
    assert shown.exit_code == 0, shown.output
    # val: patients 1 (0.2, 0.15) and 4 (malignant 0.5, 0.45); 0.45 keeps 2 of 3 negatives below it
    assert json.loads((tmp_path / "card" / "card.json").read_text())["threshold"]["value"] == 0.45


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "0 systems"),
        (("--model", "a", "--model", "b", "--predictions", "results.csv"), "3 systems"),
        (("--predictions", "results.csv", "--split", "test"), "no record in test"),
        (("--predictions", "results.csv", "--split", "val", "--specificity", "0.9"), "threshold fixed on val"),
        (
            ("--predictions", "results.csv", "--specificity", "0.9", "--threshold-split", "test"),
            "threshold fixed on test",
        ),
        (("--predictions", "results.csv", "--threshold", "0.5", "--specificity", "0.9"), "one of them"),
        (("--predictions", "results.csv", "--threshold-split", "val"), "--specificity"),
        (("--predictions", "results.csv", "--bench", "bench_v1"), "--bench"),
        (("--predictions", "absent.csv", "--split", "train"), "absent.csv is not there"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(run, lab, tmp_path, options, words):
    results(lab, tmp_path / "results.csv")
    given = [tmp_path / o if o.endswith(".csv") else o for o in options]
    shown = run("evaluate", "--data", lab, "--out", tmp_path / "card", *given)
    assert shown.exit_code == 2
    assert words in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "card" / "card.json").exists()


def test_a_fault_is_refused_and_measured_anyway_with_the_sentence_on_the_card(run, lab, tmp_path):
    table = results(lab, tmp_path / "results.csv")
    options = (
        "--predictions",
        table,
        "--data",
        lab,
        "--split",
        "train",
        "--trained-on",
        lab,
        "--out",
        tmp_path / "card",
    )
    again = labelled_lab(tmp_path / "again", 1)
    refused = run("evaluate", *options, "--trained-on", again, "--draws", 100)
    assert refused.exit_code == 2
    assert "patients of train are also in train of prepared" in refused.stderr
    assert not (tmp_path / "card" / "card.json").exists()
    measured = run("evaluate", *options, "--trained-on", again, "--draws", 100, "--anyway")
    assert measured.exit_code == 0
    assert "Note: 1 patients of train" in (tmp_path / "card" / "card.md").read_text()


def test_data_and_reference_together_are_refused(run, lab, tmp_path):
    shown = run("evaluate", "--data", lab, "--reference", tmp_path / "r.csv", "--out", tmp_path / "card")
    assert shown.exit_code == 2 and "--data" in shown.stderr


# --- plans --------------------------------------------------------------------------------------------------------

PLAN = """endpoints = ["malignant breast: AUC"]
split = "train"
draws = 100
threshold = 0.4

[bars]
"malignant breast: AUC" = 0.9
"""


def test_a_plan_decides_what_is_tested_and_is_on_the_card(run, lab, tmp_path):
    good, poor = results(lab, tmp_path / "good.csv"), results(lab, tmp_path / "poor.csv", lambda p, s: 0.5)
    (tmp_path / "plan.toml").write_text(PLAN)
    options = ("--predictions", good, "--predictions", poor, "--data", lab, "--out", tmp_path / "card")
    shown = run("evaluate", *options, "--plan", tmp_path / "plan.toml")
    assert shown.exit_code == 0, shown.output
    card = json.loads((tmp_path / "card" / "card.json").read_text())
    assert (card["split"], card["bootstrap_draws"], card["threshold"]["value"]) == ("train", 100, 0.4)
    assert [d["name"] for d in card["differences"]] == ["malignant breast: AUC"]
    assert card["plan"]["look"] == 1 and len(card["plan"]["sha256"]) == 64
    assert card["plan"]["sha256"] in (tmp_path / "card" / "card.md").read_text()
    assert card["plan"]["met"]["malignant breast: AUC"][1] is False


def test_a_plan_after_a_look_is_refused(run, lab, tmp_path):
    table = results(lab, tmp_path / "results.csv")
    options = ("--predictions", table, "--data", lab, "--out", tmp_path / "card")
    assert run("evaluate", *options, "--split", "train", "--draws", 100).exit_code == 0
    (tmp_path / "plan.toml").write_text(PLAN)
    late = run("evaluate", *options, "--plan", tmp_path / "plan.toml")
    assert late.exit_code == 2
    assert "was not written before the look" in late.stderr
    assert run("evaluate", *options, "--plan", tmp_path / "plan.toml", "--anyway").exit_code == 0
    assert "was not written before the look" in (tmp_path / "card" / "card.md").read_text()


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (PLAN, ("--draws", 200), "which says 100"),
        (PLAN.replace("threshold = 0.4", 'specificity = 0.9\nthreshold_split = "test"'), (), "threshold fixed on test"),
        (PLAN.replace("AUC", "AUK"), (), "malignant breast: AUK"),
        (PLAN.replace("draws = 100", "draws = 10"), (), "draws"),
    ],
)
def test_a_plan_that_contradicts_is_one_sentence(run, lab, tmp_path, text, options, words):
    table = results(lab, tmp_path / "results.csv")
    (tmp_path / "plan.toml").write_text(text)
    shown = run("evaluate", "--predictions", table, "--data", lab, "--out", tmp_path / "card",
                "--plan", tmp_path / "plan.toml", *options)  # fmt: skip
    assert shown.exit_code == 2
    assert words in shown.stderr
    assert not (tmp_path / "card" / "card.json").exists()


# --- abstention ---------------------------------------------------------------------------------------------------


def test_breasts_are_left_to_a_person_by_thresholds_fixed_on_another_split(run, lab, tmp_path):
    table = results(lab, tmp_path / "results.csv", lambda patient, side: (int(patient) + 1) / 10 - (side == "L") * 0.05)
    options = ("--predictions", table, "--data", lab, "--split", "train", "--out", tmp_path / "card", "--draws", 100)
    shown = run("evaluate", *options, "--abstain", 0.5)
    assert shown.exit_code == 0, shown.output
    card = json.loads((tmp_path / "card" / "card.json").read_text())
    # val: patient 4 has the malignant breast (0.5) and another (0.45), patient 1 two others (0.2, 0.15): one of these counts.
    # k = ceil(3 * 0.5) = 2nd of two others: 0.45; k = ceil(2 * 0.5) = 1st of one malignant: 0.5.
    (rule,) = card["abstention"]
    assert (rule["highest_probability_of_other"], rule["lowest_probability_of_malignant"]) == (0.45, 0.5)
    figures = {f["name"]: f["candidates"][0] for f in card["figures"]}
    # train: patients 0, 2 (malignant 0.1, 0.3), 3, 5; all but the right breast of 5 (0.6) and its left one (0.55) are below 0.45
    assert figures["breasts decided (alpha 0.5)"]["value"] == 1.0
    assert figures["malignant breasts whose set holds the truth (alpha 0.5)"]["value"] == 0.0
    assert figures["other breasts whose set holds the truth (alpha 0.5)"]["value"] == 4 / 6
    assert figures["decided breasts: wrong (alpha 0.5)"]["value"] == 4 / 8
    page = (tmp_path / "card" / "card.html").read_text()
    assert (
        "Breasts left to a person" in page
        and "Conformal abstention" in page
        and "one of a class from each patient" in page
    )
    assert run("evaluate", *options, "--abstain", 0.1).exit_code == 0
    assert "this answer is in every set" in (tmp_path / "card" / "card.md").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--abstain", "1.5"), "between 0 and 1"),
        (("--abstain", "0.1", "--split", "val"), "threshold fixed on val"),
        (("--abstain", "0.1", "--fold", "0/2"), "beside a fold"),
        (("--abstain", "0.1", "--threshold-split", "test"), "threshold fixed on test"),
    ],
)
def test_abstention_that_cannot_be_fixed_is_one_sentence(run, lab, tmp_path, options, words):
    table = results(lab, tmp_path / "results.csv")
    shown = run("evaluate", "--predictions", table, "--data", lab, "--out", tmp_path / "card", *options)
    assert shown.exit_code == 2 and words in shown.stderr, shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


# --- folds --------------------------------------------------------------------------------------------------------


def run_of(folder, left_out):
    """What `--fold` looks at of a run and its model: what was left out. The model itself is not read before the check."""
    (folder / "model").mkdir(parents=True)
    about = {"schema": "mammoscribe.run/1", "fields": {"task": {"left_out": left_out}}}
    (folder / "run.json").write_text(json.dumps(about))
    return write_tiny_reader(folder / "model")


def test_a_fold_is_measured_in_place_of_a_split(run, lab, tmp_path):
    table = results(lab, tmp_path / "results.csv")
    counts = []
    for part in ("0/2", "1/2"):
        out = tmp_path / part.replace("/", "of")
        shown = run("evaluate", "--predictions", table, "--data", lab, "--fold", part, "--out", out, "--draws", 100)
        assert shown.exit_code == 0, shown.output
        card = json.loads((out / "card.json").read_text())
        assert card["split"] == f"fold {part} of train and val" and not any("also in" in n for n in card["notes"])
        counts.append(card["exams"])
    held = [sum(int(hashlib.sha256(str(p).encode()).hexdigest(), 16) % 2 == k for p in range(6)) for k in (0, 1)]
    assert counts == held and min(counts) > 0


def test_a_model_that_did_not_leave_out_the_fold_is_refused(run, lab, tmp_path):
    for name, left_out, words in (
        ("other", "1/2", "left out the fold 1/2, and not 0/2"),
        ("none", None, "left_out=0/2"),
    ):
        model = run_of(tmp_path / name, left_out)
        shown = run("evaluate", "--model", model, "--data", lab, "--fold", "0/2", "--out", tmp_path / "card")
        assert shown.exit_code == 2 and words in shown.stderr, shown.stderr
        assert len(shown.stderr.strip().splitlines()) == 1
    own = run_of(tmp_path / "own", "0/2")
    shown = run("evaluate", "--model", own, "--data", lab, "--fold", "0/2", "--out", tmp_path / "card")
    assert "left" not in shown.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fold", "2/2"), "fold 2/2"),
        (("--fold", "0/2", "--split", "val"), "with the split val"),
        (("--fold", "0/2", "--specificity", "0.9"), "--threshold NUMBER"),
        (("--fold", "one"), "the fold 'one'"),
    ],
)
def test_a_fold_that_cannot_be_measured_is_one_sentence(run, lab, tmp_path, options, words):
    table = results(lab, tmp_path / "results.csv")
    shown = run("evaluate", "--predictions", table, "--data", lab, "--out", tmp_path / "card", *options)
    assert shown.exit_code == 2 and words in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
