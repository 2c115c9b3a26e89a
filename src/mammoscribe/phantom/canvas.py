"""The picture being drawn: log attenuation of one view, windows into it, and the footprint a lesion leaves."""

import math
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import Box
from mammoscribe.phantom.anatomy import Patient
from mammoscribe.phantom.geometry import PIXEL_MM, ViewGeometry
from mammoscribe.phantom.structures import DistractorKind, Sighting


@dataclass(frozen=True)
class Footprint:
    """Pixels a lesion covers in one view, canonical frame: mask [h, w] with its upper left corner."""

    row: int
    col: int
    mask: np.ndarray

    def trimmed(self, margin: int, rows: int, cols: int) -> "Footprint | None":
        """Cut to the covered pixels plus a margin, inside an image of that size; None when nothing is covered."""
        if not self.mask.any():
            return None
        r = np.flatnonzero(self.mask.any(axis=1))
        c = np.flatnonzero(self.mask.any(axis=0))
        r0, r1 = max(0, self.row + r[0] - margin), min(rows, self.row + r[-1] + 1 + margin)
        c0, c1 = max(0, self.col + c[0] - margin), min(cols, self.col + c[-1] + 1 + margin)
        out = np.zeros((r1 - r0, c1 - c0), bool)
        out[self.row + r[0] - r0 : self.row + r[-1] + 1 - r0, self.col + c[0] - c0 : self.col + c[-1] + 1 - c0] = (
            self.mask[r[0] : r[-1] + 1, c[0] : c[-1] + 1]
        )
        return Footprint(int(r0), int(c0), out)


@dataclass(frozen=True)
class Window:
    """A square cut of the canvas around a point, with millimetre offsets of its pixels from that point.

    Args:
        values: writable view into the canvas.
        dx, du: offsets towards the nipple and upwards, mm, broadcastable to `values`.
    """

    row: int
    col: int
    values: np.ndarray
    dx: np.ndarray
    du: np.ndarray

    @property
    def rho(self) -> np.ndarray:
        """Distance from the centre, mm.

        Shapes: [rows, columns] of the window.
        """
        return np.sqrt(self.dx**2 + self.du**2)

    @property
    def phi(self) -> np.ndarray:
        """Direction from the centre, radians; 0 towards the nipple, pi/2 up.

        Shapes: [rows, columns] of the window.
        """
        return np.arctan2(self.du, self.dx)

    def footprint(self, mask: np.ndarray) -> Footprint:
        """A mask over this window as a footprint.

        Shapes: mask [rows, columns] of the window.
        """
        return Footprint(self.row, self.col, mask)


@dataclass(frozen=True)
class Canvas:
    """One view while it is drawn; `log` [rows, cols] is changed in place by the drawing functions."""

    patient: Patient
    view: ViewGeometry
    log: np.ndarray

    @property
    def seed(self) -> int:
        """The exam's seed."""
        return self.patient.seed

    def window(self, x: float, u: float, radius_mm: float) -> Window | None:
        """The canvas within `radius_mm` of (x, u), or None when that is off the canvas."""
        return window_of(self.log, self.view.top, x, u, radius_mm)

    def sighting(self, kind: DistractorKind, x: float, u: float, wide: float, tall: float) -> list[Sighting]:
        """A structure of half width and half height in mm about (x, u), cut to the canvas; empty when it is off it."""
        row, col = self.view.to_px(x, u)
        box = (col - wide / PIXEL_MM, row - tall / PIXEL_MM, col + wide / PIXEL_MM, row + tall / PIXEL_MM)
        return sighting(kind, box, self.log.shape)


def window_of(values: np.ndarray, top: float, x: float, u: float, radius_mm: float) -> Window | None:
    """What lies within `radius_mm` of (x, u) on a picture whose upper edge is at height `top`; None when that is off it.

    Shapes: values [H, W].
    """
    row, col = (top - u) / PIXEL_MM, x / PIXEL_MM
    reach = radius_mm / PIXEL_MM
    r0, r1 = max(0, math.floor(row - reach)), min(values.shape[0], math.ceil(row + reach))
    c0, c1 = max(0, math.floor(col - reach)), min(values.shape[1], math.ceil(col + reach))
    if r1 - r0 < 2 or c1 - c0 < 2:
        return None
    dx = ((np.arange(c0, c1) + 0.5) * PIXEL_MM - x).astype(np.float32)[None, :]
    du = (top - (np.arange(r0, r1) + 0.5) * PIXEL_MM - u).astype(np.float32)[:, None]
    return Window(r0, c0, values[r0:r1, c0:c1], dx, du)


def sighting(kind: DistractorKind, box, shape: tuple[int, int]) -> list[Sighting]:
    """A structure's box (x0, y0, x1, y1) in pixels, widened to whole ones and cut to the picture; empty when off it."""
    x0, y0 = max(0.0, math.floor(box[0])), max(0.0, math.floor(box[1]))
    x1, y1 = min(float(shape[1]), math.ceil(box[2])), min(float(shape[0]), math.ceil(box[3]))
    return [Sighting(kind, Box(float(x0), float(y0), float(x1), float(y1)))] if x1 - x0 >= 2 and y1 - y0 >= 2 else []
