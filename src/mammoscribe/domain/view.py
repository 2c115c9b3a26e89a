"""A view: one mammographic projection of one breast, and boxes in its stored pixels."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.support.errors import InvalidNoun


class Laterality(StrEnum):
    """Side of the body (DICOM Image Laterality, PS3.3 C.8.11.7)."""

    RIGHT = "R"
    LEFT = "L"

    @property
    def word(self) -> str:
        """`right` or `left`."""
        return "right" if self is Laterality.RIGHT else "left"


class Projection(StrEnum):
    """Cranio-caudal or medio-lateral oblique (DICOM CID 4014)."""

    CC = "CC"
    MLO = "MLO"


class Role(StrEnum):
    """Whether a view belongs to the exam being read or to an earlier one."""

    CURRENT = "current"
    PRIOR = "prior"


class Origin(StrEnum):
    """Where a picture comes from, as its file says: made with an X-ray machine, or drawn by this package's phantom."""

    ACQUIRED = "acquired"
    SYNTHETIC = "synthetic"


SYNTHETIC_SOURCE = "mammoscribe synthetic"
"""What the phantom's writers put into a file and its readers look for: DICOM Manufacturer (0008,0070), and the PNG text
chunk `Source` (PNG specification, registered keywords)."""


class SpacingSource(StrEnum):
    """Where a pixel spacing comes from; without a header or a declared value no millimetres are printed."""

    HEADER = "header"
    DECLARED = "declared"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Box:
    """A box in stored pixels: half-open edges [x0, y0, x1, y1), x = column, y = row, origin top left.

    Raises:
        InvalidNoun: when an edge is not finite or the box is empty.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        edges = (self.x0, self.y0, self.x1, self.y1)
        finite = all(abs(float(e)) < 1e9 for e in edges)  # NaN and infinity both fail
        if not finite or not (self.x1 > self.x0 and self.y1 > self.y0):
            raise InvalidNoun(f"box {list(edges)} is empty or not finite", "x0 < x1 and y0 < y1")

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def contains(self, x: float, y: float) -> bool:
        """Whether the point lies in the half-open box."""
        return self.x0 <= x < self.x1 and self.y0 <= y < self.y1

    def overlap(self, other: "Box") -> float:
        """Area shared with `other`, in square pixels."""
        across = min(self.x1, other.x1) - max(self.x0, other.x0)
        down = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, across) * max(0.0, down)

    def iou(self, other: "Box") -> float:
        """Intersection over union with `other`, 0..1."""
        shared = self.overlap(other)
        return shared / (self.area + other.area - shared)

    def clipped(self, width_px: int, height_px: int) -> "Box | None":
        """The part inside an image of that size, or None when nothing is left."""
        x0, y0 = max(0.0, self.x0), max(0.0, self.y0)
        x1, y1 = min(float(width_px), self.x1), min(float(height_px), self.y1)
        return Box(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def as_list(self) -> list[float]:
        """[x0, y0, x1, y1], rounded to a hundredth of a pixel, as written to report.json."""
        return [round(float(e), 2) for e in (self.x0, self.y0, self.x1, self.y1)]


@dataclass(frozen=True)
class View:
    """One mammographic view as it lies in its file; the pixels stay there until they are decoded.

    Args:
        id: unique within the exam, for example `R_CC` or `prior_R_CC`.
        laterality, projection, role: what the view shows.
        width_px, height_px: size of the stored array.
        source: path or name of the file, for messages and provenance.
        spacing_mm: (row, column) distance between pixel centres in the breast, or None when unknown.
        spacing_source: where the spacing comes from.
        date: acquisition day, or None when unknown.
        frame: index of the frame in a multi-frame file.
        origin: acquired, or synthetic where the file itself says so.

    Raises:
        InvalidNoun: on an empty id, a size below 16 pixels, or a spacing outside 0.01..2 mm.
    """

    id: str
    laterality: Laterality
    projection: Projection
    width_px: int
    height_px: int
    source: str
    role: Role = Role.CURRENT
    spacing_mm: tuple[float, float] | None = None
    spacing_source: SpacingSource = SpacingSource.UNKNOWN
    date: dt.date | None = None
    frame: int = 0
    origin: Origin = Origin.ACQUIRED

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidNoun("a view without an id")
        if min(self.width_px, self.height_px) < 16:
            raise InvalidNoun(f"view {self.id} is {self.width_px} x {self.height_px} pixels", "at least 16 x 16")
        if self.spacing_mm is None:
            if self.spacing_source in (SpacingSource.HEADER, SpacingSource.DECLARED):
                raise InvalidNoun(f"view {self.id} names a spacing source but has no spacing")
        elif not all(0.01 <= s <= 2.0 for s in self.spacing_mm):
            raise InvalidNoun(f"view {self.id} has a pixel spacing of {self.spacing_mm} mm", "0.01 to 2 mm")

    @property
    def name(self) -> str:
        """`R CC`, `L MLO`: how a reader calls it."""
        return f"{self.laterality} {self.projection}"

    @property
    def millimetres_known(self) -> bool:
        """Whether lengths in this view may be printed in millimetres."""
        return self.spacing_source in (SpacingSource.HEADER, SpacingSource.DECLARED)


def standard_view_id(laterality: Laterality, projection: Projection, role: Role = Role.CURRENT) -> str:
    """`R_CC`, or `prior_R_CC` for a prior."""
    stem = f"{laterality}_{projection}"
    return f"prior_{stem}" if role is Role.PRIOR else stem
