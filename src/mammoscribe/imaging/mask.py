"""The breast mask and the side of the chest wall, found on a reduced picture."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image
from scipy import ndimage

REDUCED_SIDE_PX = 256
"""The longest side of the picture on which the mask is found; one of its pixels is about a millimetre."""


@dataclass(frozen=True)
class BreastOutline:
    """What the pixels of one stored picture say about where the breast lies.

    Args:
        mask: bool [h, w] on the reduced picture; the pectoral muscle belongs to it.
        reduced: float32 [h, w], the reduced picture.
        factor: stored pixels per reduced pixel.
        chest_on_left: side of the stored picture on which the breast's flat edge lies.
        certainty: 0..1, how much flatter that edge is than the other one.
        warnings: what was odd.
    """

    mask: np.ndarray
    reduced: np.ndarray
    factor: int
    chest_on_left: bool
    certainty: float
    warnings: tuple[str, ...] = ()


def reduce_picture(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Block means of the picture, and the whole number of stored pixels per block side.

    Shapes: pixels [H, W] -> [H / n, W / n].
    """
    factor = max(1, -(-max(pixels.shape) // REDUCED_SIDE_PX))
    if factor == 1:
        return pixels, 1
    return np.asarray(Image.fromarray(pixels).reduce(factor)), factor


def find_breast(pixels: np.ndarray) -> BreastOutline:
    """The outline of the breast in a stored picture, float32 [H, W] in 0..1, bright = dense."""
    small, factor = reduce_picture(pixels)
    smooth = ndimage.uniform_filter(small, 3)
    mask, warnings = breast_mask(smooth)
    on_left, certainty = chest_wall_side(mask)
    if looks_rotated(mask):
        warnings += ("the flat edge of the breast is at the top or bottom: the picture looks rotated",)
    return BreastOutline(mask, small, factor, on_left, certainty, warnings)


def breast_mask(smooth: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Foreground above the air, less labels, film edges and scratches; the largest piece, holes filled.

    Shapes: smooth [H, W] -> [H, W] bool.
    """
    tissue = smooth > air_threshold(smooth)
    tissue &= ~_straight_borders(smooth)
    opened = ndimage.binary_opening(tissue, iterations=max(1, max(smooth.shape) // 85))
    piece = largest_piece(opened if opened.any() else tissue)
    # Opening rounds the nipple and the upper corner off: give back what hangs together within its reach.
    regrown = ndimage.binary_dilation(piece, iterations=max(1, max(smooth.shape) // 85), mask=tissue)
    mask = np.asarray(ndimage.binary_fill_holes(largest_piece(regrown)))
    share = float(mask.mean())
    if not 0.03 <= share <= 0.97:
        return mask if mask.any() else np.ones_like(mask), (f"the breast takes up {share:.0%} of the picture",)
    return mask, ()


def air_threshold(smooth: np.ndarray) -> float:
    """Grey value between air and skin: the air level plus a small part of the way to the tissue.

    Shapes: smooth [H, W].

    The skin line is faint, so a half-way (Otsu) threshold would cut it; Otsu on square roots is a first guess only.
    """
    first = otsu(np.sqrt(np.clip(smooth, 0, 1))) ** 2
    air = smooth[smooth <= first]
    tissue = smooth[smooth > first]
    if not air.size or not tissue.size:
        return float(smooth.min()) - 1e-6
    level, spread = float(np.median(air)), float(np.median(np.abs(air - np.median(air)))) * 1.4826
    return min(first, level + max(4 * spread, 0.10 * (float(np.median(tissue)) - level)))


def otsu(values: np.ndarray, bins: int = 256) -> float:
    """Threshold that separates two classes best (Otsu 1979), for values in 0..1.

    Shapes: values of any shape.
    """
    counts, edges = np.histogram(values, bins=bins, range=(0.0, 1.0))
    weights = counts.cumsum()
    middles = (edges[:-1] + edges[1:]) / 2
    sums = (counts * middles).cumsum()
    below, above = weights, weights[-1] - weights
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))])


def _straight_borders(smooth: np.ndarray) -> np.ndarray:
    """Saturated strips along the film's edge, next to dark film: lines that are almost white over most of their length.

    An implant or a burnt-out breast at the chest wall is white too, but what lies next to it is bright.
    """
    strips = np.zeros(smooth.shape, bool)
    for lines, marked in ((smooth, strips), (smooth.T, strips.T)):
        for rows, out in ((lines, marked), (lines[::-1], marked[::-1])):
            white = (rows > 0.97).mean(axis=1) >= 0.6
            depth = int(white.argmin()) if not white.all() else 0
            if depth and float(np.median(rows[depth + 2 : depth + 5])) < 0.5:
                out[: depth + 2] = True
    return strips


def largest_piece(mask: np.ndarray) -> np.ndarray:
    """The largest 4-connected piece of a mask.

    Shapes: mask [H, W] bool -> [H, W] bool.
    """
    labels, count = cast(tuple[np.ndarray, int], ndimage.label(mask))
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == int(sizes.argmax())


def chest_wall_side(mask: np.ndarray) -> tuple[bool, float]:
    """Whether the flat edge of the breast lies on the left, and how clear that is (0..1).

    Shapes: mask [H, W] bool.

    The flat edge is where many rows of the mask begin at nearly the same column; the skin side is round.
    """
    left, right = _roundness(mask)
    return left <= right, abs(left - right) / max(left + right, 1e-6)


def looks_rotated(mask: np.ndarray) -> bool:
    """Whether the upper or lower edge is far flatter than both sides; no upright picture met so far comes near.

    Shapes: mask [H, W] bool.
    """
    sides, ends = min(_roundness(mask)), min(_roundness(mask.T))
    return sides > 0.02 and ends < 0.25 * sides


def _roundness(mask: np.ndarray) -> tuple[float, float]:
    """Mean distance of the left and of the right outline from its own extreme, as a share of the mask's width."""
    rows = np.nonzero(mask.any(axis=1))[0]
    if rows.size == 0:
        return 0.0, 0.0
    first = mask[rows].argmax(axis=1)
    last = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    width = max(1, int(last.max() - first.min()))
    return float((first - first.min()).mean() / width), float((last.max() - last).mean() / width)
