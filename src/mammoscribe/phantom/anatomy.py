"""The patient: breast sizes, composition, the machine, the position of each view, and what is not of the body."""

import math
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.view import Laterality, Projection, Role
from mammoscribe.phantom.field import draw_field
from mammoscribe.phantom.foreign import ForeignObject, draw_foreign
from mammoscribe.phantom.geometry import PIXEL_MM, ViewGeometry
from mammoscribe.phantom.implants import Implant, draw_implants
from mammoscribe.phantom.looks import Look, draw_look, draw_varied_look
from mammoscribe.phantom.spec import PhantomSpec
from mammoscribe.phantom.streams import GeneratorVersion, choose, stream

_VGF = {"a": (0.015, 0.045), "b": (0.06, 0.135), "c": (0.17, 0.30), "d": (0.36, 0.47)}
"""Volumetric glandular fraction drawn for each composition letter (limits: at most .05, .15, .34, above)."""


@dataclass(frozen=True)
class Patient:
    """What is fixed for one patient at one visit; implants and foreign objects are drawn from version 2 on."""

    seed: int
    role: Role
    density: str
    glandular_fraction: tuple[float, float]
    look: Look
    views: tuple[ViewGeometry, ...]
    generator: GeneratorVersion = GeneratorVersion.V1
    implants: tuple[Implant, ...] = ()
    foreign: tuple[ForeignObject, ...] = ()

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
    current = views
    if role is Role.PRIOR:
        views = tuple(_reposition(seed, v) for v in views)
    patient = Patient(seed, role, density, (fractions[0], fractions[1]), draw_look(seed, role), views)
    return patient if spec.generator is GeneratorVersion.V1 else _varied(patient, current, spec.distractor_rate)


def _varied(patient: Patient, current: tuple[ViewGeometry, ...], rate: float) -> Patient:
    """The patient as version 2 draws her: other machines and films, positions, implants, objects on and in the breast.

    Args:
        current: views of the current visit; foreign objects are placed by them, so that a prior has them there too.
    """
    seed, role = patient.seed, patient.role
    look = draw_varied_look(seed, role, patient.density)
    posed = (_posed(seed, v, rate) for v in patient.views)
    views = tuple(replace(v, field=draw_field(seed, v, look.film)) for v in posed)
    return replace(
        patient,
        generator=GeneratorVersion.V2,
        look=look,
        views=views,
        implants=draw_implants(seed, rate),
        foreign=draw_foreign(seed, role, current, rate),
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


def _posed(seed: int, view: ViewGeometry, rate: float) -> ViewGeometry:
    """The same view with the nipple turned out of profile, and with the skin of the belly below an MLO, at times."""
    rng = stream(seed, "pose", view.view_id, version=GeneratorVersion.V2)
    turned, behind, height = rng.random() < 0.25 * rate, rng.uniform(6, 20), rng.normal(0, 9)
    belly, width, more = rng.random() < 0.6 * rate, rng.uniform(6, 22), rng.uniform(0, 22)
    if turned:
        view = replace(view, nipple_inside=(float(behind), float(np.clip(height, -0.3 * view.down, 0.3 * view.up))))
    if belly and view.projection is Projection.MLO:
        rows = view.rows + 16 * round(more / PIXEL_MM / 16)
        view = replace(view, abdomen=min(float(width), 0.3 * view.depth), rows=rows)
    return view
