"""Air and tissue in a picture, and whether the air is bright: then the picture shows dense tissue dark, and is turned."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from mammoscribe.imaging.mask import REDUCED_SIDE_PX, air_threshold
from mammoscribe.imaging.picture import Picture

_EDGE = 0.04
"""Share of the width, from the edge, in which the air beside the breast is looked for."""
_NEARLY = 0.06
"""Grey value up to which a pixel is nearly black, of a picture that spans 0 to 1."""
_FLAT = 0.5
"""Air is so much more even than tissue, at most: spread over spread."""


def reduced(values: np.ndarray) -> np.ndarray:
    """Every n-th value of a picture, so that its longest side has at most 256: enough to see what is bright and dark.

    Shapes: values [H, W] -> [H / n, W / n].
    """
    step = max(1, -(-max(values.shape) // REDUCED_SIDE_PX))
    return values[::step, ::step]


def tissue_of(grey: np.ndarray) -> np.ndarray:
    """Bool [h, w]: what is not air in a reduced picture, 0..1, bright = dense or, where its air is bright, the reverse."""
    smooth = ndimage.uniform_filter(1.0 - grey if air_is_bright(grey) else grey, 3)
    tissue = smooth > air_threshold(smooth)
    return tissue if tissue.any() else np.ones_like(tissue)


def with_dark_air(picture: Picture, doubt: str = "") -> Picture:
    """A mammogram with black and white exchanged where the air round the breast is bright, which is said.

    Args:
        picture: as decoded.
        doubt: why its header cannot be trusted about black and white, "" where it can.
    """
    small = reduced(picture.pixels)
    low, high = float(small.min()), float(small.max())
    if high <= low or not air_is_bright((small - low) / (high - low)):
        kept = (f"{doubt}; the air is dark, the picture is read as it is",) if doubt else ()
        return replace(picture, warnings=(*picture.warnings, *kept))
    remark = f"{f'{doubt}, and ' if doubt else ''}the air round the breast was bright: black and white were exchanged"
    return replace(
        picture, pixels=1.0 - picture.pixels, steps=(*picture.steps, "inverted (the air was bright)"),
        warnings=(*picture.warnings, remark),
    )  # fmt: skip


def air_is_bright(grey: np.ndarray) -> bool:
    """Whether what surrounds the breast in a reduced picture is its bright part.

    Shapes: grey [H, W].

    Air is even, and lies along the whole of the left or of the right edge; tissue is uneven, and narrows towards the skin.
    The white border of a film lies so too, and more of that film is black.
    """
    smooth = ndimage.median_filter(grey, 3)
    black, white = (float((side <= _NEARLY).mean()) for side in (smooth, 1.0 - smooth))
    return white > black and _surrounded_by_dark(1.0 - smooth)


def _surrounded_by_dark(smooth: np.ndarray) -> bool:
    """Whether the dark part of a picture has an edge for itself, corners included, and is more even than the rest."""
    dark = smooth <= air_threshold(smooth)
    if not dark.any() or dark.all():
        return False
    wide = max(1, round(_EDGE * dark.shape[1]))
    sides = (dark[:, :wide].mean(axis=1) > 0.5, dark[:, -wide:].mean(axis=1) > 0.5)
    corner = max(1, dark.shape[0] // 16)
    whole = any(side.mean() >= 0.9 and side[:corner].all() and side[-corner:].all() for side in sides)
    return whole and _spread(smooth[dark]) < _FLAT * _spread(smooth[~dark])


def _spread(values: np.ndarray) -> float:
    """Half the distance from the 10th to the 90th percentile."""
    low, high = np.percentile(values, (10, 90))
    return float(high - low) / 2 + 1e-6
