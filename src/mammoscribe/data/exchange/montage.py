"""A montage: the pictures of one record in one, in hanging order, at one scale, with black gaps; nothing cropped or stretched."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from PIL import Image

from mammoscribe.domain.view import Box

LONGEST_PX = 2048
"""Longest side of a montage; the encoders of the trainers see 336 to about 2,000 pixels."""
GAP_PX = 16


@dataclass(frozen=True)
class Pane:
    """One place of a montage.

    Args:
        grey: uint8 [H, W], None for a black pane.
        spacing_mm: of its pixels, None when unknown.
        align: where the picture is in a pane that is wider: 1 at the right edge, 0 at the left, 0.5 in the middle.
    """

    grey: np.ndarray | None
    spacing_mm: float | None = None
    align: float = 0.5


@dataclass(frozen=True)
class Placed:
    """Where a picture is in the montage: scale, and offset of its top left corner in montage pixels."""

    scale: float
    left_px: int
    top_px: int

    def box(self, box: Box) -> Box:
        """A box in stored pixels as one in montage pixels."""
        x0, x1 = (self.left_px + x * self.scale for x in (box.x0, box.x1))
        y0, y1 = (self.top_px + y * self.scale for y in (box.y0, box.y1))
        return Box(x0, y0, x1, y1)


def columns_for(num_pictures: int) -> int:
    """Columns for pictures without a hanging: up to three in one row, else a square."""
    return num_pictures if num_pictures <= 3 else ceil(sqrt(num_pictures))


def montage(panes: Sequence[Pane], columns: int) -> tuple[np.ndarray, list[Placed | None]]:
    """The montage, uint8 [H, W], and where each pane's picture is, None for a black one.

    All panes have one size. Pictures keep their shape and their size to each other: in millimetres where the spacing of
    all is known, else in pixels. The longest side of the montage is at most `LONGEST_PX`; nothing is enlarged.
    """
    rows = ceil(len(panes) / columns)
    relative = _relative_sizes(panes)
    high, wide = (
        max(p.grey.shape[axis] * r for p, r in zip(panes, relative, strict=True) if p.grey is not None)
        for axis in (0, 1)
    )
    room = min(
        (LONGEST_PX - (columns - 1) * GAP_PX) / (columns * wide), (LONGEST_PX - (rows - 1) * GAP_PX) / (rows * high)
    )
    scale = min(room, 1.0)
    pane_height, pane_width = max(1, round(high * scale)), max(1, round(wide * scale))
    canvas = np.zeros(
        (rows * pane_height + (rows - 1) * GAP_PX, columns * pane_width + (columns - 1) * GAP_PX), np.uint8
    )
    placed: list[Placed | None] = []
    for number, (pane, size) in enumerate(zip(panes, relative, strict=True)):
        if pane.grey is None:
            placed.append(None)
            continue
        small = _scaled(pane.grey, scale * size, pane_height, pane_width)
        row, column = divmod(number, columns)
        top = row * (pane_height + GAP_PX) + (pane_height - small.shape[0]) // 2
        left = column * (pane_width + GAP_PX) + round((pane_width - small.shape[1]) * pane.align)
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
        placed.append(Placed(scale * size, left, top))
    return canvas, placed


def _relative_sizes(panes: Sequence[Pane]) -> list[float]:
    """What each picture is scaled by so that all are at one scale; at most 1."""
    spacings = [pane.spacing_mm for pane in panes if pane.grey is not None]
    known = [s for s in spacings if s is not None]
    if len(known) < len(spacings) or not known:
        return [1.0] * len(panes)
    return [(pane.spacing_mm or max(known)) / max(known) for pane in panes]


def _scaled(grey: np.ndarray, scale: float, most_high: int, most_wide: int) -> np.ndarray:
    high = min(most_high, max(1, round(grey.shape[0] * scale)))
    wide = min(most_wide, max(1, round(grey.shape[1] * scale)))
    if (high, wide) == grey.shape:
        return grey
    return np.asarray(Image.fromarray(grey).resize((wide, high), Image.Resampling.LANCZOS, reducing_gap=3.0))
