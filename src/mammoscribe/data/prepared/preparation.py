"""What is done to a picture before training: a recipe with a name and a digest, and the picture that comes of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from mammoscribe.data.records import ListedImage, ListedView
from mammoscribe.domain.view import Box, View, standard_view_id
from mammoscribe.imaging.decode import decode, decode_mammogram
from mammoscribe.imaging.joint_prepare import published_bytes
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.placement import Placement
from mammoscribe.imaging.prepare import (
    BRIGHTEST,
    FINE_UM,
    PreparedView,
    prepare_view,
    resample,
    whole_numbers,
    why_no_calcifications_show,
)
from mammoscribe.imaging.spacing import chosen_spacing
from mammoscribe.support.errors import InputError, InvalidNoun

VERSION = 4
"""Rises when the same preparation gives other pixels."""


@dataclass(frozen=True)
class FinerScale:
    """A finer picture of a mammogram beside its canvas: the breast alone, of its own size (`imaging.prepare.resample`).

    Args:
        um_per_px: micrometres per pixel.
        bits: 8 or 16 a pixel.
        for_calcifications: only of views whose stored pixels are small enough, and of known size, to show them.
    """

    um_per_px: float
    bits: int = 8
    for_calcifications: bool = False

    def __post_init__(self) -> None:
        if not self.um_per_px > 0 or self.bits not in (8, 16):
            raise InvalidNoun(f"a scale of {self.um_per_px} um and {self.bits} bits", "above 0; 8 or 16")


@dataclass(frozen=True)
class Preparation:
    """One way to make a picture small and even; exactly one of the three is given, or none where pictures are left out.

    Args:
        name: for people.
        um_per_px: mammograms only: the breast cropped, its chest wall turned left, isotropic at so many micrometres, on a
            canvas of `canvas_px` (height, width), grey by tissue percentiles; full scale is 1.2 times the 99th percentile.
        shorter_px: the pre-processing of BioViL before its crop: stored values to 8 bits, shorter side so many pixels.
        longest_px: as a reader sees it (VOI LUT, bright = dense), longest side at most so many pixels.
        bits: 8 or 16 a pixel; full scale is 255 or 65535.
        finer: scales at which each mammogram is stored once more, with `um_per_px` only.
        pictures: False keeps the records with their texts alone, and opens no picture.
    """

    name: str
    um_per_px: float | None = None
    canvas_px: tuple[int, int] | None = None
    shorter_px: int | None = None
    longest_px: int | None = None
    bits: int = 8
    finer: tuple[FinerScale, ...] = ()
    pictures: bool = True

    def __post_init__(self) -> None:
        given = [v for v in (self.um_per_px, self.shorter_px, self.longest_px, self.canvas_px) if v is not None]
        if not self.pictures:
            if given or self.finer or self.bits != 8:
                raise InvalidNoun(f"preparation {self.name} without pictures", "nothing that is done to pictures")
            return
        given = [v for v in (self.um_per_px, self.shorter_px, self.longest_px) if v is not None]
        if len(given) != 1 or given[0] <= 0 or (self.um_per_px is None) != (self.canvas_px is None):
            raise InvalidNoun(f"preparation {self.name}", "um_per_px with canvas_px, or shorter_px, or longest_px")
        if self.bits not in ((8,) if self.shorter_px is not None else (8, 16)):
            raise InvalidNoun(f"preparation {self.name} with {self.bits} bits a pixel", "8, or 16 but for shorter_px")
        if self.finer and self.um_per_px is None:
            raise InvalidNoun(f"preparation {self.name} with finer scales", "um_per_px with them")

    @property
    def digest(self) -> str:
        """SHA-256 of what it does; the name is no part of it."""
        settings = {k: v for k, v in asdict(self).items() if k not in ("name", "finer", "pictures")} | {
            "version": VERSION
        }
        settings |= {"finer": [asdict(f) for f in self.finer]} if self.finer else {}
        settings |= {} if self.pictures else {"pictures": False}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


_CROPS = (FinerScale(200.0),)
_CALCIFICATIONS = (*_CROPS, FinerScale(FINE_UM, bits=16, for_calcifications=True))


def _for_reader(suffix: str, um_per_px: float, canvas_px: tuple[int, int]) -> tuple[Preparation, ...]:
    """What one size of the reader and its further networks train on."""
    return tuple(
        Preparation(f"{name}{suffix}", um_per_px=um_per_px, canvas_px=canvas_px, finer=finer)
        for name, finer in (("reader", ()), ("crops", _CROPS), ("calcifications", _CALCIFICATIONS))
    )


PREPARATIONS: Mapping[str, Preparation] = {
    p.name: p
    for p in (
        *_for_reader("", 500.0, (384, 224)),
        *_for_reader("-base", 400.0, (512, 320)),
        *_for_reader("-lite", 300.0, (640, 384)),
        Preparation("joint", shorter_px=512),
        Preparation("plain", longest_px=1024),
        Preparation("text", pictures=False),
    )
}
"""`text` is for recipes that learn from texts alone: no picture has to be there. `reader` is what the first pass of the small preset trains on, `joint` BioViL's towers. `crops` adds what the crop refiner sees, and
`calcifications` what the calcification network sees as well; both still train a reader. `-base` is for the BioViL-T-size reader,
`-lite` for the one with an EfficientNet-Lite backbone, which ships."""


@dataclass(frozen=True)
class FinerPicture:
    """A mammogram at a finer scale.

    Args:
        um_per_px: its scale.
        pixels: uint8 or uint16 [H, W]; full scale is 1.2 times the 99th tissue percentile.
        placement: stored pixels to these and back.
    """

    um_per_px: float
    pixels: np.ndarray
    placement: Placement


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
        finer: the same mammogram at the finer scales of the preparation.
    """

    pixels: np.ndarray
    placement: Placement
    regions: tuple[Box, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    nipple_xy: tuple[float, float] | None = None
    um_per_px: float | None = None
    spacing_mm: tuple[float, float] | None = None
    finer: tuple[FinerPicture, ...] = ()


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
        pixels = whole_numbers(resized, 1.0, preparation.bits)
        found = _finished(image, pixels, placement, steps, declared or picture.spacing_mm)
        return replace(found, warnings=picture.warnings)
    if not isinstance(image, ListedView) or preparation.um_per_px is None:
        raise InputError(f"{image.path} is not listed as a mammogram", f"one, for the preparation {preparation.name}")
    prepared = prepare_view(_view(image, path, picture), picture, preparation.um_per_px, preparation.canvas_px)
    pixels = whole_numbers(prepared.pixels, BRIGHTEST, preparation.bits)
    found = _finished(image, pixels, prepared.placement, prepared.steps, declared or picture.spacing_mm)
    finer = tuple(_finer(picture, prepared, preparation.finer))
    return replace(
        found, warnings=prepared.warnings, nipple_xy=prepared.nipple_xy, um_per_px=prepared.um_per_px, finer=finer
    )


def _finer(picture: Picture, prepared: PreparedView, scales: tuple[FinerScale, ...]) -> Iterator[FinerPicture]:
    for scale in scales:
        if not (scale.for_calcifications and why_no_calcifications_show(prepared)):
            again = resample(picture, prepared, scale.um_per_px)
            pixels = np.ascontiguousarray(whole_numbers(again.pixels, BRIGHTEST, scale.bits))
            yield FinerPicture(scale.um_per_px, pixels, again.placement)


def _view(image: ListedView, path: Path, picture: Picture) -> View:
    """The view as the domain has it; what the dataset says of the spacing or shape goes before the file."""
    size = (picture.width_px, picture.height_px)
    spacing, source = chosen_spacing(size, image.spacing_mm, image.height_to_width, picture.spacing_mm)
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
