"""Where a canvas lies on its stored picture: a turn to upright, one scale and shift per axis, exactly invertible."""

from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class Placement:
    """The map between stored pixels and canvas pixels; both are continuous, pixel i covers [i, i + 1).

    A stored point is first turned: x and y exchanged when `transposed`, then x mirrored when `flipped` and y when
    `upended`; then `canvas = turned * scale + offset`.

    Args:
        stored_width_px, stored_height_px: size of the stored array.
        flipped: whether the picture was mirrored left to right, so that the chest wall lies on the left.
        scale_x, scale_y: canvas pixels per turned pixel; they differ when stored pixels are not square.
        offset_x, offset_y: canvas position of the turned origin.
        canvas_width_px, canvas_height_px: size of the canvas.
        um_per_px: micrometres per canvas pixel, or None when lengths are not known.
        transposed, upended: how a stored picture that lies on its side, or on its head, was set upright.

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
    transposed: bool = False
    upended: bool = False

    def __post_init__(self) -> None:
        sizes = (self.stored_width_px, self.stored_height_px, self.canvas_width_px, self.canvas_height_px)
        if min(sizes) < 1:
            raise InvalidNoun(f"a placement with an empty picture: {sizes}")
        if not (0 < self.scale_x < 1e6 and 0 < self.scale_y < 1e6):
            raise InvalidNoun(f"a placement scaled by {self.scale_x} x {self.scale_y}", "positive scales")

    @property
    def turned_width_px(self) -> int:
        """Width of the stored picture once it is upright."""
        return self.stored_height_px if self.transposed else self.stored_width_px

    @property
    def turned_height_px(self) -> int:
        """Height of the stored picture once it is upright."""
        return self.stored_width_px if self.transposed else self.stored_height_px

    @property
    def scales(self) -> tuple[float, float]:
        """Canvas pixels per stored row and per stored column."""
        return (self.scale_x, self.scale_y) if self.transposed else (self.scale_y, self.scale_x)

    def to_canvas_point(self, x: float, y: float) -> tuple[float, float]:
        """Canvas (x, y) of a stored (x, y)."""
        across, down = (y, x) if self.transposed else (x, y)
        across = self.turned_width_px - across if self.flipped else across
        down = self.turned_height_px - down if self.upended else down
        return across * self.scale_x + self.offset_x, down * self.scale_y + self.offset_y

    def to_stored_point(self, x: float, y: float) -> tuple[float, float]:
        """Stored (x, y) of a canvas (x, y)."""
        across, down = (x - self.offset_x) / self.scale_x, (y - self.offset_y) / self.scale_y
        across = self.turned_width_px - across if self.flipped else across
        down = self.turned_height_px - down if self.upended else down
        return (down, across) if self.transposed else (across, down)

    @property
    def upright(self) -> "Placement":
        """The same canvas seen from the upright picture: what is left is the mirror, scale and shift."""
        if not (self.transposed or self.upended):
            return self
        return replace(
            self, stored_width_px=self.turned_width_px, stored_height_px=self.turned_height_px, transposed=False,
            upended=False,
        )  # fmt: skip

    def set_upright(self, stored: np.ndarray) -> np.ndarray:
        """A stored array [H, W] as the upright picture, without a copy."""
        upright = stored.T if self.transposed else stored
        return upright[::-1] if self.upended else upright

    def as_stored(self, upright: np.ndarray) -> np.ndarray:
        """An array of the upright picture as it lies in the stored one, without a copy.

        Shapes: upright [H, W] -> [H, W] or [W, H].
        """
        back = upright[::-1] if self.upended else upright
        return back.T if self.transposed else back

    def upright_box(self, box: Box) -> Box:
        """A box in stored pixels, in pixels of the upright picture."""
        x0, y0, x1, y1 = (box.y0, box.x0, box.y1, box.x1) if self.transposed else (box.x0, box.y0, box.x1, box.y1)
        if self.upended:
            y0, y1 = self.turned_height_px - y1, self.turned_height_px - y0
        return Box(x0, y0, x1, y1)

    def stored_box(self, box: Box) -> Box:
        """A box of the upright picture, in stored pixels."""
        x0, y0, x1, y1 = box.x0, box.y0, box.x1, box.y1
        if self.upended:
            y0, y1 = self.turned_height_px - y1, self.turned_height_px - y0
        return Box(y0, x0, y1, x1) if self.transposed else Box(x0, y0, x1, y1)

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
