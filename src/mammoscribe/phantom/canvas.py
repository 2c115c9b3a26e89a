"""The picture being drawn: log attenuation of one view, windows into it, and the footprint a lesion leaves."""

import math
from dataclasses import dataclass

import numpy as np

from mammoscribe.phantom.anatomy import PIXEL_MM, Patient, ViewGeometry


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
        """Distance from the centre, mm."""
        return np.sqrt(self.dx**2 + self.du**2)

    @property
    def phi(self) -> np.ndarray:
        """Direction from the centre, radians; 0 towards the nipple, pi/2 up."""
        return np.arctan2(self.du, self.dx)

    def footprint(self, mask: np.ndarray) -> Footprint:
        """A mask over this window as a footprint."""
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
        row, col = self.view.to_px(x, u)
        reach = radius_mm / PIXEL_MM
        r0, r1 = max(0, math.floor(row - reach)), min(self.view.rows, math.ceil(row + reach))
        c0, c1 = max(0, math.floor(col - reach)), min(self.view.cols, math.ceil(col + reach))
        if r1 - r0 < 2 or c1 - c0 < 2:
            return None
        dx = ((np.arange(c0, c1) + 0.5) * PIXEL_MM - x).astype(np.float32)[None, :]
        du = (self.view.top - (np.arange(r0, r1) + 0.5) * PIXEL_MM - u).astype(np.float32)[:, None]
        return Window(r0, c0, self.log[r0:r1, c0:c1], dx, du)
