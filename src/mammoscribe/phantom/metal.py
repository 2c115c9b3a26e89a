"""Drawing foreign objects on an exposed picture: balls, rings, wires, clips and ports that no X-ray goes through."""

import numpy as np

from mammoscribe.phantom.foreign import ForeignObject
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.sheet import WHITE, Sheet, blend
from mammoscribe.phantom.streams import GeneratorVersion, stream
from mammoscribe.phantom.structures import Sighting
from mammoscribe.phantom.texture import lines

_STEP_PX = 0.4
_PIECE_MM = 10.0
"""A wire is named by a box for about every so many millimetres of it."""


def lay_foreign(sheet: Sheet, things: tuple[ForeignObject, ...], seed: int) -> list[Sighting]:
    """Draw all that this view shows, and say where; what is off the sheet is not named."""
    return [s for thing in things if thing.shown_in(sheet.view) for s in _lay(sheet, thing, seed)]


def _lay(sheet: Sheet, thing: ForeignObject, seed: int) -> list[Sighting]:
    own = stream(seed, "foreign", thing.id, thing.laterality, version=GeneratorVersion.V2)
    here = stream(seed, "foreign", thing.id, sheet.view.view_id, version=GeneratorVersion.V2)
    grey = WHITE * own.uniform(0.93, 1.0)
    points = thing.projected(sheet.view)
    if thing.style in ("scar_wire", "hook"):
        return _wire(sheet, thing, points, grey, own)
    x, u = (float(v) for v in points[0])
    if thing.style in ("ball", "nipple_ball"):
        return _round(sheet, thing, x, u, grey, 0.0)
    if thing.style == "ring":
        return _round(sheet, thing, x, u, grey * own.uniform(0.6, 1.0), own.uniform(0.5, 0.9))
    if thing.style == "port":
        return _port(sheet, thing, x, u, grey, own)
    return _clip(sheet, thing, (x, u), grey, here.uniform(-np.pi, np.pi), here.uniform(0.6, 1.0))


def _round(sheet: Sheet, thing: ForeignObject, x: float, u: float, grey: float, wall_mm: float) -> list[Sighting]:
    """A ball, or a ring with a wall of `wall_mm`."""
    radius = 0.5 * thing.size_mm
    window = sheet.window(x, u, radius + 1.0)
    if window is None:
        return []
    edge = (np.float32(radius) - window.rho) / np.float32(PIXEL_MM)
    cover = np.clip(0.5 * edge + 0.5, 0, 1)
    if wall_mm:
        cover *= np.clip(0.5 * (np.float32(wall_mm / PIXEL_MM) - edge) + 0.5, 0, 1)
    blend(window.values, cover, grey)
    row, col = sheet.to_px(x, u)
    return sheet.seen(thing.kind, row, col, radius / PIXEL_MM + 1)


def _stroke(sheet: Sheet, rows: np.ndarray, cols: np.ndarray, width_mm: float, grey: float) -> None:
    """An even line through densely sampled points in pixels of the sheet; parts off the sheet are left out."""
    margin = round(3 * width_mm / PIXEL_MM) + 3
    r0, r1 = max(0, int(rows.min()) - margin), min(sheet.pixels.shape[0], int(rows.max()) + margin)
    c0, c1 = max(0, int(cols.min()) - margin), min(sheet.pixels.shape[1], int(cols.max()) + margin)
    if r1 - r0 < 2 or c1 - c0 < 2:
        return
    cut = sheet.pixels[r0:r1, c0:c1]
    weights = np.full(rows.shape, 1.6)[None]
    drawn = lines(cut.shape, rows[None] - r0, cols[None] - c0, weights, width_mm / PIXEL_MM)
    blend(cut, np.clip(drawn, 0, 1), grey)


def _dense(points: np.ndarray) -> np.ndarray:
    """Points along a polyline in pixels, [n, 2] to [m, 2], so close that lines through them are whole."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, lengths[-1], max(2, int(lengths[-1] / _STEP_PX)))
    return np.stack([np.interp(at, lengths, points[:, k]) for k in (0, 1)], axis=1)


def _wire(
    sheet: Sheet, thing: ForeignObject, points: np.ndarray, grey: float, rng: np.random.Generator
) -> list[Sighting]:
    """A thin wire along its points; a localisation wire has a hook at its tip."""
    rows, cols = sheet.to_px(points[:, 0], points[:, 1])
    way = _dense(np.stack([rows, cols], axis=1))
    inside = (
        (way[:, 0] > -2)
        & (way[:, 0] < sheet.pixels.shape[0] + 2)
        & (way[:, 1] > -2)
        & (way[:, 1] < sheet.pixels.shape[1] + 2)
    )
    if inside.sum() < 10:
        return []
    way = way[inside]
    _stroke(
        sheet, way[:, 0], way[:, 1], thing.size_mm, grey * (1.0 if thing.style == "hook" else rng.uniform(0.75, 1.0))
    )
    if thing.style == "hook":
        back = way[min(len(way) - 1, 90)] - way[0]
        turn = rng.choice([-1.0, 1.0]) * 0.5
        barb = np.array(
            [back[0] * np.cos(turn) - back[1] * np.sin(turn), back[0] * np.sin(turn) + back[1] * np.cos(turn)]
        )
        hook = _dense(np.stack([way[0], way[0] + barb]))
        _stroke(sheet, hook[:, 0], hook[:, 1], thing.size_mm, grey)
    margin, pieces = 0.5 * thing.size_mm / PIXEL_MM + 2, max(1, round(len(way) * _STEP_PX * PIXEL_MM / _PIECE_MM))
    # a box around a whole oblique wire would hold far more breast than wire
    return [s for part in np.array_split(way, pieces) for s in sheet.seen(thing.kind, part[:, 0], part[:, 1], margin)]


_SHAPES = {
    "bar": [(-0.5, 0.0), (0.5, 0.0)],
    "staple": [(-0.5, 0.10), (0.1, 0.02), (0.5, 0.0), (0.1, -0.02), (-0.5, -0.10)],
    "ribbon": [(-0.5, -0.3), (0.1, 0.15), (0.4, 0.25), (0.5, 0.0), (0.4, -0.25), (0.1, -0.15), (-0.5, 0.3)],
    "coil": [(0.5 * t / 30 - 0.5 + 0.5 * t / 30, 0.22 * np.sin(0.63 * t)) for t in range(31)],
}
"""Outlines of clips over their length, along and across."""


def _clip(
    sheet: Sheet, thing: ForeignObject, at: tuple[float, float], grey: float, turn: float, shortened: float
) -> list[Sighting]:
    """A clip, turned and shortened as the view sees it."""
    shape = np.array(_SHAPES[thing.style]) * thing.size_mm * (shortened, 1.0)
    c, s = np.cos(turn), np.sin(turn)
    along, across = shape[:, 0] * c - shape[:, 1] * s, shape[:, 0] * s + shape[:, 1] * c
    way = _dense(np.stack(sheet.to_px(at[0] + along, at[1] + across), axis=1))
    width = 0.7 if thing.style == "bar" else 0.45
    _stroke(sheet, way[:, 0], way[:, 1], width, grey)
    return sheet.seen(thing.kind, way[:, 0], way[:, 1], 0.5 * width / PIXEL_MM + 1)


def _port(
    sheet: Sheet, thing: ForeignObject, x: float, u: float, grey: float, rng: np.random.Generator
) -> list[Sighting]:
    """A port or pacemaker: a plate with round corners, thinner parts inside it, and a lead that leaves it."""
    radius = 0.5 * thing.size_mm
    window = sheet.window(x, u, radius + 1.5)
    if window is None:
        return []
    power, squeeze = rng.uniform(2.2, 5.0), rng.uniform(0.7, 1.0)
    far = (np.abs(window.dx / squeeze) ** power + np.abs(window.du) ** power) ** (1 / power) - radius
    blend(window.values, np.clip(0.5 - far / np.float32(2 * PIXEL_MM), 0, 1), grey)
    t = np.linspace(0, 1, 30)
    lead = (x - rng.uniform(5, 20) * t, u + radius * 0.8 * np.cos(3 * t) + rng.uniform(10, 30) * t)
    way = _dense(np.stack(sheet.to_px(*lead), axis=1))
    _stroke(sheet, way[:, 0], way[:, 1], 1.6, 0.97 * grey)
    row, col = sheet.to_px(x, u)
    return sheet.seen(thing.kind, row, col, radius / PIXEL_MM + 1)
