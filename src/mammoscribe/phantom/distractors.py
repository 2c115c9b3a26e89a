"""What a reader must not be fooled by, drawn as often in breasts with lesions as without: nodes, moles, folds, overlap."""

import numpy as np

from mammoscribe.domain.view import Projection
from mammoscribe.phantom.calcifications import stamp_disc
from mammoscribe.phantom.canvas import Canvas
from mammoscribe.phantom.soft import draw_node
from mammoscribe.phantom.streams import GeneratorVersion, stream
from mammoscribe.phantom.structures import DistractorKind, Sighting
from mammoscribe.phantom.texture import power_law_pair, smoothstep


def draw_distractors(canvas: Canvas, rate: float) -> list[Sighting]:
    """Draw the distractors of version 1 in one view, and say where they are.

    What is a thing in space appears in both views of the breast. Version 2 has folds of another kind (`skin.py`).
    """
    found = _nodes(canvas, rate)
    found += _moles(canvas, rate)
    found += _single_calcifications(canvas, rate)
    found += _overlap(canvas, rate)
    return found + (_fold(canvas, rate) if canvas.patient.generator is GeneratorVersion.V1 else [])


def _nodes(canvas: Canvas, rate: float) -> list[Sighting]:
    """An intramammary node with a fatty hilum, upper outer; axillary nodes in the MLO."""
    view, found = canvas.view, []
    rng = stream(canvas.seed, "intramammary", view.laterality)
    if rng.random() < 0.14 * rate:
        reach = 0.55 * min(view.up, view.down)
        x, u = view.project(
            rng.uniform(0.3, 0.55) * view.depth, reach * rng.uniform(0.5, 0.8), reach * rng.uniform(0.5, 0.8)
        )
        size = rng.uniform(5.0, 9.0)
        draw_node(canvas, float(x), float(u), size, rng, fatty=True, strength=rng.uniform(0.2, 0.36))
        found += canvas.sighting(DistractorKind.INTRAMAMMARY_NODE, float(x), float(u), size / 2, size / 2)
    rng = stream(canvas.seed, "axillary", view.laterality)
    if view.projection is Projection.MLO and rng.random() < 0.45 * rate:
        for _ in range(int(rng.integers(1, 4))):
            u = view.top - rng.uniform(6, 28)
            x = max(6.0, float(view.pectoral_edge(u)) + rng.uniform(-14, 8))
            size = rng.uniform(6, 12)
            draw_node(canvas, x, u, size, rng, fatty=True, strength=rng.uniform(0.16, 0.32))
            found += canvas.sighting(DistractorKind.AXILLARY_NODE, x, u, size / 2, size / 2)
    return found


def _moles(canvas: Canvas, rate: float) -> list[Sighting]:
    """A skin mole: faint, sharp, with a thin dark rim of trapped air."""
    rng = stream(canvas.seed, "mole", canvas.view.laterality)
    if rng.random() >= 0.10 * rate:
        return []
    view, reach = canvas.view, 0.75 * min(canvas.view.up, canvas.view.down)
    depth, phi = rng.uniform(0.2, 0.8), rng.uniform(-np.pi, np.pi)
    size = rng.uniform(2.0, 3.2)
    x, u = view.project((1 - depth) * view.depth, reach * np.sin(phi) * depth, reach * np.cos(phi) * depth)
    window = canvas.window(float(x), float(u), size + 2.5)
    if window is None:
        return []
    lumps, _ = power_law_pair(rng, window.values.shape, 1.8, corner_px=12)
    body = smoothstep((np.float32(size) - window.rho) / 0.35 + 0.5)
    rim = np.exp(-(((window.rho - np.float32(size + 0.45)) / 0.3) ** 2))
    window.values[:] += 0.13 * body * (1 + 0.25 * lumps) - 0.10 * rim
    return canvas.sighting(DistractorKind.MOLE, float(x), float(u), size, size)


def _single_calcifications(canvas: Canvas, rate: float) -> list[Sighting]:
    """One or two solitary round particles that nobody would report."""
    rng = stream(canvas.seed, "solitary", canvas.view.laterality)
    if rng.random() >= 0.22 * rate:
        return []
    found: list[Sighting] = []
    reach = 0.6 * min(canvas.view.up, canvas.view.down)
    for _ in range(int(rng.integers(1, 3))):
        depth, phi, far = rng.uniform(0.15, 0.85), rng.uniform(-np.pi, np.pi), np.sqrt(rng.random())
        x, u = canvas.view.project(
            (1 - depth) * canvas.view.depth, far * reach * np.sin(phi) * depth, far * reach * np.cos(phi) * depth
        )
        radius = rng.uniform(0.15, 0.4)
        stamp_disc(canvas, float(x), float(u), radius, rng.uniform(0.15, 0.35), rng, wobble=0.03)
        found += canvas.sighting(DistractorKind.SOLITARY_CALCIFICATION, float(x), float(u), radius, radius)
    return found


def _overlap(canvas: Canvas, rate: float) -> list[Sighting]:
    """Tissue planes that cross in one projection only: soft, mixed with fat, without a convex edge."""
    rng = stream(canvas.seed, "overlap", canvas.view.kind)
    if rng.random() >= 0.30 * rate:
        return []
    view, size = canvas.view, rng.uniform(6, 13)
    depth, side = rng.uniform(0.25, 0.8), rng.uniform(-0.6, 0.6)
    x, u = (1 - depth) * view.depth, side * min(view.up, view.down)
    window = canvas.window(x, u, 2.2 * size)
    if window is None or float(view.outline(u)) < x + 8:
        return []
    ragged, holes = power_law_pair(rng, window.values.shape, 3.1, corner_px=10 * size)
    turn = rng.uniform(-np.pi, np.pi)
    a = window.dx * np.float32(np.cos(turn)) + window.du * np.float32(np.sin(turn))
    b = window.du * np.float32(np.cos(turn)) - window.dx * np.float32(np.sin(turn))
    far = np.sqrt((a / (1.2 * size)) ** 2 + (b / (0.6 * size)) ** 2) + 0.3 * ragged
    shape = smoothstep((1.1 - far) / 0.9) * smoothstep((2.1 * size - window.rho) / (0.5 * size))
    window.values[:] += np.float32(rng.uniform(0.10, 0.22)) * shape * np.clip(0.8 + 0.6 * holes, 0, 2)
    return canvas.sighting(DistractorKind.OVERLAPPING_TISSUE, x, u, size, size)


def _fold(canvas: Canvas, rate: float) -> list[Sighting]:
    """A skin fold: a bright line with a darker shadow beside it, near the armpit or the lower fold of an MLO."""
    rng = stream(canvas.seed, "fold", canvas.view.kind)
    if canvas.view.projection is not Projection.MLO or rng.random() >= 0.16 * rate:
        return []
    view = canvas.view
    high = rng.random() < 0.6
    u = view.top - rng.uniform(12, 30) if high else -view.down + rng.uniform(8, 18)
    reach = float(view.outline(u))
    window = canvas.window(0.6 * reach, u, 0.42 * reach)
    if window is None:
        return []
    line = window.du - np.float32(rng.uniform(-0.3, 0.3)) * window.dx - 0.004 * window.dx**2
    fade = smoothstep((0.40 * reach - window.rho) / (0.2 * reach))
    window.values[:] += fade * (0.16 * np.exp(-((line / 0.8) ** 2)) - 0.07 * np.exp(-(((line - 2.2) / 1.3) ** 2)))
    return canvas.sighting(DistractorKind.SKIN_FOLD, 0.6 * reach, u, 0.4 * reach, 6.0)
