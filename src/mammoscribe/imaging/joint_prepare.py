"""A picture file made ready for an image-text model: as the published chest models expect it, or whole for mammograms."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from mammoscribe.domain.view import Box
from mammoscribe.imaging.damage import named_damage
from mammoscribe.imaging.decode import check_readable, decode, is_dicom, open_dicom
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.mask import BreastOutline, find_breast
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.placement import Placement
from mammoscribe.imaging.plain import is_plain, stored_array
from mammoscribe.imaging.prepare import render
from mammoscribe.imaging.stored import read_stored
from mammoscribe.imaging.upright import UNCLEAR_SIDE
from mammoscribe.support.errors import InputError

RESIZE_PX, CROP_PX = 512, 448
"""Shorter side and crop of BioViL-T (`hi-ml-multimodal` 0.2.2)."""
PUBLISHED = "published"
WHOLE = "whole"

LONGEST = 100
"""Longest picture over its shorter side that is resized as published; a thread of pixels would fill the memory."""

DARK_OUTSIDE = 0.12
"""Median grey outside the mask up to which a picture passes as a mammogram; film base and air are darker."""

MARGIN_PX = 2
"""Pixels of the reduced picture (about a millimetre each) kept around the mask, for the faint skin line."""


def prepare_published(path: Path, resize_px: int = RESIZE_PX, crop_px: int = CROP_PX) -> JointPixels:
    """The pre-processing of BioViL and BioViL-T (`hi-ml-multimodal` 0.2.2), bit for bit.

    Stored values to 0..255 by their minimum and maximum, cut to 8 bits, made grey by Pillow, the shorter side resized to
    `resize_px` (bilinear, antialiased), the middle `crop_px` square kept, divided by 255. DICOM values are taken as
    stored: without VOI LUT and without inverting MONOCHROME1. `prepare_whole` is the one made for mammograms.

    Raises:
        InputError: when the file is no picture of one frame, or the crop is larger than the resized picture.
    """
    if not 1 <= crop_px <= resize_px:
        raise InputError(f"a crop of {crop_px} pixels out of {resize_px}", "a crop no larger than the resized picture")
    resized, (width, height), steps = _resized(Path(path), resize_px)
    size = resized.size
    left, top = (round((side - crop_px) / 2) for side in size)  # halves go to the even side, as in the reference
    pixels = np.asarray(resized.crop((left, top, left + crop_px, top + crop_px)), np.float32) / np.float32(255)
    placement = Placement(
        width, height, False, size[0] / width, size[1] / height, float(-left), float(-top), crop_px, crop_px
    )
    steps = (*steps, f"middle {crop_px} x {crop_px} kept")
    return JointPixels(pixels, placement, Box(0, 0, crop_px, crop_px), PUBLISHED, steps)


def resize_px_for(crop_px: int) -> int:
    """The shorter side before a crop of so many pixels, in the published proportion."""
    return round(RESIZE_PX * crop_px / CROP_PX)


def published_bytes(path: Path, resize_px: int = RESIZE_PX) -> tuple[np.ndarray, Placement, tuple[str, ...]]:
    """The published pre-processing before its crop, so that training can crop elsewhere: uint8 [h, w], placement, steps.

    Raises:
        InputError: when the file is no picture of one frame.
    """
    resized, (width, height), steps = _resized(Path(path), resize_px)
    wide, high = resized.size
    placement = Placement(width, height, False, wide / width, high / height, 0.0, 0.0, wide, high)
    return np.asarray(resized), placement, steps


def _resized(path: Path, resize_px: int) -> tuple[Image.Image, tuple[int, int], tuple[str, ...]]:
    """The picture in 8 bits of grey with its shorter side resized, its size before, and what was done."""
    scaled, steps = _to_eight_bits(_stored(path))
    grey = Image.fromarray(scaled).convert("L")
    width, height = grey.size
    short = min(width, height)
    if max(width, height) > LONGEST * short:
        raise InputError(f"{path} is {width} x {height} pixels", f"at most {LONGEST} times as long as wide")
    size = (resize_px * width // short, resize_px * height // short)
    steps = (*steps, f"shorter side resized to {resize_px} (bilinear)")
    return grey.resize(size, Image.Resampling.BILINEAR), (width, height), steps


def prepare_whole(path: Path, size_px: int = 448) -> JointPixels:
    """The whole picture on a square canvas: VOI-correct, bright = dense, aspect kept, padded with zeros.

    A mammogram (a dark picture with a breast at one side) is first cropped to its breast, with a margin; no pixel of the
    breast is cut away. Grey values are stretched over what is shown. The picture is not mirrored.

    Raises:
        InputError: when the file cannot be decoded, or is blank.
    """
    # what lies outside the outline takes part in maps and means as it always did
    return replace(fit_whole(decode(Path(path)), str(path), size_px), shown=None)


def fit_whole(picture: Picture, name: str, size_px: int = 448) -> JointPixels:
    """`prepare_whole` of a picture that is decoded already; `shown` is the breast, or all that is no padding.

    Args:
        picture: as decoded.
        name: of its file, for the error.
        size_px: side of the canvas.

    Raises:
        InputError: when it is blank.
    """
    if float(np.ptp(picture.pixels)) < 1e-6:
        raise InputError(f"{name} is blank: all its pixels are alike", "a picture")
    part = _shown_part(picture)
    placement = _fitted(picture, part.box, size_px)
    seen = placement.to_canvas_box(part.box).clipped(size_px, size_px)
    assert seen is not None  # the crop was fitted into the canvas
    canvas = render(picture.pixels, placement)
    x0, y0, x1, y1 = (int(e) for e in (np.floor(seen.x0), np.floor(seen.y0), np.ceil(seen.x1), np.ceil(seen.y1)))
    inside = np.s_[y0:y1, x0:x1]
    low, high = float(canvas[inside].min()), float(canvas[inside].max())
    pixels, shown = np.zeros_like(canvas), np.zeros(canvas.shape, bool)
    pixels[inside] = (canvas[inside] - np.float32(low)) / np.float32(max(high - low, 1e-6))
    shown[inside] = True if part.breast is None else render(part.breast, placement, part.factor)[inside] > 0.5
    steps = (*picture.steps, part.step, f"fitted into {size_px} x {size_px}, padded with zeros")
    steps = (*steps, f"grey {low:.4f}..{high:.4f} to 0..1")
    return JointPixels(pixels, placement, seen, WHOLE, steps, shown)


def _stored(path: Path) -> np.ndarray:
    """Stored values, [H, W] or [H, W, channels]."""
    check_readable(path)
    if is_dicom(path):
        with named_damage(path):
            dataset = open_dicom(path)
            if dataset.get("PixelData") is None or int(dataset.get("NumberOfFrames") or 1) > 1:
                raise InputError(f"{path} is not a picture of one frame", "a DICOM object with one image")
            return read_stored(dataset).values
    if not is_plain(path):
        raise InputError(f"{path} is not a picture", "a DICOM, PNG, JPEG, TIFF or PGM file")
    return stored_array(path)


def _to_eight_bits(stored: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """uint8 by minimum and maximum over all channels, truncated in float64; a constant picture becomes 0."""
    values = stored.astype(np.float64)
    values -= values.min()
    highest = values.max()
    if not highest > 0:
        return np.zeros(stored.shape, np.uint8), ("stored values", "all alike, set to 0")
    values /= highest
    values *= 255
    return values.astype(np.uint8), ("stored values", "minimum and maximum to 0..255")


@dataclass(frozen=True)
class _Part:
    """The part of a picture that is shown, in stored pixels; the breast in it, 0 and 1 [h, w], one for `factor` pixels."""

    box: Box
    step: str
    breast: np.ndarray | None = None
    factor: int = 1


def _shown_part(picture: Picture) -> _Part:
    """The breast's box where the picture looks like a mammogram, else the whole picture."""
    whole = Box(0.0, 0.0, float(picture.width_px), float(picture.height_px))
    outline = find_breast(picture.pixels)
    if not _looks_like_a_mammogram(outline, picture):
        return _Part(whole, "no mammogram by its outline, whole picture kept")
    mask = ndimage.binary_dilation(outline.mask, iterations=MARGIN_PX)
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    edges = (float(outline.factor * e) for e in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    box = Box(*edges).clipped(picture.width_px, picture.height_px) or whole
    breast = mask.astype(np.float32)
    if box == whole:
        return _Part(whole, "the outline fills the picture, whole picture kept", breast, outline.factor)
    step = f"cropped to the breast: columns {box.x0:.0f}-{box.x1:.0f}, rows {box.y0:.0f}-{box.y1:.0f}"
    return _Part(box, step, breast, outline.factor)


def _looks_like_a_mammogram(outline: BreastOutline, picture: Picture) -> bool:
    """Whether one clear flat edge lies at the left or right, nothing was odd, and the rest of the picture is dark."""
    if outline.warnings or outline.certainty < UNCLEAR_SIDE:
        return False
    small = picture.pixels[:: outline.factor, :: outline.factor][: outline.mask.shape[0], : outline.mask.shape[1]]
    around = small[~outline.mask[: small.shape[0], : small.shape[1]]]
    return bool(around.size) and float(np.median(around)) <= DARK_OUTSIDE


def _fitted(picture: Picture, crop: Box, size_px: int) -> Placement:
    """The crop as large as the square canvas allows, in its middle; stored pixels that are not square become so."""
    row_mm, column_mm = picture.spacing_mm or (1.0, 1.0)
    per_mm = size_px / max(crop.height * row_mm, crop.width * column_mm)
    scale_x, scale_y = column_mm * per_mm, row_mm * per_mm
    left, top = int(size_px - crop.width * scale_x) // 2, int(size_px - crop.height * scale_y) // 2
    return Placement(
        picture.width_px, picture.height_px, False, scale_x, scale_y,
        left - crop.x0 * scale_x, top - crop.y0 * scale_y, size_px, size_px,
    )  # fmt: skip
