"""What a drawn view shows beside tissue and lesions, by kind and place: the truth about what must not be reported."""

from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.view import Box


class DistractorKind(StrEnum):
    """Kinds of structure without a label of their own; names are those of `domain.anatomy.Structure` where it has one."""

    NIPPLE = "nipple"
    SKIN_FOLD = "skin_fold"
    INFRAMAMMARY_FOLD = "inframammary_fold"
    AXILLARY_NODE = "axillary_node"
    INTRAMAMMARY_NODE = "intramammary_node"
    MOLE = "mole"
    SOLITARY_CALCIFICATION = "solitary_calcification"
    OVERLAPPING_TISSUE = "overlapping_tissue"
    MARKER = "marker"
    SCAR_MARKER = "scar_marker"
    CLIP = "clip"
    WIRE = "wire"
    DEVICE = "device"
    IMPLANT = "implant"
    LETTER = "letter"
    FILM_BORDER = "film_border"
    FILM_TAB = "film_tab"


@dataclass(frozen=True)
class Distractor:
    """One structure in one view.

    Args:
        view_id: the view, of the current visit or the prior one.
        box: in stored pixels of the view.
    """

    kind: DistractorKind
    view_id: str
    box: Box


@dataclass(frozen=True)
class Sighting:
    """A structure and its box in pixels of the picture that is being drawn (canonical frame)."""

    kind: DistractorKind
    box: Box
