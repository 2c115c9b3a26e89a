"""Breasts and views as headers write them: `RIGHT`, `Rt.`, `Right breast`; `RMLO`, `MLO-ID`, `Cranio-caudal`."""

import re
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.multival import MultiValue

from mammoscribe.domain.view import Projection
from mammoscribe.imaging.mgcodes import OTHER_POSITIONS

BOTH, NOT_UNDERSTOOD = "B", "?"
_SIDES = {
    **dict.fromkeys(["R", "RT", "RIGHT", "DER", "DERECHA", "DERECHO", "DIREITA", "DIREITO"], "R"),
    **dict.fromkeys(["L", "LT", "LEFT", "IZQ", "IZDA", "IZQUIERDA", "IZQUIERDO", "ESQUERDA", "ESQUERDO"], "L"),
    **dict.fromkeys(["B", "BOTH", "BILATERAL", "R L", "L R", "AMBAS", "AMBOS"], BOTH),
}
_UNPAIRED = frozenset({"U", "UNPAIRED"})
"""Says that there is no side (PS3.3 C.7.3.1 and 10.7): as good as silence."""
_BREAST = re.compile(r"\b(?:BREASTS?|MAMMA|MAMA|SIDE)\b")
_JOINED_SIDE = re.compile(r"(?P<side>[RL])(?=CC|MLO|ML\b|LM|XCC|LMO|SIO|FB|AT\b|CV\b)")
_DISPLACED = re.compile(r"(?<=CC|LO) ?ID\b|\bIMPLANT DISPLACED\b|\bEKLUND\b")
_WORDS = {
    **dict.fromkeys(["CRANIOCAUDAL", "CRANEOCAUDAL", "CRANIO CAUDAL", "CRANEO CAUDAL"], str(Projection.CC)),
    **dict.fromkeys(
        [
            "OML", "MEDIOLATERAL OBLIQUE", "MEDIO LATERAL OBLIQUE", "OBLICUA MEDIOLATERAL", "OBLICUA MEDIO LATERAL",
            "MEDIOLATERAL OBLICUA", "MEDIO LATERAL OBLICUA", "OBLIQUA MEDIOLATERAL", "MEDIOLATERAL OBLIQUA",
            "OBLIQUA MEDIO LATERAL", "MEDIO LATERAL OBLIQUA",
        ],
        str(Projection.MLO),
    ),
    **dict.fromkeys(["MEDIOLATERAL", "MEDIO LATERAL"], "ML"),
    **dict.fromkeys(["LATEROMEDIAL", "LATERO MEDIAL"], "LM"),
    **dict.fromkeys(["AXILLARY TAIL"], "AT"),
    **dict.fromkeys(["CLEAVAGE"], "CV"),
    **dict.fromkeys(["TANGENTIAL"], "TAN"),
}  # fmt: skip


@dataclass(frozen=True)
class Position:
    """What View Position (0018,5101) says.

    Args:
        view: CC, MLO, another value of `OTHER_POSITIONS`; "" when it is blank or not understood.
        side: R or L where it names one too (`RMLO`), else "".
        displaced: whether it tells of a displaced implant (`MLOID`).
        text: as it is in the file, "" when blank.
    """

    view: str
    side: str
    displaced: bool
    text: str


def text_of(header: Dataset, keyword: str) -> str:
    r"""The value of an element, several joined by `\\` as they are in the file; "" where it is absent."""
    value = header.get(keyword)
    if isinstance(value, (MultiValue, list, tuple)):
        return "\\".join(str(item).strip() for item in value)
    return "" if value is None else str(value).strip()


def side_of(text: str) -> str:
    """R, L or B (both); "" where the text is blank or says that there is no side, `NOT_UNDERSTOOD` for other words."""
    words = " ".join(dict.fromkeys(_BREAST.sub(" ", _plain(text)).split()))
    if words in _UNPAIRED or not _plain(text):
        return ""
    return _SIDES.get(words, NOT_UNDERSTOOD)


def position_of(header: Dataset) -> Position:
    """View Position, whatever it is written like."""
    text = text_of(header, "ViewPosition")
    words = _plain(text)
    displaced = bool(_DISPLACED.search(words))
    words = _plain(_BREAST.sub(" ", _DISPLACED.sub(" ", words)))
    first, _, rest = words.partition(" ")
    side = _SIDES.get(first, "") if rest else ""
    if side:
        words = rest
    elif joined := _JOINED_SIDE.match(words):
        side, words = joined["side"], words[1:]
    known = words if words in Projection.__members__ or words in OTHER_POSITIONS else _WORDS.get(words, "")
    return Position(known, side if side != BOTH else "", displaced, text)


def _plain(text: str) -> str:
    """In capitals, with a space for whatever is no letter or digit."""
    return " ".join(re.sub(r"[\W_]+", " ", text.upper()).split())
