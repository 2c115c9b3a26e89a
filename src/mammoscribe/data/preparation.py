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
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.joint_prepare import published_bytes
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.placement import Placement
from mammoscribe.imaging.prepare import BRIGHTEST, prepare_view
from mammoscribe.support.errors import InputError, InvalidNoun

VERSION = 1
"""Rises when the same preparation gives other pixels."""


@dataclass(frozen=True)
class Preparation:
    """One way to make a picture small and even; exactly one of the three is given.

    Args:
        name: for people.
        um_per_px: mammograms only: the breast cropped, its chest wall turned left, isotropic at so many micrometres, on a
            canvas of `canvas_px` (height, width), grey by tissue percentiles; 255 is 1.2 times the 99th percentile.
        shorter_px: the pre-processing of BioViL before its crop: stored values to 8 bits, shorter side so many pixels.
        longest_px: as a reader sees it (VOI LUT, bright = dense), longest side at most so many pixels.
    """

    name: str
    um_per_px: float | None = None
    canvas_px: tuple[int, int] | None = None
    shorter_px: int | None = None
    longest_px: int | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.um_per_px, self.shorter_px, self.longest_px) if v is not None]
        if len(given) != 1 or given[0] <= 0 or (self.um_per_px is None) != (self.canvas_px is None):
            raise InvalidNoun(f"preparation {self.name}", "um_per_px with canvas_px, or shorter_px, or longest_px")

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
        Preparation("joint", shorter_px=512),
        Preparation("plain", longest_px=1024),
    )
}
"""`reader` is what the starter's first pass trains on, `reader-base` the BioViL-T-size reader, `joint` BioViL's towers."""


@dataclass(frozen=True)
class PreparedPicture:
    """A picture after its preparation.

    Args:
        pixels: uint8 [H, W].
        placement: stored pixels to these and back.
        regions: boxes of the record's regions on these pixels, in their order.
        steps, warnings: what was done, and what to know.
        nipple_xy, um_per_px: of a mammogram's canvas (see `imaging.prepare`), None for the other preparations.
    """

    pixels: np.ndarray
    placement: Placement
    regions: tuple[Box, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    nipple_xy: tuple[float, float] | None = None
    um_per_px: float | None = None


def prepare_picture(image: ListedView | ListedImage, root: Path, preparation: Preparation) -> PreparedPicture:
    """Decode and prepare one picture of a record.

    Raises:
        InputError: when the picture has no file, cannot be decoded, or is none that this preparation is for.
    """
    if image.path is None:
        raise InputError("a picture without a file", "the pictures beside the tables")
    path = root / image.path
    if preparation.shorter_px is not None:
        pixels, placement, steps = published_bytes(path, preparation.shorter_px)
        return _with_regions(image, pixels, placement, steps)
    picture = decode(path, getattr(image, "frame", 0))
    if preparation.longest_px is not None:
        return _with_regions(image, *_fitted(picture, preparation.longest_px))
    if not isinstance(image, ListedView) or preparation.um_per_px is None:
        raise InputError(f"{image.path} is not listed as a mammogram", f"one, for the preparation {preparation.name}")
    prepared = prepare_view(_view(image, path, picture), picture, preparation.um_per_px, preparation.canvas_px)
    pixels = np.clip(np.rint(prepared.pixels * (255 / BRIGHTEST)), 0, 255).astype(np.uint8)
    found = _with_regions(image, pixels, prepared.placement, prepared.steps)
    return replace(found, warnings=prepared.warnings, nipple_xy=prepared.nipple_xy, um_per_px=prepared.um_per_px)


def _view(image: ListedView, path: Path, picture: Picture) -> View:
    """The view as the domain has it; what the dataset says of the spacing goes before the file."""
    declared = image.spacing_mm is not None
    spacing = image.spacing_mm if declared else picture.spacing_mm
    source = SpacingSource.DECLARED if declared else picture.spacing_source if spacing else SpacingSource.ASSUMED
    name = standard_view_id(image.laterality, image.projection)
    try:
        return View(
            name, image.laterality, image.projection, picture.width_px, picture.height_px, str(path),
            spacing_mm=spacing, spacing_source=source, frame=image.frame,
        )  # fmt: skip
    except InvalidNoun as error:
        raise InputError(f"{image.path}: {error.found}", error.expected, error.do) from error


def _fitted(picture: Picture, longest: int) -> tuple[np.ndarray, Placement, tuple[str, ...]]:
    scale = min(1.0, longest / max(picture.height_px, picture.width_px))
    high, wide = max(1, round(picture.height_px * scale)), max(1, round(picture.width_px * scale))
    resized = Image.fromarray(picture.pixels).resize((wide, high), Image.Resampling.BILINEAR, reducing_gap=3.0)
    pixels = np.clip(np.rint(np.asarray(resized) * 255), 0, 255).astype(np.uint8)
    placement = Placement(
        picture.width_px,
        picture.height_px,
        False,
        wide / picture.width_px,
        high / picture.height_px,
        0.0,
        0.0,
        wide,
        high,
    )
    return pixels, placement, (*picture.steps, f"longest side at most {longest} pixels")


def _with_regions(
    image: ListedView | ListedImage, pixels: np.ndarray, placement: Placement, steps: tuple[str, ...]
) -> PreparedPicture:
    regions = tuple(placement.to_canvas_box(region.box) for region in image.regions)
    return PreparedPicture(np.ascontiguousarray(pixels), placement, regions, steps)
