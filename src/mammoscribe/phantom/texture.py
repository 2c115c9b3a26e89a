"""Random fields and curves: power-law noise, streaks that run to the nipple, splatted lines, fast upsampling."""

import numpy as np
from scipy import fft, ndimage

COARSE_MM = 0.2
"""Pixel pitch of the tissue grid; the final grid is half of it."""


def power_law_pair(
    rng: np.random.Generator, shape: tuple[int, int], beta: float, stretch: float = 1.0, corner_px: float = 300.0
) -> tuple[np.ndarray, np.ndarray]:
    """Two independent fields of unit variance whose power falls as f**-beta.

    Shapes: two of the given shape.

    Args:
        shape: (rows, columns) wanted; the transform runs on the next fast size.
        beta: spectral exponent; mammograms have 2.5 to 3.5 (Burgess 2001, Chen 2012).
        stretch: > 1 makes structure longer along columns by that factor.
        corner_px: wavelength above which the spectrum is flat, so that the variance stays finite.
    """
    rows, cols = (int(fft.next_fast_len(n) or n) for n in shape)
    fy = np.fft.fftfreq(rows).astype(np.float32)[:, None]
    fx = np.fft.fftfreq(cols).astype(np.float32)[None, :] * np.float32(stretch)
    power = np.maximum(fy * fy + fx * fx, np.float32(1.0 / corner_px**2)) ** np.float32(-beta / 4)
    power[0, 0] = 0.0
    white = rng.standard_normal((rows, cols, 2), dtype=np.float32).view(np.complex64)[..., 0]
    field = np.asarray(fft.ifft2(white * power, overwrite_x=True))
    scale = np.float32(rows * cols / np.sqrt(float(np.square(power, dtype=np.float64).sum())))
    field *= scale
    return np.real(field)[: shape[0], : shape[1]], np.imag(field)[: shape[0], : shape[1]]


def upsample2(field: np.ndarray) -> np.ndarray:
    """Bilinear doubling with aligned outer edges: pixel (i, j) becomes the four pixels inside it.

    Shapes: field [h, w] -> [2 h, 2 w].
    """
    return _double(_double(field, 0), 1)


def _double(field: np.ndarray, axis: int) -> np.ndarray:
    a = np.moveaxis(field, axis, 0)
    out = np.empty((2 * a.shape[0], *a.shape[1:]), a.dtype)
    out[0::2] = 0.75 * a
    out[1::2] = out[0::2]
    out[2::2] += 0.25 * a[:-1]
    out[0] += 0.25 * a[0]
    out[1:-1:2] += 0.25 * a[1:]
    out[-1] += 0.25 * a[-1]
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


def splat(shape: tuple[int, int], rows: np.ndarray, cols: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum of weighted points on a grid, each shared bilinearly between its four pixels; points outside are dropped.

    Args:
        rows, cols: positions in pixels, pixel i spanning [i, i + 1).
    """
    r, c = rows - 0.5, cols - 0.5
    r0, c0 = np.floor(r).astype(np.int64), np.floor(c).astype(np.int64)
    fr, fc = r - r0, c - c0
    total = np.zeros(shape[0] * shape[1])
    for dr, wr in ((0, 1 - fr), (1, fr)):
        for dc, wc in ((0, 1 - fc), (1, fc)):
            i, j = r0 + dr, c0 + dc
            ok = (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1])
            total += np.bincount((i * shape[1] + j)[ok], (weights * wr * wc)[ok], minlength=total.size)
    return total.reshape(shape).astype(np.float32)


def lines(
    shape: tuple[int, int], rows: np.ndarray, cols: np.ndarray, weights: np.ndarray, width_px: float
) -> np.ndarray:
    """Soft lines of one width through densely sampled points; a unit weight gives a crest of about 1.

    Args:
        rows, cols, weights: [n_lines, n_points]; points no further apart than about half a pixel.
    """
    step = np.hypot(np.diff(rows, axis=1), np.diff(cols, axis=1))
    step = np.concatenate([step, step[:, -1:]], axis=1)
    sigma = max(0.35, 0.42 * width_px)
    drawn = splat(shape, rows.ravel(), cols.ravel(), (weights * step).ravel())
    return ndimage.gaussian_filter(drawn, sigma, truncate=3.0) * np.float32(sigma * np.sqrt(2 * np.pi))


def smoothstep(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, a smooth cubic between.

    Shapes: x of any shape -> the same shape.
    """
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
