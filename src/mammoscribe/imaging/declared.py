"""What a DICOM header says of its pixels, held against the pixel data before anything is decoded.

A wrong header gives sheared pictures, fills the memory, or makes a decoder abort the whole process.
"""

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID

from mammoscribe.imaging.damage import reason_of, worded
from mammoscribe.support.errors import InputError

MAX_PIXELS = 100_000_000
"""Samples of the largest picture that is decoded; a full-field mammogram has 14 to 28 million, the finest film scans 60."""

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""JPEG markers SOF0..SOF15 without DHT, JPG and DAC (ITU-T T.81 table B.1), and SOF55 of JPEG-LS (T.87 C.1.1)."""
_JPEG_2000 = b"\xff\x4f\xff\x51"  # SOC, then SIZ (ITU-T T.800 annex A)
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_WIDEST = {True: 16, False: 64}
"""Bits Allocated up to which encapsulated, and plain, pixels are decoded (PS3.5 8.2)."""


@dataclass(frozen=True)
class Declared:
    """Size of one frame: pixels, samples a pixel, bits a sample; whether samples have a sign, None where that is not declared."""

    columns: int
    rows: int
    samples: int
    bits: int
    signed: bool | None = None


def transfer_syntax(dataset: Dataset) -> UID:
    """The transfer syntax; InputError for one that DICOM does not define."""
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if isinstance(syntax, UID) and syntax.is_transfer_syntax:
        return syntax
    found = (
        f"the transfer syntax {worded(syntax, 70)} is not one of DICOM's"
        if syntax
        else "the transfer syntax is not declared"
    )
    raise InputError(
        found, "a standard one", "save it again as Explicit VR Little Endian, with the software that wrote it"
    )


def check_declared(dataset: Dataset) -> Declared:
    """What the header says of one frame.

    Raises:
        InputError: when it says no numbers, a frame too large to decode, or values that contradict each other; for plain
            pixels also when they are more than it says.
    """
    declared, encapsulated = _declared(dataset), transfer_syntax(dataset).is_encapsulated
    if declared.rows * declared.columns * declared.samples > MAX_PIXELS:
        millions = declared.rows * declared.columns * declared.samples / 1e6
        raise InputError(f"the header says {millions:.0f} million pixels a frame", f"at most {MAX_PIXELS / 1e6:.0f}")
    if min(declared.rows, declared.columns, declared.samples, declared.bits) < 1:
        raise InputError(f"the header says {_words(declared)}", "at least one of each")
    photometric = str(dataset.get("PhotometricInterpretation", "")).upper()
    if (declared.samples == 1) != (photometric in _GREY):
        raise InputError(
            f"the header says {worded(photometric, 40) or 'nothing'} for {declared.samples} samples a pixel",
            ", ".join(_GREY),
        )
    if declared.bits > _WIDEST[encapsulated]:
        raise InputError(f"the header says {_words(declared)}", f"at most {_WIDEST[encapsulated]} bits")
    if not encapsulated and "PixelData" in dataset:
        stored = whole_number(dataset, "BitsStored", declared.bits)
        if not 1 <= stored <= declared.bits:
            raise InputError(
                f"the header says {stored} bits stored of {declared.bits} allocated", f"1 to {declared.bits}"
            )
        _check_length(dataset, declared)
    return declared


def whole_number(dataset: Dataset, name: str, otherwise: int) -> int:
    """The value of an element, or `otherwise` when it is not there; InputError for what is no whole number."""
    value = dataset.get(name)
    try:
        return otherwise if value is None or value == "" else int(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"the header's {name} is no number ({worded(value, 40)})") from error


def coded_frame(dataset: Dataset, frame: int, declared: Declared) -> tuple[bytes, Declared | None]:
    """The stream of one encapsulated frame and what its own head says; None where it has no head that is known.

    Raises:
        InputError: when there is no such frame, or it is of another size than `declared`.
    """
    try:
        frames = int(dataset.get("NumberOfFrames") or 1)
        stream = get_frame(dataset.PixelData, frame, number_of_frames=frames)
    except Exception as error:  # offsets that lead nowhere fail in many ways
        raise InputError(f"the pixels cannot be decoded ({reason_of(error)})", "whole pixel data") from error
    found = head_of(stream)
    if found is not None:
        sizes = (found.columns, found.rows, found.samples) == (declared.columns, declared.rows, declared.samples)
        if not sizes or found.bits > declared.bits:
            raise InputError(
                f"the header says {_words(declared)}, the compressed picture is {_words(found)}", "the same"
            )
    return stream, found


def head_of(stream: bytes) -> Declared | None:
    """The size in the head of a JPEG, JPEG-LS or JPEG 2000 stream; None for others and for what has no such head."""
    at = stream.find(_JPEG_2000, 0, 4096)
    return _jpeg_2000(stream[at:]) if at >= 0 else _jpeg(stream)


def _declared(dataset: Dataset) -> Declared:
    columns, rows, samples, bits, signed = (
        whole_number(dataset, name, 0)
        for name in ("Columns", "Rows", "SamplesPerPixel", "BitsAllocated", "PixelRepresentation")
    )
    return Declared(columns, rows, samples, bits, signed == 1)


def _words(size: Declared) -> str:
    return f"{size.columns} x {size.rows} pixels of {size.samples} x {size.bits} bits"


def _check_length(dataset: Dataset, declared: Declared) -> None:
    """Pixel data of a whole row too many: Rows or Columns are wrong, and every row would be sheared or missing.

    Fewer than expected is refused by pydicom; a few bytes more are padding.
    """
    try:
        expected = get_expected_length(dataset)
    except (AttributeError, TypeError, ValueError):
        return
    row = max(2, declared.columns * declared.samples * declared.bits // 8)
    if (length := len(dataset.PixelData)) - expected >= row:
        raise InputError(f"the header says {_words(declared)}, the pixel data are {length} bytes", f"{expected} bytes")


def _jpeg_2000(stream: bytes) -> Declared | None:
    if len(stream) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(stream[at : at + 4], "big") for at in (8, 12, 16, 20))
    samples, depth = int.from_bytes(stream[40:42], "big"), stream[42]
    return Declared(right - left, bottom - top, samples, (depth & 0x7F) + 1, signed=depth >= 0x80)


def _jpeg(stream: bytes) -> Declared | None:
    """Marker by marker up to the frame header (T.81 B.2.2); a height of 0 comes later in the stream and is not sought."""
    at = 2
    while stream[:2] == b"\xff\xd8" and at + 10 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _FRAME_HEADERS:
            rows, columns = (int.from_bytes(stream[i : i + 2], "big") for i in (at + 5, at + 7))
            return Declared(columns, rows, stream[at + 9], stream[at + 4]) if rows else None
        at += 1 if marker == 0xFF else 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
