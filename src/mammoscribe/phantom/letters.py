"""Words of lead and print: letters as dots made smooth, turned and mirrored, for view markers and film labels."""

import numpy as np
from scipy import ndimage

_GLYPHS = {
    "A": (14, 17, 17, 31, 17, 17, 17), "B": (30, 17, 17, 30, 17, 17, 30), "C": (14, 17, 16, 16, 16, 17, 14),
    "D": (30, 17, 17, 17, 17, 17, 30), "E": (31, 16, 16, 30, 16, 16, 31), "G": (14, 17, 16, 23, 17, 17, 14),
    "H": (17, 17, 17, 31, 17, 17, 17), "J": (7, 2, 2, 2, 2, 18, 12), "K": (17, 18, 20, 24, 20, 18, 17),
    "L": (16, 16, 16, 16, 16, 16, 31), "M": (17, 27, 21, 21, 17, 17, 17), "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14), "P": (30, 17, 17, 30, 16, 16, 16), "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30), "T": (31, 4, 4, 4, 4, 4, 4), "U": (17, 17, 17, 17, 17, 17, 14),
    "W": (17, 17, 17, 21, 21, 27, 17), "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31), "3": (30, 1, 1, 14, 1, 1, 30), "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14), "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14), "9": (14, 17, 17, 15, 1, 2, 12), "-": (0, 0, 0, 14, 0, 0, 0),
    " ": (0, 0, 0, 0, 0, 0, 0),
}  # fmt: skip
LETTERS = "ABCDEGHJKLMNOPRSTUW"


def glyph_dots(name: str) -> np.ndarray:
    """A letter as 7 x 6 dots, bool; each row of the table is five bits.

    Shapes: [7, 6] bool.
    """
    return np.array([[bool(row >> (4 - k) & 1) for k in range(5)] + [False] for row in _GLYPHS[name]])


def word_cover(text: str, height_px: float, thin: float = 0.5) -> np.ndarray:
    """A word as coverage 0..1, [rows, cols], of that height, with round strokes.

    Args:
        thin: 0..1, the level of blurred dots above which there is lead; more is thinner.
    """
    dots = np.concatenate([glyph_dots(c) for c in text], axis=1)[:, :-1]
    dot = max(1, round(height_px / 7))
    big = np.kron(np.pad(dots, 1).astype(np.float32), np.ones((dot, dot), np.float32))
    soft = ndimage.gaussian_filter(big, 0.38 * dot)
    return np.clip((soft - thin) * max(2.0, 0.9 * dot) + 0.5, 0, 1)


def turned(patch: np.ndarray, degrees: float, mirrored: bool) -> np.ndarray:
    """The patch turned counter-clockwise about its middle, in the larger array that it then takes up.

    Shapes: patch [h, w] -> [h2, w2].
    """
    patch = patch[:, ::-1] if mirrored else patch
    quarters = round(degrees / 90)
    patch, rest = np.rot90(patch, quarters), degrees - 90 * quarters
    if abs(rest) < 0.5:
        return np.ascontiguousarray(patch)
    return np.clip(ndimage.rotate(patch, rest, reshape=True, order=1, mode="constant"), 0, 1)
