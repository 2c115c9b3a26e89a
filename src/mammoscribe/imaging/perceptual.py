"""A perceptual hash of a picture: 256 bits that stay nearly the same when it is resized, compressed or brightened."""

from functools import cache

import numpy as np

from mammoscribe.support.errors import InputError

HASH_BYTES = 32
"""Length of every hash: 256 bits."""
BLANK = bytes(HASH_BYTES)
"""Hash of a picture whose pixels are all equal; any other picture has its first bit set. Never compare blank ones."""
_SMALL, _SIDE = 64, 16


def picture_hash(pixels: np.ndarray) -> bytes:
    """Signs of the 16 x 16 lowest DCT coefficients of the picture, area-averaged to 64 x 64.

    The mean is left out, so brightness and contrast change nothing; the picture is squeezed to a square first, so size
    and aspect change little. Bit v * 16 + u belongs to u half waves across and v half waves down, the first byte first
    and in each byte the highest bit first; the first bit, of the mean, is always set.

    Args:
        pixels: [H, W] integers or floats of any range and size.

    Returns:
        32 bytes; `BLANK` (all zero) when all pixels are equal.

    Raises:
        InputError: when it is not [H, W] with at least one pixel, or a value is not finite.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim != 2 or pixels.size == 0:
        raise InputError(f"pixels of shape {pixels.shape}", "one grey picture [H, W]")
    if pixels.dtype.kind not in "biuf" or not np.isfinite(low := float(pixels.min()) - float(pixels.max())):
        raise InputError(f"pixels of type {pixels.dtype} that are not all finite numbers", "finite grey values")
    if low == 0:
        return BLANK
    rows, columns = (_projection(n) for n in pixels.shape)
    coefficients = rows @ pixels.astype(np.float32, copy=False) @ columns.T
    bits = coefficients > 0
    bits[0, 0] = True
    return np.packbits(bits.ravel()).tobytes()


@cache
def _projection(size: int) -> np.ndarray:
    """[16, size]: area average to 64 samples, then the lowest 16 DCT-II coefficients."""
    edges = np.linspace(0, size, _SMALL + 1)
    starts = np.arange(size)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    area = np.clip(overlap, 0, None) * (_SMALL / size)
    waves = np.cos(np.pi * np.arange(_SIDE)[:, None] * (np.arange(_SMALL) + 0.5) / _SMALL)
    return (waves @ area).astype(np.float32)
