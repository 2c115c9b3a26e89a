"""VOI windows and look-up tables of a DICOM header (PS3.3 C.11.1, C.11.2): which there are, and what each does to values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue

from mammoscribe.imaging.damage import reason_of, worded

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
Apply = Callable[[np.ndarray], np.ndarray]
"""Grey 0..1 of modality values."""


@dataclass(frozen=True)
class Voi:
    """One way to show modality values: its name for the steps, and what it does."""

    name: str
    apply: Apply


@dataclass(frozen=True)
class Window:
    """One VOI window; `function` is LINEAR, LINEAR_EXACT or SIGMOID."""

    centre: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Grey 0..1 of modality values, by the equations of PS3.3 C.11.2.1.2 and C.11.2.1.3.

        Shapes: values of any shape -> the same shape.
        """
        if self.function == "SIGMOID":
            return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - self.centre) / self.width, -80, 80)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.centre) / self.width + 0.5, 0.0, 1.0)
        if self.width == 1:
            return (values > self.centre - 0.5).astype(float)
        return np.clip((values - (self.centre - 0.5)) / (self.width - 1) + 0.5, 0.0, 1.0)


@dataclass(frozen=True)
class Lut:
    """A look-up table: `table[i]` for the value `first + i`, clamped to its ends."""

    first: int
    table: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """The table's entries of modality values.

        Shapes: values of any shape -> the same shape.
        """
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, self.table.size - 1)
        return self.table[index]


def lut_of(item: Dataset, signed: bool, little_endian: bool) -> Lut:
    """The table in a Modality or VOI LUT item.

    pydicom's own functions refuse tables of other than 8 or 16 bits, which scanners write.

    Args:
        item: with LUT Descriptor and LUT Data.
        signed: whether the values looked up may be negative, and the first one is meant as a signed number.
        little_endian: of LUT Data that are bytes.

    Raises:
        ValueError: when there are fewer entries than the descriptor says, or none.
    """
    descriptor = item.get("LUTDescriptor")
    if descriptor is None or len(descriptor) != 3 or item.get("LUTData") is None:
        raise ValueError("a LUT without descriptor or data")
    entries, first = int(descriptor[0]) or 1 << 16, int(descriptor[1])
    if first >= 1 << 15 and signed:
        first -= 1 << 16  # a signed first value in an unsigned element
    data = item.LUTData
    if isinstance(data, bytes):
        data = np.frombuffer(data, np.uint8 if len(data) <= entries + 1 else "<u2" if little_endian else ">u2")
    table = np.atleast_1d(np.asarray(data, dtype=float))[:entries]
    if entries < 1 or table.size < entries:
        raise ValueError(f"a LUT with {table.size} of {entries} entries")
    return Lut(first, table)


def vois(header: Dataset, signed: bool) -> Iterator[Voi | str]:
    """What the header offers, in order: tables, then windows; a sentence for each that cannot be used.

    A table is scaled by its own greatest entry: the bits that its descriptor claims are often wrong.
    """
    items = header.get("VOILUTSequence") or []
    for number, item in enumerate(items, start=1):
        try:
            lut = lut_of(item, signed, header.original_encoding[1] is not False)
            top = float(lut.table.max())
            if top <= float(lut.table.min()):
                raise ValueError("a LUT that is all alike")
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            yield f"VOI LUT {number} cannot be used ({reason_of(error)})"
        else:
            yield Voi(f"VOI LUT to {top:g}, {number} of {len(items)}", lambda v, lut=lut, top=top: lut.apply(v) / top)
    try:
        found, unusable = _windows(header)
    except ValueError as error:
        yield f"the windows cannot be used ({reason_of(error)})"
        return
    yield from unusable
    for number, window in enumerate(found, start=1):
        name = f"window {window.centre:g}/{window.width:g} {window.function}, {number} of {len(found)}"
        yield Voi(name, lambda v, window=window: window.apply(v.astype(float)))


def windows(header: Dataset) -> tuple[Window, ...]:
    """All usable windows of the header, in order; one that is no pair of numbers, or has no width, is left out.

    Raises:
        ValueError: for a function that the standard does not have.
    """
    return _windows(header)[0]


def _windows(header: Dataset) -> tuple[tuple[Window, ...], tuple[str, ...]]:
    """The usable windows, and a sentence for each that is not."""
    centres, widths = element_texts(header, "WindowCenter"), element_texts(header, "WindowWidth")
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    if function not in FUNCTIONS:
        raise ValueError(f"VOI LUT Function {worded(function, 40)!r}")
    if bool(centres) != bool(widths):
        there, absent = ("Center", "Width") if centres else ("Width", "Center")
        return (), (f"Window {there} without Window {absent} cannot be used",)
    least = 1.0 if function == "LINEAR" else 1e-9
    usable, unusable = [], []
    for centre, width in zip(centres, widths, strict=False):
        try:
            window = Window(_number(centre), _number(width), function)
        except ValueError:
            unusable.append(f"window {worded(centre, 40)}/{worded(width, 40)} cannot be used (these are no numbers)")
            continue
        if np.isfinite(window.centre) and least <= window.width < 1e12:
            usable.append(window)
        else:
            unusable.append(
                f"window {worded(centre, 40)}/{worded(width, 40)} cannot be used (it shows no range of values)"
            )
    return tuple(usable), tuple(unusable)


def element_texts(header: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an element of the header as text, () where it is absent or blank; also those that are no numbers."""
    try:
        value = header.get(keyword)
    except ValueError:  # pydicom makes numbers of them when they are first looked at
        element = header.get_item(keyword)
        value = None if element is None else element.value
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        value = value.split("\\")
    items = value if isinstance(value, (list, tuple, MultiValue)) else [] if value is None else [value]
    texts = tuple(str(item).strip(" \0") for item in items)
    return texts if any(texts) else ()


def element_numbers(header: Dataset, keyword: str) -> tuple[float, ...]:
    """The numbers of an element of the header, `0,07` written with a comma too; ValueError for other text."""
    return tuple(_number(text) for text in element_texts(header, keyword))


def _number(text: str) -> float:
    return float(text.replace(",", "."))
