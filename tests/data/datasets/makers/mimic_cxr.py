"""MIMIC-CXR and MIMIC-CXR-JPG in PhysioNet's folders; ids, dates and texts are made up."""

import gzip
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.data.datasets.made import Case, Made, write_dicom, write_lines, write_picture

NAMES = {letter: f"{letter * 8}-{letter * 8}-{letter * 8}-{letter * 8}-{letter * 8}" for letter in "abcd"}
STUDIES = {"a": (10000001, 50000011), "b": (10000001, 50000011), "c": (10000001, 50000012), "d": (11000002, 50000021)}
REPORTS = {
    50000011: "                                 FINAL REPORT\n INDICATION:  ___ year old, cough.\n\n FINDINGS:  Clear.\n\n"
    " IMPRESSION:  Normal.\n",
    50000012: " WET READ: ___\n\n COMPARISON:  ___.\n\n IMPRESSION:  Small effusion, unchanged.\n",
    50000021: "\n",
}  # fmt: skip
VIEWS = {"a": ("21800506", "213014.531000", "PA"), "b": ("21800506", "213014.531000", "LATERAL"),
         "c": ("21800507", "4.5", "AP"), "d": ("21500101", "80556", "")}  # fmt: skip
METADATA = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,"
    "ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning"
)
LABELS = (
    "subject_id,study_id,Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)


def write_gz(path: Path, *lines: str) -> Path:
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return path


def picture(letter: str, suffix: str) -> str:
    patient, study = STUDIES[letter]
    return f"files/p{str(patient)[:2]}/p{patient}/s{study}/{NAMES[letter]}{suffix}"


def write_reports(root: Path, folder: str, texts: Mapping[int, str] = REPORTS) -> None:
    for study, text in texts.items():
        patient = next(p for p, s in STUDIES.values() if s == study)
        path = root / folder / f"p{str(patient)[:2]}" / f"p{patient}" / f"s{study}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def zip_reports(root: Path) -> Path:
    path = root / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for study, text in REPORTS.items():
            patient = next(p for p, s in STUDIES.values() if s == study)
            archive.writestr(f"files/p{str(patient)[:2]}/p{patient}/s{study}.txt", text)
        archive.writestr("files/README.txt", "no report")
    return path


def dicom(root: Path) -> Made:
    rows = [f"{STUDIES[x][0]},{STUDIES[x][1]},{NAMES[x]},{picture(x, '.dcm')}" for x in "acbd"]
    write_lines(root / "cxr-record-list.csv", "subject_id,study_id,dicom_id,path", *rows)
    for seed, letter in enumerate(NAMES):
        date, time, view = VIEWS[letter]
        hours, point, fraction = time.partition(".")
        write_dicom(
            root / picture(letter, ".dcm"), seed, Modality="DX", ImageLaterality=None, StudyDate=date,
            StudyTime=f"{hours:0>6}{point}{fraction}", ViewPosition=view, PerformedProcedureStepDescription="CHEST (PA AND LAT)",
        )  # fmt: skip
    zip_reports(root)
    counts = {"records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "faults": 0, "set_aside": 0}
    return Made(counts, picture("c", ".dcm"), "cxr-record-list.csv", "10000001,50000011")


def metadata_row(letter: str) -> str:
    date, time, view = VIEWS[letter]
    meaning = {"PA": "postero-anterior", "AP": "antero-posterior", "LATERAL": "lateral"}.get(view, "")
    patient, study = STUDIES[letter]
    step = "CHEST (PA AND LAT)"
    return f"{NAMES[letter]},{patient},{study},{step},{view},64,48,{date},{time},{step},{meaning},{'Erect' if view else ''}"


def tables(root: Path) -> None:
    """The tables beside the metadata."""
    splits = {"a": "train", "b": "train", "c": "train", "d": "validate"}
    write_gz(
        root / "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split",
        *(f"{NAMES[x]},{STUDIES[x][1]},{STUDIES[x][0]},{splits[x]}" for x in splits),
    )  # fmt: skip
    write_gz(
        root / "mimic-cxr-2.0.0-chexpert.csv.gz", LABELS, "10000001,50000011,,,,,,,,,1.0,,,,,",
        "10000001,50000012,,0.0,,,,,,-1.0,,1.0,,,,",
    )  # fmt: skip
    write_gz(root / "mimic-cxr-2.0.0-negbio.csv.gz", LABELS, "10000001,50000012,,0.0,,,,,,,,1.0,,,,")
    write_lines(
        root / "mimic-cxr-2.1.0-test-set-labeled.csv",
        "study_id,No Finding,Airspace Opacity,Pleural Effusion", "50000012,,1.0,-1.0",
    )  # fmt: skip


def jpg(root: Path) -> Made:
    write_lines(root / "mimic-cxr-2.0.0-metadata.csv", METADATA, *(metadata_row(x) for x in "acbd"))
    tables(root)
    for seed, letter in enumerate(NAMES):
        write_picture(root / picture(letter, ".jpg"), seed)
    write_reports(root, "mimic-cxr-reports/files")
    counts = {
        "records": 3, "patients": 2, "images": 4, "files": 4, "reports": 2, "split:train": 2, "split:val": 1, "faults": 0,
        "set_aside": 0,
    }  # fmt: skip
    return Made(counts, picture("a", ".jpg"), "mimic-cxr-2.0.0-metadata.csv", f"{NAMES['a']},10000001")


CASES = (Case("mimic-cxr", "physionet 2", dicom), Case("mimic-cxr-jpg", "physionet 2", jpg))
