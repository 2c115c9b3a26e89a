"""What the page shows as pictures: a whole view scaled down, and the surroundings of one mark at full resolution."""

from dataclasses import dataclass

from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InvalidNoun

_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def media_type_of(picture: bytes) -> str | None:
    """`image/png` or `image/jpeg`, from the first bytes; None for anything else."""
    return next((kind for magic, kind in _MAGIC.items() if picture.startswith(magic)), None)


@dataclass(frozen=True)
class ViewImage:
    """An 8-bit picture of a view, scaled down: its stored array, or that array set upright; never mirrored.

    Args:
        view_id: the view it shows.
        png: the file's bytes, PNG or JPEG.
        width_px, height_px: size of the picture; its shape is what is shown, so a squashed array can be un-squashed.
        stored_width_px, stored_height_px: size of the stored array, the frame of the boxes.
        mirrored: whether the stored array has its chest wall on the other side (right view: left edge); the picture
            and its boxes are then shown mirrored.
        focus: where the breast lies, in stored pixels; the page opens on it. None shows the whole array.
        transposed, upended: how the stored array was set upright for this picture: rows and columns exchanged, then top
            and bottom.

    Raises:
        InvalidNoun: for a picture that is neither PNG nor JPEG, an empty size, or a focus outside the array.
    """

    view_id: str
    png: bytes
    width_px: int
    height_px: int
    stored_width_px: int
    stored_height_px: int
    mirrored: bool = False
    focus: Box | None = None
    transposed: bool = False
    upended: bool = False

    def __post_init__(self) -> None:
        if media_type_of(self.png) is None:
            raise InvalidNoun(f"the picture of view {self.view_id} is neither PNG nor JPEG")
        if min(self.width_px, self.height_px, self.stored_width_px, self.stored_height_px) < 1:
            raise InvalidNoun(f"the picture of view {self.view_id} has no size")
        if self.focus and self.focus.clipped(self.stored_width_px, self.stored_height_px) != self.focus:
            raise InvalidNoun(f"the focus of view {self.view_id} lies outside its stored array")


@dataclass(frozen=True)
class MarkCrop:
    """The surroundings of one mark, each pixel of the picture one stored pixel, set upright as its view, never mirrored.

    Args:
        finding_id, view_id: the mark.
        png: the file's bytes, PNG or JPEG.
        region: what it shows, whole stored pixels.
        mirrored: whether it is shown mirrored, as its view is.
        pixel_aspect: width of a pixel of the upright picture over its height, 1 for square pixels.
        transposed, upended: as of its view's picture.

    Raises:
        InvalidNoun: for a picture that is neither PNG nor JPEG, a region that cuts pixels, or an aspect of 0.
    """

    finding_id: str
    view_id: str
    png: bytes
    region: Box
    mirrored: bool = False
    pixel_aspect: float = 1.0
    transposed: bool = False
    upended: bool = False

    def __post_init__(self) -> None:
        if media_type_of(self.png) is None:
            raise InvalidNoun(f"the crop of {self.finding_id} in {self.view_id} is neither PNG nor JPEG")
        if any(edge != round(edge) for edge in self.region.as_list()):
            raise InvalidNoun(f"the crop {self.region.as_list()} of {self.finding_id} cuts pixels", "whole pixels")
        if not 0.1 <= self.pixel_aspect <= 10:
            raise InvalidNoun(f"a pixel {self.pixel_aspect} times as wide as high", "0.1 to 10")
