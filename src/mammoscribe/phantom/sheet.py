"""The exposed picture on its detector or film: the canvas with the air around it, before it is mirrored and stored."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.phantom.canvas import Window, sighting, window_of
from mammoscribe.phantom.geometry import PIXEL_MM, ViewGeometry
from mammoscribe.phantom.structures import DistractorKind, Sighting

WHITE = 4095


@dataclass(frozen=True)
class Sheet:
    """One view in the canonical frame; `pixels` (uint16 [rows, cols], 12 bit) is changed in place.

    Args:
        film: whether it is a digitised film.
    """

    view: ViewGeometry
    pixels: np.ndarray
    film: bool

    @property
    def top(self) -> float:
        """Height u of the upper edge, mm."""
        return self.view.top + self.view.field.top * PIXEL_MM

    @property
    def wall(self) -> float:
        """Millimetres between the left edge and the chest-wall edge of the breast."""
        return self.view.field.wall * PIXEL_MM

    def window(self, x: float, u: float, radius_mm: float) -> Window | None:
        """The pixels within `radius_mm` of (x, u), or None when that is off the sheet."""
        return window_of(self.pixels, self.top, x + self.wall, u, radius_mm)

    def to_px(self, x, u):
        """(row, column) of (x, u) in pixels."""
        return (self.top - np.asarray(u)) / PIXEL_MM, (np.asarray(x) + self.wall) / PIXEL_MM

    def seen(self, kind: DistractorKind, rows, cols, margin_px: float = 0.0) -> list[Sighting]:
        """The box around points with a margin, in pixels of the sheet; empty when it is off the sheet."""
        rows, cols = np.atleast_1d(rows), np.atleast_1d(cols)
        box = (cols.min() - margin_px, rows.min() - margin_px, cols.max() + margin_px, rows.max() + margin_px)
        return sighting(kind, box, self.pixels.shape)

    def is_air(self, row: int, col: int, rows: int, margin_mm: float = 3.0) -> bool:
        """Whether a block of so many rows lies in front of breast and nipple, whatever lesions are drawn."""
        reach = round(margin_mm / PIXEL_MM)
        us = self.top - (np.arange(row - reach, row + rows + reach, 4) + 0.5) * PIXEL_MM
        low = self.view.top - self.view.rows * PIXEL_MM
        edge = np.where((us < self.view.top) & (us > low), self.view.outline(us), 0.0)
        if np.any(np.abs(us) < 8):
            edge = np.maximum(edge, float(self.view.outline(0.0)) + self.view.nipple)
        return bool(edge.max() + self.wall + margin_mm < col * PIXEL_MM)


def lay_on_field(picture: np.ndarray, view: ViewGeometry, film: bool, background: float, rng) -> Sheet:
    """The picture with the air of its detector or film around it, as grainy there as film is.

    Args:
        picture: uint16 [view.rows, view.cols].
        background: grey of air, of a white of 1.
    """
    field = view.field
    shape = (picture.shape[0] + field.top + field.bottom, picture.shape[1] + field.wall + field.front)
    level, spread = round(background * WHITE), round(0.006 * WHITE) if film else 0
    if spread:
        pixels = rng.integers(max(0, level - spread), level + spread + 1, shape, dtype=np.uint16)
    else:
        pixels = np.full(shape, level, np.uint16)
    pixels[field.top : field.top + picture.shape[0], field.wall : field.wall + picture.shape[1]] = picture
    return Sheet(view, pixels, film)


def blend(values: np.ndarray, cover: np.ndarray, grey: float) -> None:
    """Put `grey` (of 4095) over pixels by a coverage of 0..1, in place.

    Shapes: values and cover [h, w].
    """
    before = values.astype(np.float32)
    values[:] = np.rint(before + cover * (np.float32(grey) - before)).astype(np.uint16)
