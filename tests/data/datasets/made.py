"""What a maker of format-faithful files says about them, and small pictures for it to write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


@dataclass(frozen=True)
class Made:
    """What is in a folder that a maker has filled.

    Args:
        counts: as `counts.Tally` must count it; names that are not here are not held against it.
        picture: one picture, from the folder, that a table names; None where tables alone are published.
        table: a text table, or other file with one record a line, to which `bad_row` is appended; None where there is none.
        bad_row: a row that must become one fault and leave the other records as they are.
    """

    counts: Mapping[str, int]
    picture: str | None = None
    table: str | None = None
    bad_row: str = "\x00broken"


@dataclass(frozen=True)
class Case:
    """One edition of one dataset and how its files are made."""

    dataset: str
    edition: str
    make: Callable[[Path], Made] = field(repr=False)

    @property
    def id(self) -> str:
        return f"{self.dataset}-{self.edition.replace(' ', '_')}"


def grey(seed: int = 0, height: int = 64, width: int = 48, top: int = 255) -> np.ndarray:
    """A bright half-disc at the left edge, with noise, [height, width]: what a breast looks like from far away."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = ((y - height / 2) / (height / 2.2)) ** 2 + (x / (width / 1.3)) ** 2 < 1
    return np.where(inside, top * (0.4 + 0.5 * rng.random((height, width))), 0).astype(
        np.uint16 if top > 255 else np.uint8
    )


def write_picture(path: Path, seed: int = 0, **size: int) -> Path:
    """A PNG, JPEG, TIFF or PGM, by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey(seed, **size)).save(path)
    return path


def write_dicom(path: Path, seed: int = 0, **attributes: object) -> Path:
    """A small MG DICOM; keyword arguments are attributes by their DICOM keyword (a value of None deletes one)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path), str(seed)])
    pixels = grey(seed, top=4095)
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "MG", "PatientID": "P1", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4",
        "StudyDate": "20200102", "ImageLaterality": "R", "ViewPosition": "CC", "PresentationIntentType": "FOR PRESENTATION",
        "Rows": pixels.shape[0], "Columns": pixels.shape[1], "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11,
        "PixelRepresentation": 0, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "PixelData": pixels.tobytes(),
    } | attributes  # fmt: skip
    for name, value in values.items():
        if value is not None:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_lines(path: Path, *lines: str) -> Path:
    """A text file with these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
