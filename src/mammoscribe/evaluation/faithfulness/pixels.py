"""Pictures that are changed on purpose: without their tissue, without one place, or with nothing but one place.

Deletion and insertion are those of Petsiuk et al. (RISE, BMVC 2018). A deleted place is filled with tissue and not with
black or blur, which a network would react to by itself: its brightness is carried over from the borders of the place (a
Coons patch, 1967), its texture from another place of the same breast.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mammoscribe.domain.view import Box
from mammoscribe.imaging.mask import find_breast

FloatPixels = NDArray[np.float32]
BoolPixels = NDArray[np.bool_]
MARGIN = 0.15
"""Share of a box by which it is enlarged on every side: a cited box may end inside the lesion."""
TRIES = 400
"""Random places that are looked at before there is held to be none."""
INSIDE = 0.9
"""Share of a random place that must show the breast."""
RIM_PX = 4
"""Rows and columns outside a place whose mean brightness is carried into it."""


def breast_of(pixels: FloatPixels) -> BoolPixels:
    """Where the breast is in a stored picture.

    Shapes: pixels [H, W] -> [H, W] bool.
    """
    outline = find_breast(pixels)
    rows, columns = (
        np.minimum(np.arange(n) // outline.factor, m - 1) for n, m in zip(pixels.shape, outline.mask.shape, strict=True)
    )
    return outline.mask[np.ix_(rows, columns)]


def greyed(pixels: FloatPixels, breast: BoolPixels) -> FloatPixels:
    """The picture with the median of its tissue in place of all tissue; the outline stays.

    Shapes: pixels, breast [H, W] -> [H, W].
    """
    out = pixels.copy()
    if breast.any():
        out[breast] = np.median(pixels[breast])
    return out


def enlarged(box: Box, pixels: FloatPixels) -> Box | None:
    """The box with its margin, in whole pixels of the picture; None where nothing of it is in the picture."""
    across, down = MARGIN * box.width, MARGIN * box.height
    height, width = pixels.shape
    x0, y0 = np.floor(box.x0 - across), np.floor(box.y0 - down)
    x1, y1 = np.ceil(box.x1 + across), np.ceil(box.y1 + down)
    return Box(float(x0), float(y0), float(x1), float(y1)).clipped(width, height)


def place_like(box: Box, breast: BoolPixels, avoided: Sequence[Box], rng: np.random.Generator) -> Box | None:
    """A random box of the same size that shows the breast and touches none of those avoided; None where none was found.

    Args:
        box: whole pixels. breast: [H, W]. avoided: boxes in the same picture. rng: draws the places.
    """
    wide, high = int(box.width), int(box.height)
    rows, columns = np.nonzero(breast)
    if not len(rows):
        return None
    ends = (
        columns.min(),
        max(columns.min() + 1, columns.max() + 2 - wide),
        rows.min(),
        max(rows.min() + 1, rows.max() + 2 - high),
    )
    for _ in range(TRIES):
        x, y = int(rng.integers(ends[0], ends[1])), int(rng.integers(ends[2], ends[3]))
        found = Box(float(x), float(y), float(x + wide), float(y + high))
        shown = breast[y : y + high, x : x + wide]
        whole = shown.shape == (high, wide) and float(shown.mean()) >= INSIDE
        if whole and not any(found.overlap(other) for other in avoided):
            return found
    return None


def filled(pixels: FloatPixels, box: Box, texture_at: Box | None) -> FloatPixels:
    """The picture with tissue in place of what a box shows.

    Args:
        pixels: [H, W]. box: whole pixels inside the picture.
        texture_at: a box of the same size whose fine texture is taken over; None fills smoothly.
    """
    rows, columns = _slices(box)
    smooth = _from_borders(pixels, box)
    if texture_at is not None:
        donor = pixels[_slices(texture_at)]
        coarse = ndimage.gaussian_filter(donor, max(2.0, 0.1 * min(donor.shape)), mode="nearest")
        smooth = smooth + (donor - coarse)
    out, weight = pixels.copy(), _feather(box, pixels.shape)
    out[rows, columns] = np.clip((1 - weight) * pixels[rows, columns] + weight * smooth, 0, 1)
    return out


def shown_only(pixels: FloatPixels, breast: BoolPixels, boxes: Sequence[Box]) -> FloatPixels:
    """The greyed picture in which boxes alone show what is there.

    Shapes: pixels, breast [H, W] -> [H, W].
    """
    out = greyed(pixels, breast)
    for box in boxes:
        at = _slices(box)
        weight = _feather(box, pixels.shape)
        out[at] = (1 - weight) * out[at] + weight * pixels[at]
    return out


def _slices(box: Box) -> tuple[slice, slice]:
    return slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))


def _feather(box: Box, picture: tuple[int, ...]) -> FloatPixels:
    """[h, w] weights that rise to 1 within a tenth of the shorter side, from those borders that are inside the picture."""
    rise = max(1.0, 0.1 * min(box.width, box.height))

    def from_ends(first: float, last: float, most: int) -> FloatPixels:
        steps = np.arange(int(last - first), dtype=np.float32)
        start = steps + 1 if first > 0 else np.inf
        end = len(steps) - steps if last < most else np.inf
        return np.minimum(np.full_like(steps, rise), np.minimum(start, end))

    rows, columns = from_ends(box.y0, box.y1, picture[0]), from_ends(box.x0, box.x1, picture[1])
    return (np.minimum.outer(rows, columns) / rise).astype(np.float32)


def _from_borders(pixels: FloatPixels, box: Box) -> FloatPixels:
    """[h, w] brightness that runs smoothly between the rims outside the four sides of a box.

    A side at the picture's edge takes the rim of the opposite one.
    """
    (rows, columns), (height, width) = _slices(box), pixels.shape
    y0, y1, x0, x1 = rows.start, rows.stop, columns.start, columns.stop
    above, below = pixels[max(0, y0 - RIM_PX) : y0, columns], pixels[y1 : y1 + RIM_PX, columns]
    left, right = pixels[rows, max(0, x0 - RIM_PX) : x0], pixels[rows, x1 : x1 + RIM_PX]
    top, bottom = _rim(above, 0, (y0 > 0, y1 < height), below), _rim(below, 0, (y1 < height, y0 > 0), above)
    west, east = _rim(left, 1, (x0 > 0, x1 < width), right), _rim(right, 1, (x1 < width, x0 > 0), left)
    if top is None or bottom is None or west is None or east is None:  # the box is as large as the picture
        return np.full((y1 - y0, x1 - x0), float(np.median(pixels)), np.float32)
    v, u = np.linspace(0, 1, y1 - y0)[:, None], np.linspace(0, 1, x1 - x0)[None, :]
    corners = [(top[0] + west[0]) / 2, (top[-1] + east[0]) / 2, (bottom[0] + west[-1]) / 2, (bottom[-1] + east[-1]) / 2]
    plane = (1 - v) * ((1 - u) * corners[0] + u * corners[1]) + v * ((1 - u) * corners[2] + u * corners[3])
    return ((1 - v) * top + v * bottom + (1 - u) * west[:, None] + u * east[:, None] - plane).astype(np.float32)


def _rim(own: FloatPixels, axis: int, there: tuple[bool, bool], opposite: FloatPixels) -> FloatPixels | None:
    """Mean brightness along one side, smoothed; of the opposite side where there is nothing beyond this one."""
    chosen = own if there[0] else opposite if there[1] else None
    if chosen is None:
        return None
    line = chosen.mean(axis=axis)
    return np.asarray(ndimage.gaussian_filter1d(line, max(1.0, 0.05 * len(line)), mode="nearest"), dtype=np.float32)
