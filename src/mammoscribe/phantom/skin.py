"""What skin and posture add to a view: nipples in and out of profile, folds, the inframammary fold, uneven compression."""

import numpy as np

from mammoscribe.domain.view import Projection
from mammoscribe.phantom.canvas import Canvas
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.soft import draw_node
from mammoscribe.phantom.streams import GeneratorVersion, stream
from mammoscribe.phantom.structures import DistractorKind, Sighting
from mammoscribe.phantom.texture import COARSE_MM, power_law_pair, smoothstep


def press_unevenly(coarse: np.ndarray, canvas_mm: tuple[float, float], amount: float, rng: np.random.Generator) -> None:
    """Add to a log attenuation on the coarse grid what a tilted paddle does: a slope and a broad swell, in place.

    Shapes: coarse [rows, columns].

    Args:
        canvas_mm: nipple distance and half height of the breast.
        amount: log attenuation from end to end.
    """
    rows, cols = coarse.shape
    turn, swell, at = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.5), rng.uniform(0.2, 0.8)
    x = ((np.arange(cols) + 0.5) * COARSE_MM / canvas_mm[0]).astype(np.float32)
    u = ((np.arange(rows) / rows - 0.5) * rows * COARSE_MM / canvas_mm[1]).astype(np.float32)
    across = np.cos(turn) * (x - 0.5) + swell * np.exp(-(((x - at) / 0.3) ** 2))
    along = 0.5 * np.sin(turn) * u
    coarse += np.float32(amount) * (across[None, :] + along[:, None]).astype(np.float32)


def lay_skin(canvas: Canvas, rate: float, retracted: bool) -> list[Sighting]:
    """Draw nipple and folds of one view, and nodes at the edge of the muscle; returns where they are."""
    found = _nipple(canvas, retracted)
    if canvas.view.abdomen:
        found += _inframammary_fold(canvas)
    for k in range(2):
        found += _fold(canvas, rate, k)
    if canvas.view.projection is Projection.MLO:
        found += _armpit(canvas, rate)
    return found


def _nipple(canvas: Canvas, retracted: bool) -> list[Sighting]:
    """A knob at the tip, or a disc over the breast with air trapped about it; a retracted one is drawn with the outline."""
    view = canvas.view
    rng = stream(canvas.seed, "nipple", view.view_id, version=GeneratorVersion.V2)
    x, u = view.nipple_place()
    radius, strength, air = rng.uniform(3.6, 6.0), rng.uniform(0.10, 0.30), rng.uniform(0.0, 0.10)
    squeeze = rng.uniform(0.7, 1.0)
    if view.nipple_inside is None:
        x -= 0.6 * radius
    window = canvas.window(x, u, radius + 5)
    if window is None:
        return []
    if not retracted:
        far = np.sqrt((window.dx / np.float32(squeeze)) ** 2 + window.du**2)
        body = smoothstep((np.float32(radius) - far) / np.float32(1.1) + 0.5)
        rim = np.exp(-(((far - np.float32(radius + 0.9)) / np.float32(0.6)) ** 2))
        lumps, _ = power_law_pair(rng, window.values.shape, 2.2, corner_px=25)
        if view.nipple_inside is None:
            strength, air = 0.6 * strength, 0.0
        window.values[:] += np.float32(strength) * body * (1 + 0.2 * lumps) - np.float32(air) * rim
    return canvas.sighting(DistractorKind.NIPPLE, x, u, radius, radius)


def _inframammary_fold(canvas: Canvas) -> list[Sighting]:
    """Where breast meets belly: two layers of skin, a bright band from the notch to the chest wall, and the belly's skin."""
    view = canvas.view
    rng = stream(canvas.seed, "inframammary", view.view_id, version=GeneratorVersion.V2)
    notch_u = view.fold_height - 1.0
    notch_x = float(view.outline(notch_u))
    lift, wide, strength = rng.uniform(0.0, 5.0), rng.uniform(0.7, 2.4), rng.uniform(0.18, 0.55)
    window = canvas.window(0.5 * notch_x, notch_u, 0.75 * notch_x + 14)
    if window is None:
        return []
    x = window.dx + np.float32(0.5 * notch_x)
    u = window.du - np.float32(lift) * (1 - np.clip(x / np.float32(max(notch_x, 1.0)), 0, 1)) ** 2
    crease = np.exp(-np.abs(u) / np.float32(wide))
    doubled = smoothstep(-u / np.float32(2.0)) * smoothstep((u + np.float32(9.0)) / 5.0)
    reach = smoothstep((np.float32(notch_x + 2.0) - x) / 4.0) * smoothstep((window.du.max() - np.abs(window.du)) / 3.0)
    window.values[:] += reach * (np.float32(strength) * crease + np.float32(0.45 * strength) * doubled)
    _belly(canvas, rng.uniform(0.1, 0.4))
    low = view.top - view.rows * PIXEL_MM
    high = notch_u + 3.0 + lift
    wall = max(notch_x, float(view.abdomen_outline(low)))
    return canvas.sighting(
        DistractorKind.INFRAMAMMARY_FOLD, 0.5 * wall, 0.5 * (high + low), 0.5 * wall, 0.5 * (high - low)
    )


def _belly(canvas: Canvas, strength: float) -> None:
    """The belly is thick behind its skin and held by no paddle: denser than fat under pressure."""
    view = canvas.view
    first = int(np.clip((view.top - view.fold_height) / PIXEL_MM, 0, view.rows - 1))
    us = view.heights()[first:]
    edge = view.abdomen_outline(us)[:, None]
    cols = min(view.cols, int(edge.max() / PIXEL_MM) + 2)
    xs = (np.arange(cols) + 0.5)[None, :] * PIXEL_MM
    canvas.log[first:, :cols] += np.float32(strength) * smoothstep((edge - xs) / 6.0).astype(np.float32)


def _fold(canvas: Canvas, rate: float, number: int) -> list[Sighting]:
    """A fold of skin at the rim of the breast: a bright doubled layer with a sharp edge, and trapped air beside it."""
    view = canvas.view
    rng = stream(canvas.seed, "skin_fold", view.view_id, str(number), version=GeneratorVersion.V2)
    here, up, inward = rng.random() < 0.13 * rate, rng.random() < 0.6, rng.uniform(0.35, 0.95)
    half, turn, bend = rng.uniform(6, 20), rng.normal(0, 0.35), rng.normal(0, 0.006)
    wide, strength, air = rng.uniform(0.35, 0.9), rng.uniform(0.10, 0.34), rng.uniform(0.0, 0.16)
    layer = rng.uniform(1.5, 6.0)
    u = (0.82 + 0.14 * rng.random()) * (view.up if up else -view.down)
    if view.projection is Projection.MLO and up:
        u = view.top - rng.uniform(6, 34)
    if not here:
        return []
    x = inward * float(view.breast_outline(u))
    window = canvas.window(x, u, half)
    if window is None:
        return []
    along = window.dx * np.float32(np.cos(turn)) + window.du * np.float32(np.sin(turn))
    across = window.du * np.float32(np.cos(turn)) - window.dx * np.float32(np.sin(turn)) - np.float32(bend) * along**2
    fade = smoothstep((np.float32(half) - np.abs(along)) / np.float32(0.5 * half)) * smoothstep(
        (half - np.abs(across)) / 2
    )
    line = np.exp(-((across / np.float32(wide)) ** 2))
    doubled = smoothstep(across / np.float32(0.5)) * smoothstep((np.float32(layer) - across) / np.float32(layer))
    gap = np.exp(-(((across + np.float32(1.5 * wide)) / np.float32(1.2 * wide)) ** 2))
    window.values[:] += fade * (np.float32(strength) * (line + 0.4 * doubled) - np.float32(air) * gap)
    tall = min(half, abs(np.sin(turn)) * half + abs(bend) * half**2 + layer)
    return canvas.sighting(DistractorKind.SKIN_FOLD, x, u, abs(np.cos(turn)) * half, tall)


def _armpit(canvas: Canvas, rate: float) -> list[Sighting]:
    """Nodes along the edge of the muscle, and the folded skin of the armpit beside the tail of the breast."""
    view = canvas.view
    rng = stream(canvas.seed, "armpit_nodes", view.laterality, version=GeneratorVersion.V2)
    here, number = rng.random() < 0.22 * rate, int(rng.integers(1, 3))
    found: list[Sighting] = []
    for _ in range(number):
        size, below, aside = rng.uniform(8, 17), rng.uniform(8, 45), rng.normal(2, 5)
        strength, fatty = rng.uniform(0.20, 0.45), rng.random() < 0.85
        own = np.random.Generator(np.random.PCG64(int(rng.integers(1 << 62))))
        u = view.top - below
        x = float(np.clip(float(view.pectoral_edge(u)) + aside, 6.0, max(6.0, float(view.breast_outline(u)) - size)))
        if here:
            draw_node(canvas, x, u, size, own, fatty=bool(fatty), strength=strength)
            found += canvas.sighting(DistractorKind.AXILLARY_NODE, x, u, 0.5 * size, 0.5 * size)
    return found + _armpit_skin(canvas, rate)


def _armpit_skin(canvas: Canvas, rate: float) -> list[Sighting]:
    """The arm's skin that bulges into the upper corner: a band along the outline with two or three creases."""
    view = canvas.view
    rng = stream(canvas.seed, "armpit_skin", view.view_id, version=GeneratorVersion.V2)
    here, tall, deep = rng.random() < 0.20 * rate, rng.uniform(12, 26), rng.uniform(6, 14)
    strength, creases = rng.uniform(0.12, 0.35), int(rng.integers(1, 4))
    if not here:
        return []
    u = view.top - 0.5 * tall
    edge = float(view.breast_outline(u))
    window = canvas.window(edge - 0.5 * deep, u, 0.5 * tall + 4)
    if window is None:
        return []
    behind = np.float32(0.5 * deep) - window.dx
    fade = smoothstep((np.float32(deep) - behind) / np.float32(0.6 * deep)) * smoothstep(
        (np.float32(0.5 * tall) - np.abs(window.du)) / 6.0
    )
    field = np.full(window.values.shape, 0.5, np.float32) * fade
    for _ in range(creases):
        height, slope = rng.uniform(-0.35, 0.35) * tall, rng.normal(0, 0.4)
        field += fade * np.exp(-(((window.du - height - slope * window.dx) / np.float32(rng.uniform(0.4, 0.8))) ** 2))
    window.values[:] += np.float32(strength) * field
    return canvas.sighting(DistractorKind.SKIN_FOLD, edge - 0.5 * deep, u, 0.5 * deep + 1, 0.5 * tall)
