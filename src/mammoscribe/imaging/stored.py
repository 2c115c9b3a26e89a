"""Stored values of a DICOM frame, with the bits that they really have: header, compressed stream and pixels may disagree."""

from dataclasses import dataclass, replace

import numpy as np
from pydicom import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEG2000TransferSyntaxes, RLELossless

from mammoscribe.imaging.damage import reason_of
from mammoscribe.imaging.declared import Declared, check_declared, coded_frame, transfer_syntax, whole_number
from mammoscribe.imaging.decoder import decode_apart
from mammoscribe.support.errors import InputError

_ROWS = 256
"""So many rows, evenly spread, are enough to see which of two readings makes a picture."""
_RUN_OVER = 0.3
"""Share of those neighbours that are far apart; about 1 in a picture that runs over, 0 under an overlay."""


@dataclass(frozen=True)
class Stored:
    """The values of one frame before any transform.

    Args:
        values: [H, W], or [H, W, samples] of a colour picture.
        bits: bits of a value that count; the full range is 2 ** bits, from 0 or, signed, from -(2 ** (bits - 1)).
        signed: whether values may be negative.
        warnings: where the header was not followed.
    """

    values: np.ndarray
    bits: int
    signed: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def range(self) -> tuple[int, int]:
        """The least and greatest value that the bits can hold."""
        return _range(self.bits, self.signed)


def read_stored(dataset: Dataset, frame: int = 0) -> Stored:
    """The values of one frame, and how many bits of them count.

    The bits are the header's Bits Stored, unless the compressed stream has fewer, or values need more.

    Raises:
        InputError: when the pixels cannot be decoded.
    """
    values, declared, stream = _decoded(dataset, frame)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise InputError("the pixels hold values that are not finite", "finite values")
        return Stored(values, declared.bits, signed=True)
    stored = whole_number(dataset, "BitsStored", declared.bits)
    warnings: list[str] = []
    bits = stored if 1 <= stored <= declared.bits else stream.bits if stream else declared.bits
    if stream is not None and stream.bits < bits:
        warnings.append(
            f"the header says {stored} bits stored, the compressed picture has {stream.bits}, which are used"
        )
        bits = stream.bits
    signed = stream.signed if stream is not None and stream.signed is not None else bool(declared.signed)
    if values.ndim == 3:
        return Stored(values, bits, signed, tuple(warnings))
    shift = 0 if stream is not None else whole_number(dataset, "HighBit", bits - 1) + 1 - bits
    shift = shift if 0 <= shift <= declared.bits - bits else 0
    return _settled(Stored(values, bits, signed, tuple(warnings)), bool(declared.signed), shift, _has_overlay(dataset))


def _decoded(dataset: Dataset, frame: int) -> tuple[np.ndarray, Declared, Declared | None]:
    """Values, what the header says of them, and what the head of the compressed stream says."""
    syntax, declared = transfer_syntax(dataset), check_declared(dataset)
    if syntax.is_encapsulated:
        stream, found = coded_frame(dataset, frame, declared)
        signed = found.signed if found is not None and found.signed is not None else declared.signed
        options = {
            "syntax": str(syntax), "rows": declared.rows, "columns": declared.columns, "samples_per_pixel": declared.samples,
            "bits_allocated": declared.bits, "bits_stored": found.bits if found else declared.bits,
            "pixel_representation": int(bool(signed) and syntax in (*JPEG2000TransferSyntaxes, RLELossless)),
            "photometric_interpretation": str(dataset.PhotometricInterpretation).upper(), "number_of_frames": 1,
            "planar_configuration": whole_number(dataset, "PlanarConfiguration", 0), "pixel_keyword": "PixelData",
            "apply_j2k_sign_correction": False, "apply_jls_sign_correction": False, "correct_unused_bits": False,
        }  # fmt: skip
        return decode_apart(stream, options), declared, found
    try:
        return np.asarray(pixel_array(dataset, index=frame, correct_unused_bits=False, view_only=True)), declared, None
    except MemoryError:
        raise
    except Exception as error:  # values that pydicom did not expect, in as many ways as headers can be wrong
        raise InputError(f"the pixels cannot be decoded ({reason_of(error)})", "whole pixel data") from error


def _has_overlay(dataset: Dataset) -> bool:
    """Whether the header says that unused bits of the pixels hold an overlay (PS3.3 C.9.2, retired)."""
    groups = (0x6000 + 2 * number for number in range(16))
    return any((group, 0x0102) in dataset and (group, 0x3000) not in dataset for group in groups)


def _settled(stored: Stored, header_signed: bool, shift: int, overlay: bool) -> Stored:
    """Values that fit the bits as they are; else the bits alone, or all that is there, whichever makes a picture."""
    values, (least, most) = stored.values, stored.range
    low, high = int(values.min()), int(values.max())
    fits = least <= low and high <= most
    if fits and stored.signed == header_signed:
        return stored
    cut = _cut(values, stored.bits, header_signed, shift)
    if fits and np.array_equal(cut, values):
        return stored
    if shift > 0 or overlay or not _wraps(values, cut, stored.bits):
        return replace(stored, values=cut, signed=header_signed)
    needed = stored.bits if fits else max(stored.bits, _bits_of(low, high))
    remark = f"the header says {stored.bits} bits stored, the pixels have {needed}; all of them are used"
    if needed == stored.bits:
        kinds = ("signed", "unsigned") if header_signed else ("unsigned", "signed")
        remark = f"the header says {kinds[0]} values, the compressed picture has {kinds[1]} ones, which are used"
    return Stored(values, needed, low < 0, (*stored.warnings, remark))


def _cut(values: np.ndarray, bits: int, signed: bool, shift: int) -> np.ndarray:
    """The `bits` above the lowest `shift` of every value, sign-extended where pixels are signed."""
    kept = (values.astype(np.int64) >> shift) & ((1 << bits) - 1)
    if signed:
        kept = np.where(kept >= 1 << (bits - 1), kept - (1 << bits), kept)
    return kept.astype(np.int32 if bits < 32 else np.int64)


def _bits_of(low: int, high: int) -> int:
    """Bits that hold both values."""
    return max((~low if low < 0 else low).bit_length(), high.bit_length()) + (low < 0)


def _range(bits: int, signed: bool) -> tuple[int, int]:
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def _wraps(values: np.ndarray, cut: np.ndarray, bits: int) -> bool:
    """Whether values cut to their lowest bits run over, as those of a picture do that needs more of them.

    Where the part that is cut off goes up or down by one, neighbours in the cut picture are then nearly a full range
    apart, and near in the whole one. Where that part is an overlay, or a sign, it is the other way round.
    """
    every = max(1, values.shape[0] // _ROWS)
    some, kept = values[::every].astype(np.int64), cut[::every].astype(np.int64)
    crossing = np.abs(np.diff((some - kept) >> bits, axis=1)) == 1
    steps, kept_steps = (np.abs(np.diff(part, axis=1))[crossing] for part in (some, kept))
    if not crossing.any() or kept_steps.sum() <= steps.sum():
        return False
    return float((kept_steps > 1 << (bits - 1)).mean()) > _RUN_OVER
