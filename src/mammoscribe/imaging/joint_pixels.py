"""A picture made ready for an image-text model, with the way back to its stored pixels."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.view import Box
from mammoscribe.imaging.placement import Placement

STRIDE = 32
"""Pixels of a patch of the published image models, to either side."""


@dataclass(frozen=True)
class JointPixels:
    """One picture on the canvas of an image-text model.

    Args:
        pixels: float32 [h, w], 0..1.
        placement: stored pixels to canvas pixels and back; a crop lies partly outside the canvas, a pad inside it.
        seen: the part of the canvas that shows the picture, in canvas pixels; the rest is padding.
        mode: name of the pre-processing, for provenance.
        steps: what was done, in order.
        shown: bool [h, w], the part of the canvas with something to look at (the breast); None for all of `seen`.
    """

    pixels: np.ndarray
    placement: Placement
    seen: Box
    mode: str
    steps: tuple[str, ...] = ()
    shown: np.ndarray | None = None


def patches_shown(shown: np.ndarray) -> np.ndarray:
    """Bool [h, w] of patches that hold a pixel that shows anything; all of them where none does."""
    high, wide = (-(-side // STRIDE) for side in shown.shape)
    padded = np.zeros((high * STRIDE, wide * STRIDE), bool)
    padded[: shown.shape[0], : shown.shape[1]] = shown
    found = np.asarray(padded.reshape(high, STRIDE, wide, STRIDE).any(axis=(1, 3)))
    return found if found.any() else np.ones_like(found)
