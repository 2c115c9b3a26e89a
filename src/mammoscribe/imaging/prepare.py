"""From a stored picture to the canvas a model sees: breast only, chest wall left, isotropic, tissue-normalised."""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from PIL import Image
from scipy import ndimage

from mammoscribe.domain.view import Box, Laterality, Projection, SpacingSource, View
from mammoscribe.imaging.anatomy.nipple import FINDER_UM, MARGIN_MM, Nipple, find_nipple
from mammoscribe.imaging.mask import BreastOutline
from mammoscribe.imaging.orientation import Turn
from mammoscribe.imaging.picture import Picture
from mammoscribe.imaging.placement import Placement
from mammoscribe.imaging.spacing import ASSUMED_FIELD_HEIGHT_MM
from mammoscribe.imaging.upright import UNCLEAR_SIDE, Upright, check_shape, set_upright
from mammoscribe.support.errors import InputError

UNSQUASHED_HEIGHT_TO_WIDTH = 1.28
"""Height : width given back to a square picture of unknown spacing. Full-field detectors are 4096 x 3328 (1.23),
2294 x 1914 (1.20), 3328 x 2560 (1.30), 2776 x 2082 (1.33) pixels; a square one was squashed by its export."""

MAX_CANVAS_PX = 36_000_000
"""Largest canvas: 600 x 600 mm at 100 um, four times the largest detector."""

FINE_UM = 100.0
"""Micrometres per pixel at which calcifications are searched for."""

COARSEST_FOR_CALCIFICATIONS_MM = 0.15
"""Stored pixels larger than this hold no calcification of a tenth of a millimetre, whatever they are resampled to."""

SMALLEST_PX = 16
"""Of a side of a view (`domain.view.View`)."""

BRIGHTEST = 1.2
"""Upper clip of normalised grey values; 1 is the 99th percentile of the breast."""


@dataclass(frozen=True)
class PreparedView:
    """A view on its canvas, with the way back to stored pixels.

    Args:
        view: the view it shows.
        pixels: float32 [h, w]; 0 outside the breast, 0..1 from the 1st to the 99th tissue percentile, at most 1.2.
        mask: bool [h, w], the breast with the pectoral muscle.
        placement: stored pixels to canvas pixels and back.
        nipple_xy: canvas (x, y) of the likeliest place of the nipple; see `nipple_found`.
        um_per_px: micrometres per canvas pixel; assumed when `millimetres_known` is False.
        millimetres_known: whether lengths may be printed.
        crop: the breast's box in stored pixels.
        levels: grey values (of the Picture) that became 0 and 1.
        chest_on_left: side of the picture, once it is upright, on which the chest wall was found.
        steps: what was done, in order.
        warnings: what the reader should know.
        nipple_certainty: 0..1, how certain the place of the nipple is.
        nipple_in_profile: whether the nipple was seen at the skin line.
    """

    view: View
    pixels: np.ndarray
    mask: np.ndarray
    placement: Placement
    nipple_xy: tuple[float, float]
    um_per_px: float
    millimetres_known: bool
    crop: Box
    levels: tuple[float, float]
    chest_on_left: bool
    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    nipple_certainty: float = 0.0
    nipple_in_profile: bool = False

    @property
    def nipple(self) -> Nipple:
        """The nipple on the canvas."""
        return Nipple(*self.nipple_xy, self.nipple_certainty, self.nipple_in_profile)

    @property
    def nipple_found(self) -> bool:
        """Whether `nipple_xy` is certain enough to measure from; otherwise it is a guess."""
        return self.nipple.found


def prepare_view(
    view: View, picture: Picture, um_per_px: float = 400.0, size_px: tuple[int, int] | None = (512, 320)
) -> PreparedView:
    """Find the breast, turn its chest wall to the left, crop, resample and normalise.

    Args:
        view: what the picture shows; its laterality stays as given, the pixels decide the flip.
        picture: the decoded picture of that view.
        um_per_px: wanted size of a canvas pixel; a breast too large for `size_px` gets a coarser one, recorded.
        size_px: (height, width) of the canvas, padded with zeros (chest wall at x = 0, centred vertically);
            None for a canvas of the breast's own size.

    Raises:
        InputError: when the picture is blank, far longer than wide, or larger than any breast.
    """
    if float(np.ptp(picture.pixels)) < 1e-6:
        raise InputError(f"{view.source} is blank: all its pixels are alike", "a picture of a breast")
    check_shape(view, picture)
    stored, upright = picture, set_upright(view, picture)
    picture, outline = upright.picture, upright.outline
    chest_on_left, side_warnings = _decide_side(view, upright)
    mask = _with_skin(outline.mask, chest_on_left)
    crop = _breast_box(mask, outline.factor, picture)
    spacing, known, spacing_steps, spacing_warnings = _spacing(view, upright, crop, chest_on_left)
    um = _fitting(um_per_px, crop, spacing, size_px)
    placement = _place(stored, upright.turn, crop, not chest_on_left, spacing, um, size_px, known)
    on_canvas = render(mask.astype(np.float32), placement.upright, outline.factor) > 0.5
    grey = render(stored.pixels, placement)
    levels = _tissue_levels(grey, on_canvas)
    nipple = _nipple(view, outline, crop, spacing, placement.upright) or _farthest_skin(on_canvas)
    crop = placement.stored_box(crop)
    steps = (
        *picture.steps,
        *upright.steps,
        *spacing_steps,
        "turned so that the chest wall is left" if placement.flipped else "chest wall already left",
        f"cropped to columns {crop.x0:.0f}-{crop.x1:.0f}, rows {crop.y0:.0f}-{crop.y1:.0f}",
        f"resampled to {um:.1f} um per pixel{'' if known else ' (assumed)'}",
        f"grey {levels[0]:.4f}..{levels[1]:.4f} to 0..1",
        f"nipple {'found' if nipple.found else 'not found, its place is a guess'} (certainty {nipple.certainty:.2f})",
    )
    coarser = (f"{view.name}: read at {um:.0f} um per pixel, the breast is larger than the canvas",)
    warnings = (
        tuple(f"{view.name}: {w}" for w in (*picture.warnings, *upright.warnings, *outline.warnings))
        + side_warnings
        + spacing_warnings
        + (coarser if um > um_per_px * 1.5 else ())
    )
    return PreparedView(
        view, _normalised(grey, on_canvas, levels), on_canvas, placement, (nipple.x, nipple.y), um, known,
        crop, levels, chest_on_left, steps, warnings, nipple.certainty, nipple.in_profile,
    )  # fmt: skip


def why_no_calcifications_show(prepared: PreparedView) -> str:
    """Why the stored pixels of a view cannot show calcifications; "" where they can."""
    if not prepared.millimetres_known:
        return "pixel size unknown"
    stored_mm = max(prepared.placement.scale_x, prepared.placement.scale_y) * prepared.um_per_px / 1000
    too_coarse = stored_mm > COARSEST_FOR_CALCIFICATIONS_MM + 1e-6
    return f"pixels of {stored_mm:.2g} mm are too coarse" if too_coarse else ""


def resample(picture: Picture, prepared: PreparedView, um_per_px: float = FINE_UM) -> PreparedView:
    """The same breast at another resolution: mask, flip, crop and grey levels come from `prepared`.

    The canvas is the crop's own size, without padding; its `placement` leads to the same stored pixels.
    """
    first = prepared.placement
    zoom = prepared.um_per_px / um_per_px
    spacing = (first.scale_y * prepared.um_per_px / 1000, first.scale_x * prepared.um_per_px / 1000)
    turn, crop = Turn(first.transposed, first.upended), first.upright_box(prepared.crop)
    placement = _place(picture, turn, crop, first.flipped, spacing, um_per_px, None, prepared.millimetres_known)
    high, wide = placement.canvas_height_px, placement.canvas_width_px
    rows = np.minimum(((np.arange(high) + 0.5) / zoom + _top(first, crop)).astype(int), first.canvas_height_px - 1)
    columns = np.minimum(((np.arange(wide) + 0.5) / zoom).astype(int), first.canvas_width_px - 1)
    mask = prepared.mask[np.ix_(rows, columns)]
    nipple = placement.to_canvas_point(*first.to_stored_point(*prepared.nipple_xy))
    pixels = _normalised(render(picture.pixels, placement), mask, prepared.levels)
    return replace(
        prepared, pixels=pixels, mask=mask, placement=placement, nipple_xy=nipple, um_per_px=um_per_px,
        steps=(*prepared.steps, f"again at {um_per_px:.1f} um per pixel"),
    )  # fmt: skip


def prepare_unnamed(picture: Picture, name: str, um_per_px: float, size_px: tuple[int, int]) -> PreparedView:
    """A picture whose view is not known, prepared as `prepare_view` does; where its chest wall is, the pixels show.

    Args:
        picture: as decoded.
        name: of its file, for errors.
        um_per_px, size_px: of the canvas.

    Raises:
        InputError: as `prepare_view`, and for fewer than 16 pixels a side.
    """
    high, wide = picture.pixels.shape
    if min(high, wide) < SMALLEST_PX:
        raise InputError(f"{name} is {wide} x {high} pixels", f"{SMALLEST_PX} or more a side")
    return prepare_view(View("picture", Laterality.LEFT, Projection.CC, wide, high, name), picture, um_per_px, size_px)


def whole_numbers(grey: np.ndarray, white: float, bits: int) -> np.ndarray:
    """Grey values 0..`white` as whole numbers up to full scale, uint8 or uint16; of a canvas, white is `BRIGHTEST`."""
    full = 2**bits - 1
    return np.clip(np.rint(grey * (full / white)), 0, full).astype(np.uint8 if bits == 8 else np.uint16)


def _decide_side(view: View, upright: Upright) -> tuple[bool, tuple[str, ...]]:
    """Whether the chest wall is on the left of the upright picture, and what to say about it.

    The pixels decide; where laterality or the header's Patient Orientation fits them ill, the reader is told.
    """
    outline, header_left = upright.outline, upright.header_chest_on_left
    hung_left = view.laterality is Laterality.LEFT
    unclear = outline.certainty < UNCLEAR_SIDE
    on_left = hung_left if unclear else outline.chest_on_left
    side, other = ("left", "right") if on_left else ("right", "left")
    warnings = []
    if unclear:
        warnings.append("both sides of the breast are cut alike, the usual side is taken as chest wall")
    elif on_left != hung_left:
        usual = f"the other side is usual for a {view.laterality.word} breast; laterality kept as given"
        warnings.append(f"the chest wall lies on the {side} of the stored picture, {usual}")
    if header_left not in (None, on_left):
        remark = f"Patient Orientation in the header puts the chest wall on the {other} of the stored picture"
        warnings.append(f"{remark}, it is read on the {side}; the picture may have been mirrored, check its laterality")
    return on_left, tuple(f"{view.name}: {w}" for w in warnings)


def _with_skin(mask: np.ndarray, chest_on_left: bool) -> np.ndarray:
    """The mask one reduced pixel wider, for the faint skin line; not at the chest wall, where the film may end."""
    wider = ndimage.binary_dilation(mask, iterations=1)
    columns = np.nonzero(mask.any(axis=0))[0]
    if chest_on_left:
        wider[:, : columns[0]] = False
    else:
        wider[:, columns[-1] + 1 :] = False
    return wider


def _breast_box(mask: np.ndarray, factor: int, picture: Picture) -> Box:
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    box = Box(*(float(factor * e) for e in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)))
    return box.clipped(picture.width_px, picture.height_px) or box


def _spacing(
    view: View, upright: Upright, crop: Box, chest_on_left: bool
) -> tuple[tuple[float, float], bool, tuple[str, ...], tuple[str, ...]]:
    """((row, column) mm of the upright picture, whether it is known, steps, warnings)."""
    picture = upright.picture
    for spacing, source in ((view.spacing_mm, view.spacing_source), (picture.spacing_mm, picture.spacing_source)):
        if spacing is not None:
            spacing = spacing[:: -1 if upright.turn.transposed else 1]
            return (
                (spacing[0], spacing[1]),
                source in (SpacingSource.HEADER, SpacingSource.DECLARED),
                (f"spacing {source}",),
                (),
            )
    row = ASSUMED_FIELD_HEIGHT_MM / picture.height_px
    gap = crop.x0 if chest_on_left else picture.width_px - crop.x1
    if picture.height_px == picture.width_px and gap < 0.02 * picture.width_px:
        warning = (
            f"{view.name}: a square picture without pixel spacing is taken as squashed; height : width "
            f"{UNSQUASHED_HEIGHT_TO_WIDTH} and {ASSUMED_FIELD_HEIGHT_MM:.0f} mm height assumed, no millimetres given"
        )
        step = f"un-squashed to height : width {UNSQUASHED_HEIGHT_TO_WIDTH}"
        return (row, row / UNSQUASHED_HEIGHT_TO_WIDTH), False, (step,), (warning,)
    warning = f"{view.name}: no pixel spacing; {ASSUMED_FIELD_HEIGHT_MM:.0f} mm height assumed, no millimetres given"
    return (row, row), False, (f"{ASSUMED_FIELD_HEIGHT_MM:.0f} mm picture height assumed",), (warning,)


def _fitting(um_per_px: float, crop: Box, spacing: tuple[float, float], size_px: tuple[int, int] | None) -> float:
    """The wanted micrometres per pixel, or the finest at which the crop fits the canvas."""
    if size_px is None:
        return um_per_px
    return max(um_per_px, crop.height * spacing[0] * 1000 / size_px[0], crop.width * spacing[1] * 1000 / size_px[1])


def _place(
    stored: Picture,
    turn: Turn,
    crop: Box,
    flipped: bool,
    spacing: tuple[float, float],
    um: float,
    size_px: tuple[int, int] | None,
    known: bool,
) -> Placement:
    scale_y, scale_x = spacing[0] * 1000 / um, spacing[1] * 1000 / um
    high, wide = max(1, ceil(crop.height * scale_y - 1e-6)), max(1, ceil(crop.width * scale_x - 1e-6))
    canvas_high, canvas_wide = size_px or (high, wide)
    if canvas_high * canvas_wide > MAX_CANVAS_PX:
        found = f"a breast of {crop.width:.0f} x {crop.height:.0f} pixels at {um:.0f} um takes {high} x {wide} pixels"
        raise InputError(found, f"at most {MAX_CANVAS_PX / 1e6:.0f} million", "look at the pixel spacing")
    edge = (stored.height_px if turn.transposed else stored.width_px) - crop.x1 if flipped else crop.x0
    return Placement(
        stored.width_px, stored.height_px, flipped, scale_x, scale_y,
        -edge * scale_x, (canvas_high - high) // 2 - crop.y0 * scale_y, canvas_wide, canvas_high, um if known else None,
        turn.transposed, turn.upended,
    )  # fmt: skip


def _top(placement: Placement, crop: Box) -> float:
    """Canvas row at which the crop of the upright picture begins."""
    return crop.y0 * placement.scale_y + placement.offset_y


def render(pixels: np.ndarray, placement: Placement, factor: int = 1) -> np.ndarray:
    """Area-weighted resampling of a stored picture (or one reduced by `factor`) onto its canvas; 0 where there is none.

    Shapes: pixels [H, W] -> [canvas height, canvas width].

    Only whole canvas pixels that lie in the stored picture, at least in part, are computed.
    """
    if placement.upright is not placement:
        return render(placement.set_upright(pixels), placement.upright, factor)
    canvas = np.zeros((placement.canvas_height_px, placement.canvas_width_px), np.float32)
    left, right = _covered(placement.offset_x, placement.scale_x, placement.stored_width_px, canvas.shape[1])
    top, bottom = _covered(placement.offset_y, placement.scale_y, placement.stored_height_px, canvas.shape[0])
    (xa, y0), (xb, y1) = placement.to_stored_point(left, top), placement.to_stored_point(right, bottom)
    x0, x1 = min(xa, xb) / factor, max(xa, xb) / factor
    part, box = _padded_part(pixels, (x0, y0 / factor, x1, y1 / factor))
    enlarging = placement.scale_x * factor > 1 and placement.scale_y * factor > 1
    method = Image.Resampling.BILINEAR if enlarging else Image.Resampling.HAMMING
    size = (right - left, bottom - top)
    resized = np.asarray(Image.fromarray(part).resize(size, method, box=box, reducing_gap=3.0))
    canvas[top:bottom, left:right] = resized[:, ::-1] if placement.flipped else resized
    return canvas


def _covered(offset: float, scale: float, stored: int, canvas: int) -> tuple[int, int]:
    """First and last + 1 canvas pixels that show any of the stored picture."""
    first, last = max(0, int(np.floor(offset + 1e-6))), min(canvas, ceil(offset + stored * scale - 1e-6))
    return first, max(first + 1, last)


def _padded_part(
    pixels: np.ndarray, box: tuple[float, float, float, float]
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """The part of `pixels` under `box` with zeros where the box reaches outside, and the box in that part."""
    high, wide = pixels.shape
    c0, r0 = int(np.floor(box[0] + 1e-6)), int(np.floor(box[1] + 1e-6))
    c1, r1 = ceil(box[2] - 1e-6), ceil(box[3] - 1e-6)
    part = pixels[max(0, r0) : min(high, r1), max(0, c0) : min(wide, c1)]
    if c0 < 0 or r0 < 0 or c1 > wide or r1 > high:
        margins = ((max(0, -r0), max(0, r1 - high)), (max(0, -c0), max(0, c1 - wide)))
        part = np.pad(part, margins)
    inside = (max(0.0, box[0] - c0), max(0.0, box[1] - r0), min(c1 - c0, box[2] - c0), min(r1 - r0, box[3] - r0))
    return part, inside


def _tissue_levels(grey: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """1st and 99th percentile of the breast."""
    inside = grey[mask]
    if not inside.size:
        inside = grey.ravel()
    low, high = np.percentile(inside, (1, 99))
    return float(low), float(max(high, low + 1e-4))


def _normalised(grey: np.ndarray, mask: np.ndarray, levels: tuple[float, float]) -> np.ndarray:
    low, high = levels
    scaled = np.clip((grey - np.float32(low)) / np.float32(high - low), 0, np.float32(BRIGHTEST))
    return np.where(mask, scaled, np.float32(0)).astype(np.float32, copy=False)


def _nipple(
    view: View, outline: BreastOutline, crop: Box, spacing: tuple[float, float], canvas: Placement
) -> Nipple | None:
    """The nipple on the canvas."""
    grey, mask, place = finder_picture(outline, crop, spacing, canvas)
    found = find_nipple(grey, mask, FINDER_UM / 1000, view.projection)
    if found is None:
        return None
    x, y = canvas.to_canvas_point(*place.to_stored_point(found.x, found.y))
    return replace(found, x=x, y=y)


def finder_picture(
    outline: BreastOutline, crop: Box, spacing: tuple[float, float], canvas: Placement
) -> tuple[np.ndarray, np.ndarray, Placement]:
    """What the nipple is searched on: grey values and mask [h, w] with the air around the breast, and their placement."""
    flipped, margin = canvas.flipped, MARGIN_MM * 1000 / FINDER_UM
    scale_y, scale_x = spacing[0] * 1000 / FINDER_UM, spacing[1] * 1000 / FINDER_UM
    edge = canvas.stored_width_px - crop.x1 if flipped else crop.x0
    place = Placement(
        canvas.stored_width_px, canvas.stored_height_px, flipped, scale_x, scale_y, -edge * scale_x,
        margin - crop.y0 * scale_y, ceil(crop.width * scale_x + margin), ceil(crop.height * scale_y + 2 * margin),
    )  # fmt: skip
    mask = render(outline.mask.astype(np.float32), place, outline.factor) > 0.5
    return render(outline.reduced, place, outline.factor), mask, place


def _farthest_skin(mask: np.ndarray) -> Nipple:
    """A guess where there is no outline to judge: the middle of the columns farthest from the chest wall."""
    rows, columns = np.nonzero(mask) if mask.any() else np.nonzero(np.ones_like(mask))
    tip = float(columns.max())
    return Nipple(tip + 1, float(rows[columns == tip].mean()) + 0.5, 0.0, in_profile=False)
