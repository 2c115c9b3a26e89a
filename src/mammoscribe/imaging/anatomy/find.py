"""Anatomy of a prepared view: what a box on its canvas rests on. The entry point of this room is `find_anatomy`."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoscribe.domain.anatomy import Resting, Structure
from mammoscribe.domain.view import Box, Projection
from mammoscribe.imaging.anatomy.folds import Fold, find_folds
from mammoscribe.imaging.anatomy.metal import ForeignObject, foreign_objects, metal_in_detail
from mammoscribe.imaging.anatomy.nipple import Nipple
from mammoscribe.imaging.anatomy.outline import opened, skin_line
from mammoscribe.imaging.anatomy.pectoral import Pectoral, find_pectoral
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.support.errors import InvalidNoun

NIPPLE_RADIUS_MM = 8.0
FOLD_RADIUS_MM = 11.0
SKIN_MM = 3.0
EDGE_MM = 3.0
"""How far structures reach; the shares of a box from which it rests on them are in `Anatomy.structure_of`."""

COARSEST_DETAIL = 1.6
"""Detail pixels per stored pixel above which a finer canvas shows nothing new."""


@dataclass(frozen=True)
class Anatomy:
    """What was found in one view beside tissue, on its canvas.

    Args:
        mm_per_px: millimetres per canvas pixel (assumed, where the view's are).
        pixels: float32 [h, w], the canvas.
        skin_mm: float32 [h, w], distance of each pixel from the skin; 0 outside the breast.
        nipple: the likeliest place, and whether it was found.
        folds, foreign: folds of skin, and things that are no tissue.
        pectoral: the muscle's edge in an MLO view, None where it was not seen.

    Raises:
        InvalidNoun: when the pictures differ in shape or the scale is not positive.
    """

    mm_per_px: float
    pixels: np.ndarray
    skin_mm: np.ndarray
    nipple: Nipple
    folds: tuple[Fold, ...] = ()
    foreign: tuple[ForeignObject, ...] = ()
    pectoral: Pectoral | None = None

    def __post_init__(self) -> None:
        if self.pixels.shape != self.skin_mm.shape or self.pixels.ndim != 2:
            raise InvalidNoun(f"anatomy of pictures of {self.pixels.shape} and {self.skin_mm.shape}", "one shape")
        if not self.mm_per_px > 0:
            raise InvalidNoun(f"anatomy at {self.mm_per_px} mm per pixel", "a positive scale")

    def structure_of(self, box: Box) -> Resting | None:
        """What a box on the canvas rests on; None where it may be a lesion, which is whenever there is doubt.

        Foreign objects go first, then the nipple, folds, the skin line, the edge of the pectoral muscle, the axilla.
        """
        for find in (self._foreign, self._nipple, self._fold, self._skin, self._pectoral_edge, self._axilla):
            resting = find(box)
            if resting is not None:
                return resting
        return None

    def _foreign(self, box: Box) -> Resting | None:
        """A thing that fills a third of the box, or whose middle is in a box not much larger than the thing."""
        best: Resting | None = None
        room = 8.0 / self.mm_per_px
        for thing in self.foreign:
            share = min(1.0, box.overlap(thing.box) / box.area)
            fits = max(box.width - thing.box.width, box.height - thing.box.height) <= room
            held = box.contains(*thing.box.centre) and thing.structure is not Structure.FILM_BORDER
            if share > 1 / 3 or (held and fits):
                best = Resting(thing.structure, share) if best is None or share > best.share else best
        return best

    def _nipple(self, box: Box) -> Resting | None:
        if not (self.nipple.found and self.nipple.in_profile):
            return None
        x, y = self._grid(box)
        away = np.hypot(x - self.nipple.x, y - self.nipple.y) * self.mm_per_px
        share = float((away < NIPPLE_RADIUS_MM).mean())
        near = _distance(box, self.nipple.x, self.nipple.y) * self.mm_per_px < 2.0
        return Resting(Structure.NIPPLE, share) if share > 0.25 and near and self._small(box) else None

    def _fold(self, box: Box) -> Resting | None:
        x, y = self._grid(box)
        for fold in self.folds:
            share = float((np.hypot(x - fold.x, y - fold.y) * self.mm_per_px < FOLD_RADIUS_MM).mean())
            if self._past(fold, box):
                share = 1.0
            if share > 0.5 and self._small(box):
                return Resting(fold.structure, share)
        return None

    def _past(self, fold: Fold, box: Box) -> bool:
        """Whether the box is past an inward fold, where only a strip of arm or abdomen is left, 20 mm wide at most."""
        y = box.centre[1]
        past = (y - fold.y if fold.lower else fold.y - y) * self.mm_per_px > 2.0
        row = self.skin_mm[min(max(int(y), 0), self.skin_mm.shape[0] - 1)]
        return fold.inward and past and float((row > 0).sum()) * self.mm_per_px < 20.0

    def _skin(self, box: Box) -> Resting | None:
        x, y = self._grid(box)
        high, wide = self.skin_mm.shape
        inside = (x >= 0) & (y >= 0) & (x < wide) & (y < high)
        depth = np.zeros(x.shape)
        depth[inside] = self.skin_mm[y[inside].astype(int), x[inside].astype(int)]
        share = float((depth <= SKIN_MM).mean())
        return Resting(Structure.SKIN_LINE, share) if share > 0.65 else None

    def _pectoral_edge(self, box: Box) -> Resting | None:
        """The edge runs through the middle, and bright muscle against dark fat is all that the box shows."""
        if self.pectoral is None:
            return None
        x, y = self._grid(box)
        gap = (self.pectoral.width_at(y) - x) * self.mm_per_px
        middle = float(np.median(gap))
        shown = self._values(x, y)
        muscle = gap > 0
        if abs(middle) > EDGE_MM or not 0.25 < muscle.mean() < 0.75 or shown[muscle].mean() < shown[~muscle].mean():
            return None
        unexplained = muscle.mean() * shown[muscle].var() + (~muscle).mean() * shown[~muscle].var()
        share = float((np.abs(gap) < EDGE_MM).mean())
        return Resting(Structure.PECTORAL_EDGE, share) if unexplained < 0.2 * shown.var() else None

    def _axilla(self, box: Box) -> Resting | None:
        """Deep in the upper third of the pectoral muscle, where lymph nodes are."""
        if self.pectoral is None or self.pectoral.strength < 0.6 or not self._small(box):
            return None
        x, y = self._grid(box)
        edge = self.pectoral.edge
        height = (y - edge[0, 1]) / max(1.0, edge[-1, 1] - edge[0, 1])
        deep = (self.pectoral.width_at(y) - x) * self.mm_per_px > 4.0
        share = float((deep & (height < 0.35)).mean())
        return Resting(Structure.AXILLA, share) if share > 0.6 else None

    def _small(self, box: Box) -> bool:
        """Whether a box is no larger than the structures that are small: 25 mm."""
        return max(box.width, box.height) * self.mm_per_px <= 25.0

    def _grid(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """(x, y) of 16 x 16 points that cover a box evenly."""
        steps = (np.arange(16) + 0.5) / 16
        y, x = np.meshgrid(box.y0 + steps * box.height, box.x0 + steps * box.width, indexing="ij")
        return x, y

    def _values(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return ndimage.map_coordinates(self.pixels, [y - 0.5, x - 0.5], order=1, mode="nearest")


def _distance(box: Box, x: float, y: float) -> float:
    """From a point to a box in pixels, 0 inside."""
    return float(np.hypot(max(box.x0 - x, 0, x - box.x1), max(box.y0 - y, 0, y - box.y1)))


def find_anatomy(prepared: PreparedView, detail: PreparedView | None = None) -> Anatomy:
    """Find what is no tissue in a prepared view.

    Args:
        prepared: the view on its first-pass canvas, 0.3 to 0.6 mm per pixel.
        detail: the same view resampled finer, best 0.2 mm or less; without it, or where its stored pixels are not finer
            either, balls and clips over the breast are not told from calcifications.
    """
    mm = prepared.um_per_px / 1000
    place, pixels = prepared.placement, prepared.pixels
    body = opened(prepared.mask, 9.0 / mm)
    line = skin_line(body, mm, smoothing_mm=3.0)
    is_mlo = prepared.view.projection is Projection.MLO
    skin_mm = skin_distance(prepared)
    foreign = foreign_objects(pixels, body, skin_mm, mm)
    if detail is not None and max(detail.placement.scale_x, detail.placement.scale_y) <= COARSEST_DETAIL:
        offset = detail.placement.to_canvas_point(*place.to_stored_point(0, 0))
        foreign += tuple(metal_in_detail(pixels, skin_mm, mm, detail.pixels, detail.um_per_px / 1000, offset))
    return Anatomy(
        mm, pixels, skin_mm, prepared.nipple,
        () if line is None else find_folds(line, prepared.view.projection), foreign,
        find_pectoral(pixels, prepared.mask, mm) if is_mlo else None,
    )  # fmt: skip


def skin_distance(prepared: PreparedView) -> np.ndarray:
    """[h, w] millimetres from the skin, 0 outside the breast; the chest wall and the borders of the picture are no skin."""
    crop = prepared.placement.to_canvas_box(prepared.crop)
    first, last = max(0, int(crop.y0)), min(prepared.mask.shape[0], int(np.ceil(crop.y1)))
    part = prepared.mask[first:last]
    reach = max(1, round(30 / (prepared.um_per_px / 1000)))
    part = np.pad(part, ((0, 0), (reach, 0)), mode="edge")
    part = np.pad(part, ((0, 0), (0, 1)))
    slack = 0.01 * prepared.placement.stored_height_px
    above = "edge" if prepared.crop.y0 <= slack else "constant"
    below = "edge" if prepared.crop.y1 >= prepared.placement.stored_height_px - slack else "constant"
    part = np.pad(np.pad(part, ((reach, 0), (0, 0)), mode=above), ((0, reach), (0, 0)), mode=below)
    distance = np.zeros(prepared.mask.shape, np.float32)
    whole = np.asarray(ndimage.distance_transform_edt(part), np.float32)
    distance[first:last] = whole[reach:-reach, reach:-1] * np.float32(prepared.um_per_px / 1000)
    return distance
