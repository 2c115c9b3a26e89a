"""`evaluate`: reads each exam once, goes on where it stopped, prints the report card."""

import json
from types import SimpleNamespace

import pytest

from mammoscribe.evaluation import reading_records, records
from mammoscribe.evaluation.records import ExamRecord


def empty_record(exam_id: str) -> ExamRecord:
    return ExamRecord(exam_id, ("R_CC",), False, (), (), (), (), (), {"truth": frozenset()}, {}, 0.1)


@pytest.fixture
def looked_at(house, monkeypatch):
    """Seeds that were read, with drawing and reading left out."""
    seen: list[str] = []

    def read_record(drawn, reader):
        seen.append(drawn.id)
        return empty_record(drawn.id)

    monkeypatch.setattr(reading_records, "read_record", read_record)
    monkeypatch.setattr(reading_records, "draw_exam", lambda seed, spec: SimpleNamespace(id=f"phantom-{seed}"))
    return seen


def test_a_run_goes_on_where_it_stopped(run, looked_at, tmp_path):
    assert run("evaluate", "--out", tmp_path, "--exams", 2).exit_code == 0
    shown = run("evaluate", "--out", tmp_path, "--exams", 3)
    assert looked_at == ["phantom-100000", "phantom-100001", "phantom-100002"]
    assert "| what" in shown.stdout
    (path,) = tmp_path.glob("records-validation-*.jsonl")
    assert len(records.read_records(path)) == 3


def test_another_reader_has_its_own_records(run, looked_at, house, tmp_path):
    run("evaluate", "--out", tmp_path, "--exams", 1)
    house.sha = "b" * 64
    run("evaluate", "--out", tmp_path, "--exams", 1)
    assert looked_at == ["phantom-100000"] * 2


def test_an_unknown_bench_is_refused_with_the_known_one(run, looked_at, tmp_path):
    shown = run("evaluate", "--out", tmp_path, "--bench", "bench_v9")
    assert shown.exit_code == 2
    assert "bench_v1" in shown.stderr


def test_no_folder_is_refused_before_anything_is_read(run, looked_at):
    shown = run("evaluate", "--exams", 2)
    assert shown.exit_code == 2
    assert "--out" in shown.stderr
    assert looked_at == []


# --- anybody's reports --------------------------------------------------------------------------------------------

REFERENCES = """exam_id,patient_id,report
1,p1,Right breast: spiculated mass at 10 o'clock. BI-RADS 4 right. ACR C.
2,p1,No mass or calcification in either breast. BI-RADS 1. ACR B.
3,p2,Left breast: grouped amorphous calcifications. BI-RADS 4 left. ACR B.
"""


@pytest.fixture
def files(tmp_path):
    """references.csv, good.csv with the same reports, poor.csv with one constant report."""
    (tmp_path / "references.csv").write_text(REFERENCES)
    rows = [line.split(",", 2) for line in REFERENCES.splitlines()[1:]]
    (tmp_path / "good.csv").write_text("exam_id,report\n" + "".join(f"{i},{r}\n" for i, _, r in rows))
    (tmp_path / "poor.csv").write_text(
        "exam_id,report\n" + "".join(f"{i},Both breasts are normal.\n" for i, *_ in rows)
    )
    return tmp_path


def evaluate(run, files, *options):
    return run("evaluate", "--reference", files / "references.csv", "--out", files / "card", "--draws", 100, *options)


def test_reports_are_scored_into_two_files(run, files):
    shown = evaluate(run, files, "--candidate", files / "good.csv")
    assert shown.exit_code == 0, shown.output
    card = json.loads((files / "card" / "card.json").read_text())
    assert (card["exams"], card["patients"], card["candidates"][0]["name"]) == (3, 2, "good.csv")
    assert "finding F1, pooled" in shown.stdout
    assert (files / "card" / "card.md").read_text() in shown.stdout
    assert card["differences"] == []


def test_two_candidates_are_compared(run, files):
    assert evaluate(run, files, "--candidate", files / "good.csv", "--candidate", files / "poor.csv").exit_code == 0
    card = json.loads((files / "card" / "card.json").read_text())
    found = {d["name"]: d for d in card["differences"]}
    assert found["finding-set F1, reports without any left out"]["difference"] == 1
    assert all(d["p_holm"] is None or d["p_holm"] >= d["p"] for d in found.values())


def test_columns_are_named_by_options(run, files):
    for name in ("references.csv", "good.csv"):
        path = files / name
        path.write_text(
            path.read_text().replace("exam_id", "Nr").replace("report", "Befund").replace("patient_id", "Person")
        )
    options = (
        "--candidate",
        files / "good.csv",
        "--id-column",
        "nr",
        "--text-column",
        "befund",
        "--patient-column",
        "person",
    )
    assert evaluate(run, files, *options).exit_code == 0
    assert json.loads((files / "card" / "card.json").read_text())["patients"] == 2


def test_an_exam_that_only_one_file_has_is_named_and_left_out_only_on_request(run, files):
    (files / "good.csv").write_text((files / "good.csv").read_text() + "9,BI-RADS 1.\n")
    refused = evaluate(run, files, "--candidate", files / "good.csv")
    assert refused.exit_code == 2
    assert "1 candidate reports have no reference (9)" in refused.stderr
    assert not (files / "card" / "card.json").exists()
    kept = evaluate(run, files, "--candidate", files / "good.csv", "--common")
    assert kept.exit_code == 0
    assert "1 exams are on one side only" in kept.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "0 candidates"),
        (("--candidate", "good.csv", "--candidate", "good.csv", "--candidate", "good.csv"), "3 candidates"),
        (("--candidate", "good.csv", "--bench", "bench_v1"), "--bench"),
        (("--candidate", "good.csv", "--model", "starter"), "--model"),
        (("--candidate", "absent.csv"), "absent.csv is not there"),
        (("--candidate", "good.csv", "--patient-column", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_sentence(run, files, options, words):
    shown = evaluate(run, files, *(files / o if o.endswith(".csv") else o for o in options))
    assert shown.exit_code == 2
    assert words in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert not (files / "card" / "card.json").exists()


def test_a_candidate_without_a_reference_is_refused(run, files):
    shown = run("evaluate", "--candidate", files / "good.csv", "--out", files / "card")
    assert shown.exit_code == 2
    assert "--candidate" in shown.stderr


def test_the_must_pass_suite_prints_a_rate_for_every_score(run):
    shown = run("evaluate", "--must-pass")
    assert shown.exit_code == 0
    assert "R-GREEN" in shown.stdout
    assert "BLEU-4" in shown.stdout
    assert run("evaluate", "--must-pass", "--exams", 3).exit_code == 2


# --- faults, training reports, reports of predict -----------------------------------------------------------------

SIDES = ("Right", "Left")


def many(folder, name, sides, shift=0, num=24):
    """A file of `num` reports of one mass at an hour and of a category that differ from exam to exam."""
    rows = []
    for i in range(num):
        j = (i + shift) % num
        side = sides[j % 2]
        category = "45"[j % 3 == 0]
        text = f"{side} breast: {('spiculated', 'oval', 'irregular')[j % 3]} mass at {1 + (5 * j) % 12} o'clock. BI-RADS {category} {side.lower()}."
        rows.append(f"{i},p{i},{text}\n")
    (folder / name).write_text("exam_id,patient_id,report\n" + "".join(rows))
    return folder / name


def test_exchanged_sides_are_refused_and_scored_only_anyway(run, tmp_path):
    reference, swapped = many(tmp_path, "r.csv", SIDES), many(tmp_path, "c.csv", SIDES[::-1])
    options = ("evaluate", "--reference", reference, "--candidate", swapped, "--out", tmp_path / "card", "--draws", 100)
    refused = run(*options)
    assert refused.exit_code == 2
    assert "right and left exchanged than as given" in refused.stderr
    assert not (tmp_path / "card").exists()
    assert run(*options, "--anyway").exit_code == 0
    assert "Note: c.csv: agreement is higher with right and left" in (tmp_path / "card" / "card.md").read_text()


def test_shuffled_ids_are_refused(run, tmp_path):
    reference, shuffled = many(tmp_path, "r.csv", SIDES), many(tmp_path, "c.csv", SIDES, shift=7)
    options = (
        "evaluate",
        "--reference",
        reference,
        "--candidate",
        shuffled,
        "--out",
        tmp_path / "card",
        "--draws",
        100,
    )
    refused = run(*options)
    assert refused.exit_code == 2
    assert "ids may be shuffled" in refused.stderr
    right = many(tmp_path, "c.csv", SIDES)
    assert run(*options[:4], right, *options[5:]).exit_code == 0


def test_patients_of_the_training_reports_are_refused(run, files):
    (files / "train.csv").write_text("exam_id,patient_id,report\n7,p2,No mass.\n8,p8,No mass.\n")
    options = ("--candidate", files / "good.csv", "--train", files / "train.csv")
    refused = evaluate(run, files, *options)
    assert refused.exit_code == 2
    assert "1 patients are in the scored and in the training reports (p2)" in refused.stderr
    assert evaluate(run, files, *options, "--anyway").exit_code == 0


def test_the_nearest_neighbours_report_stands_beside(run, files):
    import numpy as np

    from mammoscribe.data.labelled import LabelKind
    from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet, save_features

    (files / "train.csv").write_text(
        "exam_id,report\nt1,Right breast: spiculated mass. BI-RADS 4 right.\nt2,No mass.\n"
    )
    features = np.array([[1, 0], [0, 1], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
    ids = ("1", "2", "3", "t1", "t2")
    save_features(
        FeatureSet(
            features, ids, ids, ("test",) * 5, np.zeros(5, dtype=bool), ("x",), (LabelKind.PRESENCE,),
            np.ones((5, 1), dtype=np.float32), FeatureKind.POOLED, "m", "",
        ),
        files / "f.npz",
    )  # fmt: skip
    options = ("--candidate", files / "good.csv", "--features", files / "f.npz")
    assert evaluate(run, files, *options).exit_code == 2
    shown = evaluate(run, files, *options, "--train", files / "train.csv")
    assert shown.exit_code == 0, shown.output
    card = json.loads((files / "card" / "card.json").read_text())
    found = next(f for f in card["figures"] if f["name"].startswith("finding-set F1, reports without"))
    assert found["nearest_neighbour"] == pytest.approx(0.5)  # of exams 1 and 3, the first has its mass
    assert "nearest neighbour" in (files / "card" / "card.html").read_text()


def test_reports_of_predict_are_scored_with_their_boxes(run, tmp_path):
    from mammoscribe.exports.json_report import dumps_report
    from tests.exports.samples import two_findings_with_prior

    for side in ("reference", "candidate"):
        (tmp_path / side / "one").mkdir(parents=True)
        (tmp_path / side / "one" / "report.json").write_text(dumps_report(two_findings_with_prior()))
    shown = run("evaluate", "--reference", tmp_path / "reference", "--candidate", tmp_path / "candidate",
                "--out", tmp_path / "card", "--draws", 100)  # fmt: skip
    assert shown.exit_code == 0, shown.output
    figures = {
        f["name"]: f["candidates"][0] for f in json.loads((tmp_path / "card" / "card.json").read_text())["figures"]
    }
    for word in ("precision", "recall"):
        for kind in ("logical", "grounding", "spatial"):
            found = figures[f"R-RadFact {kind} {word}"]
            assert (found["value"], found["n"] > 0) == (1.0, True)


def test_a_plan_for_reports_restricts_the_tests_to_its_endpoints(run, files):
    (files / "plan.toml").write_text('endpoints = ["finding F1, pooled"]\n')
    options = ("--candidate", files / "good.csv", "--candidate", files / "poor.csv", "--plan", files / "plan.toml")
    assert evaluate(run, files, *options).exit_code == 0
    card = json.loads((files / "card" / "card.json").read_text())
    assert [d["name"] for d in card["differences"]] == ["finding F1, pooled"]
    assert "## Plan" in (files / "card" / "card.md").read_text()
    (files / "plan.toml").write_text('endpoints = ["finding F1, pooled"]\nsplit = "test"\n')
    refused = evaluate(run, files, *options)
    assert refused.exit_code == 2 and "split" in refused.stderr
