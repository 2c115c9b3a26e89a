"""Prepared pictures as the image model is shown them, and how they are varied: turned a little and shifted, never flipped."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture
from mammoscribe.data.records import Kind
from mammoscribe.imaging.joint_prepare import PUBLISHED, RESIZE_PX, WHOLE, fit_whole, resize_px_for
from mammoscribe.imaging.picture import Picture
from mammoscribe.support.errors import InputError, InvalidNoun

MOST_TURNED_DEG = 45.0
"""Up stays up: what is upper and what is lower is in the reports."""


@dataclass(frozen=True)
class Variation:
    """How much a picture is varied; all 0 leaves it as it is. There is no mirroring: reports name sides.

    Args:
        rotation_deg, shear_deg: largest turn and shear to either side.
        scale: largest relative change of size.
        shift: largest shift, as a share of the picture's side.
        brightness, contrast: largest change of the grey values, of 0 to 1, and of their distance from their mean.

    Raises:
        InvalidNoun: for amounts below 0, or that turn a picture on its side or upside down.
    """

    rotation_deg: float = 15.0
    shear_deg: float = 10.0
    scale: float = 0.10
    shift: float = 0.06
    brightness: float = 0.2
    contrast: float = 0.2

    def __post_init__(self) -> None:
        amounts = (self.rotation_deg, self.shear_deg, self.scale, self.shift, self.brightness, self.contrast)
        if not all(0 <= a < math.inf for a in amounts) or max(self.scale, self.contrast) >= 1:
            raise InvalidNoun(f"a variation by {amounts}", "amounts from 0 up; scale and contrast below 1")
        if self.rotation_deg + self.shear_deg > MOST_TURNED_DEG:
            found = f"rotation_deg {self.rotation_deg} with shear_deg {self.shear_deg}"
            raise InvalidNoun(found, f"{MOST_TURNED_DEG:g} together at most, so that up stays up")


CHEST = Variation()
"""Affine and of brightness and contrast, as the chest models were trained; how much of it was not published."""
MAMMOGRAM = Variation(10.0, 0.0, 0.10, 0.05, 0.1, 0.15)
"""Less, without shear: the angle between chest wall and nipple line, and the shape of a margin, say something."""


@dataclass(frozen=True)
class Drawn:
    """One variation, the same for a picture and its prior, so that no difference between them is made up.

    Args:
        linear: [2, 2], from the picture that is shown to the canvas, about their middles (x before y).
        shift: (x, y) as shares of the side.
        gain, lift: grey values become mean + gain * (value - mean) + lift.
    """

    linear: np.ndarray
    shift: tuple[float, float]
    gain: float
    lift: float


def draw(amount: Variation, rng: np.random.Generator) -> Drawn:
    """A variation of at most this amount."""
    turn, shear, size, x, y, gain, lift = rng.uniform(-1, 1, 7)
    angle, slant = math.radians(turn * amount.rotation_deg), math.tan(math.radians(shear * amount.shear_deg))
    turned = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = turned @ np.array([[1.0, slant], [0.0, 1.0]]) / (1 + size * amount.scale)
    return Drawn(
        linear, (x * amount.shift, y * amount.shift), 1 + gain * amount.contrast, lift * amount.brightness
    )  # fmt: skip


@dataclass(frozen=True)
class Canvas:
    """A picture before its crop: grey values float32 [h, w] of 0 to 1, and bool [h, w] where it shows anything."""

    pixels: np.ndarray
    shown: np.ndarray


def mode_of(dataset: PreparedDataset) -> str:
    """`published` for pictures prepared `--as joint`, `whole` for `--as plain`: how `ground` and the others show them.

    Raises:
        InputError: for another preparation, and for mammograms whose middle would be cut out.
    """
    about: Mapping[str, Any] = dataset.about["preparation"]
    if about["longest_px"] is not None:
        return WHOLE
    is_breast = dataset.about["kind"] == Kind.MAMMO_EXAM
    if about["shorter_px"] == RESIZE_PX and not is_breast:
        return PUBLISHED
    wanted = "--as plain, which shows the whole breast" if is_breast else "--as joint, or --as plain"
    raise InputError(f"{dataset.folder} was prepared as {about['name']}", wanted, "prepare the catalogue again")


def canvas_of(picture: StoredPicture, mode: str, size_px: int) -> Canvas:
    """A prepared picture at the scale of a model that is shown `size_px` x `size_px` pixels.

    `published` is the published pre-processing before its crop, `whole` the whole picture fitted into the square.

    Raises:
        InputError: for a picture that is blank.
    """
    if mode == PUBLISHED:
        grey = _resized(picture.pixels, resize_px_for(size_px))
        pixels = grey.astype(np.float32) / np.float32(255)
        return Canvas(pixels, np.ones(pixels.shape, bool))
    full = np.float32(np.iinfo(picture.pixels.dtype).max)
    seen = fit_whole(Picture(picture.pixels.astype(np.float32) / full, picture.spacing_mm), picture.path, size_px)
    assert seen.shown is not None
    return Canvas(seen.pixels, seen.shown)


def _resized(pixels: np.ndarray, shorter: int) -> np.ndarray:
    high, wide = pixels.shape
    least = min(high, wide)
    if least == shorter:
        return pixels
    size = (shorter * wide // least, shorter * high // least)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def middle(canvas: Canvas, size_px: int) -> Canvas:
    """The middle square, as published: halves go to the even side."""
    top, left = (round((length - size_px) / 2) for length in canvas.pixels.shape)
    square = np.s_[top : top + size_px, left : left + size_px]
    return Canvas(canvas.pixels[square], canvas.shown[square])


def varied(canvas: Canvas, drawn: Drawn, size_px: int) -> Canvas:
    """A square of the canvas about its middle, turned, shifted and lit as was drawn; 0 where there is no canvas."""
    high, wide = canvas.pixels.shape
    at = np.array([wide / 2, high / 2]) - drawn.linear @ (np.full(2, size_px / 2) + np.array(drawn.shift) * size_px)
    numbers = (*drawn.linear[0], at[0], *drawn.linear[1], at[1])

    def sampled(values: np.ndarray, method: Image.Resampling) -> np.ndarray:
        picture = Image.fromarray(values)
        return np.asarray(picture.transform((size_px, size_px), Image.Transform.AFFINE, numbers, method))

    pixels = sampled(canvas.pixels, Image.Resampling.BILINEAR)
    shown = sampled(canvas.shown.astype(np.uint8), Image.Resampling.NEAREST) > 0
    if not shown.any():
        return middle(canvas, size_px)
    mean = float(pixels[shown].mean())
    lit = np.clip(mean + drawn.gain * (pixels - mean) + drawn.lift, 0, 1).astype(np.float32)
    return Canvas(np.where(shown, lit, pixels), shown)
