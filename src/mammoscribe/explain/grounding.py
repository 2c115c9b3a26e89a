"""Phrase grounding: where on a picture the patches agree with a phrase, as a heat map in stored pixels, and its box."""

from dataclasses import dataclass
from enum import StrEnum
from math import floor
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from mammoscribe.domain.view import Box
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.joint_prepare import PUBLISHED
from mammoscribe.models.joint_space import JointSpace
from mammoscribe.support.errors import InputError

BOX_RULE = "half of the way from the map's median to its maximum, the connected part that holds the maximum"


class Interpolation(StrEnum):
    """How the patch grid becomes pixels; the published engine uses nearest, its notebook bilinear."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


@dataclass(frozen=True)
class Grounding:
    """One phrase on one picture.

    Args:
        phrase: what was looked for.
        similarity: cosine of the whole picture and the phrase, -1..1.
        grid: float32 [h, w], smoothed cosine of every patch, -1..1.
        heat: float32 [H, W] in stored pixels, NaN where the model saw nothing.
        best: box of the best place, by `BOX_RULE`, in stored pixels; None when the map is flat.
        threshold: the value of `heat` from which on pixels belong to `best`.
        interpolation: how `grid` became `heat`.
    """

    phrase: str
    similarity: float
    grid: np.ndarray
    heat: np.ndarray
    best: Box | None
    threshold: float
    interpolation: Interpolation


def ground(
    space: JointSpace,
    image: JointPixels,
    phrase: str,
    prior: JointPixels | None = None,
    interpolation: Interpolation | None = None,
) -> Grounding:
    """Find a phrase on a picture.

    A picture of the mode `published` gets the map of the published engine; any other goes back by its placement.

    Args:
        space: image and text side.
        image: the prepared picture.
        phrase: what to look for.
        prior: the earlier picture, for a model that compares.
        interpolation: how the patch grid becomes pixels; None takes nearest for the mode `published`, else bilinear.

    Raises:
        InputError: for an empty phrase, or what the space refuses.
    """
    if not phrase.strip():
        raise InputError("an empty phrase", "what to look for, such as 'spiculated mass'")
    with torch.no_grad():
        images = space.embed_images([image], None if prior is None else [prior])
        text = space.embed_texts([phrase])[0].float()
        cosines = F.normalize(images.patches[0].float(), dim=0).flatten(1).T @ text
        similarity = float(F.normalize(images.whole[0].float(), dim=0) @ text)
    grid = smoothed(cosines.reshape(images.patches.shape[2:]).cpu().numpy(), space.smoothing_patches, image.shown)
    if interpolation is None:
        interpolation = Interpolation.NEAREST if image.mode == PUBLISHED else Interpolation.BILINEAR
    heat = heat_map(grid, image, interpolation)
    best, threshold = best_box(heat)
    return Grounding(phrase, similarity, grid, heat, best, threshold, interpolation)


def smoothed(cosines: np.ndarray, sigma: float = 1.5, shown: np.ndarray | None = None) -> np.ndarray:
    """The patch grid after the published Gaussian: sigma 1.5 patches, symmetric edges, cut at four sigma.

    Args:
        cosines: [h, w].
        sigma: in patches.
        shown: bool [H, W] on the canvas (`JointPixels.shown`); patches that show less than half of something do not flow
            into their neighbours, and have the lowest value of the others.
    """
    grid = cosines.astype(np.float32)
    if shown is None:
        return ndimage.gaussian_filter(grid, sigma=sigma, order=0)
    known = _patches_of(shown, grid.shape)
    if not known.any():
        return grid
    weight = ndimage.gaussian_filter(known.astype(np.float32), sigma=sigma, order=0)
    total = ndimage.gaussian_filter(np.where(known, grid, 0), sigma=sigma, order=0)
    mean = total / np.maximum(weight, 1e-6)
    return np.where(known, mean, mean[known].min()).astype(np.float32)


def _patches_of(shown: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """Bool [h, w]: patches of which at least half is shown."""
    high, wide = shown.shape[0] // grid[0], shown.shape[1] // grid[1]
    parts = shown[: grid[0] * high, : grid[1] * wide].reshape(grid[0], high, grid[1], wide)
    return parts.mean(axis=(1, 3)) >= 0.5


def heat_map(grid: np.ndarray, image: JointPixels, interpolation: Interpolation = Interpolation.NEAREST) -> np.ndarray:
    """float32 [H, W]: the patch grid over the stored pixels that the model saw, NaN elsewhere."""
    if image.mode == PUBLISHED:
        return _published_heat(grid, image, interpolation)
    return _placed_heat(grid, image, interpolation)


def _published_heat(grid: np.ndarray, image: JointPixels, interpolation: Interpolation) -> np.ndarray:
    """The published rule: a centred square of side int(crop * shorter side / resize), half pixels to the far edges.

    It differs from the placement by up to a pixel, and is kept for the sake of equal figures.
    """
    place = image.placement
    height, width = place.stored_height_px, place.stored_width_px
    resize = round(min(width * place.scale_x, height * place.scale_y))
    side = max(1, int(place.canvas_width_px * min(height, width) / resize))  # a picture of one pixel keeps it
    corners = False if interpolation is Interpolation.BILINEAR else None
    square = F.interpolate(
        torch.from_numpy(grid)[None, None], size=(side, side), mode=interpolation.value, align_corners=corners
    )
    heat = np.full((height, width), np.nan, np.float32)
    top, left = floor((height - side) / 2), floor((width - side) / 2)
    heat[top : top + side, left : left + side] = square[0, 0].numpy()
    return heat


def _placed_heat(grid: np.ndarray, image: JointPixels, interpolation: Interpolation) -> np.ndarray:
    """The grid sampled at the centre of every stored pixel that lies in `image.seen`."""
    place = image.placement.upright
    across = np.arange(place.stored_width_px) + 0.5
    across = place.stored_width_px - across if place.flipped else across
    x = across * place.scale_x + place.offset_x
    y = (np.arange(place.stored_height_px) + 0.5) * place.scale_y + place.offset_y
    columns = np.flatnonzero((x >= image.seen.x0) & (x < image.seen.x1))
    rows = np.flatnonzero((y >= image.seen.y0) & (y < image.seen.y1))
    sampled = _sampled(grid, y[rows] * grid.shape[0] / place.canvas_height_px, interpolation)
    sampled = _sampled(sampled.T, x[columns] * grid.shape[1] / place.canvas_width_px, interpolation).T
    if image.shown is not None:
        last = image.shown.shape[0] - 1, image.shown.shape[1] - 1
        at = np.ix_(np.clip(y[rows].astype(int), 0, last[0]), np.clip(x[columns].astype(int), 0, last[1]))
        sampled = np.where(image.shown[at], sampled, np.nan)
    heat = np.full((place.stored_height_px, place.stored_width_px), np.nan, np.float32)
    heat[np.ix_(rows, columns)] = sampled
    return np.ascontiguousarray(image.placement.as_stored(heat))


def _sampled(rows: np.ndarray, at: np.ndarray, interpolation: Interpolation) -> np.ndarray:
    """Rows [n, m] at continuous positions [k], row i covering [i, i + 1) -> [k, m]."""
    last = len(rows) - 1
    if interpolation is Interpolation.NEAREST:
        return rows[np.clip(np.floor(at).astype(int), 0, last)]
    middle = np.clip(at - 0.5, 0, last)
    low = np.floor(middle).astype(int)
    share = (middle - low).astype(np.float32)[:, None]
    return rows[low] * (1 - share) + rows[np.minimum(low + 1, last)] * share


def best_box(heat: np.ndarray) -> tuple[Box | None, float]:
    """The box of the best place and its threshold (`BOX_RULE`); None on a flat map.

    The threshold moves with the map, since cosines of one model are not those of another.

    Args:
        heat: [H, W] with NaN where nothing was seen.
    """
    finite = np.isfinite(heat)
    if not finite.any():
        return None, float("nan")
    values = np.where(finite, heat, -np.inf)
    peak, middle = float(values.max()), float(np.median(heat[finite]))
    threshold = (peak + middle) / 2
    if peak - middle < 1e-6:
        return None, threshold
    parts, _ = cast(tuple[np.ndarray, int], ndimage.label(values >= threshold, structure=np.ones((3, 3))))
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    part = ndimage.find_objects((parts == parts[row, column]).astype(np.uint8))[0]
    return Box(part[1].start, part[0].start, part[1].stop, part[0].stop), threshold
