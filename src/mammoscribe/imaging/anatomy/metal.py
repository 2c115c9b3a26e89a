"""Things that are no tissue: balls and rings that mark the skin, clips, wires, letters and labels, white film borders.

All of them are brighter than what is around them, with edges sharper than tissue has; what they are is decided by shape.
Grey values are those of a canvas: 0..1 from the darkest to the brightest percent of the breast, clipped at 1.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoscribe.domain.anatomy import Structure
from mammoscribe.domain.view import Box

_THIN_MM = 3.0
_RAISED, _BRIGHT, _ABOVE_AIR = 0.3, 0.85, 0.9
_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True)
class ForeignObject:
    """One thing that is no tissue, with its box on the canvas."""

    structure: Structure
    box: Box


@dataclass(frozen=True)
class _Piece:
    """A connected piece of a mask: its box in pixels, its pixels, and the axes of the ellipse with its moments, in mm."""

    top: int
    left: int
    pixels: np.ndarray
    length_mm: float
    width_mm: float
    area_mm2: float

    @property
    def box(self) -> Box:
        high, wide = self.pixels.shape
        return Box(self.left, self.top, self.left + wide, self.top + high)

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The picture's values on the piece."""
        high, wide = self.pixels.shape
        return picture[self.top : self.top + high, self.left : self.left + wide][self.pixels]

    @property
    def solid(self) -> float:
        """Area over that of the ellipse: 1 for a disc or an ellipse, less for what is bent, hollow or ragged."""
        return self.area_mm2 / (np.pi / 4 * self.length_mm * self.width_mm)


def foreign_objects(
    pixels: np.ndarray, body: np.ndarray, skin_mm: np.ndarray, mm_per_px: float
) -> tuple[ForeignObject, ...]:
    """Rings and balls on the skin, letters, wires and film borders that half-millimetre pixels show.

    A ball or clip over the breast looks like a coarse calcification in such pixels: see `metal_in_detail`.

    Args:
        pixels: float32 [h, w], 0 outside the breast, chest wall left.
        body: bool [h, w], the breast without what sticks out of it.
        skin_mm: [h, w] distance from the skin, 0 outside the breast.
        mm_per_px: millimetres per pixel.
    """
    mask, white = skin_mm > 0, pixels > white_level(pixels)
    raised = raised_by(pixels, mm_per_px)
    found = [
        *film_borders(white, mask, mm_per_px), *rings(raised, skin_mm, mm_per_px),
        *_labels(white & mask & ~body, mm_per_px),
    ]  # fmt: skip
    balls = (p for p in pieces(raised > _ABOVE_AIR, mm_per_px) if _is_ball(p, pixels, skin_mm))
    wires = (p for p in pieces((raised > _RAISED) & (pixels > _BRIGHT), mm_per_px) if _is_wire(p, white, skin_mm))
    rows = np.nonzero(mask.any(axis=1))[0]
    for structure, found_pieces in ((Structure.MARKER, balls), (Structure.WIRE, wires)):
        for piece in found_pieces:
            from_ends = min(piece.box.y0 - rows[0], rows[-1] + 1 - piece.box.y1) * mm_per_px
            if from_ends < 3 or piece.left * mm_per_px < 5:
                continue  # at the chest wall and the ends of the film, folds and edges are as white as metal
            if not any(thing.box.contains(*piece.box.centre) for thing in found):
                found.append(ForeignObject(structure, piece.box))
    return tuple(_letters_among(found, 10.0 / mm_per_px))


def white_level(pixels: np.ndarray) -> float:
    """Grey value above which a canvas is white; the brightest percent may be metal itself.

    Shapes: pixels [H, W], grey 0..1.
    """
    return min(1.15, 0.97 * float(pixels.max()))


def _letters_among(found: list[ForeignObject], near: float) -> list[ForeignObject]:
    """The same things, small ones in a row renamed: balls are laid singly, strokes of letters stand beside each other."""
    small = [t for t in found if t.structure is Structure.MARKER and max(t.box.width, t.box.height) < near / 2]

    def in_row(thing: ForeignObject) -> bool:
        gaps = (np.hypot(*np.subtract(thing.box.centre, other.box.centre)) for other in small if other is not thing)
        return thing in small and any(gap < near for gap in gaps)

    return [ForeignObject(Structure.LETTER, t.box) if in_row(t) else t for t in found]


def raised_by(pixels: np.ndarray, mm_per_px: float) -> np.ndarray:
    """How far a canvas rises above its surroundings where something is narrower than 3 mm (white top-hat).

    Shapes: pixels [H, W] -> [H, W].
    """
    size = 2 * max(1, round(_THIN_MM / mm_per_px / 2)) + 1
    return pixels - ndimage.grey_opening(pixels, size=(size, size))


def pieces(found: np.ndarray, mm_per_px: float, corners: bool = True, most_mm2: float = np.inf) -> Iterator[_Piece]:
    """The connected pieces of a mask that have three pixels or more.

    Shapes: found [H, W] bool.

    Args:
        corners: whether pixels that share no more than a corner hang together.
        most_mm2: larger pieces are left out.
    """
    labels, _ = ndimage.label(found, structure=_EIGHT if corners else None)  # type: ignore[misc]
    sizes = np.bincount(labels.ravel())
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        if 3 <= sizes[number] <= most_mm2 / mm_per_px**2:
            yield _piece(labels[rows, columns] == number, rows.start, columns.start, mm_per_px)


def _piece(pixels: np.ndarray, top: int, left: int, mm_per_px: float) -> _Piece:
    length, width = axes(pixels) * mm_per_px
    return _Piece(top, left, pixels, length, width, float(pixels.sum()) * mm_per_px**2)


def axes(pixels: np.ndarray) -> np.ndarray:
    """Longer and shorter axis, in pixels, of the ellipse with the same second moments.

    Shapes: pixels [h, w] bool -> [2].
    """
    spread = np.cov(np.stack(np.nonzero(pixels)), bias=True) + np.eye(2) / 12
    return 4 * np.sqrt(np.linalg.eigvalsh(spread)[::-1])


def rings(raised: np.ndarray, skin_mm: np.ndarray, mm_per_px: float) -> list[ForeignObject]:
    """Rings of wire or plastic that are laid around moles and scars: evenly bright closed ellipses, 6 to 22 mm long.

    Shapes: raised and skin_mm [H, W].

    The picture is continued as a mirror image beyond the chest wall, so that a ring cut there closes; a strip of abdomen
    closes there as well, but its rim is skin.
    """
    margin = round(12 / mm_per_px)
    mirrored = np.pad(raised, ((0, 0), (margin, 0)), mode="symmetric")
    found: list[ForeignObject] = []
    for level in (0.3, 0.2):
        line = np.asarray(ndimage.binary_closing(mirrored > level), bool)
        for hole in pieces(~line, mm_per_px, corners=False, most_mm2=400):
            if not (6 <= hole.length_mm <= 22 and hole.width_mm >= 3 and hole.solid > 0.9):
                continue
            right = hole.left + hole.pixels.shape[1] - margin
            row = hole.top + hole.pixels.shape[0] // 2
            cut = hole.left < margin
            if right <= 0 or (cut and skin_mm[row, right - 1] < 8) or not _even_rim(mirrored, hole, mm_per_px):
                continue
            box = _wider(hole.box, 1.5 / mm_per_px, margin)
            if not any(other.box.iou(box) > 0.3 for other in found):
                found.append(ForeignObject(Structure.MARKER, box))
    return found


def _even_rim(raised: np.ndarray, hole: _Piece, mm_per_px: float) -> bool:
    """Whether all of the hole's rim stands out: its darkest sixteenth by 0.3, its middle one by 0.4."""
    reach = max(2, round(2 / mm_per_px))
    padded = np.pad(hole.pixels, reach)
    rim = ndimage.binary_dilation(padded, structure=_EIGHT, iterations=reach) & ~padded
    high, wide = padded.shape
    window = np.pad(raised, reach)[hole.top : hole.top + high, hole.left : hole.left + wide]
    rows, columns = np.nonzero(rim)
    angle = np.arctan2(rows - (high - 1) / 2, columns - (wide - 1) / 2)
    sixteenth = ((angle / (2 * np.pi) + 0.5) * 16).astype(int) % 16
    peaks = ndimage.maximum(window[rim], sixteenth, index=np.arange(16))
    return bool(np.min(peaks) > 0.3 and np.median(peaks) > 0.4)


def _wider(box: Box, by: float, left_of: float = 0.0) -> Box:
    x0 = max(0.0, box.x0 - by - left_of)
    return Box(x0, box.y0 - by, max(x0 + 1, box.x1 + by - left_of), box.y1 + by)


def _labels(white_beyond: np.ndarray, mm_per_px: float) -> list[ForeignObject]:
    """White patches that stick out of the breast, larger than a ball and away from the chest wall: lead labels."""
    patches = pieces(white_beyond, mm_per_px, most_mm2=400)
    large = (p for p in patches if p.area_mm2 > 8 and p.width_mm > 1.5 and p.left * mm_per_px > 5)
    return [ForeignObject(Structure.LETTER, patch.box) for patch in large]


def _is_ball(piece: _Piece, pixels: np.ndarray, skin_mm: np.ndarray) -> bool:
    """Whether a piece as far above its surroundings as metal is above air is a ball at the skin: round and by itself.

    A piece of the white skin line goes on at two sides.
    """
    round_enough = piece.length_mm <= 4.5 and piece.width_mm > 0.5 * piece.length_mm
    if not round_enough or (piece.of(skin_mm) < 4).mean() <= 0.5:
        return False
    high, wide = piece.pixels.shape
    padded = np.pad(piece.pixels, 2)
    rim = ndimage.binary_dilation(padded, structure=_EIGHT, iterations=2) & ~padded
    window = np.pad(pixels, 2)[piece.top : piece.top + high + 4, piece.left : piece.left + wide + 4]
    return bool((window[rim] > 0.6).mean() < 0.2)


def _is_wire(piece: _Piece, white: np.ndarray, skin_mm: np.ndarray) -> bool:
    """Whether it is a thin line, 15 mm or longer and white all along, away from the skin, which looks the same."""
    thin = piece.length_mm >= 15 and piece.area_mm2 / piece.length_mm < 2.2
    return bool(thin and piece.of(skin_mm).min() > 6 and piece.of(white).mean() > 0.7)


def film_borders(white: np.ndarray, mask: np.ndarray, mm_per_px: float) -> list[ForeignObject]:
    """White strips along the edges of the breast's part of the film, at most 8 mm wide, with darker tissue beside them.

    Args:
        white, mask: bool [h, w]: the white pixels, and the breast.
        mm_per_px: millimetres per pixel.
    """
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not rows.size:
        return []
    top, bottom, right = float(rows[0]), float(rows[-1] + 1), float(columns[-1] + 1)
    inside = (slice(rows[0], rows[-1] + 1), slice(0, columns[-1] + 1))
    part, there, most = white[inside], mask[inside], round(8 / mm_per_px)
    found = []
    if depth := _white_lines(part, there, most):
        found.append(Box(0, top, right, top + depth))
    if depth := _white_lines(part[::-1], there[::-1], most):
        found.append(Box(0, bottom - depth, right, bottom))
    if depth := _white_lines(part.T, there.T, most):
        found.append(Box(0, top, float(depth), bottom))
    return [ForeignObject(Structure.FILM_BORDER, box) for box in found]


def _white_lines(white: np.ndarray, there: np.ndarray, most: int) -> int:
    """How many lines from the first one on are white over most of their length; 0 where no darker line follows."""
    lines = zip(white[: most + 1], there[: most + 1], strict=True)
    full = [bool(t.sum() > 20 and w[t].mean() > 0.7) for w, t in lines]
    depth = full.index(False) if False in full else len(full)
    after = white[depth + 1 : depth + 4][there[depth + 1 : depth + 4]]
    return depth if 0 < depth <= most and after.size and after.mean() < 0.3 else 0


def metal_in_detail(
    coarse: np.ndarray, skin_mm: np.ndarray, coarse_mm: float,
    detail: np.ndarray, detail_mm: float, offset: tuple[float, float],
) -> list[ForeignObject]:  # fmt: skip
    """Balls and clips over the breast, told from calcifications by their even white and smooth outline in fine pixels.

    Args:
        coarse: [h, w] canvas on which candidates are looked for.
        skin_mm: [h, w] distance from the skin on it, where everything is sharp and white.
        coarse_mm, detail_mm: millimetres per pixel.
        detail: [H, W] the same breast in finer pixels, best 0.2 mm or less.
        offset: (x, y) of the coarse origin on the detail, in its pixels.
    """
    zoom = coarse_mm / detail_mm
    candidates = pieces((raised_by(coarse, coarse_mm) > _RAISED) & (coarse > _BRIGHT), coarse_mm)
    found = []
    for piece in candidates:
        at_edge = piece.left * coarse_mm < 5 or np.min(piece.of(skin_mm)) < 3
        if at_edge or piece.length_mm > 9 or piece.area_mm2 > 16:
            continue
        x, y = piece.box.centre
        seen = _seen_closely(detail, (x * zoom + offset[0], y * zoom + offset[1]), detail_mm)
        if seen is not None:
            found.append(ForeignObject(seen, piece.box))
    return found


def _seen_closely(detail: np.ndarray, centre: tuple[float, float], mm_per_px: float) -> Structure | None:
    """A ball, a clip or neither, in a window of 12 mm around a place."""
    reach = round(6 / mm_per_px)
    left, top = max(0, round(centre[0]) - reach), max(0, round(centre[1]) - reach)
    window = detail[top : top + 2 * reach, left : left + 2 * reach]
    if min(window.shape) < reach:
        return None
    middle = float(np.median(window)) * 0.5 + float(window.max()) * 0.5
    around = [p for p in pieces(window > middle, mm_per_px) if p.of(window).max() >= window.max() - 1e-3]
    if len(around) != 1 or window.max() < white_level(detail):
        return None
    piece = around[0]
    white = float((piece.of(window) > white_level(detail)).mean())
    if white > 0.45 and piece.solid > 0.9 and piece.width_mm > 0.8 * piece.length_mm and 1.4 <= piece.length_mm <= 3.6:
        return Structure.MARKER
    straight = piece.solid > 0.8 and piece.width_mm < 0.45 * piece.length_mm
    if white > 0.45 and straight and 2.5 <= piece.length_mm <= 8 and piece.width_mm <= 1.8:
        return Structure.CLIP
    return None
