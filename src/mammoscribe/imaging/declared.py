"""What a DICOM header says of the size of its pixels, held against the pixel data before anything is decoded.

A header that lies gives sheared pictures, fills the memory, or makes a decoder abort the whole process.
"""

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.utils import get_expected_length

from mammoscribe.support.errors import InputError

MAX_PIXELS = 178_956_970
"""Largest picture that is decoded, as many pixels as Pillow allows; a full-field mammogram has 14 million."""

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
"""JPEG markers SOF0..SOF15 without DHT, JPG and DAC (ITU-T T.81 table B.1), and SOF55 of JPEG-LS (T.87 C.1.1)."""
_JPEG_2000 = b"\xff\x4f\xff\x51"  # SOC, then SIZ (ITU-T T.800 annex A)


@dataclass(frozen=True)
class Declared:
    """Size of one frame: pixels, samples a pixel, bits a sample."""

    columns: int
    rows: int
    samples: int
    bits: int


def check_declared(dataset: Dataset, frame: int = 0) -> None:
    """Raise InputError when a frame is too large to decode, or the pixel data are not of the size that the header says."""
    said = _said(dataset)
    if said.rows * said.columns * said.samples > MAX_PIXELS:
        millions = said.rows * said.columns * said.samples / 1e6
        raise InputError(f"the header says {millions:.0f} million pixels a frame", f"at most {MAX_PIXELS / 1e6:.0f}")
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if syntax is None or "PixelData" not in dataset or 0 in (said.rows, said.columns, said.samples, said.bits):
        return  # what lacks is said by the decoder
    if not syntax.is_encapsulated:
        _check_length(dataset, said)
    elif (found := _compressed(dataset, frame)) is not None:
        sizes = (found.columns, found.rows, found.samples) == (said.columns, said.rows, said.samples)
        if not sizes or found.bits > said.bits:
            raise InputError(f"the header says {_words(said)}, the compressed picture is {_words(found)}", "the same")


def _said(dataset: Dataset) -> Declared:
    try:
        values = [int(dataset.get(k) or 0) for k in ("Columns", "Rows", "SamplesPerPixel", "BitsAllocated")]
    except (TypeError, ValueError) as error:
        raise InputError(f"the header's Rows, Columns or bits are no numbers ({error})") from error
    return Declared(*values)


def _words(size: Declared) -> str:
    return f"{size.columns} x {size.rows} pixels of {size.samples} x {size.bits} bits"


def _check_length(dataset: Dataset, said: Declared) -> None:
    """Pixel data of a whole row too many: Rows or Columns are wrong, and every row would be sheared or missing.

    Fewer than expected is refused by pydicom; a few bytes more are padding.
    """
    try:
        expected = get_expected_length(dataset)
    except (AttributeError, TypeError, ValueError):
        return
    row = max(2, said.columns * said.samples * said.bits // 8)
    if (length := len(dataset.PixelData)) - expected >= row:
        raise InputError(f"the header says {_words(said)}, the pixel data are {length} bytes", f"{expected} bytes")


def _compressed(dataset: Dataset, frame: int) -> Declared | None:
    """The size in the head of a JPEG, JPEG-LS or JPEG 2000 frame; None for others and for what has no such head."""
    try:
        frames = int(dataset.get("NumberOfFrames") or 1)
        stream = get_frame(dataset.PixelData, frame, number_of_frames=frames)
    except Exception:  # offsets that lead nowhere fail in many ways; the decoder says how
        return None
    at = stream.find(_JPEG_2000, 0, 4096)
    return _jpeg_2000(stream[at:]) if at >= 0 else _jpeg(stream)


def _jpeg_2000(stream: bytes) -> Declared | None:
    if len(stream) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(stream[at : at + 4], "big") for at in (8, 12, 16, 20))
    return Declared(right - left, bottom - top, int.from_bytes(stream[40:42], "big"), (stream[42] & 0x7F) + 1)


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
