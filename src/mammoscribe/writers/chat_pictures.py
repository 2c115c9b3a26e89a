"""Pictures for a generator: windowed, upright, whole, of one size, as PNG files that hold pixels and nothing else."""

import io

import numpy as np
from PIL import Image

from mammoscribe.domain.view import Laterality, View
from mammoscribe.imaging.joint_prepare import fit_whole
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.prepare import BRIGHTEST, prepare_unnamed, prepare_view
from mammoscribe.models.chat.family import Canvas

FINEST_UM = 50.0
"""Micrometres per pixel below which no picture is enlarged."""


def view_png(view: View, picture: Picture, longest_px: int) -> bytes:
    """A view as a generator sees it: the breast alone, as it hangs, its grey levels stretched over the tissue.

    All that is outside the outline of the breast is black, with the letters and labels that were burnt in there.

    Args:
        view: what the picture shows.
        picture: as decoded, window applied.
        longest_px: of the longer side.

    Raises:
        InputError: when the picture is blank, far longer than wide, or larger than any breast.
    """
    prepared = prepare_view(view, picture, FINEST_UM, (longest_px, longest_px))
    grey = _trimmed(prepared.pixels / np.float32(BRIGHTEST), prepared.mask)
    return png_of(grey if view.laterality is Laterality.LEFT else grey[:, ::-1])


def canvas_png(view: View | None, picture: Picture, name: str, canvas: Canvas) -> bytes:
    """A view on the canvas of a reader, as that reader prepares it.

    Args:
        view: what the picture shows; None where it is not known.
        picture: as decoded, window applied.
        name: of its file, for an error.
        canvas: of the reader.

    Raises:
        InputError: as `prepare_view`.
    """
    um, size = canvas.um_per_px, canvas.size_px
    prepared = prepare_unnamed(picture, name, um, size) if view is None else prepare_view(view, picture, um, size)
    return png_of(prepared.pixels / np.float32(BRIGHTEST))


def picture_png(picture: Picture, name: str, longest_px: int) -> bytes:
    """Any picture: a mammogram cropped to its breast and black outside it, another one whole; not mirrored, aspect kept.

    Args:
        picture: as decoded.
        name: of its file, for an error.
        longest_px: of the longer side.

    Raises:
        InputError: when it is blank.
    """
    fitted = fit_whole(picture, name, longest_px)
    shown = fitted.shown
    if shown is None or not shown.any():
        shown = np.ones(fitted.pixels.shape, bool)
    inside = fitted.pixels[shown]  # bright letters beside the breast must not darken it either
    low, high = float(inside.min()), float(inside.max())
    grey = (fitted.pixels - np.float32(low)) / np.float32(max(high - low, 1e-6))
    return png_of(_trimmed(np.where(shown, grey, np.float32(0)), shown))


def png_of(grey: np.ndarray) -> bytes:
    """Grey values [h, w] of 0..1 as an 8-bit PNG file without any text."""
    stream = io.BytesIO()
    Image.fromarray((np.clip(grey, 0, 1) * 255).round().astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _trimmed(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Without the rows and columns at the edges in which nothing is shown."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not len(rows):
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
