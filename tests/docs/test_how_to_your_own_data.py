"""The how-to of a lab's own data holds: its commands and its Python run on generated DICOM and a spreadsheet."""

import contextlib
import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest

from mammoscribe.data.catalogue import open_catalogue
from tests.data.datasets.made import write_dicom
from tests.docs.page import HOW_TO, blocks, commands, run_commands, write_files

PAGE = HOW_TO / "your_own_data.md"
PATIENTS = 20
REPORT = (
    "FINDINGS: There is a mass in the {side} breast, unchanged since 2019. No calcifications.\nIMPRESSION: BI-RADS 4."
)


def write_clinic(folder: Path) -> None:
    """Exams of two views each, every second patient with an earlier one, and a spreadsheet of their reports."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Accession No", "Report", "BI-RADS"])
    for patient in range(PATIENTS):
        for visit in range(1 + patient % 2):
            accession = f"A{patient}-{visit}"
            for number, view in enumerate(("CC", "MLO")):
                write_dicom(
                    folder / "dicom" / f"{patient:02d}" / f"{visit}{number}.dcm", 100 * patient + 10 * visit + number,
                    PatientID=f"P{patient}", AccessionNumber=accession, StudyInstanceUID=f"1.2.{patient}.{visit}",
                    SOPInstanceUID=f"1.2.{patient}.{visit}.{number + 1}", StudyDate=f"20{20 + visit}0304", ViewPosition=view,
                )  # fmt: skip
            sheet.append([accession, REPORT.format(side="right"), 4])
    book.save(folder / "reports.xlsx")


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Everything on the page, done in its order in a folder with a clinic's data."""
    monkeypatch.chdir(tmp_path)
    write_clinic(tmp_path / "ours")
    write_files(PAGE)
    run_commands(PAGE)
    return tmp_path


def test_the_page_does_what_it_says(page):
    records = list(open_catalogue(Path("catalogue")).records())
    assert len(records) == PATIENTS + PATIENTS // 2
    assert sum(r.prior_id is not None for r in records) == PATIENTS // 2
    assert records[0].report.sections["findings"] == "There is a mass in the right breast. No calcifications."
    splits = open_catalogue(Path("catalogue")).splits()
    assert len(splits) == PATIENTS and set(splits.values()) == {"train", "val", "test"}
    assert json.loads(Path("prepared/prepared.json").read_text())["num_pictures"] == 2 * len(records)
    back = {r.id: r for r in open_catalogue(Path("back")).records()}
    assert {n: r.report for n, r in back.items()} == {r.id: r.report for r in records}
    with open("manifest.csv", newline="") as stream:
        assert sum(row["is_prior"] == "1" for row in csv.DictReader(stream)) == PATIENTS
    printed = io.StringIO()
    (block,) = blocks(PAGE, "python")
    with contextlib.redirect_stdout(printed):
        exec(compile(block["text"], str(PAGE), "exec"), {})
    assert "exams to train on\n4 {" in printed.getvalue() and "(384, 224)" in printed.getvalue()


def test_the_first_four_commands_are_the_four():
    assert [line.split()[2] for line in commands(PAGE)[:4]] == ["check", "ingest", "split", "prepare"]
    assert len(blocks(PAGE, "toml")[0]["text"].splitlines()) <= 11


HELD = {"ids": "A13-1", "dates": "2021-03-04", "paths": "dicom/13/", "text": "There is a mass in the right breast"}
ROWS = {
    "records.jsonl` of": "catalogue/records.jsonl", "dataset.json` of": "catalogue/dataset.json", "splits.csv`": "catalogue/splits.csv",
    "shard-*.tar`": "prepared/shard-000000.tar", "shard-*.json`": "prepared/shard-000000.json",
    "conversations of": "llava/test.json", "their sidecars": "llava/test.records.jsonl", "manifest.csv` of": "manifest.csv",
    "labels.csv` of": "labels.csv",
}  # fmt: skip


def test_the_table_says_what_of_a_patient_is_in_which_file(page):
    text = PAGE.read_text(encoding="utf-8")
    for mark, file in ROWS.items():
        (row,) = [line for line in text.splitlines() if line.startswith("| ") and mark in line]
        cells = [cell.strip() for cell in row.strip("|").split("|")[1:]]
        said = [*map(bool, cells[:3]), cells[3] in ("whole", "sections")]
        content = Path(file).read_bytes().decode("latin-1")
        patient = "P13" if file.endswith("splits.csv") else HELD["ids"]
        found = [patient in content, HELD["dates"] in content, HELD["paths"] in content, HELD["text"] in content]
        if file.endswith("dataset.json"):
            found[2] = str(Path("ours").resolve()) in content
        assert said == found, (file, said, found)


def test_the_pseudonymous_catalogue_of_the_page_holds_neither_ids_nor_dates_nor_paths(page):
    shared = b"".join(path.read_bytes() for path in Path("shared").iterdir()).decode()
    assert HELD["text"] in shared
    assert not [word for word in (*list(HELD.values())[:3], "P13") if word in shared.replace(str(page), "")]
    assert Path("clinic.key").stat().st_mode & 0o077 == 0
    assert (Path("clinic.key.files/shared/pictures")).is_dir()
