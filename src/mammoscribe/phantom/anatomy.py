"""The patient: breast sizes, composition, look of the machine, and the geometry of each view of one breast.

Breast frame (mm): x from chest wall (0) to nipple (L), lat positive towards the armpit, z positive upwards. A view at
gantry angle t shows column = x and height u = lat cos t + z sin t above the nipple line (CC 0 degrees, MLO about 45).
Everything here is in the canonical frame, chest wall at the left; right views are mirrored when they are finished.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.view import Laterality, Projection, Role, standard_view_id
from mammoscribe.phantom.spec import PhantomSpec
from mammoscribe.phantom.streams import choose, stream

PIXEL_MM = 0.1
_VGF = {"a": (0.015, 0.045), "b": (0.06, 0.135), "c": (0.17, 0.30), "d": (0.36, 0.47)}
"""Volumetric glandular fraction drawn for each composition letter (limits: at most .05, .15, .34, above)."""


@dataclass(frozen=True)
class Look:
    """How one machine shows a breast: grey of fat, gain, edge equalisation, skin line, noise."""

    fat_grey: float
    gain: float
    equalise: float
    skin: float
    noise: float


@dataclass(frozen=True)
class ViewGeometry:
    """One view's canvas and outline, canonical frame; lengths in mm.

    Args:
        rows, cols: size in 0.1 mm pixels, multiples of 16.
        top: height u of the upper image edge above the nipple line.
        depth: nipple distance from the chest-wall edge.
        up, down: half heights of the outline above and below the nipple.
        p, q: exponents of the super-ellipse.
        axilla: width of the tail at the upper image edge (0 in CC).
        pectoral: width of the muscle at the upper edge (0 in CC); `pectoral_end`: height u where it ends.
        wobble: amplitudes and phases of the outline's low-order waviness.
        angle: gantry angle in radians.
        shift: (x, u) by which inner structures are displaced in this view.
    """

    laterality: Laterality
    projection: Projection
    role: Role
    rows: int
    cols: int
    top: float
    depth: float
    up: float
    down: float
    p: float
    q: float
    axilla: float
    pectoral: float
    pectoral_end: float
    wobble: tuple[float, ...]
    angle: float
    thickness: float
    nipple: float
    shift: tuple[float, float]

    @property
    def view_id(self) -> str:
        """`R_CC`, `prior_L_MLO`."""
        return standard_view_id(self.laterality, self.projection, self.role)

    @property
    def kind(self) -> str:
        """Name shared by a view and its prior, for streams of what does not change between visits."""
        return f"{self.laterality}_{self.projection}"

    def project(self, x, lat, z):
        """(x, u) of points of the breast frame in this view, mm."""
        u = np.asarray(lat) * math.cos(self.angle) + np.asarray(z) * math.sin(self.angle)
        return np.asarray(x) + self.shift[0], u + self.shift[1]

    def to_px(self, x, u, pitch: float = PIXEL_MM):
        """(row, column) in pixels of the given pitch; pixel i spans [i, i + 1)."""
        return (self.top - np.asarray(u)) / pitch, np.asarray(x) / pitch

    def heights(self, pitch: float = PIXEL_MM) -> np.ndarray:
        """Height u of the middle of each row of a grid of that pitch."""
        count = round(self.rows * PIXEL_MM / pitch)
        return self.top - (np.arange(count) + 0.5) * pitch

    def outline(self, u) -> np.ndarray:
        """Distance of the skin from the chest-wall edge at height u, without the nipple; 0 outside the breast."""
        u = np.asarray(u, dtype=float)
        half = np.where(u >= 0, self.up, self.down)
        body = np.clip(1 - (np.abs(u) / half) ** self.p, 0, None) ** (1 / self.q)
        if self.axilla:
            rise = np.clip(u / self.top, 0, 1)
            tail = self.axilla / self.depth * (1.25 - 0.25 * rise) * np.sin(0.5 * np.pi * np.clip(rise * 1.5, 0, 1))
            body = (body**4 + tail**4) ** 0.25
        a, b, c, d = self.wobble
        waves = a * np.sin(u / 23.0 + b) + c * np.sin(u / 11.0 + d)
        return np.where(body > 0, np.clip(self.depth * body + waves * np.minimum(1, 3 * body), 0, None), 0.0)

    def pectoral_edge(self, u) -> np.ndarray:
        """Distance of the muscle's edge from the chest-wall edge at height u; 0 below its end and in CC."""
        if not self.pectoral:
            return np.zeros_like(np.asarray(u, dtype=float))
        rise = np.clip((np.asarray(u, dtype=float) - self.pectoral_end) / (self.top - self.pectoral_end), 0, 1)
        return self.pectoral * rise ** (0.8 + 0.12 * self.p)


@dataclass(frozen=True)
class Patient:
    """What is fixed for one patient at one visit."""

    seed: int
    role: Role
    density: str
    glandular_fraction: tuple[float, float]
    look: Look
    views: tuple[ViewGeometry, ...]

    def fraction_of(self, laterality: Laterality) -> float:
        """Volumetric glandular fraction of one breast."""
        return self.glandular_fraction[list(Laterality).index(laterality)]

    def view(self, laterality: Laterality, projection: Projection) -> ViewGeometry:
        """The geometry of one view."""
        return next(v for v in self.views if (v.laterality, v.projection) == (laterality, projection))


def draw_patient(seed: int, spec: PhantomSpec, role: Role = Role.CURRENT) -> Patient:
    """Anatomy and machine of one visit; a prior has the same breasts, a little less of them and another position."""
    rng = stream(seed, "patient")
    density = choose(rng, dict(zip("abcd", spec.density_probabilities, strict=True)))
    low, high = _VGF[density]
    mean = rng.uniform(low, high)
    fractions = tuple(float(np.clip(mean * f, low, high)) for f in rng.uniform(0.93, 1.07, 2))
    views = tuple(
        _draw_view(seed, side, projection, density)
        for projection in (Projection.CC, Projection.MLO)
        for side in Laterality
    )
    if role is Role.PRIOR:
        views = tuple(_reposition(seed, v) for v in views)
    look = _draw_look(stream(seed, "look", role))
    return Patient(seed, role, density, (fractions[0], fractions[1]), look, views)


def _draw_look(rng: np.random.Generator) -> Look:
    return Look(
        fat_grey=float(rng.uniform(0.18, 0.32)),
        gain=float(rng.uniform(0.36, 0.48)),
        equalise=float(rng.uniform(0.80, 0.95)),
        skin=float(rng.uniform(0.05, 0.22)),
        noise=float(rng.uniform(0.010, 0.020)),
    )


def _draw_view(seed: int, side: Laterality, projection: Projection, density: str) -> ViewGeometry:
    """Geometry of one current view: the patient's size, a little of the breast's own, a little positioning."""
    body, own = stream(seed, "size"), stream(seed, "size", side)
    here = stream(seed, "position", side, projection)
    fatty = 1.0 if density in "ab" else 0.88
    depth = body.uniform(62, 108) * fatty * own.uniform(0.96, 1.04) + here.uniform(-2, 2)
    half = body.uniform(62, 94) * (0.6 + 0.4 * depth / 85) * fatty * own.uniform(0.97, 1.03)
    p, q = body.uniform(1.85, 2.25), body.uniform(1.35, 1.85)
    thickness = body.uniform(42, 66) * fatty
    lower, angle = body.uniform(0.86, 1.0), math.radians(body.uniform(42, 48))
    nipple = own.uniform(2.5, 6.5)
    up, down = half * here.uniform(0.95, 1.05), half * lower * here.uniform(0.95, 1.05)
    wobble = (here.uniform(0, 1.3), here.uniform(0, 6.3), here.uniform(0, 0.5), here.uniform(0, 6.3))
    top, axilla, pectoral, end = up + here.uniform(3, 16), 0.0, 0.0, 0.0
    if projection is Projection.MLO:
        up *= 1.12
        top = up * here.uniform(0.92, 1.12)
        axilla = depth * here.uniform(0.42, 0.66)
        pectoral = min(here.uniform(26, 52), 0.85 * axilla)
        end = here.uniform(-14, 18)
        thickness += 5
    shift = (here.uniform(-1.5, 1.5), here.uniform(-1.5, 1.5))
    rows = _multiple_of_16((top + down + here.uniform(4, 22)) / PIXEL_MM)
    cols = _multiple_of_16((depth + nipple + here.uniform(6, 30)) / PIXEL_MM)
    angle = angle if projection is Projection.MLO else 0.0
    return ViewGeometry(
        side, projection, Role.CURRENT, rows, cols, top, depth, up, down, p, q,
        axilla, pectoral, end, wobble, angle, thickness, nipple, shift,
    )  # fmt: skip


def _multiple_of_16(pixels: float) -> int:
    return 16 * math.ceil(pixels / 16)


def _reposition(seed: int, view: ViewGeometry) -> ViewGeometry:
    """The same breast on the earlier visit: other compression and position, same canvas."""
    rng = stream(seed, "reposition", view.kind)
    return replace(
        view,
        role=Role.PRIOR,
        depth=view.depth + rng.uniform(-2.5, 2.5),
        up=view.up * rng.uniform(0.975, 1.025),
        down=view.down * rng.uniform(0.975, 1.025),
        thickness=view.thickness + rng.uniform(-4, 4),
        axilla=view.axilla * rng.uniform(0.95, 1.05),
        pectoral=view.pectoral * rng.uniform(0.92, 1.08),
        shift=(view.shift[0] + rng.uniform(-2, 2), view.shift[1] + rng.uniform(-2, 2)),
    )
