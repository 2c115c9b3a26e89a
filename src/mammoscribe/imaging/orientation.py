"""Patient Orientation of a DICOM header (PS3.3 C.7.6.1.1.1): how a picture lies, and what it says about laterality."""

from dataclasses import dataclass

from pydicom import Dataset

from mammoscribe.domain.view import Laterality, Projection

_MEDIAL = {Laterality.RIGHT: "L", Laterality.LEFT: "R"}
"""The patient's direction from the outer to the inner side of a breast."""


@dataclass(frozen=True)
class Turn:
    """How a stored picture becomes upright: its chest wall at the left or right, its outer (CC) or upper (MLO) side on top.

    Args:
        transposed: rows and columns are exchanged first.
        upended: then top and bottom are.
    """

    transposed: bool = False
    upended: bool = False


UPRIGHT = Turn()


@dataclass(frozen=True)
class Orientation:
    """Patient directions of increasing column and of increasing row index, in letters: A P, R L, H F."""

    across: str
    down: str

    @property
    def on_its_side(self) -> bool | None:
        """Whether the chest-to-nipple direction runs along columns; None when neither direction, or both, say so."""
        ahead = [direction[:1] in ("A", "P") for direction in (self.across, self.down)]
        return None if ahead[0] == ahead[1] else ahead[1]

    def chest_on_left(self) -> bool | None:
        """Whether the chest wall is on the left of the upright picture: it runs anterior from it, posterior towards it."""
        if self.on_its_side is None:
            return None
        return (self.down if self.on_its_side else self.across)[:1] == "A"

    def upright(self, laterality: Laterality, projection: Projection) -> Turn | None:
        """What makes a view upright; None when the letters do not say which way up it is."""
        if self.on_its_side is None:
            return None
        other = self.across if self.on_its_side else self.down
        if projection is Projection.MLO and ("F" in other) != ("H" in other):
            return Turn(self.on_its_side, "H" in other)
        medial, outer = (
            _MEDIAL[laterality],
            _MEDIAL[Laterality.LEFT if laterality is Laterality.RIGHT else Laterality.RIGHT],
        )
        if (medial in other) == (outer in other):
            return None
        return Turn(self.on_its_side, outer in other)


def orientation_of(header: Dataset) -> Orientation | None:
    """Patient Orientation with its two values, or None."""
    value = header.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return None
    across, down = (str(v).strip().upper() for v in value)
    return Orientation(across, down) if across and down else None


def oblique_side(header: Dataset) -> str:
    """R or L of an oblique view, or "": the foot-left axis crosses a right breast, foot-right a left one."""
    found = orientation_of(header)
    if found is None or found.on_its_side is None:
        return ""
    other = found.across if found.on_its_side else found.down
    sides = {"FL": "R", "LF": "R", "HR": "R", "RH": "R", "FR": "L", "RF": "L", "HL": "L", "LH": "L"}
    return sides.get(other, "")


def projection_hint(header: Dataset) -> str:
    """CC or MLO by the axis that is not chest-to-nipple, or ""."""
    found = orientation_of(header)
    if found is None or found.on_its_side is None:
        return ""
    other = found.across if found.on_its_side else found.down
    return "MLO" if oblique_side(header) else "CC" if other in ("L", "R") else ""


def hung_side(header: Dataset) -> Laterality | None:
    """Laterality of a CC view by the hanging convention (lateral side on top); None when the picture lies on its side."""
    found = orientation_of(header)
    if found is None or found.on_its_side is not False:
        return None
    return {"L": Laterality.RIGHT, "R": Laterality.LEFT}.get(found.down)
