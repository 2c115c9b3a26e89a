"""Drawn exams whose files say whose they are in every way: header, file and folder names."""

import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.cli.tiny_reader import write_tiny_reader

PATIENT, NAME = "MRN-778201", "Kowalska^Zdzislawa"
WORDS = ("mrn-778201", "kowalska", "zdzislawa", "acc-55190", "acc-44071", "scan_kow", "kow_2023", "kow_2021", "orsini")


def identify(drawn: Path, folder: Path) -> dict[str, list[Path]]:
    """Copies of the views of a drawn exam (`current`, `prior`) as an archive names them; files by visit."""
    written: dict[str, list[Path]] = {}
    visits = {"current": ("kow_2023", "20230517", "ACC-55190"), "prior": ("kow_2021", "20210311", "ACC-44071")}
    for visit, (name, day, accession) in visits.items():
        study, series = generate_uid(), generate_uid()
        (folder / name).mkdir(parents=True)
        for number, source in enumerate(sorted((drawn / visit).glob("*.dcm"))):
            header = pydicom.dcmread(source)
            header.PatientID, header.PatientName, header.PatientBirthDate = PATIENT, NAME, "19590228"
            header.AccessionNumber, header.StudyID, header.ReferringPhysicianName = (
                accession,
                f"S{accession}",
                "Orsini^Ada",
            )
            header.StudyInstanceUID, header.SeriesInstanceUID = study, series
            header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
                setattr(header, keyword, day)
            path = folder / name / f"scan_kow{number}.dcm"
            header.save_as(path, enforce_file_format=True)
            written.setdefault(visit, []).append(path)
    return written


def repeat(path: Path) -> Path:
    """A second picture of the same view, made before it."""
    header = pydicom.dcmread(path)
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    again = path.with_name("scan_kow_repeat.dcm")
    header.save_as(again, enforce_file_format=True)
    return again


def spoil(path: Path, new: Path) -> Path:
    """A copy whose pixels end in the middle."""
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, new)
    new.write_bytes(new.read_bytes()[: new.stat().st_size // 2])
    return new


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_reader(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """(files by visit, folder): one exam with a prior, in files that name the patient."""
    from typer.testing import CliRunner

    from mammoscribe.cli import app

    drawn, folder = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("archive")
    shown = CliRunner().invoke(app, ["phantom", "--seed", "7", "--prior", "--format", "dicom", "--out", str(drawn)])
    assert shown.exit_code == 0, shown.output
    visits = identify(drawn / "phantom-7", folder)
    visits["repeat"] = [repeat(visits["current"][0])]
    return visits, folder
