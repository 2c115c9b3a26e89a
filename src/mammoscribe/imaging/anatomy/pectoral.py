"""The pectoral muscle of an MLO view: its edge from the upper border of the breast down to the chest wall."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoscribe.support.errors import InvalidNoun

_WORK_MM = 1.0
_POINTS = 40
_BESIDE_MM, _CLOSE_MM = 3.0, 1.5
_STEP_GREY = 0.06
_REACH_MM = 8.0
_LEAST_STRENGTH = 0.45


@dataclass(frozen=True)
class Pectoral:
    """The edge of the pectoral muscle on a canvas; the muscle is between it and the chest wall.

    Args:
        edge: [n, 2] (x, y) in canvas pixels from the upper border down to the chest wall.
        strength: 0..1, how steadily the muscle side is brighter along the edge.

    Raises:
        InvalidNoun: when the edge has fewer than two points or the strength is no fraction.
    """

    edge: np.ndarray
    strength: float

    def __post_init__(self) -> None:
        if self.edge.ndim != 2 or self.edge.shape[1] != 2 or len(self.edge) < 2:
            raise InvalidNoun(f"a pectoral edge of shape {self.edge.shape}", "[n, 2] with two points or more")
        if not 0.0 <= self.strength <= 1.0:
            raise InvalidNoun(f"a pectoral edge of strength {self.strength}", "a number from 0 to 1")

    def width_at(self, rows: np.ndarray) -> np.ndarray:
        """Width of the muscle in pixels at canvas rows; 0 above and below it.

        Shapes: rows [N] -> [N].
        """
        down = np.maximum.accumulate(self.edge[:, 1])
        return np.interp(rows, down, self.edge[:, 0], left=0.0, right=0.0)


def find_pectoral(pixels: np.ndarray, mask: np.ndarray, mm_per_px: float) -> Pectoral | None:
    """The edge with the strongest steady step from bright muscle to darker fat: the best straight line, then bent to fit.

    Args:
        pixels: float32 [h, w], tissue 0..1, chest wall left (a canvas of an MLO view).
        mask: bool [h, w], the breast with the muscle.
        mm_per_px: millimetres per pixel.

    Returns:
        None when no line is steady enough, as where the muscle is not in the picture.
    """
    rows = np.nonzero(mask[:, : max(1, round(5 / mm_per_px))].any(axis=1))[0]
    if rows.size * mm_per_px < 40:
        return None
    zoom = mm_per_px / _WORK_MM
    top = float(rows[0]) * zoom
    grey = _smoothed(pixels, mask, zoom)
    line, steps = _best_line(grey, top, (rows.size * zoom, float(mask.any(axis=0).sum()) * zoom))
    strength = float(np.mean(steps[: int(0.7 * _POINTS)]))
    if strength < _LEAST_STRENGTH:
        return None
    return Pectoral(_bent(grey, line) / zoom, min(1.0, strength))


def _smoothed(pixels: np.ndarray, mask: np.ndarray, zoom: float) -> np.ndarray:
    """Tissue at a millimetre per pixel, smoothed over what belongs to the breast."""
    weight = ndimage.gaussian_filter(mask.astype(np.float32), 1.2 / zoom)
    grey = ndimage.gaussian_filter(pixels * mask, 1.2 / zoom) / np.maximum(weight, 0.05)
    high, wide = (max(2, round(n * zoom)) for n in mask.shape)
    down, across = (np.arange(high) + 0.5) / zoom, (np.arange(wide) + 0.5) / zoom
    grid = np.meshgrid(down - 0.5, across - 0.5, indexing="ij")
    return ndimage.map_coordinates(grey, grid, order=1, mode="nearest")


def _best_line(grey: np.ndarray, top: float, size: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """([n, 2] points, [n] steps) of the straight line with the largest sum of steps over its length."""
    high, wide = size
    across, down = np.arange(8.0, max(12.0, 0.75 * wide), 2.0), np.arange(30.0, max(34.0, 0.85 * high), 3.0)
    starts, ends = (g.ravel() for g in np.meshgrid(across, down))
    likely = (ends / starts > 0.7) & (ends / starts < 8)
    starts, ends = starts[likely], ends[likely]
    share = (np.arange(_POINTS) + 0.5) / _POINTS
    lines = np.stack([starts[:, None] * (1 - share), top + ends[:, None] * share], axis=2)
    lengths = np.hypot(starts, ends)
    normals = np.stack([ends, starts], axis=1) / lengths[:, None]
    steps = np.tanh(_steps(grey, lines, normals[:, None, :], _BESIDE_MM) / _STEP_GREY)
    best = int((steps.mean(axis=1) * lengths).argmax())
    return lines[best], steps[best]


def _steps(grey: np.ndarray, points: np.ndarray, normals: np.ndarray, beside_mm: float) -> np.ndarray:
    """How much brighter the muscle side of points is than the other side, a few millimetres to either."""
    sides = [points - 0.5 - beside_mm * normals, points - 0.5 + beside_mm * normals]
    inner, outer = (ndimage.map_coordinates(grey, [s[..., 1], s[..., 0]], order=1, mode="nearest") for s in sides)
    return inner - outer


def _bent(grey: np.ndarray, line: np.ndarray) -> np.ndarray:
    """The line moved sideways point by point to the largest steps, neighbours by a millimetre at most (Viterbi)."""
    along = line[-1] - line[0]
    normal = np.array([along[1], -along[0]]) / np.hypot(*along)
    normal *= np.sign(normal[0])
    shifts = np.arange(-_REACH_MM, _REACH_MM + 0.5)
    moved = line[:, None, :] + shifts[None, :, None] * normal
    steps = _steps(grey, moved, normal, _CLOSE_MM)
    gain = steps / max(1e-6, float(np.percentile(steps, 95))) - 0.03 * np.abs(shifts)
    total, came = gain[0], np.zeros(gain.shape, dtype=int)
    for i in range(1, len(line)):
        around = np.stack([np.append(-np.inf, total[:-1]), total, np.append(total[1:], -np.inf)])
        choice = around.argmax(axis=0)
        came[i], total = choice - 1, around.max(axis=0) + gain[i]
    at = int(total.argmax())
    shift = np.zeros(len(line))
    for i in range(len(line) - 1, -1, -1):
        shift[i] = shifts[at]
        at += int(came[i, at])
    bent = line + ndimage.gaussian_filter1d(shift, 2.0, mode="nearest")[:, None] * normal
    return np.maximum(bent, 0.0)
