"""Bright specks in a view and where they gather: the fast top-hat that proposes calcification patches.

A speck is what an opening by every line of a given length removes: small in all directions. Vessels, ligaments and
skin are long in one direction, survive one of the openings, and so do not count (the idea of the multi-scale top-hat
of DESIGN section 3, with line elements instead of squares).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

CELL_PX = 8
"""Side of a speck-map cell in 100 um pixels; the same grid as the patch network's heat map."""

_CODES_PER_GREY, _MAX_CODE = 13000, 16383  # integer copy; sums of four still fit 16 bits


@dataclass(frozen=True)
class TopHatConfig:
    """Scales and window sizes of the proposal, in 100 um pixels unless the name says otherwise.

    Args:
        fine_px: length of the lines at full resolution; specks up to about this size are kept.
        coarse_px: length of the lines on the twice reduced picture (in its pixels).
        noise_cells: side of the window in which the ordinary top-hat level and its spread are measured, in cells.
        group_cells: side of the window in which specks are summed, in cells.
        speck_level: spreads above the ordinary level at which a cell starts to count as a speck.
        speck_cap: most that one cell can add, so that one large calcification does not outshout a group.
    """

    fine_px: int = 11
    coarse_px: int = 9
    noise_cells: int = 25
    group_cells: int = 11
    speck_level: float = 3.0
    speck_cap: float = 8.0


def speck_map(pixels: np.ndarray, mask: np.ndarray, config: TopHatConfig | None = None) -> np.ndarray:
    """How much each cell of `CELL_PX` stands out by a bright speck.

    Args:
        pixels: [H, W] float canvas at 100 um: 0..1 from dark to bright tissue, background 0.
        mask: [H, W] bool, the breast.
        config: scales; the defaults when left out.

    Returns:
        [ceil(H/8), ceil(W/8)] float32, in spreads above the local level, less `speck_level`, clipped.
    """
    config = config or TopHatConfig()
    codes = _smoothed_codes(pixels)
    fine = _cell_max(_white_top_hat(codes, config.fine_px), CELL_PX)
    half = _half_size(codes)
    coarse = _cell_max(_white_top_hat(half, config.coarse_px), CELL_PX // 2)
    inside = _cell_mean(mask.astype(np.float32), CELL_PX)
    inside[inside < 0.99] = 0.0  # cells on the skin line would see the edge as a speck
    return np.maximum(_standing_out(fine, inside, config), _standing_out(coarse, inside, config))


def group_map(specks: np.ndarray, config: TopHatConfig | None = None) -> np.ndarray:
    """Specks gathered over `group_cells`: [h, w] float32, same grid as `specks`."""
    config = config or TopHatConfig()
    return ndimage.gaussian_filter(specks, config.group_cells / 4, mode="constant", truncate=2.0)


def _smoothed_codes(pixels: np.ndarray) -> np.ndarray:
    """Integer copy [H, W] uint16 after a 3 x 3 binomial filter: pixel noise down, specks of 0.2 mm kept."""
    codes = np.clip(pixels * _CODES_PER_GREY, 0, _MAX_CODE).astype(np.uint16)
    rows = codes.copy()
    rows[1:-1] = (codes[:-2] + 2 * codes[1:-1] + codes[2:]) >> 2
    out = rows.copy()
    out[:, 1:-1] = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) >> 2
    return out


def _half_size(codes: np.ndarray) -> np.ndarray:
    """Mean of 2 x 2 pixels, uint16; an odd last row or column is repeated."""
    codes = np.pad(codes, ((0, codes.shape[0] % 2), (0, codes.shape[1] % 2)), mode="edge")
    return (codes[::2, ::2] + codes[1::2, ::2] + codes[::2, 1::2] + codes[1::2, 1::2]) >> 2


def _white_top_hat(codes: np.ndarray, length: int) -> np.ndarray:
    """`codes` minus the largest of its openings by lines in four directions, uint16 [H, W]."""
    opened = np.zeros_like(codes)
    diagonal = max(3, round(length / 1.414))
    for step, count in (((0, 1), length), ((1, 0), length), ((1, 1), diagonal), ((1, -1), diagonal)):
        np.maximum(opened, _opening(codes, step, count), out=opened)
    return codes - np.minimum(opened, codes)


def _opening(codes: np.ndarray, step: tuple[int, int], count: int) -> np.ndarray:
    """Grey opening by a line of `count` pixels along `step`."""
    eroded = _running(codes, step, count, np.minimum)
    return _running(eroded, (-step[0], -step[1]), count, np.maximum)


def _running(codes: np.ndarray, step: tuple[int, int], count: int, pick: np.ufunc) -> np.ndarray:
    """Running minimum or maximum over `count` pixels forward along `step`, by doubling: log2(count) array passes.

    Pixels whose line would leave the picture see only the part inside it.
    """
    out, covered = codes.copy(), 1
    while covered < count:
        shift = min(covered, count - covered)
        here, there = _shifted(out, step[0] * shift, step[1] * shift)
        pick(here, there, out=here)  # numpy buffers overlapping operands
        covered += shift
    return out


def _shifted(array: np.ndarray, down: int, across: int) -> tuple[np.ndarray, np.ndarray]:
    """Two equally large windows of `array`, the second displaced by (down, across)."""
    height, width = array.shape
    rows = (
        (slice(0, height - down), slice(down, height)) if down >= 0 else (slice(-down, height), slice(0, height + down))
    )
    cols = (
        (slice(0, width - across), slice(across, width))
        if across >= 0
        else (slice(-across, width), slice(0, width + across))
    )
    return array[rows[0], cols[0]], array[rows[1], cols[1]]


def _cell_max(codes: np.ndarray, side: int) -> np.ndarray:
    """Largest value of each `side` x `side` cell, float32 [ceil(H/side), ceil(W/side)]."""
    blocks = _blocks(codes, side)
    return blocks.max(axis=1).max(axis=2).astype(np.float32)


def _cell_mean(values: np.ndarray, side: int) -> np.ndarray:
    """Mean of each cell; cells that reach over the edge count the missing part as zero."""
    return _blocks(values, side, mode="constant").mean(axis=1).mean(axis=2)


def _blocks(values: np.ndarray, side: int, mode: Literal["edge", "constant"] = "edge") -> np.ndarray:
    """`values` padded and seen as [h, side, w, side]."""
    pad = ((0, -values.shape[0] % side), (0, -values.shape[1] % side))
    padded = np.pad(values, pad, mode=mode) if any(p[1] for p in pad) else values
    return padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side)


def _standing_out(cells: np.ndarray, inside: np.ndarray, config: TopHatConfig) -> np.ndarray:
    """Cells over the level around them in units of its spread, from 0 at `speck_level` to `speck_cap`."""
    if not inside.any():
        return np.zeros_like(cells)
    # the window's own specks must not raise the level they are held against
    capped = np.minimum(cells, np.quantile(cells[inside > 0], 0.97)) * inside
    weight = np.maximum(ndimage.uniform_filter(inside, config.noise_cells, mode="constant"), 1e-3)
    mean = ndimage.uniform_filter(capped, config.noise_cells, mode="constant") / weight
    square = ndimage.uniform_filter(capped * capped, config.noise_cells, mode="constant") / weight
    spread = np.sqrt(np.maximum(square - mean * mean, (0.25 * mean) ** 2) + 1.0)
    return np.clip((cells - mean) / spread - config.speck_level, 0.0, config.speck_cap) * (inside > 0)
