"""Making the page's pictures from pixels: views scaled down, marks as stored; 8-bit, set upright, never mirrored."""

import io
import math

import numpy as np
from PIL import Image

from mammoscribe.domain.view import Box, View
from mammoscribe.exports.pictures import MarkCrop, ViewImage

LONGEST_PX = 1100
JPEG_QUALITY = 88
CROP_QUALITY = 94
"""JPEG quality at which single calcifications and the noise beside them survive."""
CROP_CONTEXT = 1.6
SMALLEST_CROP_PX, LARGEST_CROP_PX = 256, 1000


def display_image(
    view: View, pixels: np.ndarray, mirrored: bool, focus: Box | None = None, squash: float = 1.0,
    transposed: bool = False, upended: bool = False,
) -> ViewImage:  # fmt: skip
    """The picture of a view for `report_html`.

    Args:
        view: the view.
        pixels: [H, W] float32 in 0..1 as stored, bright = dense.
        mirrored: whether the chest wall lies on the unusual side of the stored array.
        focus: the breast's box in stored pixels; grey levels are chosen inside it.
        squash: width of a pixel of the upright picture over its height; 1 for square pixels.
        transposed, upended: how the stored array is set upright.
    """
    stored_height, stored_width = pixels.shape
    box = focus or Box(0, 0, stored_width, stored_height)
    inside = pixels[int(box.y0) : int(np.ceil(box.y1)) : 4, int(box.x0) : int(np.ceil(box.x1)) : 4]
    low, high = np.percentile(inside, (2.0, 99.7))
    pixels = _upright(pixels, transposed, upended)
    height, width = pixels.shape
    step = max(1, min(height, width) // LONGEST_PX)
    shown = Image.fromarray(_grey(pixels[::step, ::step], low, high))
    scale = min(1.0, LONGEST_PX / max(height, width * squash))
    size = (max(1, round(width * squash * scale)), max(1, round(height * scale)))
    shown = shown.resize(size, Image.Resampling.LANCZOS)
    clipped = focus.clipped(stored_width, stored_height) if focus else None
    return ViewImage(
        view.id, _jpeg(shown, JPEG_QUALITY), *size, stored_width, stored_height, mirrored, clipped, transposed, upended
    )


def mark_crop(
    view: View, pixels: np.ndarray, finding_id: str, box: Box, mirrored: bool = False, squash: float = 1.0,
    transposed: bool = False, upended: bool = False,
) -> MarkCrop:  # fmt: skip
    """The surroundings of a mark at full resolution, so that what is reported can be verified where it is.

    Args:
        view: the view.
        pixels: [H, W] float32 in 0..1 as stored, bright = dense.
        finding_id: whose mark it is.
        box: the mark's box in stored pixels.
        mirrored: whether the view is shown mirrored.
        squash: width of a pixel of the upright picture over its height.
        transposed, upended: how the stored array is set upright.

    Returns:
        The box with its context, at least 256 and at most 1,000 pixels a side (the middle of a larger box). Grey levels
        run up to the brightest pixel of the box, so that no speck in it is clipped, and down to its 1st percentile, or
        to the lower quartile of what is shown where that is darker.
    """
    height, width = pixels.shape
    x0, x1 = _around(box.x0, box.x1, width)
    y0, y1 = _around(box.y0, box.y1, height)
    shown, inside = pixels[y0:y1, x0:x1], pixels[int(box.y0) : math.ceil(box.y1), int(box.x0) : math.ceil(box.x1)]
    darkest = min(np.percentile(inside, 1.0), np.percentile(shown, 25.0))
    grey = _upright(_grey(shown, float(darkest), float(inside.max())), transposed, upended)
    jpeg = _jpeg(Image.fromarray(grey), CROP_QUALITY)
    return MarkCrop(finding_id, view.id, jpeg, Box(x0, y0, x1, y1), mirrored, squash, transposed, upended)


def _upright(pixels: np.ndarray, transposed: bool, upended: bool) -> np.ndarray:
    turned = pixels.T if transposed else pixels
    return np.ascontiguousarray(turned[::-1] if upended else turned)


def _around(start: float, stop: float, available: int) -> tuple[int, int]:
    """Whole pixels around an interval, moved inside `available` and never wider than it."""
    wanted = math.ceil(min(max(CROP_CONTEXT * (stop - start), SMALLEST_CROP_PX), LARGEST_CROP_PX))
    size = min(wanted, available)
    first = round((start + stop - size) / 2)
    first = min(max(first, 0), available - size)
    return first, first + size


def _grey(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    return (np.clip((pixels - low) / max(high - low, 1e-4), 0, 1) * 255).astype(np.uint8)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
