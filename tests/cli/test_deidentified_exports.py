"""`data export --pseudonymous`: no byte says whose exams they are, and it agrees with `ingest` and `predict`."""

import csv
import json
import re
import shutil

import pytest

from mammoscribe.data.catalogue import open_catalogue
from tests.cli.identified import PATIENT, WORDS, archive, model
from tests.privacy_search import identifiers, leaks

__all__ = ["archive", "model"]

TOML = """
name = "clinic"
kind = "mammo-exam"
language = "en"
licence = "internal"
root = "ours"
images = "**/*.dcm"
exam = "header:AccessionNumber"
reports = "reports.csv"
report_exam = "Accession"
report_text = "Report"
labels = { birads = "BI-RADS", seen_on = "Seen", series = "Series", copy = "Copy" }
"""
REPORT = "FINDINGS: Exam {} of MRN-778201, made on {}. A mass in the right breast.\nIMPRESSION: BI-RADS 4."


@pytest.fixture
def clinic(run, archive, tmp_path):
    """(a catalogue with the ids of its source, the TOML): two exams of one patient, with reports that name them."""
    _, folder = archive
    shutil.copytree(folder, tmp_path / "ours")
    (tmp_path / "ours" / "kow_2023" / "scan_kow_repeat.dcm").unlink()
    with (tmp_path / "ours" / "reports.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Accession", "Report", "BI-RADS", "Seen", "Series", "Copy"])
        uid = next(w for w in identifiers(archive[0]["current"]) if w.startswith("1."))
        writer.writerow(
            ["ACC-55190", REPORT.format("ACC-55190", "2023-05-17"), "4", "17.05.2023", uid, "scan_kow0.dcm"]
        )
        writer.writerow(["ACC-44071", REPORT.format("ACC-44071", "11.03.2021"), "2", "20210311", "", ""])
    toml = tmp_path / "ours.toml"
    toml.write_text(TOML)
    shown = run("data", "ingest", toml, "--out", tmp_path / "plain")
    assert shown.exit_code == 0, shown.output
    run("data", "split", tmp_path / "plain", "--shares", "100/0/0")
    return tmp_path / "plain", toml


def wanted(archive):
    visits, _ = archive
    return identifiers([f for files in visits.values() for f in files], WORDS)


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


TARGETS = [
    ("llava",), ("llava", "--flavour", "llava"), ("llava", "--flavour", "llava-next"), ("llava", "--flavour", "messages"),
    ("llava", "--flavour", "hf"), ("manifest",), ("labels", "--class", "suspicious:birads=4"),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS, ids=" ".join)
def test_an_export_writes_and_prints_nothing_that_says_whose_exams_they_are(run, archive, clinic, tmp_path, target):
    catalogue, _ = clinic
    out = tmp_path / "export" / ("out" if target[0] == "llava" else "out.csv")
    args = ("data", "export", catalogue, "--to", *target, "--out", out)
    assert run(*args).exit_code == 0
    assert leaks([out.parent], wanted(archive))
    shutil.rmtree(out.parent)
    shown = run(*args, "--pseudonymous", tmp_path / "safe" / "k")
    assert shown.exit_code == 0, shown.output
    printed = (shown.stdout + shown.stderr).replace(str(tmp_path), "")
    assert leaks([out.parent], wanted(archive), {"printed": printed}) == []
    assert "are pseudonyms; keep" in shown.stdout
    assert any(path.is_file() for path in out.parent.rglob("*"))


def test_ingest_export_and_predict_agree_on_every_pseudonym_and_date(run, archive, clinic, model, tmp_path):
    catalogue, toml = clinic
    key = ("--pseudonymous", tmp_path / "safe" / "k")
    assert run("data", "ingest", toml, "--out", tmp_path / "hidden", *key).exit_code == 0
    ingested = {r.id: (r.patient_id, r.date.isoformat()) for r in open_catalogue(tmp_path / "hidden").records()}
    sources = {"plain": (catalogue, ()), "exported": (catalogue, key), "ingested": (tmp_path / "hidden", ())}
    written = {}
    for name, (folder, options) in sources.items():
        manifest = tmp_path / name / "m.csv"
        assert run("data", "export", folder, "--to", "manifest", "--out", manifest, *options).exit_code == 0
        if name != "plain":
            found = {r["exam_id"]: (r["patient_id"], r["date"]) for r in rows(manifest) if r["is_prior"] == "0"}
            assert found == ingested
        out = tmp_path / name / "out"
        args = ("predict", manifest, "--out", out / "r.csv", "--reports", out / "reports", "--model", model)
        shown = run(*args, *key)
        assert shown.exit_code == 0, shown.output
        printed = (shown.stdout + shown.stderr).replace(str(tmp_path), "")
        assert leaks([out], wanted(archive), {"printed": printed}) == []
        assert {r["status"] for r in rows(out / "r.csv")} == {"ok"}
        for path in (out / "reports").rglob("report.json"):
            exam = json.loads(path.read_text())["exam"]
            assert ingested[exam["id"]] == (exam["patient_id"], exam["date"])
            if exam["prior_date"]:
                assert exam["prior_date"] in {day for _, day in ingested.values()} - {exam["date"]}
        written[name] = (out / "r.csv").read_text()
    assert written["plain"] == written["exported"] == written["ingested"]


def test_a_pseudonymous_manifest_without_its_key_is_one_sentence_that_names_no_patient(
    run, archive, clinic, model, tmp_path
):
    catalogue, _ = clinic
    manifest = tmp_path / "m.csv"
    run("data", "export", catalogue, "--to", "manifest", "--out", manifest, "--pseudonymous", tmp_path / "safe" / "k")
    for number, (more, told) in enumerate((
        ((), "m.csv has pseudonyms, and the headers of its files have the patient's own id"),
        (("--pseudonymous", tmp_path / "other" / "k"), "pseudonym of the patient is not the one that this key gives"),
    )):  # fmt: skip
        out = tmp_path / f"out{number}"
        shown = run("predict", manifest, "--out", out / "r.csv", "--model", model, *more)
        assert shown.exit_code == 1
        assert all(told in row["message"] for row in rows(out / "r.csv"))
        assert leaks([out], wanted(archive)) == []


def test_a_catalogue_that_holds_pseudonyms_is_not_hashed_again(run, clinic, tmp_path):
    _, toml = clinic
    key = ("--pseudonymous", tmp_path / "safe" / "k")
    run("data", "ingest", toml, "--out", tmp_path / "hidden", *key)
    shown = run("data", "export", tmp_path / "hidden", "--to", "manifest", "--out", tmp_path / "m.csv", *key)
    assert shown.exit_code == 2 and not (tmp_path / "m.csv").exists()
    assert shown.stderr.strip().endswith(
        "hidden holds pseudonyms already; expected a catalogue with the ids of its source; leave --pseudonymous out."
    )


def test_texts_and_labels_keep_what_is_no_identifier(run, clinic, tmp_path):
    catalogue, _ = clinic
    run(
        "data", "export", catalogue, "--to", "llava", "--out", tmp_path / "o", "--pseudonymous", tmp_path / "safe" / "k"
    )
    lines = (tmp_path / "o" / "train.records.jsonl").read_text().splitlines()
    assert all("A mass in the right breast." in line and re.search(r'"birads": "[24]"', line) for line in lines)
    assert not [word for line in lines for word in ("seen_on", "series", "copy", PATIENT) if f'"{word}"' in line]
