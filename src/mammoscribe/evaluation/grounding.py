"""How well a heat map finds a phrase: contrast-to-noise ratio, mean IoU over thresholds, pointing game.

A heat map is [H, W] in stored pixels with NaN where the model saw nothing (outside of a crop). Boxes are in stored
pixels; a phrase may have several, and they count as one region. What lies outside of the picture is cut off; what lies
in the picture but outside of the crop stays in the region, since a model that crops its object away has not found it.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from scipy import ndimage

from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InputError

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)


def region(boxes: Sequence[Box], shape: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies in one of the boxes, bool [H, W].

    Raises:
        InputError: without boxes, or when none of them covers a pixel of the picture.
    """
    inside = np.zeros(shape, bool)
    for box in boxes:
        rows = np.arange(shape[0]) + 0.5
        columns = np.arange(shape[1]) + 0.5
        inside |= np.outer((rows >= box.y0) & (rows < box.y1), (columns >= box.x0) & (columns < box.x1))
    if not inside.any():
        raise InputError(
            f"{'a box' if len(boxes) == 1 else f'{len(boxes)} boxes'} beside all pixels of a picture of {shape[1]} x {shape[0]}",
            "at least one box in the picture's stored pixels",
        )
    return inside


def contrast_to_noise(heat: np.ndarray, boxes: Sequence[Box]) -> float:
    """CNR = |mean inside - mean outside| / sqrt(variance inside + variance outside), population variances.

    Shapes: heat [H, W].

    Source: Boecking et al., ECCV 2022 (BioViL), which takes the absolute value; a map that is low in the box and high
    around it scores as well as the right one, so look at the pointing game beside it. Pixels that were not seen (NaN) are
    left out on both sides. NaN when no pixel of the box or none around it was seen, or when both sides are flat and equal;
    infinite when both are flat and differ.
    """
    inside = region(boxes, _shape(heat))
    seen = np.isfinite(heat)
    within, around = heat[inside & seen].astype(float), heat[~inside & seen].astype(float)
    if not within.size or not around.size:
        return float("nan")
    difference, noise = abs(within.mean() - around.mean()), np.sqrt(within.var() + around.var())
    if noise < 1e-12:
        return float("nan") if difference < 1e-12 else float("inf")
    return float(difference / noise)


def mean_iou(heat: np.ndarray, boxes: Sequence[Box], thresholds: Sequence[float] = THRESHOLDS) -> float:
    """IoU of {heat >= t} with the region, averaged over thresholds 0.1, 0.2, 0.3, 0.4, 0.5 of the cosine itself.

    Shapes: heat [H, W].

    Source: Boecking et al., ECCV 2022; Bannur et al., CVPR 2023. Thresholds are absolute, so cosines of a badly scaled
    model score low whatever their order. Pixels that were not seen (NaN) are not marked at any threshold, and those of the
    box count against the IoU. A threshold above the whole map gives 0 and stays in the mean.
    """
    inside = region(boxes, _shape(heat))
    values = np.where(np.isfinite(heat), heat, -np.inf)
    ious = []
    for threshold in thresholds:
        marked = values >= threshold
        ious.append(np.count_nonzero(marked & inside) / np.count_nonzero(marked | inside))
    return float(np.mean(ious))


def pointing_hit(heat: np.ndarray, boxes: Sequence[Box]) -> bool:
    """Whether the highest pixel lies in the region; the mean of it over phrases is the pointing game's accuracy.

    Shapes: heat [H, W].

    Source: Zhang et al., IJCV 2018 (excitation backprop), without its tolerance of 15 pixels. Nearest interpolation makes
    whole patches equal: of the first connected part of highest pixels, the pixel nearest to its centre points. False when
    nothing was seen.
    """
    inside = region(boxes, _shape(heat))
    if not np.isfinite(heat).any():
        return False
    highest = heat == np.nanmax(heat)
    parts, _ = cast(tuple[np.ndarray, int], ndimage.label(highest))
    places = np.argwhere(parts == parts.ravel()[int(highest.argmax())])
    row, column = places[int(((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    return bool(inside[row, column])


def _shape(heat: np.ndarray) -> tuple[int, int]:
    if heat.ndim != 2:
        raise InputError(f"a heat map of shape {heat.shape}", "[H, W]")
    return int(heat.shape[0]), int(heat.shape[1])
