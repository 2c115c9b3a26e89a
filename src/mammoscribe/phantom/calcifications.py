"""Drawing calcifications: particles by morphology, spread by distribution, the same in space for every view."""

import math

import numpy as np
from scipy import ndimage

from mammoscribe.domain.view import Projection
from mammoscribe.phantom.canvas import Canvas, Footprint
from mammoscribe.phantom.geometry import PIXEL_MM
from mammoscribe.phantom.lesions import LesionPlan
from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.texture import lines

_MU_PER_MM = 2.6
"""Attenuation of calcium salts over tissue, 1/mm at about 20 keV."""
_FINE = 4
_MTF_PX = 0.55


def draw_calcifications(canvas: Canvas, lesion: LesionPlan, scale: float = 1.0) -> Footprint | None:
    """Draw a group; on a prior with `scale` < 1 the same group with fewer particles. Returns what it covers."""
    places = _places(canvas, lesion)
    shown = len(places) if scale >= 1 else max(1, round(len(places) * scale))
    x, u = canvas.view.project(*places[:shown].T)
    particles = stream(canvas.seed, "particles", lesion.id)
    looks = particles.random((len(places), 8))
    morphology = lesion.word("morphology")
    if morphology == "vascular":
        return _draw_vascular(canvas, lesion)
    reach = [
        _draw_one(canvas, lesion, morphology, float(a), float(b), looks[k], k)
        for k, (a, b) in enumerate(zip(x, u, strict=True))
    ]
    return cover(canvas, x, u, np.asarray(reach))


def cover(canvas: Canvas, x: np.ndarray, u: np.ndarray, reach: np.ndarray) -> Footprint | None:
    """Footprint of discs of radius `reach` mm (plus 0.5 mm) around points.

    Shapes: x and u [N].
    """
    rows, cols = canvas.view.to_px(x, u)
    radius = (reach + 0.5) / PIXEL_MM
    r0, c0 = math.floor((rows - radius).min()), math.floor((cols - radius).min())
    r1, c1 = math.ceil((rows + radius).max()), math.ceil((cols + radius).max())
    r0, c0, r1, c1 = max(0, r0), max(0, c0), min(canvas.view.rows, r1), min(canvas.view.cols, c1)
    if r1 <= r0 or c1 <= c0:
        return None
    mask = np.zeros((r1 - r0, c1 - c0), bool)
    for row, col, rad in zip(rows, cols, radius, strict=True):
        a0, a1 = max(r0, math.floor(row - rad)), min(r1, math.ceil(row + rad))
        b0, b1 = max(c0, math.floor(col - rad)), min(c1, math.ceil(col + rad))
        if a1 <= a0 or b1 <= b0:
            continue
        near = (np.arange(a0, a1)[:, None] + 0.5 - row) ** 2 + (np.arange(b0, b1)[None, :] + 0.5 - col) ** 2 <= rad**2
        mask[a0 - r0 : a1 - r0, b0 - c0 : b1 - c0] |= near
    return Footprint(r0, c0, mask)


def _places(canvas: Canvas, lesion: LesionPlan) -> np.ndarray:
    """Particle positions in the breast frame [n, 3]: shaped by the distribution, axis towards the nipple."""
    rng = stream(canvas.seed, "places", lesion.id)
    n, half = max(1, lesion.count), lesion.diameter_mm / 2
    distribution = lesion.word("distribution")
    centre = np.array([lesion.x, lesion.lat, lesion.z])
    nipple = np.array([lesion.x + 40.0, 0.0, 0.0])
    axis = (nipple - centre) / np.linalg.norm(nipple - centre)
    side = np.cross(axis, rng.normal(size=3))
    side /= np.linalg.norm(side)
    third = np.cross(axis, side)
    if distribution == "linear":
        t = np.sort(rng.uniform(-1, 1, n))
        offset = t[:, None] * half * axis + rng.normal(0, 0.5, (n, 3)) + (1.5 * np.sin(2.2 * t))[:, None] * side
    elif distribution == "segmental":
        t = rng.uniform(-1, 1, n)
        spread = 0.34 * half * (1.15 - t)[:, None] * 0.5
        offset = t[:, None] * half * axis + spread * (
            rng.normal(0, 0.8, (n, 1)) * side + rng.normal(0, 0.8, (n, 1)) * third
        )
    elif n == 1:
        offset = np.zeros((1, 3))
    else:
        ball = rng.normal(size=(n, 3))
        ball /= np.linalg.norm(ball, axis=1, keepdims=True)
        offset = ball * (half * rng.random(n) ** 0.45)[:, None] * np.array([1.0, 0.85, 0.85])
    points = centre + offset
    limit = 0.86 * min(canvas.view.up, canvas.view.down)
    points[:, 0] = np.clip(points[:, 0], 4.0, canvas.view.depth - 6.0)
    reach = limit * np.sqrt(np.clip(1 - (points[:, 0] / canvas.view.depth) ** 2.2, 0.03, 1))
    radius = np.hypot(points[:, 1], points[:, 2])
    shrink = np.minimum(1.0, reach / np.maximum(radius, 1e-6)) if lesion.word("morphology") != "skin" else np.ones(n)
    points[:, 1:] *= shrink[:, None]
    return points


def _draw_one(
    canvas: Canvas, lesion: LesionPlan, morphology: str, x: float, u: float, look: np.ndarray, k: int
) -> float:
    """Draw one particle; returns its radius in mm."""
    size = lesion.particle_mm * (0.65 + 0.7 * look[0])
    rng = stream(canvas.seed, "particle", lesion.id, str(k), canvas.view.projection)
    axis = math.atan2(-u, max(6.0, canvas.view.depth - x))
    if morphology == "fine_linear":
        return _stamp(
            canvas, x, u, _branches(rng, axis, 0.6 + 1.5 * look[1], 0.13 + 0.09 * look[2]), 0.40 * lesion.contrast
        )
    if morphology == "large_rod_like":
        return _stamp(
            canvas,
            x,
            u,
            [(axis + 0.5 * (look[1] - 0.5), 2.5 + 5.0 * look[2], size, 0.0, 0.0)],
            0.34 * size * lesion.contrast,
        )
    if morphology in ("rim", "skin"):
        wall = 0.22 if morphology == "rim" else 0.2
        return stamp_disc(canvas, x, u, size / 2, 0.34 * lesion.contrast, rng, wobble=0.03, ring=wall)
    if morphology == "coarse":
        return _popcorn(canvas, x, u, size, rng, lesion.contrast)
    if morphology == "layering":
        flat = canvas.view.projection is Projection.MLO
        return stamp_disc(canvas, x, u, size / 2, (0.3 if flat else 0.13) * lesion.contrast, rng, wobble=0.05, cup=flat, blur=0.6 if flat else 1.8)  # fmt: skip
    depth, wobble, blur = {
        "amorphous": (0.95, 0.25, 1.0), "coarse_heterogeneous": (0.70, 0.30, _MTF_PX),
        "fine_pleomorphic": (1.15, 0.45, _MTF_PX), "round": (0.8, 0.02, _MTF_PX), "punctate": (0.8, 0.02, _MTF_PX),
    }[morphology]  # fmt: skip
    return stamp_disc(canvas, x, u, size / 2, depth * size * lesion.contrast, rng, wobble=wobble, blur=blur)


def stamp_disc(
    canvas: Canvas, x: float, u: float, radius: float, depth_mm: float, rng: np.random.Generator,
    wobble: float = 0.0, ring: float = 0.0, cup: bool = False, blur: float = _MTF_PX,
) -> float:  # fmt: skip
    """Add a particle of about round outline at (x, u): angular by `wobble`, hollow by `ring`, a crescent by `cup`.

    Lengths in mm, `blur` in pixels; returns the radius.
    """
    window = canvas.window(x, u, radius * 1.6 + 0.4 + 0.3 * blur)
    if window is None:
        return radius
    dx, du = _finer(window.dx, 1), _finer(window.du, 0)
    phi, rho = np.arctan2(du, dx), np.sqrt(dx * dx + du * du)
    edge = np.full_like(phi, radius)
    for k in (2, 3, 4, 5):
        edge *= 1 + wobble * rng.normal(0, 0.55) * np.cos(k * phi + rng.uniform(0, 2 * np.pi))
    q = rho / np.maximum(edge, 0.03)
    thick = (q < 1) * np.sqrt(np.clip(1.02 - q * q, 0, 1))
    if ring:
        inner = np.abs(rho - edge + ring / 2) < ring / 2
        thick = np.where(inner, 1.0, 0.12 * thick)
    if cup:
        thick = thick * (du < -0.15 * radius) * (du > -0.8 * radius)
    _add(window, thick, depth_mm, blur)
    return float(radius)


def _branches(rng: np.random.Generator, axis: float, length: float, width: float):
    """Capsules (direction, length, width, dx, du) of a cast of a duct: a stem, sometimes a fork."""
    stem = axis + rng.normal(0, 0.35)
    parts = [(stem, length, width, 0.0, 0.0)]
    if rng.random() < 0.45:
        turn = stem + rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 0.9)
        half = 0.5 * length
        fork = 0.5 * length * rng.uniform(0.5, 0.9)
        parts.append(
            (
                turn,
                fork,
                0.85 * width,
                0.6 * half * math.cos(stem) + 0.5 * fork * math.cos(turn),
                0.6 * half * math.sin(stem) + 0.5 * fork * math.sin(turn),
            )
        )
    return parts


def _stamp(canvas: Canvas, x: float, u: float, capsules, depth_mm: float) -> float:
    """Add a union of capsules; returns the largest reach in mm."""
    reach = max(math.hypot(p[3], p[4]) + p[1] / 2 + p[2] for p in capsules)
    window = canvas.window(x, u, reach + 0.4)
    if window is None:
        return reach
    dx, du = _finer(window.dx, 1), _finer(window.du, 0)
    thick = np.zeros((du.shape[0], dx.shape[1]), np.float32)
    for direction, length, width, ox, ou in capsules:
        c, s = math.cos(direction), math.sin(direction)
        along, across = (dx - ox) * c + (du - ou) * s, (du - ou) * c - (dx - ox) * s
        beyond = np.maximum(np.abs(along) - length / 2, 0)
        d = np.sqrt(beyond**2 + across**2) / (width / 2)
        thick = np.maximum(thick, np.sqrt(np.clip(1 - d * d, 0, 1)))
    _add(window, thick, depth_mm, _MTF_PX)
    return float(reach)


def _finer(offsets: np.ndarray, axis: int) -> np.ndarray:
    """Offsets of the middles of four sub-pixels per pixel along one axis."""
    parts = (np.arange(_FINE) + 0.5) / _FINE - 0.5
    sign = PIXEL_MM if axis == 1 else -PIXEL_MM
    fine = (offsets.ravel()[:, None] + sign * parts[None, :]).ravel()
    return fine[None, :] if axis == 1 else fine[:, None]


def _add(window, thick: np.ndarray, depth_mm: float, blur_px: float) -> None:
    rows, cols = window.values.shape
    pooled = thick.reshape(rows, _FINE, cols, _FINE).mean(axis=(1, 3))
    window.values[:] += np.float32(_MU_PER_MM * depth_mm) * ndimage.gaussian_filter(pooled, blur_px).astype(np.float32)


def _popcorn(canvas: Canvas, x: float, u: float, size: float, rng: np.random.Generator, contrast: float) -> float:
    """A lump of overlapping lobes, chalky and uneven."""
    for _ in range(int(rng.integers(5, 10))):
        away, phi = size * 0.32 * math.sqrt(rng.random()), rng.uniform(-np.pi, np.pi)
        part = size * rng.uniform(0.12, 0.26)
        stamp_disc(
            canvas,
            x + away * math.cos(phi),
            u + away * math.sin(phi),
            part,
            rng.uniform(0.2, 0.5) * contrast,
            rng,
            wobble=0.15,
        )
    return size * 0.55


def _draw_vascular(canvas: Canvas, lesion: LesionPlan) -> Footprint | None:
    """A vessel through the lesion's centre with calcium in both walls: two broken parallel tracks."""
    rng = stream(canvas.seed, "vascular", lesion.id)
    x, u = (float(v) for v in canvas.view.project(lesion.x, lesion.lat, lesion.z))
    window = canvas.window(x, u, lesion.diameter_mm / 2 + 6)
    if window is None:
        return None
    t = np.linspace(-1, 1, 1400)
    axis, half = math.atan2(-u, canvas.view.depth - x), lesion.diameter_mm / 2
    sway = rng.uniform(1.0, 3.0) * np.sin(3.2 * t + rng.uniform(0, 6)) + 0.7 * np.sin(9 * t + rng.uniform(0, 6))
    bore = rng.uniform(0.8, 1.5)
    row0, col0 = canvas.view.to_px(x, u)
    patches = np.clip(1.4 * np.sin(23 * t + rng.uniform(0, 6)) + np.sin(41 * t + rng.uniform(0, 6)) + 0.5, 0, 1.2)
    for off, weight, width in (
        (0.0, 0.10 * np.ones_like(t), 1.7 * bore),
        (bore, 0.5 * patches, 0.25),
        (-bore, 0.5 * np.roll(patches, 35), 0.25),
    ):
        side = sway + off
        dx, du = half * t * math.cos(axis) - side * math.sin(axis), half * t * math.sin(axis) + side * math.cos(axis)
        fade = np.clip(4 * (1 - np.abs(t)), 0, 1) * (lesion.contrast if off else 1.0)
        rows, cols = row0 - window.row - du / PIXEL_MM, col0 - window.col + dx / PIXEL_MM
        window.values[:] += lines(window.values.shape, rows[None], cols[None], (weight * fade)[None], width / PIXEL_MM)
    dx, du = half * t * math.cos(axis) - sway * math.sin(axis), half * t * math.sin(axis) + sway * math.cos(axis)
    return cover(canvas, x + dx[::40], u + du[::40], np.full(len(t[::40]), bore + 0.2))
