"""A perceptual hash of a picture: 256 bits that stay nearly the same when it is resized, compressed or brightened."""

from functools import cache, lru_cache

import numpy as np
from scipy import ndimage

from mammoscribe.support.errors import InputError

HASH_BYTES = 32
"""Length of every hash: 256 bits."""
BLANK = bytes(HASH_BYTES)
"""Hash of a picture whose pixels are all equal; it says nothing, so it is like no other picture, not even like itself."""
_SMALL = 64
_BLUR, _FLOOR = 3.0, 0.02  # pixels of the small picture; share of its standard deviation under which contrast is noise
_WAVES = tuple(sorted(((v, u) for v in range(24) for u in range(24)), key=lambda w: (sum(w), w))[3:258])
"""(v, u): half waves down and across of each coefficient, slowest first, without the mean and the two slopes."""
MIRRORED = np.packbits([False, *(u % 2 == 1 for _, u in _WAVES)])
"""uint8 [32]: bits that turn over when a picture is mirrored left to right, those of an odd number of half waves across."""


def picture_hash(pixels: np.ndarray) -> bytes:
    """Signs of the 255 lowest DCT coefficients of the picture's local contrast.

    The picture is area-averaged to 64 x 64 (so size and aspect change little), each value is held against the mean and
    spread around it (so brightness and contrast, of the whole or of a part, change little), and the signs of the
    coefficients are kept. A mirrored picture has the same hash with known bits turned (`MIRRORED`). A crop by more than
    a few per cent, or a turn by 90 degrees, is another picture.

    Args:
        pixels: [H, W] integers or floats of any range and size.

    Returns:
        32 bytes, the first bit always set; `BLANK` (all zero) when all pixels are equal.

    Raises:
        InputError: when it is not [H, W] with at least one pixel, or a value is not finite.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim != 2 or pixels.size == 0:
        raise InputError(f"pixels of shape {pixels.shape}", "one grey picture [H, W]")
    if pixels.dtype.kind not in "biuf" or not np.isfinite(extent := float(pixels.max()) - float(pixels.min())):
        raise InputError(f"pixels of type {pixels.dtype} that are not all finite numbers", "finite grey values")
    if extent == 0:
        return BLANK
    contrast = local_contrast(area_average(pixels, _SMALL), _BLUR)
    waves = _cosines()
    coefficients = waves @ contrast @ waves.T
    bits = np.array([True, *(coefficients[v, u] > 0 for v, u in _WAVES)])
    return np.packbits(bits).tobytes()


def area_average(pixels: np.ndarray, side: int) -> np.ndarray:
    """The picture as float [side, side] with a standard deviation of 1 and a mean of 0; all 0 when it is even.

    Each value is the mean over its part of the picture, parts of pixels included; aspect is not kept.
    """
    wide = np.float64 if pixels.dtype.itemsize > 4 else np.float32
    rows, columns = (_areas(n, side).astype(wide, copy=False) for n in pixels.shape)
    values = pixels.astype(wide, copy=False)
    small = (rows @ (values - values.min()) @ columns.T).astype(float)
    noise = 1e-5 * float(small.max())  # rounding: an even checkerboard has no structure
    small -= small.mean()
    largest = float(np.abs(small).max())
    if largest <= noise:
        return np.zeros_like(small)
    small /= largest  # before squaring: values may be huge
    return small / float(small.std())


def local_contrast(picture: np.ndarray, blur_px: float) -> np.ndarray:
    """Each value less the mean around it, over the spread around it; about -2 to 2. `picture` has a deviation of 1.

    Shapes: picture [H, W] -> [H, W].
    """
    detail = picture - ndimage.gaussian_filter(picture, blur_px)
    return detail / (np.sqrt(ndimage.gaussian_filter(detail * detail, blur_px)) + _FLOOR)


@lru_cache(maxsize=16)
def _areas(size: int, side: int) -> np.ndarray:
    """[side, size]: weights of each pixel in each of `side` equal parts."""
    edges, starts = np.linspace(0, size, side + 1), np.arange(size)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return (np.clip(overlap, 0, None) * (side / size)).astype(np.float32)


@cache
def _cosines() -> np.ndarray:
    """[24, 64]: DCT-II rows."""
    return np.cos(np.pi * np.arange(24)[:, None] * (np.arange(_SMALL) + 0.5) / _SMALL)
