"""A stored picture set upright: turned by the header's Patient Orientation where the pixels do not contradict it."""

from dataclasses import dataclass, replace

from mammoscribe.domain.view import Laterality, Projection, View
from mammoscribe.imaging.mask import BreastOutline, find_breast, looks_rotated
from mammoscribe.imaging.orientation import UPRIGHT, Orientation, Turn
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.spacing import MAX_FIELD_MM
from mammoscribe.support.errors import InputError

UNCLEAR_SIDE = 0.1
"""Certainty of the chest wall's side under which the standard hanging is used instead of the pixels."""

LONGEST = 8
"""Longer side over shorter side of a picture, at most; film scans have 2.2, a narrow crop of a small breast 4."""

_USUAL_CC = {Laterality.RIGHT: Orientation("P", "L"), Laterality.LEFT: Orientation("A", "R")}


@dataclass(frozen=True)
class Upright:
    """A picture as it is looked at.

    Args:
        picture: upright, its pixels a view of the stored ones.
        turn: from the stored picture to this one.
        outline: the breast in it.
        header_chest_on_left: side of the chest wall by the header, None where it does not say or was not followed.
        steps, warnings: what was done, and what to know.
    """

    picture: Picture
    turn: Turn
    outline: BreastOutline
    header_chest_on_left: bool | None = None
    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_shape(view: View, picture: Picture) -> None:
    """Raise InputError for a picture that no breast can fill, before anything is made of it."""
    wide, high = picture.width_px, picture.height_px
    if max(wide, high) > LONGEST * min(wide, high):
        raise InputError(f"{view.source} is {wide} x {high} pixels", f"at most {LONGEST} times as long as wide")
    spacing = view.spacing_mm or picture.spacing_mm
    if spacing is not None and max(high * spacing[0], wide * spacing[1]) > MAX_FIELD_MM:
        size = f"{wide * spacing[1]:.0f} x {high * spacing[0]:.0f} mm"
        found = f"{view.source} is {size} large with a pixel spacing of {spacing[0]:g} x {spacing[1]:g} mm"
        raise InputError(found, f"at most {MAX_FIELD_MM:.0f} mm a side", "correct the spacing, or leave it out")


def set_upright(view: View, picture: Picture) -> Upright:
    """The picture, turned where its header says that it lies on its side or upside down, with the breast in it.

    What the header says of the chest wall's side is held against the pixels first: a header that is wrong there is not
    believed about top and bottom.
    """
    lies = picture.orientation
    turn = lies.upright(view.laterality, view.projection) if lies is not None else None
    if lies is None or turn is None or turn == UPRIGHT:
        header_left = None if lies is None or lies.on_its_side else lies.chest_on_left()
        return Upright(picture, UPRIGHT, find_breast(picture.pixels), header_left)
    turned = _turned(picture, turn)
    outline, header_left = find_breast(turned.pixels), lies.chest_on_left()
    words = "on its side" if turn.transposed else "upside down"
    remark = f"Patient Orientation {lies.across}\\{lies.down} says that the stored picture lies {words}"
    clear = outline.certainty >= UNCLEAR_SIDE and outline.chest_on_left != header_left
    if clear or looks_rotated(outline.mask):
        remark += ", which does not fit the side of the chest wall; it is read as it is stored, check top and bottom"
        left = None if turn.transposed else header_left
        return Upright(picture, UPRIGHT, find_breast(picture.pixels), left, warnings=(remark,))
    remark += "; it is read upright"
    if view.projection is Projection.CC and lies == _USUAL_CC[_other(view.laterality)]:
        remark += f". A {_other(view.laterality).word} breast usually lies so: check its laterality"
    return Upright(turned, turn, outline, header_left, (f"set upright ({words} by Patient Orientation)",), (remark,))


def _turned(picture: Picture, turn: Turn) -> Picture:
    pixels = picture.pixels.T if turn.transposed else picture.pixels
    spacing = picture.spacing_mm
    return replace(
        picture, pixels=pixels[::-1] if turn.upended else pixels,
        spacing_mm=(spacing[1], spacing[0]) if spacing and turn.transposed else spacing,
    )  # fmt: skip


def _other(laterality: Laterality) -> Laterality:
    return Laterality.LEFT if laterality is Laterality.RIGHT else Laterality.RIGHT
