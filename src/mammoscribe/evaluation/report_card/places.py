"""Places in a breast that can be compared however they are worded: `upper outer quadrant` and `10 o'clock` of a right breast."""

from dataclasses import dataclass, replace

from mammoscribe.domain.location import Depth, Half, Location, Region
from mammoscribe.domain.view import Laterality

CLOCK_TOLERANCE_H = 1
"""Hours by which two readers' clock positions of one finding may differ (reference: location score)."""


@dataclass(frozen=True)
class Place:
    """A place; every part may be unknown.

    Args:
        upper: True in the upper half, False in the lower. outer: True in the outer half, False in the inner.
        clock: hour 1..12. depth, region: as the report says.
    """

    upper: bool | None = None
    outer: bool | None = None
    clock: int | None = None
    depth: Depth | None = None
    region: Region | None = None

    @property
    def is_stated(self) -> bool:
        """Whether anything but the depth is known."""
        return any(part is not None for part in (self.upper, self.outer, self.clock, self.region))

    def contradicts(self, other: "Place") -> bool:
        """Whether the two cannot be one place."""
        return self.is_elsewhere(other) or self.differs_in_depth(other)

    def is_elsewhere(self, other: "Place") -> bool:
        """Whether half, clock face or region differ; the depth does not count."""
        if None not in (self.clock, other.clock):
            if _hours_apart(int(self.clock or 0), int(other.clock or 0)) > CLOCK_TOLERANCE_H:
                return True
        elif _differ(self.upper, other.upper) or _differ(self.outer, other.outer):
            return True
        return _differ(self.region, other.region)

    def shares_a_part_with(self, other: "Place") -> bool:
        """Whether both state the half, the clock face or the region, so that they can be compared."""
        parts = (
            (self.upper, other.upper),
            (self.outer, other.outer),
            (self.clock, other.clock),
            (self.region, other.region),
        )
        return any(None not in pair for pair in parts)

    def differs_in_depth(self, other: "Place") -> bool:
        """Whether both state a depth, and not the same."""
        return _differ(self.depth, other.depth)

    def completed_by(self, other: "Place") -> "Place":
        """This place with the parts that only the other states."""
        missing = {name: getattr(other, name) for name in vars(self) if getattr(self, name) is None}
        return replace(self, **missing)


def place_of(location: Location, side: Laterality | None) -> Place:
    """The place that a location names; what a clock face means for inner and outer depends on the breast."""
    upper, outer = _halves_of_clock(location.clock, side)
    if location.quadrant is not None:
        upper, outer = "upper" in location.quadrant.value, "outer" in location.quadrant.value
    if location.half in (Half.UPPER, Half.LOWER):
        upper = location.half is Half.UPPER
    elif location.half is not None:
        outer = location.half is Half.OUTER
    return Place(upper, outer, location.clock, location.depth, location.region)


def _halves_of_clock(clock: int | None, side: Laterality | None) -> tuple[bool | None, bool | None]:
    """Upper or lower, outer or inner; None on the border, and without a breast for the second."""
    if clock is None:
        return None, None
    upper = None if clock in (3, 9) else clock in (10, 11, 12, 1, 2)
    if clock in (6, 12) or side is None:
        return upper, None
    towards_three = clock in (1, 2, 3, 4, 5)
    return upper, towards_three is (side is Laterality.LEFT)


def _hours_apart(one: int, other: int) -> int:
    return min((one - other) % 12, (other - one) % 12)


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other
