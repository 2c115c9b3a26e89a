"""From stored DICOM values to grey values 0..1: modality LUT, VOI LUT or window, polarity (PS3.3 C.11.1, C.11.2)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from mammoscribe.support.errors import InputError

_TABLE_LIMIT = 1 << 20  # wider integer ranges are mapped value by value


@dataclass(frozen=True)
class Window:
    """One VOI window; `function` is LINEAR, LINEAR_EXACT or SIGMOID."""

    centre: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Grey 0..1 of modality values, by the equations of PS3.3 C.11.2.1.2 and C.11.2.1.3."""
        if self.function == "SIGMOID":
            return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - self.centre) / self.width, -80, 80)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.centre) / self.width + 0.5, 0.0, 1.0)
        if self.width == 1:
            return (values > self.centre - 0.5).astype(float)
        return np.clip((values - (self.centre - 0.5)) / (self.width - 1) + 0.5, 0.0, 1.0)


def to_grey(stored: np.ndarray, header: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey values of one frame and the steps taken.

    Args:
        stored: [H, W] integers or floats as decoded from the file.
        header: the data set with its LUTs, windows and photometric interpretation.

    Returns:
        float32 [H, W] in 0..1, bright = dense, and the names of the steps.

    Raises:
        InputError: when a LUT or window in the header cannot be applied.
    """
    values, steps = significant_bits(stored, header), []
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if high - low < _TABLE_LIMIT:
            table = _map(np.arange(low, high + 1), header, steps).astype(np.float32)
            return table[values - low], tuple(steps)
    return _map(values, header, steps).astype(np.float32), tuple(steps)


def significant_bits(stored: np.ndarray, header: Dataset) -> np.ndarray:
    """The Bits Stored of every value, sign-extended where pixels are signed; other bits may hold overlays."""
    if stored.dtype.kind not in "iu":
        return stored
    bits, allocated = int(header.get("BitsStored", 16)), int(header.get("BitsAllocated", 16))
    if bits >= allocated:
        return stored
    signed = int(header.get("PixelRepresentation", 0)) == 1
    low, high = _stored_range(bits, signed)
    if low <= int(stored.min()) and int(stored.max()) <= high:
        return stored
    shift = max(0, int(header.get("HighBit", bits - 1)) + 1 - bits)
    kept = (stored.astype(np.int64) >> shift) & ((1 << bits) - 1)
    if signed:
        kept = np.where(kept >= 1 << (bits - 1), kept - (1 << bits), kept)
    return kept.astype(np.int32)


def _map(stored: np.ndarray, header: Dataset, steps: list[str]) -> np.ndarray:
    """Grey of stored values; used on a table of all values that occur, not on every pixel."""
    try:
        values = _modality(stored, header, steps)
        grey = _voi(values, header, steps)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, NotImplementedError) as error:
        raise InputError(f"a look-up table or window in the header cannot be applied ({error})") from error
    if _inverted(header):
        steps.append("inverted (bright = dense)")
        grey = 1.0 - grey
    padding = _padding(stored, header)
    if padding is not None and padding.any():
        steps.append("padding set to background")
        grey = np.where(padding, 0.0, grey)
    return grey


def _modality(stored: np.ndarray, header: Dataset, steps: list[str]) -> np.ndarray:
    if header.get("ModalityLUTSequence"):
        steps.append("modality LUT")
        return _look_up(stored, header.ModalityLUTSequence[0], header)
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None or (float(slope), float(intercept)) == (1.0, 0.0):
        return stored
    steps.append(f"rescale {float(slope):g} x + {float(intercept):g}")
    return stored * float(slope) + float(intercept)


def _voi(values: np.ndarray, header: Dataset, steps: list[str]) -> np.ndarray:
    """VOI LUT sequence first, else the first window, else the full range of the stored bits."""
    if header.get("VOILUTSequence"):
        bits = _lut_bits(header.VOILUTSequence[0])
        steps.append(f"VOI LUT ({bits} bit)" + (", window not used" if windows(header) else ""))
        return np.clip(_look_up(values, header.VOILUTSequence[0], header) / float(2**bits - 1), 0.0, 1.0)
    if found := windows(header):
        window = found[0]
        steps.append(f"window {window.centre:g}/{window.width:g} {window.function}, 1 of {len(found)}")
        return window.apply(values.astype(float))
    if _for_processing(header) and header.get("PixelIntensityRelationship") == "LIN":
        steps.append("logarithm of linear exposure")
        return _over_range(np.log(np.maximum(values.astype(float), 1.0)), header, log=True)
    steps.append("full range of stored bits")
    return _over_range(values.astype(float), header)


def windows(header: Dataset) -> tuple[Window, ...]:
    """All usable windows of the header, in order; a width that the function cannot use is left out."""
    centres, widths = (_numbers(header.get(k)) for k in ("WindowCenter", "WindowWidth"))
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise ValueError(f"VOI LUT Function {function!r}")
    least = 1.0 if function == "LINEAR" else 1e-9
    return tuple(Window(c, w, function) for c, w in zip(centres, widths, strict=False) if w >= least)


def _numbers(value: object) -> tuple[float, ...]:
    if value is None or value == "":
        return ()
    items = value if isinstance(value, (list, tuple)) or hasattr(value, "__iter__") else [value]
    return tuple(float(v) for v in items)  # type: ignore[union-attr]


def _over_range(values: np.ndarray, header: Dataset, log: bool = False) -> np.ndarray:
    """Values scaled by what the stored bits can hold, not by what one picture happens to hold."""
    if header.get("ModalityLUTSequence"):
        low, high = 0.0, float(2 ** _lut_bits(header.ModalityLUTSequence[0]) - 1)
    elif (values.dtype.kind == "f" and not header.get("BitsStored")) or header.get("FloatPixelData") is not None:
        low, high = float(values.min()), float(values.max())
    else:
        signed = int(header.get("PixelRepresentation", 0)) == 1
        slope, intercept = float(header.get("RescaleSlope") or 1.0), float(header.get("RescaleIntercept") or 0.0)
        edges = [v * slope + intercept for v in _stored_range(int(header.get("BitsStored", 16)), signed)]
        low, high = min(edges), max(edges)
    if log:
        low, high = float(np.log(max(low, 1.0))), float(np.log(max(high, 2.0)))
    return np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)


def _stored_range(bits: int, signed: bool) -> tuple[int, int]:
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def _look_up(values: np.ndarray, lut: Dataset, header: Dataset) -> np.ndarray:
    """Values through a LUT, clamped to its ends (PS3.3 C.11.1.1, C.11.2.1.1).

    pydicom's own functions refuse modality LUTs of other than 8 or 16 bits, which scanners write.
    """
    entries, first = int(lut.LUTDescriptor[0]) or 1 << 16, int(lut.LUTDescriptor[1])
    if first >= 1 << 15 and (int(header.get("PixelRepresentation", 0)) == 1 or float(values.min()) < 0):
        first -= 1 << 16  # a signed first value in an unsigned element
    data = lut.LUTData
    if isinstance(data, bytes):
        order = "<" if header.original_encoding[1] is not False else ">"
        data = np.frombuffer(data, np.uint8 if len(data) <= entries + 1 else f"{order}u2")
    table = np.atleast_1d(np.asarray(data, dtype=float))[:entries]
    if table.size < entries:
        raise ValueError(f"a LUT with {table.size} of {entries} entries")
    return table[np.clip(np.rint(values).astype(np.int64) - first, 0, entries - 1)]


def _lut_bits(lut: Dataset) -> int:
    """Bits of a LUT's output; some writers claim 16 and use fewer, others give 0 for 16."""
    claimed = int(lut.LUTDescriptor[2])
    return claimed if 8 <= claimed <= 16 else 16


def _for_processing(header: Dataset) -> bool:
    return str(header.get("PresentationIntentType", "")).upper() == "FOR PROCESSING"


def _inverted(header: Dataset) -> bool:
    """MONOCHROME1 stores bright as low; raw exposure (sign 1: more beam is a higher value) shows dense as low."""
    mono1 = str(header.get("PhotometricInterpretation", "")).upper() == "MONOCHROME1"
    sign = header.get("PixelIntensityRelationshipSign")
    if _for_processing(header) and sign in (1, -1):
        return int(sign) == 1
    return mono1


def _padding(stored: np.ndarray, header: Dataset) -> np.ndarray | None:
    """Where stored values are padding (PS3.3 C.7.5.1.1.2), or None without a Pixel Padding Value."""
    value: Callable[[str], object] = header.get
    first, last = value("PixelPaddingValue"), value("PixelPaddingRangeLimit")
    if not isinstance(first, int):
        return None
    low, high = sorted((first, last if isinstance(last, int) else first))
    return (stored >= low) & (stored <= high)
