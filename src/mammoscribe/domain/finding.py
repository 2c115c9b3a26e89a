"""A finding: what, where, in which views, how sure, and what changed since the prior."""

from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.lexicon import SUSPICIOUS_MORPHOLOGY, Axis, Code, term
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InvalidNoun


class FindingType(StrEnum):
    """The four kinds of finding the reader looks for."""

    MASS = "mass"
    CALCIFICATION = "calcification"
    DISTORTION = "architectural_distortion"
    ASYMMETRY = "asymmetry"

    @property
    def code(self) -> Code:
        """DICOM CID 6016 / 6014 concept."""
        return _TYPE_CODES[self]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Descriptor axes that apply to the type, in the order a report names them."""
        return _AXES[self]


_TYPE_CODES = {
    FindingType.MASS: Code("129788004", "SCT", "Mammographic breast mass"),
    FindingType.CALCIFICATION: Code("129769006", "SCT", "Calcification Cluster"),
    FindingType.DISTORTION: Code("129792006", "SCT", "Architectural distortion of breast"),
    FindingType.ASYMMETRY: Code("129790003", "SCT", "Asymmetric breast tissue"),
}
_AXES = {
    FindingType.MASS: (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.ASSOCIATED),
    FindingType.CALCIFICATION: (Axis.MORPHOLOGY, Axis.DISTRIBUTION, Axis.ASSOCIATED),
    FindingType.DISTORTION: (Axis.ASSOCIATED,),
    FindingType.ASYMMETRY: (Axis.ASYMMETRY, Axis.ASSOCIATED),
}


class Change(StrEnum):
    """What happened since the prior (DICOM CID 6002)."""

    NEW = "new"
    STABLE = "stable"
    INCREASED = "increased"
    DECREASED = "decreased"

    @property
    def code(self) -> Code:
        """DICOM CID 6002 concept."""
        return _CHANGE_CODES[self]


_CHANGE_CODES = {
    Change.NEW: Code("129721008", "SCT", "New finding"),
    Change.STABLE: Code("129723006", "SCT", "No significant changes in the finding"),
    Change.INCREASED: Code("15454001", "SCT", "Increase in size"),
    Change.DECREASED: Code("19776001", "SCT", "Decrease in size"),
}


@dataclass(frozen=True)
class Mark:
    """A finding's box in one view, in that view's stored pixels, with the score of the detection there.

    Raises:
        InvalidNoun: for a score outside 0..1.
    """

    view_id: str
    projection: Projection
    box: Box
    score: float

    def __post_init__(self) -> None:
        _check_fraction("mark score", self.score)


@dataclass(frozen=True)
class Finding:
    """One thing seen in one breast, in one or more views.

    Args:
        id: unique in the exam, for example `f1`.
        type: kind of finding.
        laterality: the breast.
        marks: at least one box; at most one per view.
        score: how sure the reader is that the finding is there, 0..1.
        suspicion: how suspicious it looks, 0..1 (calibration is stated with the breast).
        descriptors: lexicon term ids that fit the type, at most one per axis save `associated`.
        location: place in the breast; quadrant or clock only when CC and MLO both show it.
        change: against the prior; None when no prior was read.
        unpaired: whether another finding, in the other projection of the breast, may be the same thing: then it cannot be said
            that one projection only shows it.

    Raises:
        InvalidNoun: when any of this does not hold.
    """

    id: str
    type: FindingType
    laterality: Laterality
    marks: tuple[Mark, ...]
    score: float
    suspicion: float
    descriptors: tuple[str, ...] = ()
    location: Location = Location()
    change: Change | None = None
    unpaired: bool = False

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidNoun("a finding without an id")
        if self.unpaired and len({m.projection for m in self.marks}) > 1:
            raise InvalidNoun(f"finding {self.id} is unpaired and seen in both projections", "one of them")
        if not self.marks:
            raise InvalidNoun(f"finding {self.id} has no mark", "at least one box in one view")
        if len({m.view_id for m in self.marks}) != len(self.marks):
            raise InvalidNoun(f"finding {self.id} has two marks in one view")
        _check_fraction(f"score of {self.id}", self.score)
        _check_fraction(f"suspicion of {self.id}", self.suspicion)
        self._check_descriptors()
        if self.location.needs_two_views and len({m.projection for m in self.marks}) < 2:
            raise InvalidNoun(f"finding {self.id} names a quadrant or clock face from one view", "CC and MLO marks")

    def _check_descriptors(self) -> None:
        used = [term(d).axis for d in self.descriptors]
        for axis in used:
            if axis not in self.type.axes:
                raise InvalidNoun(f"{axis} does not describe a {self.type}", f"one of {', '.join(self.type.axes)}")
            if axis is not Axis.ASSOCIATED and used.count(axis) > 1:
                raise InvalidNoun(f"finding {self.id} has two values for {axis}")

    def descriptor(self, axis: Axis) -> str | None:
        """Term id on that axis, or None."""
        return next((d for d in self.descriptors if term(d).axis is axis), None)

    @property
    def associated(self) -> tuple[str, ...]:
        """Term ids of associated features."""
        return tuple(d for d in self.descriptors if term(d).axis is Axis.ASSOCIATED)

    @property
    def suspicious(self) -> bool:
        """Whether a descriptor or the type by itself calls for more than routine follow-up."""
        if self.type is FindingType.CALCIFICATION:
            shaped = self.descriptor(Axis.MORPHOLOGY) in SUSPICIOUS_MORPHOLOGY
            return shaped or any(term(d).suspicious for d in self.associated)
        return self.type is FindingType.DISTORTION or any(term(d).suspicious for d in self.descriptors)

    def mark_in(self, view_id: str) -> Mark | None:
        """The mark in that view, or None."""
        return next((m for m in self.marks if m.view_id == view_id), None)


def _check_fraction(what: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise InvalidNoun(f"{what} is {value}", "a number from 0 to 1")
