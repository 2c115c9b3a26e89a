"""Several views in one picture: their places in rows and columns, and the words for these."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image


def grid_of(views: int) -> tuple[int, int]:
    """(rows, columns) of so many views: one, two side by side, then two a row."""
    columns = min(views, 2)
    return math.ceil(views / 2), columns


def place_words(views: int) -> list[str]:
    """Where each view is, row by row: `row 1, column 2`. Left and right are not said: they are words for breasts."""
    _, columns = grid_of(views)
    return [f"row {n // columns + 1}, column {n % columns + 1}" for n in range(views)]


def montage(views: Sequence[np.ndarray], cell: tuple[int, int]) -> np.ndarray:
    """Each view as large as its cell allows, in its shape, in the middle of the cell; black around it.

    Args:
        views: uint8 [H, W] each.
        cell: (height, width) of a cell.

    Shapes: -> uint8 [rows * cell height, columns * cell width].
    """
    rows, columns = grid_of(len(views))
    high, wide = cell
    out = np.zeros((rows * high, columns * wide), np.uint8)
    for number, view in enumerate(views):
        scale = min(high / view.shape[0], wide / view.shape[1])
        size = (max(1, min(wide, round(view.shape[1] * scale))), max(1, min(high, round(view.shape[0] * scale))))
        small = np.asarray(Image.fromarray(view).resize(size, Image.Resampling.BICUBIC))
        top = number // columns * high + (high - size[1]) // 2
        left = number % columns * wide + (wide - size[0]) // 2
        out[top : top + size[1], left : left + size[0]] = small
    return out
