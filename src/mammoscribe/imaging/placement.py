"""Where a canvas lies on its stored picture: one flip, scale and shift per axis, exactly invertible."""

from dataclasses import dataclass

from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class Placement:
    """The map between stored pixels and canvas pixels; both are continuous, pixel i covers [i, i + 1).

    A stored x is first mirrored (`stored_width_px - x`) when `flipped`, then `canvas = stored * scale + offset`.

    Args:
        stored_width_px, stored_height_px: size of the stored array.
        flipped: whether the picture was mirrored left to right, so that the chest wall lies on the left.
        scale_x, scale_y: canvas pixels per stored pixel; they differ when stored pixels are not square.
        offset_x, offset_y: canvas position of the (mirrored) stored origin.
        canvas_width_px, canvas_height_px: size of the canvas.
        um_per_px: micrometres per canvas pixel, or None when lengths are not known.

    Raises:
        InvalidNoun: on an empty size or a scale that is not positive.
    """

    stored_width_px: int
    stored_height_px: int
    flipped: bool
    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    canvas_width_px: int
    canvas_height_px: int
    um_per_px: float | None = None

    def __post_init__(self) -> None:
        sizes = (self.stored_width_px, self.stored_height_px, self.canvas_width_px, self.canvas_height_px)
        if min(sizes) < 1:
            raise InvalidNoun(f"a placement with an empty picture: {sizes}")
        if not (0 < self.scale_x < 1e6 and 0 < self.scale_y < 1e6):
            raise InvalidNoun(f"a placement scaled by {self.scale_x} x {self.scale_y}", "positive scales")

    def to_canvas_point(self, x: float, y: float) -> tuple[float, float]:
        """Canvas (x, y) of a stored (x, y)."""
        across = self.stored_width_px - x if self.flipped else x
        return across * self.scale_x + self.offset_x, y * self.scale_y + self.offset_y

    def to_stored_point(self, x: float, y: float) -> tuple[float, float]:
        """Stored (x, y) of a canvas (x, y)."""
        across = (x - self.offset_x) / self.scale_x
        return (self.stored_width_px - across if self.flipped else across), (y - self.offset_y) / self.scale_y

    def to_canvas_box(self, box: Box) -> Box:
        """The box on the canvas; it may reach outside it."""
        return _spanning(self.to_canvas_point(box.x0, box.y0), self.to_canvas_point(box.x1, box.y1))

    def to_stored_box(self, box: Box, clip: bool = True) -> Box | None:
        """The box in stored pixels; with `clip`, the part inside the stored picture, None when nothing is."""
        stored = _spanning(self.to_stored_point(box.x0, box.y0), self.to_stored_point(box.x1, box.y1))
        return stored.clipped(self.stored_width_px, self.stored_height_px) if clip else stored


def _spanning(one: tuple[float, float], other: tuple[float, float]) -> Box:
    (xa, ya), (xb, yb) = one, other
    return Box(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))
