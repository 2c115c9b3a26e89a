"""Prepared exams as a reading has them: the domain's views with their canvases at every scale that was stored."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.prepared.preparation import PREPARATIONS, FinerPicture
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Box, Origin, Role, SpacingSource, View, standard_view_id
from mammoscribe.imaging.prepare import BRIGHTEST, FINE_UM, PreparedView
from mammoscribe.models.reader.network import ReaderConfig
from mammoscribe.models.reader.reader import Canvases
from mammoscribe.support.errors import InputError, InvalidNoun


def check_preparation(dataset: PreparedDataset, config: ReaderConfig) -> None:
    """InputError where a dataset was prepared at another scale or canvas than the reader sees."""
    found = dataset.about["preparation"]
    canvas = tuple(found["canvas_px"] or ())
    if found["um_per_px"] != config.um_per_px or canvas != config.canvas_px:
        raise InputError(
            f"{dataset.folder} was prepared as {found['name']}",
            f"{config.um_per_px:.0f} um per pixel on a canvas of {config.canvas_px[0]} x {config.canvas_px[1]} pixels",
            f"prepare the catalogue with --as {_preparation_for(config)}",
        )


def _preparation_for(config: ReaderConfig) -> str:
    """The name of what prepares pictures as a reader sees them."""
    wanted = (config.um_per_px, config.canvas_px)
    return next((p.name for p in PREPARATIONS.values() if (p.um_per_px, p.canvas_px) == wanted), "reader")


def check_scales(dataset: PreparedDataset, scales_um: tuple[float, ...], ask_for: str) -> None:
    """InputError where a dataset was not prepared at one of the scales that a network sees."""
    about = dataset.about["preparation"]
    there = {scale["um_per_px"] for scale in about.get("finer", ())}
    missing = [um for um in scales_um if um not in there]
    if missing:
        raise InputError(
            f"{dataset.folder} was prepared as {about['name']}, without pictures of {missing[0]:.0f} um per pixel",
            f"those of --as {ask_for}", f"prepare the catalogue with --as {ask_for}",
        )  # fmt: skip


def rebuilt(
    stored: StoredRecord, prior: StoredRecord | None, synthetic: bool, detail_um: float, only: int | None = None
) -> tuple[Exam, Canvases]:
    """The exam of a prepared record, with its canvases at the scales that were stored.

    Args:
        stored, prior: the exam and the one before it.
        synthetic: whether it was drawn.
        detail_um: scale of the crop refiner.
        only: number of the one picture that is wanted, with its prior; None takes all. Of several pictures of one view
            the last one stays.
    """
    origin = Origin.SYNTHETIC if synthetic else Origin.ACQUIRED
    first: dict[str, PreparedView] = {}
    detail: dict[str, PreparedView] = {}
    fine: dict[str, PreparedView] = {}
    wanted = None if only is None else _name(stored, stored.pictures[only])
    for record, role in ((stored, Role.CURRENT), (prior, Role.PRIOR)):
        for number, picture in enumerate(() if record is None else record.pictures):
            assert isinstance(record, StoredRecord)
            chosen = number == only if role is Role.CURRENT else _name(record, picture) == wanted
            if only is not None and not chosen:
                continue
            prepared = stored_view(picture, _listed(record, picture), role, origin)
            for um, views in ((detail_um, detail), (FINE_UM, fine)):
                finer = picture.at(um)
                views.pop(prepared.view.id, None)
                if finer is not None:
                    views[prepared.view.id] = at_scale(prepared, finer)
            first[prepared.view.id] = prepared
    return Exam(stored.record.id, tuple(p.view for p in first.values())), Canvases(first, detail, fine)


def _listed(record: StoredRecord, picture: StoredPicture) -> ListedView:
    assert isinstance(record.record, MammoExam)
    return record.record.images[picture.image]


def _name(record: StoredRecord, picture: StoredPicture) -> tuple[str, str]:
    listed = _listed(record, picture)
    return listed.laterality.value, listed.projection.value


def stored_view(picture: StoredPicture, listed: ListedView, role: Role, origin: Origin) -> PreparedView:
    """A prepared picture as its view on the first-pass canvas.

    Args:
        picture: prepared for a reader.
        listed: what its dataset lists of it.
        role: current or prior.
        origin: drawn or acquired.

    Raises:
        InvalidNoun: when it was not prepared for a reader.
    """
    place = picture.placement
    width, height = place.stored_width_px, place.stored_height_px
    view = View(
        standard_view_id(listed.laterality, listed.projection, role), listed.laterality, listed.projection, width, height,
        picture.path, role, spacing_source=SpacingSource.UNKNOWN, origin=origin,
    )  # fmt: skip
    if picture.nipple_xy is None or picture.um_per_px is None:
        raise InvalidNoun(f"{picture.path} was not prepared for a reader")
    pixels = grey(picture.pixels)
    mask = np.asarray(ndimage.binary_fill_holes(pixels > 0))  # the darkest tissue is stored as 0, like the air
    return PreparedView(
        view, pixels, mask, place, picture.nipple_xy, picture.um_per_px, millimetres_known=False,
        crop=Box(0, 0, width, height), levels=(0.0, 1.0), chest_on_left=not place.flipped,
    )  # fmt: skip


def at_scale(first: PreparedView, finer: FinerPicture) -> PreparedView:
    """The same view at a finer scale; its mask is that of the first-pass canvas."""
    place, coarse = finer.placement, first.placement
    nipple = place.to_canvas_point(*coarse.to_stored_point(*first.nipple_xy))
    mask = _carried(first.mask, coarse.to_canvas_point(*place.to_stored_point(0, 0)), finer, first.um_per_px)
    return replace(
        first, pixels=grey(finer.pixels), mask=mask, placement=place, nipple_xy=nipple, um_per_px=finer.um_per_px
    )


def _carried(mask: np.ndarray, start: tuple[float, float], finer: FinerPicture, um_per_px: float) -> np.ndarray:
    """[H, W] bool: the value of `mask` at the place of every finer pixel; `start` is where the first of them begins."""
    step = finer.um_per_px / um_per_px
    rows, columns = (
        np.clip(((np.arange(n) + 0.5) * step + begin).astype(int), 0, side - 1)
        for n, begin, side in zip(finer.pixels.shape, start[::-1], mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def grey(pixels: np.ndarray) -> np.ndarray:
    """Stored pixels of 8 or 16 bits as float32 grey values 0..1.2.

    Shapes: pixels of any shape -> the same shape.
    """
    return pixels.astype(np.float32) * np.float32(BRIGHTEST / np.iinfo(pixels.dtype).max)
