"""Drawing what is not a thing but a change of tissue: distortion, asymmetry, thick skin, axillary nodes."""

import numpy as np
from scipy import ndimage

from mammoscribe.domain.view import Projection
from mammoscribe.phantom.canvas import Canvas, Footprint, Window
from mammoscribe.phantom.geometry import PIXEL_MM, ViewGeometry
from mammoscribe.phantom.lesions import LesionPlan
from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.texture import COARSE_MM, lines, power_law_pair, smoothstep
from mammoscribe.phantom.tissue import Tissue


def draw_distortion(canvas: Canvas, lesion: LesionPlan, scale: float = 1.0) -> Footprint | None:
    """Pull tissue towards a point and draw straight lines that radiate from it, without a central mass."""
    radius = 0.5 * lesion.diameter_mm * (0.6 + 0.4 * scale)
    x, u = (float(v) for v in canvas.view.project(lesion.x, lesion.lat, lesion.z))
    window = canvas.window(x, u, 2.6 * radius)
    if window is None:
        return None
    pull(window, 0.8 * radius, 0.62 * min(1.0, lesion.contrast) * min(1.0, scale))
    _radiate(canvas, lesion, window, radius, (x, u), 0.23 * lesion.contrast * min(1.0, scale))
    return window.footprint(window.rho < 1.0 * radius)


def pull(window: Window, sigma_mm: float, strength: float) -> None:
    """Displace the window's tissue towards its centre: offset strength * r * exp(-r**2 / 2 sigma**2)."""
    rows, cols = window.values.shape
    amount = strength * np.exp(-(window.rho**2) / np.float32(2 * sigma_mm**2))
    amount *= smoothstep((2.55 * sigma_mm / 0.8 - window.rho) / (0.5 * sigma_mm))
    r = np.arange(rows, dtype=np.float32)[:, None] - amount * window.du / PIXEL_MM
    c = np.arange(cols, dtype=np.float32)[None, :] + amount * window.dx / PIXEL_MM
    window.values[:] = ndimage.map_coordinates(window.values.copy(), [r, c], order=1, mode="nearest")


def _radiate(canvas: Canvas, lesion: LesionPlan, window: Window, radius: float, centre, strength: float) -> None:
    rng = stream(canvas.seed, "rays", lesion.id, canvas.view.kind)
    n, t = int(rng.integers(10, 19)), np.linspace(0, 1, 500)[None, :]
    phi = rng.uniform(-np.pi, np.pi, (n, 1)) + rng.normal(0, 0.06, (n, 1)) * t
    rho = radius * (rng.uniform(0.03, 0.3, (n, 1)) + rng.uniform(0.8, 1.9, (n, 1)) * t)
    row0, col0 = canvas.view.to_px(*centre)
    rows, cols = row0 - window.row - rho * np.sin(phi) / PIXEL_MM, col0 - window.col + rho * np.cos(phi) / PIXEL_MM
    weight = strength * rng.uniform(0.4, 1.0, (n, 1)) * np.sin(np.pi * (0.12 + 0.88 * t)) ** 0.6 * (1 - t) ** 0.5
    window.values[:] += lines(window.values.shape, rows, cols, weight, 4.5)


def asymmetry_field(
    tissue: Tissue, view: ViewGeometry, lesion: LesionPlan, seed: int, scale: float
) -> tuple[np.ndarray, Footprint]:
    """Addition to the gland score that grows tissue there, ragged and mixed with fat; and what it covers.

    Shapes: [rows, columns] of the coarse grid.
    """
    rng = stream(seed, "blob", lesion.id, view.kind)
    x, u = (float(v) for v in view.project(lesion.x, lesion.lat, lesion.z))
    xs = ((np.arange(tissue.base.shape[1]) + 0.5) * COARSE_MM).astype(np.float32)[None, :]
    us = view.heights(COARSE_MM).astype(np.float32)[:, None]
    half = 0.5 * lesion.diameter_mm * (0.5 + 0.5 * scale)
    ratio, turn = rng.uniform(1.0, 1.6), rng.uniform(-np.pi, np.pi)
    a, b = (
        (xs - x) * np.float32(np.cos(turn)) + (us - u) * np.float32(np.sin(turn)),
        (us - u) * np.float32(np.cos(turn)) - (xs - x) * np.float32(np.sin(turn)),
    )
    far = np.sqrt((a / np.float32(half * ratio**0.5)) ** 2 + (b / np.float32(half * ratio**-0.5)) ** 2)
    near = far < 1.6
    r, c = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    cut = np.s_[r[0] : r[-1] + 1, c[0] : c[-1] + 1]
    ragged, holes = power_law_pair(rng, far[cut].shape, 3.0, corner_px=max(20.0, half / COARSE_MM))
    shape = smoothstep((1.25 - far[cut] - 0.22 * ragged) / 0.55)
    lift = tissue.threshold + 0.30 * lesion.contrast - np.minimum(tissue.base[cut], tissue.threshold)
    extra = np.zeros_like(tissue.base)
    extra[cut] = shape * np.clip(0.80 * lift + 0.16 * holes, 0, None) * min(1.0, scale)
    mask = np.repeat(np.repeat(far[cut] < 1.0, 2, axis=0), 2, axis=1)
    return extra, Footprint(int(2 * r[0]), int(2 * c[0]), mask)


def thicken_skin(canvas: Canvas, lesion: LesionPlan, depth_mm: np.ndarray) -> None:
    """A bright band of skin 2.5 to 4 mm thick over the lesion, fading along the contour; `depth_mm` on the canvas grid.

    Shapes: depth_mm [rows, columns].
    """
    rng = stream(canvas.seed, "skin", lesion.id)
    u = float(canvas.view.project(lesion.x, lesion.lat, lesion.z)[1])
    span, thick = rng.uniform(12, 22), rng.uniform(2.4, 4.0)
    u = float(np.clip(u, -0.75 * canvas.view.down, 0.7 * canvas.view.up))
    window = canvas.window(float(canvas.view.outline(u)), u, 2.6 * span)
    if window is None:
        return
    depth = depth_mm[window.row : window.row + window.values.shape[0], window.col : window.col + window.values.shape[1]]
    along = np.exp(-(window.rho**2) / np.float32(2 * span**2)) * smoothstep((2.5 * span - window.rho) / (0.6 * span))
    band = smoothstep((np.float32(thick) - depth) / 0.8 + 0.5) * (depth > 0)
    window.values[:] += 0.34 * along * band


def draw_node(
    canvas: Canvas, x: float, u: float, size: float, rng: np.random.Generator, fatty: bool, strength: float
) -> None:
    """A lymph node: a bean, with a lucent hilum when it is a normal one."""
    window = canvas.window(x, u, 1.6 * size)
    if window is None:
        return
    turn = rng.uniform(-np.pi, np.pi)
    a = window.dx * np.float32(np.cos(turn)) + window.du * np.float32(np.sin(turn))
    b = window.du * np.float32(np.cos(turn)) - window.dx * np.float32(np.sin(turn))
    ratio = rng.uniform(1.25, 1.7)
    body = np.sqrt(np.clip(1 - (a / (0.5 * size)) ** 2 - (b / (0.5 * size / ratio)) ** 2, 0, 1))
    if fatty:
        away = 0.16 * size / ratio
        body -= 0.85 * np.exp(-((a / (0.20 * size)) ** 2) - ((b - away) / (0.17 * size / ratio)) ** 2) * (body > 0)
    window.values[:] += np.float32(strength) * ndimage.gaussian_filter(body, 2.2).astype(np.float32)


def draw_adenopathy(canvas: Canvas, lesion: LesionPlan) -> None:
    """Enlarged dense nodes without a hilum over the muscle of the MLO."""
    view = canvas.view
    if view.projection is not Projection.MLO:
        return
    rng = stream(canvas.seed, "nodes", lesion.id)
    for _ in range(int(rng.integers(1, 3))):
        u = view.top - rng.uniform(9, 26)
        x = float(view.pectoral_edge(u)) + rng.uniform(-12, 4)
        draw_node(canvas, max(7.0, x), u, rng.uniform(11, 18), rng, fatty=False, strength=0.55)
