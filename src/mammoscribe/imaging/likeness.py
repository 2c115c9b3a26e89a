"""How like two pictures are, place by place: tells copies of one picture from two pictures that merely look alike."""

from itertools import product

import numpy as np
from scipy import ndimage

from mammoscribe.imaging.perceptual import area_average, local_contrast

_SIDE, _BLUR, _CLIP = 128, 1.5, 2.0
_SCALES = (0.96, 0.98, 1.0, 1.02, 1.04)
_SHIFT = 8
"""Pixels of the small picture (6 % of its side) by which one may lie off the other."""


def small_picture(pixels: np.ndarray) -> np.ndarray:
    """What `likeness` compares: the picture, [H, W] of any size and range, as float [128, 128]."""
    return area_average(pixels, _SIDE)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of the fine structure of two small pictures, laid over each other as well as can be.

    The second is stretched by up to 4 % in each direction and shifted by up to 6 %, so a crop of 2 % on every side is
    undone. Structure of more than some 5 % of the picture, such as the outline of the breast, counts little.

    Args:
        one, other: as `small_picture` gives them; mirror one beforehand (`[:, ::-1]`) to compare it mirrored.

    Returns:
        -1 to 1; copies are above, other pictures below `data.leakage.pictures.LIKENESS`.
    """
    fixed = _detail(one)
    spectrum = np.fft.rfft2(fixed)
    return max(_best_shift(spectrum, _detail(_stretched(other, *scale))) for scale in product(_SCALES, repeat=2))


def _detail(small: np.ndarray) -> np.ndarray:
    """Fine structure with a mean of 0 and a length of 1; all 0 for an even picture."""
    detail = np.clip(local_contrast(small, _BLUR), -_CLIP, _CLIP)
    detail -= detail.mean()
    length = float(np.sqrt((detail * detail).sum()))
    return detail / length if length else detail


def _stretched(small: np.ndarray, down: float, across: float) -> np.ndarray:
    """The picture stretched about its middle; what comes in from outside is as its nearest edge."""
    factors = np.array([1 / down, 1 / across])
    offset = (_SIDE - 1) / 2 * (1 - factors)
    return ndimage.affine_transform(small, factors, offset, order=1, mode="nearest")  # type: ignore[arg-type]


def _best_shift(spectrum: np.ndarray, moving: np.ndarray) -> float:
    """The highest correlation over all shifts of up to `_SHIFT` pixels, by the correlation theorem."""
    products = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(moving)), s=moving.shape)
    near = np.roll(products, (_SHIFT, _SHIFT), (0, 1))[: 2 * _SHIFT + 1, : 2 * _SHIFT + 1]
    return float(near.max())
