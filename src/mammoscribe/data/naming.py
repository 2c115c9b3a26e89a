"""Views in words: `RCC`, `right-mlo`, and file names such as `patient7_L_MLO.png`."""

import re
from pathlib import Path

from mammoscribe.data.labels.values import ValueKind, normalised, plain_words
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InputError

ViewKind = tuple[Laterality, Projection]

_SIDE, _VIEW, _GAP = r"(?P<side>right|left|rt|lt|r|l)", r"(?P<view>mlo|cc)", r"[\W_]*"
_ADJACENT = (
    re.compile(rf"(?<![a-z]){_SIDE}{_GAP}{_VIEW}(?![a-z])", re.IGNORECASE),
    re.compile(rf"(?<![a-z]){_VIEW}[\W_]+{_SIDE}(?![a-z])", re.IGNORECASE),
)
_SIDE_WORD = re.compile(rf"(?<![a-z0-9]){_SIDE}(?![a-z0-9])", re.IGNORECASE)
_PROJECTIONS = {
    **dict.fromkeys(["cc", "craniocaudal", "cranio caudal", "craneocaudal", "craneo caudal"], Projection.CC),
    **dict.fromkeys(
        [
            "mlo", "oml", "mediolateral oblique", "medio lateral oblique", "mediolateral oblicua", "medio lateral oblicua",
            "oblicua mediolateral", "oblicua medio lateral", "mediolateral obliqua", "medio lateral obliqua",
        ],
        Projection.MLO,
    ),
}  # fmt: skip
"""English, Spanish and Portuguese, without accents."""
_VIEW_WORD = re.compile(rf"(?<![a-z0-9]){_VIEW}(?![a-z0-9])", re.IGNORECASE)


def parse_view(text: str) -> ViewKind:
    """The view that `RCC`, `L_MLO`, `right-cc`, ... names; anything else raises InputError."""
    for pattern in _ADJACENT:
        if match := pattern.fullmatch(text.strip()):
            return _kind(match)
    raise InputError(f"{text!r} does not name a view", "RCC, LCC, RMLO or LMLO")


def parse_laterality(text: str) -> Laterality:
    """`R`, `left`, `derecha`, ... (`labels/words.toml`); anything else raises InputError."""
    try:
        side = normalised(ValueKind.LATERALITY, text)
    except InputError:
        side = ""
    if side in Laterality.__members__.values():
        return Laterality(side)
    raise InputError(f"laterality {text!r}", "R or L")


def parse_projection(text: str) -> Projection:
    """`CC`, `MLO`, or either in words (`craniocaudal`); anything else raises InputError."""
    words = plain_words(text)
    if words in _PROJECTIONS:
        return _PROJECTIONS[words]
    raise InputError(f"view {text!r}", "CC or MLO")


def view_in_name(path: Path) -> ViewKind | None:
    """The view a file name says, or None when it says none.

    Side and projection stand together (`RCC`, `cc_left`), or each alone as one word of the name (`L_2021_MLO`).

    Raises:
        InputError: when the name says more than one view.
    """
    stem = path.stem
    found = {_kind(m) for pattern in _ADJACENT for m in pattern.finditer(stem)}
    if not found:
        sides = {Laterality(m["side"][0].upper()) for m in _SIDE_WORD.finditer(stem)}
        views = {Projection(m["view"].upper()) for m in _VIEW_WORD.finditer(stem)}
        found = {(s, v) for s in sides for v in views}
    if len(found) > 1:
        names = ", ".join(sorted(f"{s}{v}" for s, v in found))
        raise InputError(
            f"the name of {path} says more than one view ({names})", "one view", f"give --view {path.name}=RCC"
        )
    return found.pop() if found else None


def _kind(match: re.Match[str]) -> ViewKind:
    return Laterality(match["side"][0].upper()), Projection(match["view"].upper())
