"""What a mark may rest on that is no lesion: parts of the body, and things that are not of the body."""

from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InvalidNoun


class Structure(StrEnum):
    """Normal anatomy and foreign objects that a detector takes for lesions.

    A mark on any of them is no finding in the breast. In the axilla it is nearly always a lymph node, of which nothing
    is known but its place: no network here was taught a diseased node from a healthy one.
    """

    NIPPLE = "nipple"
    SKIN_LINE = "skin_line"
    SKIN_FOLD = "skin_fold"
    INFRAMAMMARY_FOLD = "inframammary_fold"
    PECTORAL_EDGE = "pectoral_edge"
    AXILLA = "axilla"
    MARKER = "marker"
    CLIP = "clip"
    WIRE = "wire"
    LETTER = "letter"
    FILM_BORDER = "film_border"

    @property
    def words(self) -> str:
        """As it is named in a report: `inframammary fold`."""
        return self.value.replace("_", " ")

    @property
    def where(self) -> str:
        """Where a mark is that rests on it: `on the inframammary fold`."""
        if self is Structure.AXILLA:
            return "in the axilla (lymph nodes are not assessed)"
        return f"on the {self.words}"

    @property
    def foreign(self) -> bool:
        """Whether it is a thing laid on or left in the breast, or a part of the film, and no part of the body."""
        return self in (Structure.MARKER, Structure.CLIP, Structure.WIRE, Structure.LETTER, Structure.FILM_BORDER)


@dataclass(frozen=True)
class MarkOnStructure:
    """A mark of the reader that was left out of the findings because it rests on something that is no lesion.

    Args:
        view_id: the view.
        box: in stored pixels.
        kind: what the networks took it for.
        structure: what it rests on.
        score: of the mark, 0..1.

    Raises:
        InvalidNoun: for a score outside 0..1.
    """

    view_id: str
    box: Box
    kind: FindingType
    structure: Structure
    score: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise InvalidNoun(f"a mark on {self.structure} with a score of {self.score}", "0 to 1")


@dataclass(frozen=True)
class Resting:
    """That a box rests on a structure.

    Args:
        structure: what it rests on.
        share: 0..1, how much of the box the structure and its surroundings take up.

    Raises:
        InvalidNoun: for a share outside 0..1.
    """

    structure: Structure
    share: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InvalidNoun(f"a box that rests on {self.structure} by {self.share}", "a share from 0 to 1")
