"""Drawing masses: outline by shape, edge by margin, opacity by density; spicules, obscuring tissue, halo of detail."""

import numpy as np
from scipy import ndimage

from mammoscribe.phantom.canvas import Canvas, Footprint, Window
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.lesions import LesionPlan
from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.texture import lines, power_law_pair, smoothstep

_MU = {"high": 0.66, "equal": 0.44, "low": 0.28, "fat_containing": 0.10}
"""Attenuation over fat, 1/cm; gland is .36 (a mass is denser packed than the gland around it)."""
_MU_LIMIT = {"high": 1.50, "equal": 1.30, "low": 1.00, "fat_containing": 0.10}


def draw_mass(canvas: Canvas, lesion: LesionPlan, scale: float = 1.0) -> Footprint | None:
    """Draw a mass into the canvas; returns what it covers, None when it lies off the picture."""
    radius = 0.5 * lesion.diameter_mm * scale
    x, u = (float(v) for v in canvas.view.project(lesion.x, lesion.lat, lesion.z))
    window = canvas.window(x, u, radius * (3.2 if lesion.word("margin") == "spiculated" else 2.1) + 4)
    if window is None:
        return None
    reach = window.rho / _outline(canvas, lesion, window.phi, radius)
    thickness_cm = 0.85 * (min(2 * radius, 0.7 * canvas.view.thickness) / 10) ** 0.85
    body = _soft_body(canvas, lesion, reach, radius, window)
    if lesion.word("density") == "fat_containing":
        _draw_fatty(canvas, lesion, window, reach, body * np.float32(thickness_cm))
        return window.footprint(reach < 1.0)
    mu = _opacity(lesion, window.values, reach, thickness_cm, canvas.view.thickness)
    share = body * np.float32(thickness_cm / (canvas.view.thickness / 10))
    window.values[:] = window.values * (1 - share) + np.float32(mu * thickness_cm) * body
    if lesion.word("margin") == "spiculated":
        _draw_spicules(canvas, lesion, window, radius, 0.55 * mu * thickness_cm)
    if lesion.word("margin") == "obscured":
        _draw_cover(canvas, lesion, window, radius, mu * thickness_cm)
    return window.footprint(reach < (1.2 if lesion.word("margin") == "spiculated" else 1.05))


def _outline(canvas: Canvas, lesion: LesionPlan, phi: np.ndarray, radius: float) -> np.ndarray:
    """Radius in mm in each direction; the same shape in all views, turned and squeezed a little."""
    rng, here = stream(canvas.seed, "shape", lesion.id), stream(canvas.seed, "shape", lesion.id, canvas.view.kind)
    shape, margin = lesion.word("shape"), lesion.word("margin")
    turn = here.uniform(-np.pi, np.pi)
    ratio = {"oval": rng.uniform(1.35, 1.8), "irregular": rng.uniform(1.0, 1.5)}.get(shape, rng.uniform(1.0, 1.12))
    ratio = 1 + (ratio - 1) * here.uniform(0.75, 1.0)
    a, b = ratio**0.5, ratio**-0.5
    out = 1 / np.sqrt((np.cos(phi - turn) / a) ** 2 + (np.sin(phi - turn) / b) ** 2)
    waves = np.zeros_like(phi)
    if shape == "irregular":
        for k in range(2, 10):
            waves += rng.normal(0, 0.26) * k**-1.1 * np.cos(k * phi + here.uniform(0, 2 * np.pi))
    elif shape == "lobulated":
        waves += rng.uniform(0.11, 0.18) * np.cos(rng.integers(3, 5) * phi + here.uniform(0, 2 * np.pi))
        waves += 0.05 * np.cos(2 * phi + here.uniform(0, 2 * np.pi))
    else:
        for k in (2, 3, 4, 5):
            waves += rng.normal(0, 0.018) * np.cos(k * phi + here.uniform(0, 2 * np.pi))
    if margin == "microlobulated":
        for k in rng.integers(7, 17, 5):
            waves += rng.uniform(0.012, 0.035) * np.cos(k * phi + here.uniform(0, 2 * np.pi))
    return (radius * out * np.clip(1 + waves, 0.45, 1.7)).astype(np.float32)


def _soft_body(canvas: Canvas, lesion: LesionPlan, reach: np.ndarray, radius: float, window: Window) -> np.ndarray:
    """Thickness profile 0..1 with the edge the margin calls for and a little inner unevenness."""
    rng = stream(canvas.seed, "body", lesion.id, canvas.view.kind)
    grain, _ = power_law_pair(rng, reach.shape, 3.0, corner_px=max(24.0, 8 * radius))
    margin = lesion.word("margin")
    ragged = {"indistinct": 0.16, "spiculated": 0.10, "obscured": 0.05}.get(margin, 0.012)
    body = np.clip(1 - (reach + np.float32(ragged) * grain) ** 2, 0, 1) ** 0.5
    edge_mm = {"indistinct": float(np.clip(0.17 * radius, 0.6, 2.0)), "spiculated": 0.45, "obscured": 0.35}.get(
        margin, 0.18
    )
    body = ndimage.gaussian_filter(body, edge_mm / PIXEL_MM, truncate=3.0)
    if margin == "obscured":
        side = rng.uniform(-np.pi, np.pi)
        hidden = smoothstep(0.5 + 1.2 * np.cos(window.phi - np.float32(side)))
        blurred = ndimage.gaussian_filter(body, 0.30 * radius / PIXEL_MM, truncate=2.5)
        body += hidden * (blurred - body)
    return (body * (1 + 0.09 * grain)).astype(np.float32)


def _opacity(
    lesion: LesionPlan, background: np.ndarray, reach: np.ndarray, thickness_cm: float, breast_mm: float
) -> float:
    """Attenuation of the mass, 1/cm: its physics, lifted (or held down when subtle) to the plan's contrast."""
    word = lesion.word("density")
    around = background[(reach > 1.05) & (reach < 2.0)][::7]
    if around.size < 20:
        return _MU[word]
    mean, spread = float(around.mean(dtype=np.float64)), float(around.std(dtype=np.float64))
    softened = 1.25 if lesion.word("margin") == "indistinct" else 1.0
    need = (softened * lesion.contrast * max(spread, 0.035)) / thickness_cm + max(mean, 0.0) / (breast_mm / 10)
    if lesion.subtle:
        return max(0.12, min(_MU[word], need))
    return min(max(_MU[word], need), _MU_LIMIT[word])


def _draw_spicules(canvas: Canvas, lesion: LesionPlan, window: Window, radius: float, strength: float) -> None:
    """Tapering, slightly curved lines out of the body, each fading to its tip, wider at the root."""
    rng = stream(canvas.seed, "spicules", lesion.id, canvas.view.kind)
    n = int(rng.integers(22, 46))
    t = np.linspace(0, 1, 420)[None, :]
    phi = (
        rng.uniform(-np.pi, np.pi, (n, 1))
        + rng.normal(0, 0.18, (n, 1)) * t
        + rng.normal(0, 0.02, (n, 1)) * np.sin(9 * t)
    )
    start, length = radius * rng.uniform(0.45, 0.8, (n, 1)), radius * rng.gamma(5.0, 0.22, (n, 1))
    length = np.minimum(length, radius * 2.0 + 2.0)
    rho = start + length * t
    row0, col0 = canvas.view.to_px(*(float(v) for v in canvas.view.project(lesion.x, lesion.lat, lesion.z)))
    rows = row0 - window.row - rho * np.sin(phi) / PIXEL_MM
    cols = col0 - window.col + rho * np.cos(phi) / PIXEL_MM
    weight = strength * rng.uniform(0.35, 1.0, (n, 1)) * (1 - t) ** 0.8
    width = float(np.clip(0.06 * radius, 0.25, 0.7))
    root = np.clip(1 - 1.6 * t, 0, 1)
    window.values[:] += lines(window.values.shape, rows, cols, weight * root, 1.9 * width / PIXEL_MM)
    window.values[:] += 0.8 * lines(window.values.shape, rows, cols, weight * (1 - 0.6 * root), width / PIXEL_MM)


def _draw_cover(canvas: Canvas, lesion: LesionPlan, window: Window, radius: float, strength: float) -> None:
    """Tissue that lies over one side of the mass and hides part of its edge."""
    rng = stream(canvas.seed, "body", lesion.id, canvas.view.kind)
    _, grain = power_law_pair(rng, window.values.shape, 3.0, corner_px=max(24.0, 8 * radius))
    side = rng.uniform(-np.pi, np.pi)
    away = np.float32(radius)
    x, u = away * np.cos(side), away * np.sin(side)
    cover = np.exp(-((window.dx - x) ** 2 + (window.du - u) ** 2) / np.float32(1.1 * radius**2))
    window.values[:] += np.float32(0.42 * strength) * cover * np.clip(0.8 + 0.3 * grain, 0, 1.6) * _fade(window, radius)


def _fade(window: Window, radius: float) -> np.ndarray:
    """1 near the lesion, 0 at the window's rim, so that nothing is cut off there."""
    return smoothstep((np.float32(2.1 * radius + 3.5) - window.rho) / np.float32(0.6 * radius + 1))


def _draw_fatty(canvas: Canvas, lesion: LesionPlan, window: Window, reach: np.ndarray, thickness: np.ndarray) -> None:
    """A lucent, thinly encapsulated mass with islands of soft tissue inside."""
    rng = stream(canvas.seed, "fatty", lesion.id, canvas.view.kind)
    islands, _ = power_law_pair(rng, reach.shape, 3.2, corner_px=60.0)
    share = np.minimum(thickness / np.float32(canvas.view.thickness / 10) * 1.35, 0.92)
    amount = np.float32(rng.uniform(0.1, 0.42))
    window.values[:] *= 1 - share
    window.values[:] += thickness * amount * np.clip(islands, 0, 1.5) - 0.05 * thickness
    capsule = np.exp(-(((reach - 0.985) * np.float32(lesion.diameter_mm / 2) / 0.28) ** 2))
    window.values[:] += 0.17 * capsule.astype(np.float32)
