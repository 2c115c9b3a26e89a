"""Decoding: a DICOM, PNG, JPEG, TIFF or PGM file becomes a Picture of grey values with its spacing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mammoscribe.domain.view import SpacingSource, View
from mammoscribe.imaging.air import with_dark_air
from mammoscribe.imaging.damage import named_damage
from mammoscribe.imaging.deflated import check_inflated
from mammoscribe.imaging.enhanced import flattened
from mammoscribe.imaging.grey import to_grey
from mammoscribe.imaging.orientation import orientation_of
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.plain import is_plain, read_plain
from mammoscribe.imaging.remarks import remarks
from mammoscribe.imaging.spacing import header_spacing
from mammoscribe.imaging.stored import read_stored
from mammoscribe.support.errors import InputError
from mammoscribe.support.words import with_article

__all__ = ["Picture", "decode", "decode_mammogram", "decode_pixels", "decode_view", "is_dicom", "open_dicom"]

_SHAPES = {"IDENTITY": "MONOCHROME2", "INVERSE": "MONOCHROME1"}
"""Presentation LUT Shape -> the Photometric Interpretation that goes with it (PS3.3 C.8.11.3.1.2)."""


def decode(path: Path, frame: int = 0) -> Picture:
    """Decode one picture from a file, by its content and not by its suffix.

    Args:
        path: a DICOM (with or without preamble or suffix), PNG, JPEG, TIFF or PGM file.
        frame: index of the frame or page in a multi-frame file.

    Raises:
        InputError: when the file is missing, empty, of another kind, or damaged.
    """
    return _decoded(Path(path), frame)[0]


def decode_mammogram(path: Path, frame: int = 0) -> Picture:
    """Decode a view of a breast: as `decode`, with its air made dark and what its header says of it as warnings.

    Raises:
        InputError: as `decode`.
    """
    picture, header = _decoded(Path(path), frame)
    if header is None:
        return with_dark_air(picture)
    with named_damage(Path(path)):
        picture = replace(picture, warnings=(*picture.warnings, *remarks(header)))
        shape = str(header.get("PresentationLUTShape", "")).upper()
        contradicts = _SHAPES.get(shape, "") not in ("", header.get("PhotometricInterpretation"))
    doubt = f"Presentation LUT Shape {shape} contradicts the photometric interpretation" if contradicts else ""
    return with_dark_air(picture, doubt)


def decode_view(view: View) -> Picture:
    """Decode the file of a view; a spacing that the view declares takes precedence over the file's.

    Raises:
        InputError: when the file cannot be decoded, or its size is not the view's.
    """
    picture = decode_mammogram(Path(view.source), view.frame)
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
    names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    if all(dataset.get(name) is None for name in names):
        raise InputError(f"{with_article(_kind(dataset))} object has no pixels", "an image")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if not 0 <= frame < frames:
        raise InputError(f"the file has no frame {frame}", f"0 to {frames - 1}")
    stored, header = read_stored(dataset, frame), flattened(dataset)
    if stored.values.ndim == 3:  # a colour object: the luminance is what a reader would see
        pixels = _luminance(stored.values, stored.range[1])
        steps, warnings = ("colours taken as luminance",), stored.warnings
    else:
        grey = to_grey(stored, header)
        pixels, steps, warnings = grey.pixels, grey.steps, grey.warnings
    spacing, _ = header_spacing(header)
    source = SpacingSource.HEADER if spacing else SpacingSource.UNKNOWN
    return Picture(pixels, spacing, source, (_syntax(dataset), *steps), orientation_of(header), warnings)


def _luminance(colours: np.ndarray, white: int) -> np.ndarray:
    """float32 [H, W] of colours [H, W, 3 or 4]."""
    weights = np.array([0.299, 0.587, 0.114], np.float32) / np.float32(white)  # ITU-R BT.601
    return np.clip(sum(colours[..., i].astype(np.float32) * weights[i] for i in range(3)), 0.0, 1.0).astype(np.float32)


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
    path = Path(path)
    with named_damage(path):
        check_inflated(path)
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=not pixels)
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


def _decoded(path: Path, frame: int) -> tuple[Picture, Dataset | None]:
    """The picture, and the header of a DICOM file."""
    check_readable(path)
    with named_damage(path):
        if is_dicom(path):
            dataset = open_dicom(path)
            return decode_pixels(dataset, frame), dataset
        if not is_plain(path):
            raise InputError(f"{path} is not a picture", "a DICOM, PNG, JPEG, TIFF or PGM file")
        grey, steps = read_plain(path, frame)
        return Picture(grey, steps=steps), None


def _syntax(dataset: Dataset) -> str:
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    return str(syntax.name) if syntax else "unknown transfer syntax"


def _kind(dataset: Dataset) -> str:
    sop_class = dataset.get("SOPClassUID")
    return str(sop_class.name) if sop_class else "DICOM"
