"""The breast without lesions, as log attenuation over fat on a 0.2 mm grid: gland, strands, skin, muscle, edge."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mammoscribe.domain.view import Projection
from mammoscribe.phantom.anatomy import Patient
from mammoscribe.phantom.geometry import ViewGeometry
from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.texture import COARSE_MM, lines, power_law_pair, smoothstep, upsample2

MU_GLAND = 0.36
"""Attenuation of glandular tissue over fat, 1/cm at about 20 keV."""
MU_FAT = 0.45
_BLUR_TAU = 0.30
_ROOM = {"a": 0.48, "b": 0.50, "c": 0.58, "d": 0.74}
"""Share of the breast thickness that gland takes where there is nothing but gland."""


@dataclass(frozen=True)
class Tissue:
    """A view's tissue on the coarse grid.

    Args:
        base: glandular score before the threshold; the gland is where it exceeds `threshold`.
        threshold: solved so that the view's glandular fraction meets the patient's.
        room_cm: thickness of the gland disc where there is gland, cm.
        rest: log attenuation of everything else: strands, skin, muscle, edge roll-off.
        depth_mm: distance behind the skin, 0 outside.
        inside: 1 in the breast.
    """

    base: np.ndarray
    threshold: float
    room_cm: np.ndarray
    detail: np.ndarray
    rest: np.ndarray
    depth_mm: np.ndarray

    def gland(self, extra: np.ndarray | float = 0.0) -> np.ndarray:
        """Glandular thickness in cm, with `extra` added to the score (asymmetries).

        Shapes: [rows, columns].
        """
        score = (self.base + extra - np.float32(self.threshold)) * np.float32(1 / _BLUR_TAU)
        return self.room_cm * self.detail / (1 + np.exp(-score))


def draw_tissue(patient: Patient, view: ViewGeometry, retracted: bool = False) -> Tissue:
    """Tissue of one view; the same for a seed whatever lesions are drawn into it."""
    depth_mm = _depth_behind_skin(view, retracted)
    xs = ((np.arange(depth_mm.shape[1]) + 0.5) * COARSE_MM).astype(np.float32)[None, :]
    us = view.heights(COARSE_MM).astype(np.float32)[:, None]
    roll = _thickness_fraction(depth_mm, view.thickness)
    streaks, streaks2 = _streaks(patient, view, xs, us)
    noise, fine = power_law_pair(stream(patient.seed, "texture", view.kind), depth_mm.shape, 3.1)
    clumps, _ = power_law_pair(stream(patient.seed, "clumps", view.kind), depth_mm.shape, 3.4, corner_px=60.0)
    bias = _lobules(patient, view)
    muscle = smoothstep((view.pectoral_edge(us) - xs + 2.0) / 6.0)
    cover = (1 - 0.8 * muscle) * smoothstep((depth_mm - 2.0) / 9.0) * smoothstep((xs - 1.0) / 16.0) * roll
    breast = roll
    if view.abdomen:
        above = smoothstep((us - np.float32(view.fold_height)) / 6.0)
        cover, breast = cover * above, roll * above
    base = 1.05 * bias + 0.34 * noise + 0.20 * streaks + 0.20 * clumps
    room = np.float32(view.thickness / 10 * _ROOM[patient.density]) * cover
    detail = np.clip(1.0 + 0.15 * fine + 0.13 * streaks2, 0.3, 1.8).astype(np.float32)
    threshold = _solve_threshold(base, room * detail, breast, view, patient.fraction_of(view.laterality))
    rest = _edge_and_skin(patient, view, depth_mm, roll)
    rest += _strands(patient, view, bias) * smoothstep(depth_mm / 2.0)
    rest += (0.030 * streaks + 0.020 * noise + 0.030 * np.exp(-((streaks2 / 0.13) ** 2))) * roll
    _add_pectoral(rest, view, xs, us, fine, depth_mm)
    return Tissue(base.astype(np.float32), threshold, room, detail, rest.astype(np.float32), depth_mm)


def edge_position(view: ViewGeometry, u: np.ndarray, retracted: bool) -> np.ndarray:
    """Skin position with the nipple, mm from the chest-wall edge, for heights u.

    Shapes: u [N] -> [N].
    """
    edge = view.outline(u)
    if retracted:
        return edge - 3.5 * np.exp(-((u / 6.0) ** 2))
    if view.nipple_inside is not None:
        return edge
    return edge + view.nipple * np.exp(-(np.abs(u / 4.4) ** 2.6))


def _depth_behind_skin(view: ViewGeometry, retracted: bool) -> np.ndarray:
    """Distance to the skin in mm on the coarse grid; the chest-wall edge of the image is no skin."""
    pitch = 2 * COARSE_MM
    us = view.heights(pitch)
    xs = (np.arange(view.cols // 4) + 0.5) * pitch
    edge = edge_position(view, us, retracted)[:, None]
    inside = xs[None, :] < edge
    padded = np.pad(inside, ((1, 1), (1, 0)), mode="edge")
    distance = np.asarray(ndimage.distance_transform_edt(padded))[1:-1, 1:] * pitch
    # the transform counts whole pixels; near the skin the horizontal distance is exact to a fraction of one
    slope = np.gradient(edge[:, 0], -pitch)[:, None]
    near = np.clip(edge - xs[None, :], 0, None) / np.sqrt(1 + np.clip(slope, -6, 6) ** 2)
    exact = np.where(inside & (distance < 3.0) & (np.abs(slope) < 5), np.minimum(near, distance + pitch), distance)
    return upsample2(exact.astype(np.float32))


def _thickness_fraction(depth_mm: np.ndarray, thickness: float) -> np.ndarray:
    reach = np.clip(depth_mm / np.float32(thickness / 2), 0, 1)
    return np.sqrt(1 - (1 - reach) ** 2)


def _edge_and_skin(patient: Patient, view: ViewGeometry, depth_mm: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Darker rim where the breast gets thin (mostly equalised for presentation), bright skin line."""
    look = patient.look
    rim = np.float32(-MU_FAT * view.thickness / 10 * (1 - look.equalise)) * (1 - roll)
    skin = np.float32(look.skin) * np.exp(-(((depth_mm - 0.5) / 0.75) ** 2))
    return rim + skin


def _lobules(patient: Patient, view: ViewGeometry) -> np.ndarray:
    """Where the breast holds gland: 3-D lobules in a cone that opens to the chest wall, about 0..1.2."""
    shared, own = stream(patient.seed, "lobules"), stream(patient.seed, "lobules", view.laterality)
    n = 54
    depth = 0.16 + 0.72 * shared.beta(2.0, 1.6, n)
    angle = np.where(shared.random(n) < 0.34, shared.normal(0.8, 0.45, n), shared.uniform(-np.pi, np.pi, n))
    radius = np.sqrt(shared.random(n)) * (0.72 * np.sqrt(1 - depth) + 0.05)
    size = shared.uniform(4.0, 12.0, n) * (0.7 + 0.5 * (1 - depth)) * view.depth / 85
    weight = shared.uniform(0.35, 1.0, n) * own.uniform(0.75, 1.25, n)
    depth, radius = depth + own.normal(0, 0.02, n), radius * own.uniform(0.88, 1.12, n)
    angle = angle + own.normal(0, 0.12, n)
    half = min(view.up, view.down * 1.1)
    x, u = view.project(depth * view.depth, radius * half * np.sin(angle), radius * half * np.cos(angle))
    pitch = 1.6
    xs = (np.arange(view.cols // 16) + 0.5) * pitch
    us = view.heights(pitch)
    across = np.exp(-0.5 * ((xs[None, :] - x[:, None]) / (1.25 * size[:, None])) ** 2)
    along = np.exp(-0.5 * ((us[None, :] - u[:, None]) / size[:, None]) ** 2)
    total = np.einsum("ni,nj->ij", along * weight[:, None], across)
    field = np.sqrt(total / 2.2).astype(np.float32)
    for _ in range(3):
        field = upsample2(field)
    return field


def _streaks(patient: Patient, view: ViewGeometry, xs: np.ndarray, us: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two fields of unit variance, streaky along lines that meet in front of the nipple and bend on the way."""
    rng = stream(patient.seed, "streaks", view.kind)
    angular, radial = 1024, 540
    first, second = power_law_pair(rng, (angular, radial), 3.0, stretch=2.4, corner_px=160.0)
    bend = _small_noise(rng, us.shape[0], xs.shape[1])
    dx, du = np.float32(view.depth + 14.0) - xs, us + np.float32(rng.uniform(-6, 6))
    distance = np.sqrt(dx * dx + du * du)
    angle = np.arctan2(du, dx) + np.float32(0.085) * bend
    ia = ((angle + 1.75) * np.float32(angular / 3.5)).astype(np.int32) % angular
    ir = np.minimum((distance * np.float32(1 / 0.32)).astype(np.int32), radial - 1)
    flat = ia * radial + ir
    return np.take(np.ascontiguousarray(first), flat), np.take(np.ascontiguousarray(second), flat)


def _small_noise(rng: np.random.Generator, rows: int, cols: int) -> np.ndarray:
    """Smooth noise of unit variance over about 30 mm, drawn on a 3.2 mm grid."""
    field, _ = power_law_pair(rng, (rows // 16 + 2, cols // 16 + 2), 4.0, corner_px=22.0)
    for _ in range(4):
        field = upsample2(field)
    return field[:rows, :cols]


def _solve_threshold(
    base: np.ndarray, room: np.ndarray, roll: np.ndarray, view: ViewGeometry, fraction: float
) -> float:
    """Threshold of the gland score at which gland volume over breast volume equals `fraction`."""
    s, r = base[::4, ::4], room[::4, ::4]
    target = fraction * float(roll[::4, ::4].sum(dtype=np.float64)) * view.thickness / 10
    low, high = -4.0, 6.0
    for _ in range(22):
        middle = (low + high) / 2
        volume = float((r / (1 + np.exp((middle - s) / _BLUR_TAU))).sum(dtype=np.float64))
        low, high = (middle, high) if volume > target else (low, middle)
    return (low + high) / 2


def _strands(patient: Patient, view: ViewGeometry, bias: np.ndarray) -> np.ndarray:
    """Cooper's ligaments, ducts and vessels: 3-D curves, the same ones in CC and MLO."""
    rng = stream(patient.seed, "strands", view.laterality)
    shape = bias.shape
    total = _draw_curves(view, shape, _ligaments(rng, view, 190), 0.4)
    total += _draw_curves(view, shape, _ligaments(rng, view, 60), 0.8)
    total += _draw_curves(view, shape, _ducts(rng, view), 1.3)
    vessels = _draw_curves(view, shape, vessel_curves(patient.seed, view), 2.0)
    return total + vessels


def _draw_curves(view: ViewGeometry, shape: tuple[int, int], curves: tuple[np.ndarray, ...], width_mm: float):
    x, lat, z, weight = curves
    rows, cols = view.to_px(*view.project(x, lat, z), COARSE_MM)
    return lines(shape, rows, cols, weight, width_mm / COARSE_MM)


def _ligaments(rng: np.random.Generator, view: ViewGeometry, n: int) -> tuple[np.ndarray, ...]:
    """Arcs from inside the gland cone to the skin or the chest wall, sagging a little: x, lat, z, weight [n, 256]."""
    t = np.linspace(0, 1, 256)[None, :]
    half, length = min(view.up, view.down), view.depth
    depth0, depth1 = rng.uniform(0.0, 0.85, (n, 1)), rng.uniform(0.15, 0.97, (n, 1))
    phi = rng.uniform(-np.pi, np.pi, (n, 1))
    swing = rng.normal(0, 0.25, (n, 1))
    r0, r1 = rng.uniform(0.1, 0.9, (n, 1)), rng.uniform(0.3, 0.95, (n, 1))
    depth = depth0 + (depth1 - depth0) * t + rng.normal(0, 0.07, (n, 1)) * np.sin(np.pi * t)
    depth += rng.normal(0, 0.02, (n, 1)) * np.sin(3 * np.pi * t + 6 * phi)
    reach = (r0 + (r1 - r0) * t + rng.normal(0, 0.07, (n, 1)) * np.sin(np.pi * t)) * np.sqrt(
        np.clip(1 - depth, 0.02, 1)
    )
    angle = phi + swing * t + rng.normal(0, 0.05, (n, 1)) * np.sin(5 * t + phi)
    weight = rng.gamma(1.6, 0.042, (n, 1)) * np.sin(np.pi * np.clip(t * 1.05, 0, 1)) ** 0.5
    return (
        depth * length,
        reach * half * np.sin(angle),
        reach * half * np.cos(angle),
        np.broadcast_to(weight, depth.shape),
    )


def _ducts(rng: np.random.Generator, view: ViewGeometry) -> tuple[np.ndarray, ...]:
    """Ducts that fan out behind the nipple and fade within the gland."""
    n, t = 9, np.linspace(0, 1, 256)[None, :]
    reach = rng.uniform(22, 46, (n, 1))
    phi, spread = rng.uniform(-np.pi, np.pi, (n, 1)), rng.uniform(0.05, 0.5, (n, 1))
    x = view.depth - 1.0 - reach * t
    off = reach * spread * t + rng.normal(0, 1.0, (n, 1)) * np.sin(4 * t + phi) * t
    weight = rng.uniform(0.03, 0.10, (n, 1)) * (1 - t) ** 0.7
    return x, off * np.sin(phi), off * np.cos(phi), weight


def vessel_curves(seed: int, view: ViewGeometry) -> tuple[np.ndarray, ...]:
    """Two to four vessels that wander from the chest wall towards the nipple: x, lat, z, weight [n, 640]."""
    rng = stream(seed, "vessels", view.laterality)
    n, t = int(rng.integers(2, 5)), np.linspace(0, 1, 640)[None, :]
    half, length = min(view.up, view.down), view.depth
    phi, end = rng.uniform(-np.pi, np.pi, (n, 1)), rng.uniform(0.45, 0.8, (n, 1))
    x = length * end * t
    reach = half * (rng.uniform(0.35, 0.75, (n, 1)) * (1 - 0.6 * t))
    sway = rng.normal(0, 3.0, (n, 1)) * np.sin(7 * t + phi) + rng.normal(0, 1.2, (n, 1)) * np.sin(19 * t + 2 * phi)
    lat, z = (reach + sway) * np.sin(phi), (reach + sway) * np.cos(phi)
    weight = rng.uniform(0.08, 0.18, (n, 1)) * np.clip(3 * (1 - t), 0, 1)
    return x, lat, z, weight


def _add_pectoral(
    rest: np.ndarray, view: ViewGeometry, xs: np.ndarray, us: np.ndarray, fine: np.ndarray, depth_mm: np.ndarray
) -> None:
    """The muscle's triangle at the upper chest wall of an MLO, denser towards its belly, added in place."""
    if view.projection is not Projection.MLO:
        return
    edge = view.pectoral_edge(us[:, 0]).astype(np.float32)[:, None]
    into = edge - xs
    belly = 0.55 + 0.45 * np.clip(into / 22.0, 0, 1)
    rest += smoothstep(into / 2.6 + 0.4) * (0.78 * belly + 0.035 * fine) * smoothstep(depth_mm / 6.0)
