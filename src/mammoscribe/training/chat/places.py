"""Where in the breast a labelled finding is, from its boxes on whole pictures: the nipple is found as it is when an exam is read."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from mammoscribe.data.records import ListedView
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import SpacingSource, View, standard_view_id
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.placement import Placement
from mammoscribe.imaging.prepare import PreparedView, prepare_view
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.chat.facts import Lesion
from mammoscribe.training.chat.shown import Shown
from mammoscribe.training.joint.statements import place_of

CANVAS_UM = 400.0
LONGEST_PX = 512
"""A picture is made this small before its nipple is searched: a place is said in words, and a view takes 30 ms."""
USUAL_HEIGHT_MM = 240.0
"""Height of a detector, for a picture of unknown scale: quadrants are made of ratios."""


def places_of(lesions: Sequence[Lesion], shown: Sequence[Shown]) -> Mapping[str, Location]:
    """Id of each lesion -> its place; a lesion whose place cannot be told has none.

    Quadrant, clock face and half are said only where the nipple was found in every view that they come from; the depth,
    which the edge of the breast gives, always.
    """
    found = cache(lambda number: _prepared(shown[number]))
    places = {lesion.finding.id: _place(lesion, shown, found) for lesion in lesions}
    return {name: place for name, place in places.items() if place is not None}


def _place(lesion: Lesion, shown: Sequence[Shown], found) -> Location | None:
    seen = {}
    certain = True
    for number, box in lesion.boxes.items():
        image, canvas = shown[number].image, found(number)
        if canvas is None or not isinstance(image, ListedView):
            return None
        prepared, shrunk = canvas
        small = shrunk.to_canvas_box(box)
        inside = prepared.placement.to_canvas_box(small)
        seen[image.projection] = (prepared.nipple_xy, (inside.x0, inside.y0, inside.x1, inside.y1))
        certain = certain and prepared.nipple_found
    if not seen:
        return None
    place = place_of(lesion.finding.laterality, seen)
    return place if certain else Location(depth=place.depth)


def _prepared(shown: Shown) -> tuple[PreparedView, Placement] | None:
    """A picture on a canvas with its chest wall at the left, and the way from its pixels to the reduced ones."""
    picture, image = shown.picture, shown.image
    assert isinstance(image, ListedView)
    step = max(1, -(-max(picture.pixels.shape) // LONGEST_PX))
    pixels = picture.pixels[::step, ::step].astype(np.float32) / np.float32(np.iinfo(picture.pixels.dtype).max)
    high, wide = pixels.shape
    shrunk = Placement(
        picture.pixels.shape[1], picture.pixels.shape[0], False, 1 / step, 1 / step, 0.0, 0.0, wide, high
    )
    um = picture.um_per_px  # of a canvas, whose scale is assumed where the file says none
    usual = USUAL_HEIGHT_MM / picture.pixels.shape[0] if um is None else um / 1000
    row, column = picture.spacing_mm or (usual, usual)
    spacing = row * step, column * step
    try:
        view = View(
            standard_view_id(image.laterality, image.projection), image.laterality, image.projection, wide, high,
            picture.path, spacing_mm=spacing, spacing_source=SpacingSource.DECLARED,
        )  # fmt: skip
        own = Picture(np.ascontiguousarray(pixels), spacing, SpacingSource.DECLARED)
        return prepare_view(view, own, CANVAS_UM, None), shrunk
    except MammoscribeError:  # a picture without a breast to find, or smaller than any
        return None
