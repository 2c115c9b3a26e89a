"""Where in a breast: quadrant, clock face and depth from positions in CC and MLO views.

Frame (mm): depth axis from chest wall to nipple; `lateral` positive towards the armpit for either breast;
`superior` positive upwards. A view at gantry angle t shows u = lateral cos t + superior sin t on its vertical axis
(CC 0 degrees, MLO 45 degrees), so two views give both offsets back. One view alone gives neither quadrant nor clock.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.lexicon import Code
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InvalidNoun

MLO_ANGLE_RAD = math.radians(45.0)
BORDER_HOURS = (3, 6, 9, 12)
"""Hours on the border of two quadrants, which name no single one (DICOM CID 6020 has no quadrant for them)."""


class Quadrant(StrEnum):
    """Quadrant of a breast (DICOM CID 6020)."""

    UPPER_OUTER = "upper outer"
    UPPER_INNER = "upper inner"
    LOWER_OUTER = "lower outer"
    LOWER_INNER = "lower inner"


class Depth(StrEnum):
    """Third of the way from nipple to chest wall (DICOM CID 6024)."""

    ANTERIOR = "anterior"
    MIDDLE = "middle"
    POSTERIOR = "posterior"


class Half(StrEnum):
    """What one view alone can say: outer or inner from CC, upper or lower from MLO."""

    OUTER = "outer"
    INNER = "inner"
    UPPER = "upper"
    LOWER = "lower"


class Region(StrEnum):
    """Named regions that need no clock face (DICOM CID 6018)."""

    RETROAREOLAR = "retroareolar"
    CENTRAL = "central"
    AXILLARY_TAIL = "axillary tail"
    AXILLA = "axilla"


CODES: dict[str, Code] = {
    Quadrant.UPPER_OUTER: Code("76365002", "SCT", "Upper outer quadrant of breast"),
    Quadrant.UPPER_INNER: Code("77831004", "SCT", "Upper inner quadrant of breast"),
    Quadrant.LOWER_OUTER: Code("33564002", "SCT", "Lower outer quadrant of breast"),
    Quadrant.LOWER_INNER: Code("19100000", "SCT", "Lower inner quadrant of breast"),
    Depth.ANTERIOR: Code("255549009", "SCT", "Anterior"),
    Depth.MIDDLE: Code("C25569", "NCIt", "Middle"),
    Depth.POSTERIOR: Code("255551008", "SCT", "Posterior"),
    Region.RETROAREOLAR: Code("129784002", "SCT", "Subareolar region"),
    Region.CENTRAL: Code("129786000", "SCT", "Central region of breast"),
    Region.AXILLARY_TAIL: Code("129785001", "SCT", "Axillary tail region"),
    Region.AXILLA: Code("129791004", "SCT", "Axilla region"),
    Laterality.RIGHT: Code("73056007", "SCT", "Right breast"),
    Laterality.LEFT: Code("80248007", "SCT", "Left breast"),
}


@dataclass(frozen=True)
class Location:
    """Where a finding lies; every part may be unknown.

    Args:
        quadrant: needs both projections; None at 12, 3, 6 and 9 o'clock, which belong to two quadrants.
        clock: hour 1..12 as the reader faces the patient; needs both projections.
        depth: third of the way from nipple to chest wall.
        half: what one projection alone can say.
        region: a named region.
        nipple_distance_mm: whole millimetres from the nipple; only where the nipple was found and the spacing is known.

    Raises:
        InvalidNoun: for a clock hour outside 1..12, a quadrant beside a one-view half or on the border of two
            quadrants, or a distance outside 0..400 mm.
    """

    quadrant: Quadrant | None = None
    clock: int | None = None
    depth: Depth | None = None
    half: Half | None = None
    region: Region | None = None
    nipple_distance_mm: int | None = None

    def __post_init__(self) -> None:
        if self.clock is not None and not 1 <= self.clock <= 12:
            raise InvalidNoun(f"clock position {self.clock}", "1 to 12")
        if self.half is not None and (self.quadrant is not None or self.clock is not None):
            raise InvalidNoun("a half (one view) beside a quadrant or clock face (two views)", "one of them")
        if self.quadrant is not None and self.clock in BORDER_HOURS:
            raise InvalidNoun(
                f"{self.quadrant} quadrant at {self.clock} o'clock", "one of them: the hour is on its border"
            )
        if self.nipple_distance_mm is not None and not 0 <= self.nipple_distance_mm <= 400:
            raise InvalidNoun(f"{self.nipple_distance_mm} mm from the nipple", "0 to 400 mm")

    @property
    def needs_two_views(self) -> bool:
        """Whether the location says something that one projection cannot show."""
        return self.quadrant is not None or self.clock is not None


def depth_of(nipple_distance_fraction: float) -> Depth:
    """Third of the breast from the distance behind the nipple, as a fraction of nipple to chest wall."""
    if nipple_distance_fraction < 1 / 3:
        return Depth.ANTERIOR
    return Depth.MIDDLE if nipple_distance_fraction < 2 / 3 else Depth.POSTERIOR


def clock_of(laterality: Laterality, lateral: float, superior: float) -> int:
    """Clock hour 1..12 as the reader faces the patient: outer is 9 o'clock on the right, 3 on the left."""
    towards_three = lateral if laterality is Laterality.LEFT else -lateral
    hours = math.degrees(math.atan2(towards_three, superior)) / 30.0
    return round(hours) % 12 or 12


def quadrant_of(lateral: float, superior: float) -> Quadrant:
    """Quadrant from the signs of the two offsets."""
    return Quadrant(f"{'upper' if superior >= 0 else 'lower'} {'outer' if lateral >= 0 else 'inner'}")


def from_two_views(laterality: Laterality, u_cc: float, u_mlo: float, depth_fraction: float) -> Location:
    """Location of a finding seen in both projections.

    Args:
        u_cc: offset from the nipple line in CC, positive outwards (any unit, same as `u_mlo`).
        u_mlo: offset from the nipple line in MLO, positive upwards.
        depth_fraction: distance behind the nipple over nipple-to-chest-wall distance, 0..1.
    """
    superior = (u_mlo - u_cc * math.cos(MLO_ANGLE_RAD)) / math.sin(MLO_ANGLE_RAD)
    return in_the_breast(laterality, u_cc, superior, depth_of(depth_fraction))


def in_the_breast(
    laterality: Laterality, lateral: float, superior: float, depth: Depth, region: Region | None = None
) -> Location:
    """Location from both offsets: clock and, where the hour belongs to a single one, quadrant.

    Args:
        lateral: positive towards the armpit. superior: positive upwards, in the same unit.
    """
    clock = clock_of(laterality, lateral, superior)
    quadrant = None if clock in BORDER_HOURS else quadrant_of(lateral, superior)
    return Location(quadrant=quadrant, clock=clock, depth=depth, region=region)


def from_one_view(projection: Projection, offset: float, depth_fraction: float) -> Location:
    """Location of a finding seen in one projection: a half and a depth, never a quadrant."""
    if projection is Projection.CC:
        half = Half.OUTER if offset >= 0 else Half.INNER
    else:
        half = Half.UPPER if offset >= 0 else Half.LOWER
    return Location(half=half, depth=depth_of(depth_fraction))
