"""From stored DICOM values to grey values 0..1: modality LUT, VOI LUT or window, polarity (PS3.3 C.11.1, C.11.2)."""

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from mammoscribe.imaging.air import reduced, tissue_of
from mammoscribe.imaging.damage import reason_of
from mammoscribe.imaging.stored import Stored
from mammoscribe.imaging.voi import Apply, Voi, lut_of, vois
from mammoscribe.support.errors import InputError

MOST = 0.5
"""Share of the tissue that is wholly black or white from which a window is taken to show nothing."""

FLATTEST = 0.25
"""Share of the grey scale that a picture takes at least; what leaves it narrower is made for two bits more, or for another."""

_TABLE_LIMIT = 1 << 20  # wider integer ranges are mapped value by value
_ROWS = 256  # mapped at a time, so that no second picture of 64-bit numbers is held
_EXTREME = 0.002


@dataclass(frozen=True)
class Grey:
    """Grey values float32 [H, W] in 0..1, bright = dense; the steps taken; what the reader should know."""

    pixels: np.ndarray
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def to_grey(stored: Stored, header: Dataset) -> Grey:
    """Grey values of one frame.

    The first VOI of the header is used that neither leaves most of the tissue black or white nor the whole picture nearly
    one grey; the range of the values when none does.

    Args:
        stored: [H, W] integers or floats as decoded from the file, and the bits of them that count.
        header: the data set with its LUTs, windows and photometric interpretation.

    Raises:
        InputError: when the modality LUT or rescale in the header cannot be applied.
    """
    try:
        modality = _modality(header, stored)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"the modality LUT or rescale in the header cannot be applied ({reason_of(error)})") from error
    padding = _padding(header, stored)
    chosen, warnings = _chosen(stored, header, modality, padding)
    turn = _inverted(header)
    padded = padding is not None and bool(((stored.values >= padding[0]) & (stored.values <= padding[1])).any())

    def grey(values: np.ndarray) -> np.ndarray:
        shown = chosen.apply(modality.apply(values))
        shown = 1.0 - shown if turn else shown
        if padding is not None and padded:
            shown = np.where((values >= padding[0]) & (values <= padding[1]), 0.0, shown)
        return shown.astype(np.float32)

    steps = (*modality.steps, chosen.name, *(("inverted (bright = dense)",) if turn else ()))
    steps += ("padding set to background",) if padded else ()
    return Grey(_mapped(stored.values, grey), steps, (*stored.warnings, *warnings))


def _mapped(values: np.ndarray, grey: Apply) -> np.ndarray:
    """`grey` of every value; through a table of all values that may occur, where they are few enough."""
    out = np.empty(values.shape, np.float32)
    low, high = values.min(), values.max()
    table = None
    if values.dtype.kind in "iu" and int(high) - int(low) < _TABLE_LIMIT:
        table = grey(np.arange(int(low), int(high) + 1))
    for top in range(0, len(values), _ROWS):
        rows = values[top : top + _ROWS]
        if table is None:
            out[top : top + _ROWS] = grey(rows)
        else:  # two signed values may lie farther apart than their type can say
            index = rows - low if rows.dtype.kind == "u" else rows.astype(np.int64) - int(low)
            out[top : top + _ROWS] = table[index]
    return out


@dataclass(frozen=True)
class _Modality:
    """What makes modality values of stored ones; `top` is the greatest entry of a look-up table."""

    apply: Apply
    steps: tuple[str, ...] = ()
    top: float | None = None


def _modality(header: Dataset, stored: Stored) -> _Modality:
    if header.get("ModalityLUTSequence"):
        lut = lut_of(header.ModalityLUTSequence[0], stored.signed, header.original_encoding[1] is not False)
        return _Modality(lut.apply, ("modality LUT",), float(lut.table.max()))
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    if slope is None or intercept is None or (float(slope), float(intercept)) == (1.0, 0.0):
        return _Modality(lambda some: some)
    slope, intercept = float(slope), float(intercept)
    if not (np.isfinite([slope, intercept]).all() and 1e-9 < abs(slope) < 1e9 and abs(intercept) < 1e12):
        raise ValueError(f"{slope:g} x + {intercept:g}")
    return _Modality(lambda some: some * slope + intercept, (f"rescale {slope:g} x + {intercept:g}",))


def _chosen(
    stored: Stored, header: Dataset, modality: _Modality, padding: tuple[int, int] | None
) -> tuple[Voi, tuple[str, ...]]:
    """The first way to show the picture in which the tissue is seen, and what was passed over for it."""
    small = reduced(stored.values)
    shown = modality.apply(small).astype(float)
    low, high = float(shown.min()), float(shown.max())
    by_value = (shown - low) / max(high - low, 1e-12)
    tissue = shown[tissue_of(1.0 - by_value if _inverted(header) else by_value)]
    passed: list[str] = []
    for found in vois(header, signed=stored.signed or low < 0):
        if isinstance(found, str):
            passed.append(found)
        elif (share := _lost(found.apply(tissue))) > MOST:
            passed.append(f"{found.name} leaves {share:.0%} of the tissue black or white")
        elif high > low and (spread := float(np.ptp(found.apply(shown)))) < FLATTEST:
            passed.append(f"{found.name} leaves the picture within {spread:.0%} of the grey scale")
        else:
            return found, _remarks(passed, found)
    full = _full_range(stored, header, modality, padding)
    return full, _remarks(passed, full)


def _remarks(passed: list[str], used: Voi) -> tuple[str, ...]:
    return tuple(f"{what}; {used.name} is used instead" for what in passed)


def _lost(tissue: np.ndarray) -> float:
    """Share of the tissue that is wholly black or white."""
    return float(((tissue <= _EXTREME) | (tissue >= 1.0 - _EXTREME)).mean()) if tissue.size else 0.0


def _full_range(stored: Stored, header: Dataset, modality: _Modality, padding: tuple[int, int] | None) -> Voi:
    """Values scaled by what their bits can hold, not by what one picture happens to hold; floats by what it holds."""
    values = stored.values
    if padding is not None and not np.all(inside := (values >= padding[0]) & (values <= padding[1])):
        values = values[~inside]
    low, high = values.min(), values.max()
    if modality.top is not None:
        span, name = (0.0, modality.top), "range of the modality LUT"
    elif values.dtype.kind == "f":
        span, name = tuple(modality.apply(np.array([low, high], float))), "range of the values"
    else:
        bits, signed = _bits_in_use(stored, int(low), int(high))
        edges = Stored(stored.values, bits, signed).range
        span, name = tuple(modality.apply(np.array(edges, float))), f"full range of {bits} bits"
    least, most = sorted(map(float, span))
    if _for_processing(header) and header.get("PixelIntensityRelationship") == "LIN":
        log = _over(float(np.log(max(least, 1.0))), float(np.log(max(most, 2.0))))
        return Voi("logarithm of linear exposure", lambda v: log(np.log(np.maximum(v.astype(float), 1.0))))
    return Voi(name, _over(least, most))


def _bits_in_use(stored: Stored, low: int, high: int) -> tuple[int, bool]:
    """The bits that count and whether they are signed; only those that values reach, where they leave two or more free."""
    signed = stored.signed and low < 0
    bits = stored.bits - (stored.signed and not signed)
    needed = max(high.bit_length(), (~low).bit_length() if low < 0 else 0) + signed
    return (needed if 0 < needed <= bits - 2 and low < high else bits), signed


def _over(low: float, high: float) -> Apply:
    return lambda values: np.clip((values.astype(float) - low) / max(high - low, 1e-12), 0.0, 1.0)


def _for_processing(header: Dataset) -> bool:
    return str(header.get("PresentationIntentType", "")).upper() == "FOR PROCESSING"


def _inverted(header: Dataset) -> bool:
    """MONOCHROME1 stores bright as low; raw exposure (sign 1: more beam is a higher value) shows dense as low."""
    mono1 = str(header.get("PhotometricInterpretation", "")).upper() == "MONOCHROME1"
    sign = header.get("PixelIntensityRelationshipSign")
    if _for_processing(header) and sign in (1, -1):
        return int(sign) == 1
    return mono1


def _padding(header: Dataset, stored: Stored) -> tuple[int, int] | None:
    """The range of stored values that are padding (PS3.3 C.7.5.1.1.2), or None without a Pixel Padding Value."""
    first, last = header.get("PixelPaddingValue"), header.get("PixelPaddingRangeLimit")
    if not isinstance(first, int):
        return None
    ends = [first, last if isinstance(last, int) else first]
    if stored.signed:  # written as an unsigned number of 16 bits
        ends = [end - (1 << 16) if end >= 1 << 15 and stored.bits <= 16 else end for end in ends]
    return min(ends), max(ends)
