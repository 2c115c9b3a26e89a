"""Pictures for the page: a view's array, set upright, as an 8-bit JPEG, scaled down, never mirrored."""

import io

import numpy as np
from PIL import Image

from mammoscribe.domain.view import Box, View
from mammoscribe.exports.hanging import ViewImage

LONGEST_PX = 1100
JPEG_QUALITY = 88


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
    pixels = pixels.T if transposed else pixels
    pixels = pixels[::-1] if upended else pixels
    height, width = pixels.shape
    step = max(1, min(height, width) // LONGEST_PX)
    grey = np.clip((pixels[::step, ::step] - low) / max(high - low, 1e-4), 0, 1)
    shown = Image.fromarray((grey * 255).astype(np.uint8))
    scale = min(1.0, LONGEST_PX / max(height, width * squash))
    size = (max(1, round(width * squash * scale)), max(1, round(height * scale)))
    shown = shown.resize(size, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    shown.save(stream, "JPEG", quality=JPEG_QUALITY)
    clipped = focus.clipped(stored_width, stored_height) if focus else None
    return ViewImage(
        view.id, stream.getvalue(), *size, stored_width, stored_height, mirrored, clipped, transposed, upended
    )
