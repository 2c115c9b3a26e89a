"""What is done to a picture before training: a recipe with a name and a digest, and the picture that comes of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.data.records import ListedImage, ListedView
from mammoscribe.domain.view import Box, SpacingSource, View, standard_view_id
from mammoscribe.imaging.decode import decode, decode_mammogram
from mammoscribe.imaging.joint_prepare import published_bytes
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.placement import Placement
from mammoscribe.imaging.prepare import BRIGHTEST, assumed_spacing, prepare_view
from mammoscribe.support.errors import InputError, InvalidNoun

VERSION = 4
"""Rises when the same preparation gives other pixels."""


@dataclass(frozen=True)
class Preparation:
    """One way to make a picture small and even; exactly one of the three is given.

    Args:
        name: for people.
        um_per_px: mammograms only: the breast cropped, its chest wall turned left, isotropic at so many micrometres, on a
            canvas of `canvas_px` (height, width), grey by tissue percentiles; full scale is 1.2 times the 99th percentile.
        shorter_px: the pre-processing of BioViL before its crop: stored values to 8 bits, shorter side so many pixels.
        longest_px: as a reader sees it (VOI LUT, bright = dense), longest side at most so many pixels.
        bits: 8 or 16 a pixel; full scale is 255 or 65535.
    """

    name: str
    um_per_px: float | None = None
    canvas_px: tuple[int, int] | None = None
    shorter_px: int | None = None
    longest_px: int | None = None
    bits: int = 8

    def __post_init__(self) -> None:
        given = [v for v in (self.um_per_px, self.shorter_px, self.longest_px) if v is not None]
        if len(given) != 1 or given[0] <= 0 or (self.um_per_px is None) != (self.canvas_px is None):
            raise InvalidNoun(f"preparation {self.name}", "um_per_px with canvas_px, or shorter_px, or longest_px")
        if self.bits not in ((8,) if self.shorter_px is not None else (8, 16)):
            raise InvalidNoun(f"preparation {self.name} with {self.bits} bits a pixel", "8, or 16 but for shorter_px")

    @property
    def full_scale(self) -> int:
        """The largest pixel value."""
        return 2**self.bits - 1

    @property
    def digest(self) -> str:
        """SHA-256 of what it does; the name is no part of it."""
        said = {k: v for k, v in asdict(self).items() if k != "name"} | {"version": VERSION}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


PREPARATIONS: Mapping[str, Preparation] = {
    p.name: p
    for p in (
        Preparation("reader", um_per_px=500.0, canvas_px=(384, 224)),
        Preparation("reader-base", um_per_px=400.0, canvas_px=(512, 320)),
        Preparation("reader-lite", um_per_px=300.0, canvas_px=(640, 384)),
        Preparation("joint", shorter_px=512),
        Preparation("plain", longest_px=1024),
    )
}
"""`reader` is what the starter's first pass trains on, `reader-base` the BioViL-T-size reader, `reader-lite` the one with an
EfficientNet-Lite backbone, `joint` BioViL's towers."""


@dataclass(frozen=True)
class PreparedPicture:
    """A picture after its preparation.

    Args:
        pixels: uint8 or uint16 [H, W].
        placement: stored pixels to these and back.
        regions: boxes of the record's regions on these pixels, in their order.
        steps, warnings: what was done, and what to know.
        nipple_xy, um_per_px: of a mammogram's canvas (see `imaging.prepare`), None for the other preparations.
        spacing_mm: (row, column) distance of these pixels, None where nobody says what the stored ones measure.
    """

    pixels: np.ndarray
    placement: Placement
    regions: tuple[Box, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    nipple_xy: tuple[float, float] | None = None
    um_per_px: float | None = None
    spacing_mm: tuple[float, float] | None = None


def prepare_picture(image: ListedView | ListedImage, root: Path, preparation: Preparation) -> PreparedPicture:
    """Decode and prepare one picture of a record.

    Raises:
        InputError: when the picture has no file, cannot be decoded, or is none that this preparation is for.
    """
    if image.path is None:
        raise InputError("a picture without a file", "the pictures beside the tables")
    path, declared = root / image.path, getattr(image, "spacing_mm", None)
    if preparation.shorter_px is not None:
        pixels, placement, steps = published_bytes(path, preparation.shorter_px)
        return _finished(image, pixels, placement, steps, declared)
    read = decode_mammogram if isinstance(image, ListedView) else decode
    picture = read(path, getattr(image, "frame", 0))
    if preparation.longest_px is not None:
        resized, placement, steps = _fitted(picture, preparation.longest_px)
        pixels = _integers(resized, 1.0, preparation)
        found = _finished(image, pixels, placement, steps, declared or picture.spacing_mm)
        return replace(found, warnings=picture.warnings)
    if not isinstance(image, ListedView) or preparation.um_per_px is None:
        raise InputError(f"{image.path} is not listed as a mammogram", f"one, for the preparation {preparation.name}")
    prepared = prepare_view(_view(image, path, picture), picture, preparation.um_per_px, preparation.canvas_px)
    pixels = _integers(prepared.pixels, BRIGHTEST, preparation)
    found = _finished(image, pixels, prepared.placement, prepared.steps, declared or picture.spacing_mm)
    return replace(found, warnings=prepared.warnings, nipple_xy=prepared.nipple_xy, um_per_px=prepared.um_per_px)


def _integers(grey: np.ndarray, white: float, preparation: Preparation) -> np.ndarray:
    """Grey values 0..`white` as whole numbers up to full scale."""
    full = preparation.full_scale
    return np.clip(np.rint(grey * (full / white)), 0, full).astype(np.uint8 if preparation.bits == 8 else np.uint16)


def _view(image: ListedView, path: Path, picture: Picture) -> View:
    """The view as the domain has it; what the dataset says of the spacing or shape goes before the file."""
    spacing, source = picture.spacing_mm, picture.spacing_source if picture.spacing_mm else SpacingSource.ASSUMED
    if image.spacing_mm is not None:
        spacing, source = image.spacing_mm, SpacingSource.DECLARED
    elif image.height_to_width is not None:
        spacing = assumed_spacing(picture.width_px, picture.height_px, image.height_to_width)
        source = SpacingSource.ASSUMED
    name = standard_view_id(image.laterality, image.projection)
    try:
        return View(
            name, image.laterality, image.projection, picture.width_px, picture.height_px, str(path),
            spacing_mm=spacing, spacing_source=source, frame=image.frame,
        )  # fmt: skip
    except InvalidNoun as error:
        raise InputError(f"{image.path}: {error.found}", error.expected, error.do) from error


def _fitted(picture: Picture, longest: int) -> tuple[np.ndarray, Placement, tuple[str, ...]]:
    """The whole picture, float32, with its longest side at most so many pixels; never enlarged."""
    scale = min(1.0, longest / max(picture.height_px, picture.width_px))
    high, wide = max(1, round(picture.height_px * scale)), max(1, round(picture.width_px * scale))
    resized = Image.fromarray(picture.pixels).resize((wide, high), Image.Resampling.BILINEAR, reducing_gap=3.0)
    placement = Placement(
        picture.width_px, picture.height_px, False, wide / picture.width_px, high / picture.height_px,
        0.0, 0.0, wide, high,
    )  # fmt: skip
    return np.asarray(resized), placement, (*picture.steps, f"longest side at most {longest} pixels")


def _finished(
    image: ListedView | ListedImage,
    pixels: np.ndarray,
    placement: Placement,
    steps: tuple[str, ...],
    stored_mm: tuple[float, float] | None,
) -> PreparedPicture:
    """What was made, with the record's regions and the spacing carried along; InputError when there is nothing to see."""
    if pixels.min() == pixels.max():
        raise InputError(f"{image.path} is blank: all its pixels are alike", "a picture")
    regions = tuple(placement.to_canvas_box(region.box) for region in image.regions)
    if stored_mm is not None and placement.transposed:
        stored_mm = stored_mm[1], stored_mm[0]
    spacing = None if stored_mm is None else (stored_mm[0] / placement.scale_y, stored_mm[1] / placement.scale_x)
    return PreparedPicture(np.ascontiguousarray(pixels), placement, regions, steps, spacing_mm=spacing)
