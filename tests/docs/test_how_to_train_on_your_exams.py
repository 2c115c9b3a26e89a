"""The how-to of training holds: every command runs on a generated clinic, and its readers read a new exam."""

import csv
import json
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.training.reader.exams import PreparedExams
from mammoscribe.training.reader.samples import TrainingExam
from tests.data.datasets.made import grey, write_dicom
from tests.docs.page import HOW_TO, blocks, commands, run_commands, write_files

pytest.importorskip("accelerate")
PAGE = HOW_TO / "train_on_your_exams.md"
PATIENTS = (0, 1, 2, 3, 4, 5, 18, 39, 41, 43, 9, 10)
"""The rule of `data split` puts six of them into train, four into val and two into test."""
VIEWS = [(side, view) for side in "RL" for view in ("CC", "MLO")]
MASS = list(FindingType).index(FindingType.MASS)
WAYS = ("boxes", "labels", "reports")


def write_sheet(path: Path, rows: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def write_exam(folder: Path, patient: int, accession: str, start: int = 0) -> list[str]:
    """Four views of a patient; gives their names."""
    names = []
    for number, (side, view) in enumerate(VIEWS, start):
        pixels = grey(10 * patient + number, 160, 120, top=4095)
        pixels = pixels[:, ::-1] if side == "R" else pixels
        name = f"{number}.dcm"
        write_dicom(
            folder / name, PatientID=f"P{patient}", AccessionNumber=accession, StudyInstanceUID=f"1.2.{patient}",
            SOPInstanceUID=f"1.2.{patient}.{number + 1}", ImageLaterality=side, ViewPosition=view, Rows=160, Columns=120,
            PixelData=pixels.tobytes(),
        )  # fmt: skip
        names.append(name)
    return names


def write_clinic(folder: Path) -> None:
    """Every second patient has a mass in the right breast, boxed in both views; tables say the same in their ways."""
    boxes = [["File", "x0", "y0", "x1", "y1", "Lesion", "Pathology", "Lesion no"]]
    breasts, reports = [["Accession No", "Side", "Density", "BI-RADS", "Cancer"]], [["Accession No", "Report"]]
    for number, patient in enumerate(PATIENTS):
        accession, ill = f"A{patient}", number % 2 == 0
        names = write_exam(folder / "dicom" / f"{patient:02d}", patient, accession)
        if ill:
            boxes += [[f"dicom/{patient:02d}/{n}", 80, 60, 100, 85, "Mass", "malignant", 1] for n in names[:2]]
        for side in "RL":
            recalled = ill and side == "R"
            breasts.append(
                [accession, side, "ACR 2" if ill else "c", 0 if recalled else 1, "yes" if recalled else "no"]
            )
        found = "There is a mass in the right breast." if ill else "No mass in the right breast."
        reports.append(
            [accession, f"FINDINGS: {found} No calcifications.\nIMPRESSION: Right breast: BI-RADS {2 * ill + 1}."]
        )
    with (folder / "boxes.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(boxes)
    write_sheet(folder / "breasts.xlsx", breasts)
    write_sheet(folder / "reports.xlsx", reports)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Everything on the page, done in its order; gives what each command printed."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_clinic(folder / "ours")
        write_exam(folder / "new" / "dicom", 900, "N1")
        write_files(PAGE)
        yield run_commands(PAGE)


def test_every_way_teaches_and_ends_in_a_reader_calibrated_on_its_validation_split(done):
    for way in WAYS:
        card = json.loads(Path("runs", way, "model", "card.json").read_text())
        assert card["trained_on"] == f"our-{way}"
        assert f"validation split of our-{way}" in card["real"]["population"]
        assert card["real"]["n"] > 0 or way == "boxes"


def taught(way: str) -> list[TrainingExam]:
    """The training exams of a way, sick and healthy breasts by turns."""
    return list(PreparedExams(PreparedDataset(Path(way, "prepared"), "train")))


def test_a_box_in_two_views_is_one_finding_and_the_other_places_show_no_mass(done):
    exams = taught("boxes")
    assert sorted(len(exam.findings) for exam in exams) == [0, 0, 0, 1, 1, 1]
    for exam in exams:
        marks = [mark for view in exam.views for mark in view.marks]
        assert len(marks) == 2 * len(exam.findings) and all(view.boxed == {MASS} for view in exam.views)
        assert all((f.type, f.suspicion) == (MASS, 1) for f in exam.findings)


def test_labels_teach_each_breast_density_recall_and_cancer(done):
    breasts = Counter(
        (b.density, b.recall, b.malignant) for exam in taught("labels") for b in exam.breasts if b.teaches
    )
    assert breasts == {(1, 1, 1): 3, (1, 0, 0): 3, (2, 0, 0): 6}


def test_reports_teach_what_they_state_and_deny_of_each_breast(done):
    breasts = Counter((b.kinds[MASS], b.recall) for exam in taught("reports") for b in exam.breasts if b.teaches)
    assert breasts[1, 1] == 3 and breasts[0, 0] == 3  # the right breasts, which the reports name


def test_the_new_exam_is_read_by_the_trained_reader(done):
    report = json.loads(Path("out/report.json").read_text())
    digest = json.loads(Path("runs/labels/model/card.json").read_text())["weights_sha256"]
    assert digest in json.dumps(report["provenance"])
    with Path("results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["exam_id"], row["laterality"]) for row in rows] == [("N1", "R"), ("N1", "L")]
    assert all((row["status"], row["birads"]) == ("partial", "") and row["density"] in "abcd" for row in rows)
    assert all("calcifications were not searched for" in row["message"] for row in rows)


def test_the_folder_of_a_run_holds_what_the_table_says(done):
    text = PAGE.read_text(encoding="utf-8").split("## What the folder of a run holds")[1].split("\n## ")[0]
    named = {line.split("`")[1].rstrip("/") for line in text.splitlines() if line.startswith("| `")}
    assert len(named) == 6 and named <= {path.name for path in Path("runs/boxes").iterdir()}


def test_each_way_has_its_five_commands():
    for number, way in enumerate(WAYS):
        own = [line.split() for line in commands(PAGE)[5 * number : 5 * number + 5]]
        assert [words[2] for words in own] == ["check", "ingest", "split", "prepare", "reader"]
        assert own[0][3] == blocks(PAGE, "toml")[number]["file"] == f"{way}.toml"
