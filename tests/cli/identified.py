"""Drawn views whose files say whose they are in every way: header, file and folder names."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from tests.cli.tiny_reader import write_tiny_reader
from tests.imaging.drawn import coded, half_disc, mammogram, saved

PATIENT, NAME = "MRN-778201", "Kowalska^Zdzislawa"
WORDS = ("mrn-778201", "kowalska", "zdzislawa", "acc-55190", "acc-44071", "scan_kow", "kow_2023", "kow_2021", "orsini")
VISITS = {"current": ("kow_2023", "20230517", "ACC-55190"), "prior": ("kow_2021", "20210311", "ACC-44071")}
VIEWS = [(side, code) for code in ("399162004", "399368009") for side in ("R", "L")]
"""CC and MLO (DICOM CID 4014) of both breasts."""


def _drawn(side: str, code: str) -> Dataset:
    pixels = half_disc(chest_on_left=side == "L", noise=0.01) * 4000
    return mammogram(pixels.astype(np.uint16), ImageLaterality=side, ViewCodeSequence=Sequence([coded(code)]))


def _identified(header: Dataset, day: str, accession: str, study: str, series: str) -> Dataset:
    header.PatientID, header.PatientName, header.PatientBirthDate = PATIENT, NAME, "19590228"
    header.AccessionNumber, header.StudyID, header.ReferringPhysicianName = accession, f"S{accession}", "Orsini^Ada"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID = study, series, generate_uid()
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(header, keyword, day)
    return header


def visits_in(folder: Path) -> dict[str, list[Path]]:
    """Write two visits of one patient, four views each, as an archive names them; files by visit."""
    written: dict[str, list[Path]] = {}
    for visit, (name, day, accession) in VISITS.items():
        study, series = generate_uid(), generate_uid()
        for number, (side, code) in enumerate(VIEWS):
            header = _identified(_drawn(side, code), day, accession, study, series)
            written.setdefault(visit, []).append(saved(header, folder / name / f"scan_kow{number}.dcm"))
    return written


def repeat(path: Path) -> Path:
    """A second picture of the same view."""
    header = pydicom.dcmread(path)
    return saved(header, path.with_name("scan_kow_repeat.dcm"), SOPInstanceUID=generate_uid())


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
    folder = tmp_path_factory.mktemp("archive")
    visits = visits_in(folder)
    visits["repeat"] = [repeat(visits["current"][0])]
    return visits, folder
