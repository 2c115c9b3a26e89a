"""Decoding: a DICOM, PNG, JPEG, TIFF or PGM file becomes a Picture of grey values with its spacing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mammoscribe.domain.view import SpacingSource, View
from mammoscribe.imaging.declared import check_declared
from mammoscribe.imaging.grey import to_grey
from mammoscribe.imaging.orientation import chest_side
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.plain import is_plain, read_plain
from mammoscribe.imaging.spacing import header_spacing
from mammoscribe.support.errors import InputError
from mammoscribe.support.words import with_article

__all__ = ["Picture", "decode", "decode_pixels", "decode_view", "is_dicom", "open_dicom"]


def decode(path: Path, frame: int = 0) -> Picture:
    """Decode one picture from a file, by its content and not by its suffix.

    Args:
        path: a DICOM (with or without preamble or suffix), PNG, JPEG, TIFF or PGM file.
        frame: index of the frame or page in a multi-frame file.

    Raises:
        InputError: when the file is missing, empty, of another kind, or damaged.
    """
    path = Path(path)
    check_readable(path)
    if is_dicom(path):
        return _named(path, open_dicom(path), frame)
    if not is_plain(path):
        raise InputError(f"{path} is not a picture", "a DICOM, PNG, JPEG, TIFF or PGM file")
    grey, steps = read_plain(path, frame)
    return Picture(grey, steps=steps)


def decode_view(view: View) -> Picture:
    """Decode the file of a view; a spacing that the view declares takes precedence over the file's.

    Raises:
        InputError: when the file cannot be decoded, or its size is not the view's.
    """
    picture = decode(Path(view.source), view.frame)
    if (picture.width_px, picture.height_px) != (view.width_px, view.height_px):
        raise InputError(
            f"{view.source} holds {picture.width_px} x {picture.height_px} pixels",
            f"{view.width_px} x {view.height_px}, as when the exam was opened",
        )
    if view.spacing_mm is not None:
        return replace(picture, spacing_mm=view.spacing_mm, spacing_source=view.spacing_source)
    if picture.spacing_mm is None:
        return replace(picture, spacing_source=view.spacing_source)
    return picture


def decode_pixels(dataset: Dataset, frame: int = 0) -> Picture:
    """Decode the pixels of an open DICOM data set, mammogram or not.

    Raises:
        InputError: without pixels, without that frame, or when they cannot be decoded.
    """
    if not any(k in dataset for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise InputError(f"{with_article(_kind(dataset))} object has no pixels", "an image")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 0 <= frame < frames:
        raise InputError(f"the file has no frame {frame}", f"0 to {frames - 1}")
    stored = stored_values(dataset, frame)
    if stored.ndim == 3:  # a colour object: the luminance is what a reader would see
        full = float(2 ** int(dataset.get("BitsStored", 8)) - 1)
        grey = (stored[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)) / np.float32(full)
        steps: tuple[str, ...] = ("colours taken as luminance",)
    else:
        grey, steps = to_grey(stored, dataset)
    spacing, _ = header_spacing(dataset)
    source = SpacingSource.HEADER if spacing else SpacingSource.UNKNOWN
    steps = (_syntax(dataset), *steps)
    return Picture(np.ascontiguousarray(grey, dtype=np.float32), spacing, source, steps, chest_side(dataset))


def is_dicom(path: Path) -> bool:
    """Whether the file carries the DICOM prefix, or names itself .dcm and parses as a data set."""
    with Path(path).open("rb") as stream:
        if stream.read(132)[128:] == b"DICM":
            return True
    if Path(path).suffix.lower() not in (".dcm", ".dicom", ".ima", ""):
        return False
    try:
        return "SOPClassUID" in pydicom.dcmread(path, force=True, stop_before_pixels=True)
    except Exception:  # parsing arbitrary bytes as DICOM can fail in any way; all of them mean no
        return False


def open_dicom(path: Path, pixels: bool = True) -> Dataset:
    """Read a DICOM file; damage raises InputError."""
    try:
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=not pixels)
    except (InvalidDicomError, OSError, ValueError, EOFError, AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error})", "a whole DICOM file") from error
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        plain = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else plain
    return dataset


def check_readable(path: Path) -> None:
    """Raise InputError when there is no such file, it is a folder, or it is empty."""
    try:
        if not path.is_file():
            raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "a picture file")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty", "a picture file")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error


def _named(path: Path, dataset: Dataset, frame: int) -> Picture:
    try:
        return decode_pixels(dataset, frame)
    except InputError as error:
        raise InputError(f"{path}: {error.found}", error.expected, error.do) from error


def stored_values(dataset: Dataset, frame: int = 0) -> np.ndarray:
    """The pixels of one frame as stored: no rescale, no VOI LUT, no inversion; InputError when they cannot be decoded."""
    check_declared(dataset, frame)
    try:
        return np.asarray(pixel_array(dataset, index=frame))
    except MemoryError:
        raise
    except Exception as error:  # four decoders, each with its own exceptions; none may reach the user raw
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise InputError(
            f"the pixels cannot be decoded ({_syntax(dataset)}: {reason})",
            "whole pixel data in a known transfer syntax",
        ) from error


def _syntax(dataset: Dataset) -> str:
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    return str(syntax.name) if syntax else "unknown transfer syntax"


def _kind(dataset: Dataset) -> str:
    sop_class = dataset.get("SOPClassUID")
    return str(sop_class.name) if sop_class else "DICOM"
