"""`predict --pseudonymous` and `read --no-patient`: not one byte that is written or printed says whose exam it is."""

import csv
import datetime as dt
import json
import re

import jsonschema
import pytest

from tests.cli.identified import PATIENT, WORDS, archive, model, spoil
from tests.privacy_search import identifiers, leaks

__all__ = ["archive", "model"]


def rows_of_visit(visits, exam_id, patient=PATIENT):
    current = [(exam_id, patient, path, "0") for path in (*visits["current"], *visits["repeat"])]
    return current + [(exam_id, patient, path, "1") for path in visits["prior"]]


@pytest.fixture
def manifest(archive, tmp_path):
    """Exams that are read, and exams that fail in every way: each error names file, patient or day by itself."""
    visits, folder = archive
    first = visits["current"][0]
    cut = spoil(first, tmp_path / "kow_2023" / "scan_kow_cut.dcm")
    rows = [(*row, "", "pain since 11.03.2021, Dr Orsini") for row in rows_of_visit(visits, "ACC-55190")]
    rows += [
        ("ACC-55191", "OTHER-4711", first, "0", "", ""),
        ("ACC-55192", PATIENT, folder / "kow_2023" / "scan_kow_gone.dcm", "0", "", ""),
        ("ACC-55193", PATIENT, first, "0", "17.05.2023", ""),
        ("ACC-55194", PATIENT, cut, "0", "", ""),
        ("ACC-55195", PATIENT, first, "perhaps kowalska", "", ""),
        ("", PATIENT, first, "0", "", ""),
        ("ACC-55196", PATIENT, "", "0", "", ""),
        ("ACC-55197", PATIENT, first, "1", "", ""),
    ]
    path = tmp_path / "kowalska.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["exam_id", "patient_id", "path", "is_prior", "date", "indication"])
        writer.writerows(rows)
    return path


def wanted(archive):
    visits, _ = archive
    words = (*WORDS, "other-4711", *(f"acc-5519{n}" for n in range(8)), "17.05.2023", "11.03.2021", "perhaps")
    return identifiers([f for files in visits.values() for f in files], words)


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_predict_writes_and_prints_nothing_that_says_whose_exams_they_are(run, archive, manifest, model, tmp_path):
    out, key = tmp_path / "out", tmp_path / "apart" / "clinic.key"
    args = ["predict", manifest, "--out", out / "r.csv", "--reports", out / "reports", "--model", model]
    args += ["--format", "html,json,txt", "--pseudonymous", key]
    shown = run(*args)
    assert shown.exit_code == 0, shown.output
    assert leaks([out], wanted(archive), {"stdout": shown.stdout, "stderr": shown.stderr}) == []
    rows = table(out / "r.csv")
    assert len(rows) == 10 and [r["status"] for r in rows].count("error") == 8
    assert len({r["exam_id"] for r in rows}) == 9
    assert all(re.fullmatch(r"exam-[0-9a-f]{20}", r["exam_id"]) for r in rows)
    told = " ".join(r["message"] for r in rows)
    assert "is cut off: it has" in told and "not used: a repeat, listed before R_CC; the indication is left out" in told
    (report,) = (out / "reports").rglob("report.json")
    exam = json.loads(report.read_text())["exam"]
    assert exam["id"] == report.parent.name == rows[1]["exam_id"]
    assert re.fullmatch(r"patient-[0-9a-f]{20}", exam["patient_id"])
    days = [dt.date.fromisoformat(exam[name]) for name in ("date", "prior_date")]
    assert days[0] - days[1] == dt.date(2023, 5, 17) - dt.date(2021, 3, 11)
    again = run(*args)
    assert "9 kept from before" in again.stderr and table(out / "r.csv") == rows


def test_shards_and_workers_read_under_the_same_pseudonyms_as_one_run(run, archive, manifest, model, tmp_path):
    given = ("predict", manifest, "--model", model, "--pseudonymous", tmp_path / "apart" / "key")
    assert run(*given, "--out", tmp_path / "whole.csv").exit_code == 0
    for part in ("1/2", "2/2"):
        shown = run(*given, "--out", tmp_path / "parts.csv", "--shard", part, "--workers", "1")
        assert shown.exit_code in (0, 1), shown.stderr  # 1: a shard of which no exam could be read
    assert run("predict", "--merge", tmp_path / "parts.csv").exit_code == 0
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert "pseudonyms" in (tmp_path / "parts.csv.provenance.json").read_text()


def test_the_search_finds_what_predict_writes_without_the_option(run, archive, manifest, model, tmp_path):
    out = tmp_path / "out"
    run("predict", manifest, "--out", out / "r.csv", "--reports", out / "reports", "--model", model)
    found = {leak.split(" in ")[0] for leak in leaks([out], wanted(archive))}
    assert found >= {"mrn-778201", "acc-55190", "scan_kow", "kow_2023", "2023-05-17", "2021-03-11", "other-4711"}


def test_rows_of_another_key_or_of_none_do_not_mix(run, archive, manifest, model, tmp_path):
    args = ["predict", manifest, "--out", tmp_path / "r.csv", "--model", model]
    assert run(*args, "--pseudonymous", tmp_path / "a" / "k").exit_code == 0
    for more in ([], ["--pseudonymous", tmp_path / "b" / "k"]):
        shown = run(*args, *more)
        assert shown.exit_code == 2 and "was made by another reader" in shown.stderr


@pytest.mark.parametrize("with_prior", [True, False])
def test_read_without_patient_writes_and_prints_nothing_that_says_whose_exam_it_is(
    run, archive, model, tmp_path, with_prior
):
    from mammoscribe.exports import schema

    _, folder = archive
    prior = ["--prior", folder / "kow_2021"] if with_prior else []
    shown = run("read", folder / "kow_2023", *prior, "--out", tmp_path / "o", "--model", model, "--no-patient")
    assert shown.exit_code == 0, shown.output
    assert leaks([tmp_path / "o"], wanted(archive), {"stdout": shown.stdout, "stderr": shown.stderr}) == []
    report = json.loads((tmp_path / "o" / "report.json").read_text())
    jsonschema.validate(report, schema())
    assert report["exam"]["set_aside"] and report["exam"]["date"] is None
    text = (tmp_path / "o" / "report.txt").read_text()
    assert "Exam: exam, date withheld" in text
    assert ("Prior (26 months before)" in text) is with_prior
    assert ("Compared with the prior exam, date withheld." in text) is with_prior


def test_the_facts_are_the_same_with_and_without_patient(run, archive, model, tmp_path):
    _, folder = archive
    reports = []
    for more in ([], ["--no-patient"]):
        out = tmp_path / f"o{len(more)}"
        args = ("read", folder / "kow_2023", "--prior", folder / "kow_2021", "--out", out, "--model", model)
        assert run(*args, "--setting", "diagnostic", *more).exit_code == 0
        reports.append(json.loads((out / "report.json").read_text()))
    for part in ("breasts", "findings", "assessment", "density"):
        assert reports[0][part] == reports[1][part]


def broken(folder, visits, tmp_path):
    """Command lines that fail, each with an error that names file, patient or exam by itself."""
    spoil(visits["current"][0], tmp_path / "kow_2023" / "scan_kow_cut.dcm")
    listed = tmp_path / "kow_2023.csv"
    listed.write_text(f"exam_id,patient_id,path\nACC-55190,OTHER-4711,{visits['current'][0]}\nACC-55191,,x.png\n")
    (tmp_path / "scan_kow_words.dcm").write_text("Kowalska")
    yield [folder]
    yield [folder / "kow_2023" / "scan_kow_gone.dcm"]
    yield [tmp_path / "kow_2023"]
    yield [tmp_path / "kow_2023" / "scan_kow_cut.dcm"]
    yield [tmp_path / "scan_kow_words.dcm"]
    yield ["--manifest", listed]
    yield ["--manifest", listed, "--exam", "ACC-55190"]
    yield ["--manifest", listed, "--exam", "ACC-55199-kowalska"]
    yield [folder / "kow_2023", "--exam", "ACC-55199-kowalska"]
    yield [folder / "kow_2023", "--prior", folder / "kow_2023"]


def test_errors_of_read_without_patient_say_nothing_either(run, archive, model, tmp_path):
    visits, folder = archive
    for args in broken(folder, visits, tmp_path):
        shown = run("read", *args, "--out", tmp_path / "o", "--model", model, "--no-patient")
        assert shown.exit_code == 2, (args, shown.output)
        assert leaks([], wanted(archive), {"stdout": shown.stdout, "stderr": shown.stderr}) == [], args
        assert shown.stderr.count("\n") == 1 and "Traceback" not in shown.stderr


@pytest.mark.parametrize("name", [PATIENT, "reports/acc-55190", "Kowalska"])
def test_a_folder_that_names_the_patient_is_refused_in_one_sentence(run, archive, model, tmp_path, name):
    _, folder = archive
    shown = run("read", folder / "kow_2023", "--out", tmp_path / name, "--model", model, "--no-patient")
    assert shown.exit_code == 2
    assert shown.stderr.startswith("error the folder of --out names the patient or the exam; expected another name")
    assert not (tmp_path / name).exists()
