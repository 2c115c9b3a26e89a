"""A lab's own folder in the forms in which labs have it, and how a test reads one."""

import json
from pathlib import Path

import openpyxl

from mammoscribe.data.dataset import Fault
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.data.records import Record
from tests.data.datasets.made import Case, Made, write_dicom, write_lines, write_picture

TOML = """
name = "ours"
kind = "mammo-exam"
images = "dicom/**/*.dcm"
exam = "header:AccessionNumber"
reports = "reports.csv"
report_exam = "Accession"
report_text = "Report"
"""


def read(folder: Path, text: str) -> tuple[dict[str, Record], list[str]]:
    """The records by id, and the sentences of the faults, of a folder with this TOML."""
    (folder / "ours.toml").write_text(text, encoding="utf-8")
    dataset, root = folder_dataset(folder / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    records = {i.id: i for i in items if not isinstance(i, Fault)}
    return records, [i.error.sentence() for i in items if isinstance(i, Fault)]


def write_sheet(path: Path, *rows: list[object], sheet: str | None = None) -> Path:
    """An XLSX; with `sheet`, the rows stand in a second sheet of that name."""
    book = openpyxl.Workbook()
    page = book.active if sheet is None else book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    book.save(path)
    return path


def _dicom(root: Path) -> dict[str, int]:
    for number, (patient, accession, side, view) in enumerate(
        [("P1", "A1", "R", "CC"), ("P1", "A1", "L", "MLO"), ("P1", "A2", "R", "CC"), ("P2", "A3", "L", "CC")]
    ):
        write_dicom(
            root / "dicom" / patient / f"{number}.dcm", number, PatientID=patient, AccessionNumber=accession,
            ImageLaterality=side, ViewPosition=view, StudyInstanceUID=f"1.2.{accession[1]}", StudyDate=f"202{accession[1]}0304",
            SOPInstanceUID=f"1.2.3.{number + 1}",
        )  # fmt: skip
    return {"records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "faults": 0, "set_aside": 0}


def toml(root: Path) -> Made:
    """DICOM and a CSV of reports."""
    (root / "ours.toml").write_text(TOML)
    counts = _dicom(root)
    write_lines(root / "reports.csv", "Accession,Report", 'A1,"Findings: A mass.', 'Impression: Benign."', "A3,Normal.")
    return Made(counts, None, "reports.csv", "A9,Of nobody.")


def spreadsheet(root: Path) -> Made:
    """DICOM and an XLSX of reports."""
    (root / "ours.toml").write_text(TOML.replace(".csv", ".xlsx"))
    counts = _dicom(root)
    write_sheet(root / "reports.xlsx", ["Accession", "Report"], ["A1", "A mass."], ["A3", "Normal."])
    return Made(counts)


def text_files(root: Path) -> Made:
    """DICOM and one text file per exam."""
    (root / "ours.toml").write_text(TOML[: TOML.index("reports =")] + 'reports = "texts/*.txt"\n')
    counts = _dicom(root)
    write_lines(root / "texts" / "A1.txt", "A mass.")
    write_lines(root / "texts" / "A3.txt", "Normal.")
    return Made(counts)


def sections(root: Path) -> Made:
    """Pictures that name exam, patient, day and view, and a CSV with a column per section."""
    (root / "ours.toml").write_text(
        'name = "ours"\nkind = "mammo-exam"\nimages = "png/*.png"\n'
        r"exam = 'name:(?P<exam>(?P<patient>p\d)-(?P<date>\d{8}))-(?P<view>\w+)'" + "\n"
        'reports = "reports.csv"\nreport_exam = "Exam"\nreport_sections = { findings = "F", impression = "I" }\n'
    )
    for name in ("p1-20200304-RCC", "p1-20200304-LMLO", "p1-20220304-RCC", "p2-20200304-RCC"):
        write_picture(root / "png" / f"{name}.png")
    write_lines(root / "reports.csv", "Exam,F,I", "p1-20200304,A mass.,Biopsy.", "p2-20200304,,Normal.")
    counts = {"records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "faults": 0, "set_aside": 0}
    return Made(counts, None, "reports.csv", "p7-20200304,Of nobody.,")


def manifest(root: Path) -> Made:
    """A manifest with labels, whose second exam has the first one as its prior."""
    (root / "ours.toml").write_text('name = "ours"\nkind = "mammo-exam"\nmanifest = "m.csv"\n')
    for name in ("a", "b", "c"):
        write_picture(root / "img" / f"{name}.png")
    write_lines(
        root / "m.csv", "exam_id,patient_id,laterality,view,path,date,is_prior", "e1,p1,R,CC,img/a.png,2018-01-02,0",
        "e2,p1,R,CC,img/b.png,2020-01-02,0", "e2,p1,R,CC,img/a.png,2018-01-02,1", "e3,p2,L,MLO,img/c.png,,0",
    )  # fmt: skip
    counts = {"records": 3, "patients": 2, "images": 3, "files": 3, "faults": 0, "set_aside": 0}
    return Made(counts, None, "m.csv", "e9,p9,R,CC,img/none.png,,0")


CASES = tuple(Case("folder", "toml", make) for make in (toml, spreadsheet, text_files, sections, manifest))


def image_text(root: Path) -> Made:
    """Pictures in a folder per study, and a JSON of reports and labels."""
    (root / "ours.toml").write_text(
        'name = "chest"\nkind = "image-text"\nimages = ["**/*.png", "**/*.jpg"]\nexam = "folder"\n'
        'reports = "reports.json"\nreport_exam = "study"\nreport_text = "text"\nreport_patient = "who"\n'
        'labels = { grade = "grade" }\nsplit = "part"\n'
    )
    for name in ("s1/a.png", "s1/b.jpg", "s2/a.png", "s3/a.png"):
        write_picture(root / name)
    entries = [
        {"study": "s1", "text": "Clear lungs.", "grade": 1.0, "who": "p1", "part": "train"},
        {"study": "s2", "text": "Effusion.", "who": "p1", "part": "Training", "more": [1]},
    ]
    (root / "reports.json").write_text(json.dumps(entries))
    counts = {
        "records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "faults": 0, "split:train": 2, "label:grade=1": 1,
    }  # fmt: skip
    return Made(counts)


def captions(root: Path) -> Made:
    """Pictures that a table names, each an exam of its own."""
    (root / "ours.toml").write_text(
        'name = "captions"\nkind = "image-text"\nimages = "img/**/*.png"\n'
        'reports = "captions.csv"\nreport_image = "file"\nreport_text = "caption"\n'
    )
    for name in ("a/1.png", "a/2.png", "3.png"):
        write_picture(root / "img" / name)
    write_lines(root / "captions.csv", "file,caption", "1.png,One.", r"img\a\2.png,Two.", "3,Three.")
    return Made({"records": 3, "patients": 3, "images": 3, "files": 3, "reports": 3, "faults": 0})


def documents(root: Path) -> Made:
    """Texts alone, in two tables."""
    (root / "ours.toml").write_text(
        'name = "notes"\nkind = "text-document"\nreports = "notes-*.csv"\nreport_exam = "n"\nreport_text = "note"\n'
        'report_patient = "who"\nreport_date = "when"\nlabels = { ward = "ward" }\n'
    )
    write_lines(root / "notes-1.csv", "n,note,who,when,ward", "1,A note.,p1,2020-01-02,3")
    write_lines(root / "notes-2.csv", "ward,when,who,note,n", "4,02.01.2020,p1,Another note.,2")
    return Made({"records": 2, "patients": 1, "reports": 2, "faults": 0, "label:ward=3": 1})


OTHER_KINDS = (image_text, captions, documents)
"""Makers for the kinds of record that the dataset `folder`, which has one kind, does not have."""
