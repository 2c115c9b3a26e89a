"""Lesions as plans: kind, descriptors, size, place in the breast, suspicion and change, before a pixel is drawn."""

import math
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.phantom.anatomy import Patient
from mammoscribe.phantom.spec import PhantomSpec
from mammoscribe.phantom.streams import choose, log_normal, stream

BOTH = (Projection.CC, Projection.MLO)

_MASS_LOOKS = {
    "oval/circumscribed": 0.20, "round/circumscribed": 0.11, "lobulated/circumscribed": 0.05, "oval/obscured": 0.08,
    "round/obscured": 0.05, "oval/microlobulated": 0.04, "irregular/microlobulated": 0.05, "oval/indistinct": 0.04,
    "round/indistinct": 0.03, "irregular/indistinct": 0.14, "irregular/spiculated": 0.21,
}  # fmt: skip
_MASS_SUSPICION = {
    "circumscribed": 0.01, "obscured": 0.05, "microlobulated": 0.25, "indistinct": 0.45, "spiculated": 0.96,
}  # fmt: skip
_SUSPICIOUS_CALCS = {
    "amorphous/grouped": 0.16, "amorphous/segmental": 0.03, "amorphous/regional": 0.03,
    "coarse_heterogeneous/grouped": 0.15, "coarse_heterogeneous/regional": 0.02,
    "fine_pleomorphic/grouped": 0.30, "fine_pleomorphic/linear": 0.06, "fine_pleomorphic/segmental": 0.06,
    "fine_linear/linear": 0.10, "fine_linear/segmental": 0.07, "fine_linear/grouped": 0.02,
}  # fmt: skip
_CALC_SUSPICION = {"amorphous": 0.20, "coarse_heterogeneous": 0.13, "fine_pleomorphic": 0.45, "fine_linear": 0.85}
_BENIGN_CALCS = {
    "round/grouped": 0.16, "round/diffuse": 0.12, "rim/grouped": 0.13, "vascular/linear": 0.17, "coarse/grouped": 0.14,
    "large_rod_like/segmental": 0.06, "large_rod_like/diffuse": 0.05, "skin/grouped": 0.09, "layering/grouped": 0.08,
}  # fmt: skip


@dataclass(frozen=True)
class LesionPlan:
    """One lesion in the breast frame.

    Args:
        diameter_mm: of a mass or distortion core; extent of a calcification group or an asymmetry.
        contrast: least contrast-to-noise ratio of a mass or asymmetry; relative opacity of calcifications.
        count, particle_mm: number and median size of calcifications (0 elsewhere).
        projections: views that show it.
        prior_scale: size on the earlier visit over size now; 0 where it was not there.
        change: against the prior; None when there is none.
    """

    id: str
    type: FindingType
    laterality: Laterality
    x: float
    lat: float
    z: float
    diameter_mm: float
    descriptors: tuple[str, ...]
    suspicion: float
    malignant: bool
    contrast: float
    projections: tuple[Projection, ...] = BOTH
    count: int = 0
    particle_mm: float = 0.0
    prior_scale: float = 1.0
    change: Change | None = None
    subtle: bool = False

    def word(self, axis: str) -> str:
        """The lexicon word on an axis (`spiculated` for `margin`), or an empty string."""
        return next((d.split(".", 1)[1] for d in self.descriptors if d.startswith(axis + ".")), "")

    def has(self, associated: str) -> bool:
        """Whether the lesion comes with an associated feature, for example `skin_thickening`."""
        return f"associated.{associated}" in self.descriptors

    @property
    def reach_mm(self) -> float:
        """Radius around the centre that must lie in the breast."""
        return 0.5 * min(self.diameter_mm, 30.0) + 3.0


def draw_lesions(patient: Patient, spec: PhantomSpec, has_prior: bool) -> tuple[LesionPlan, ...]:
    """All lesions of an exam, right breast first; ids count within a kind: m1, m2, c1, d1, a1."""
    found: list[LesionPlan] = []
    for side in Laterality:
        rng = stream(patient.seed, "burden", side)
        count = int(rng.random() < spec.lesion_probability)
        while count and count < spec.max_lesions_per_breast and rng.random() < spec.extra_lesion_probability:
            count += 1
        for k in range(count):
            lesion = _draw_lesion(stream(patient.seed, "lesion", side, str(k)), patient, spec, side, found, has_prior)
            if lesion is not None:
                found.append(lesion)
    return tuple(found)


def _draw_lesion(
    rng: np.random.Generator, patient: Patient, spec: PhantomSpec, side, found: list[LesionPlan], has_prior: bool
):
    asymmetry = spec.asymmetry_weight * (0.0 if patient.density == "d" else 1.0)
    kind = choose(rng, {
        "m": spec.mass_weight, "c": spec.suspicious_calc_weight, "b": spec.benign_calc_weight,
        "d": spec.distortion_weight, "a": asymmetry,
    })  # fmt: skip
    subtle = bool(rng.random() < spec.subtle_fraction)
    prefix = "c" if kind == "b" else kind
    name = f"{prefix}{1 + sum(f.id[0] == prefix for f in found)}"
    if kind == "b":
        lesion = _benign_calcs(rng, side, name, subtle)
    elif kind == "a":
        lesion = _asymmetry(rng, side, name, subtle)
    else:
        lesion = {"m": _mass, "c": _suspicious_calcs, "d": _distortion}[kind](rng, spec, side, name, subtle)
    lesion = _with_change(rng, lesion, has_prior)
    lesion = replace(lesion, malignant=bool(rng.random() < lesion.suspicion))
    return _place(rng, patient, lesion, [f for f in found if f.laterality is side])


def _plan(id: str, type: FindingType, side: Laterality, suspicion: float, subtle: bool, **more) -> LesionPlan:
    return LesionPlan(id=id, type=type, laterality=side, x=0, lat=0, z=0, suspicion=suspicion, malignant=False, subtle=subtle, **more)  # fmt: skip


def _around(rng: np.random.Generator, p: float, spread: float = 0.5) -> float:
    """A probability near p: its log odds jittered."""
    return float(1 / (1 + math.exp(-(math.log(p / (1 - p)) + rng.normal(0, spread)))))


def _mass(rng: np.random.Generator, spec: PhantomSpec, side: Laterality, id: str, subtle: bool) -> LesionPlan:
    shape, margin = choose(rng, _MASS_LOOKS).split("/")
    diameter = log_normal(rng, *spec.mass_diameter_mm)
    density = choose(rng, {"high": 0.42, "equal": 0.45, "low": 0.13 if margin != "spiculated" else 0.03})
    suspicion = _around(
        rng, _MASS_SUSPICION[margin] * (1.3 if shape == "irregular" and margin == "indistinct" else 1.0)
    )
    if margin == "circumscribed" and rng.random() < 0.13:
        density, suspicion = "fat_containing", 0.001
    descriptors = [f"shape.{shape}", f"margin.{margin}", f"density.{density}"]
    if margin == "spiculated" or (shape == "irregular" and rng.random() < 0.3):
        for feature, p in (("skin_thickening", 0.10), ("nipple_retraction", 0.09), ("architectural_distortion", 0.15),
                           ("calcifications", 0.16), ("axillary_adenopathy", 0.08)):  # fmt: skip
            if rng.random() < p:
                descriptors.append(f"associated.{feature}")
    return _plan(
        id, FindingType.MASS, side, suspicion, subtle,
        diameter_mm=diameter, descriptors=tuple(descriptors), projections=_shown(rng, spec.one_view_fraction),
        contrast=float(rng.uniform(*(spec.subtle_contrast if subtle else spec.mass_contrast))),
    )  # fmt: skip


def _shown(rng: np.random.Generator, one_view: float) -> tuple[Projection, ...]:
    if rng.random() >= one_view:
        return BOTH
    return (Projection.MLO,) if rng.random() < 0.6 else (Projection.CC,)


def _suspicious_calcs(
    rng: np.random.Generator, spec: PhantomSpec, side: Laterality, id: str, subtle: bool
) -> LesionPlan:
    morphology, distribution = choose(rng, _SUSPICIOUS_CALCS).split("/")
    low, high = spec.calc_extent_mm
    extent = {
        "grouped": (low, min(high, 18.0)),
        "linear": (10.0, 28.0),
        "segmental": (20.0, 45.0),
        "regional": (22.0, 42.0),
    }
    fewest, most = spec.calc_count
    many = distribution in ("segmental", "regional")
    smallest, largest = spec.calc_diameter_mm
    middle = {"amorphous": 0.24, "coarse_heterogeneous": 0.55, "fine_pleomorphic": 0.32, "fine_linear": 0.24}[
        morphology
    ]
    return _plan(
        id, FindingType.CALCIFICATION, side, _around(rng, _CALC_SUSPICION[morphology]), subtle,
        diameter_mm=float(rng.uniform(*extent[distribution])),
        descriptors=(f"morphology.{morphology}", f"distribution.{distribution}"),
        count=int(rng.integers(14, 36)) if many or morphology == "amorphous" else int(rng.integers(fewest, most + 1)),
        particle_mm=float(np.clip(middle * rng.uniform(0.75, 1.35), smallest, largest + 0.2)),
        contrast=float(rng.uniform(0.45, 0.65) if subtle else rng.uniform(0.75, 1.3)),
    )  # fmt: skip


def _benign_calcs(rng: np.random.Generator, side: Laterality, id: str, subtle: bool) -> LesionPlan:
    morphology, distribution = choose(rng, _BENIGN_CALCS).split("/")
    extent, count, particle = {
        "round": ((6, 16), (3, 9), (0.4, 0.9)), "rim": ((6, 10), (1, 2), (3.0, 8.0)),
        "vascular": ((28, 44), (1, 2), (0.3, 0.5)), "coarse": ((5, 10), (1, 2), (3.0, 9.0)),
        "large_rod_like": ((24, 50), (6, 16), (0.5, 1.0)), "skin": ((8, 16), (3, 8), (0.8, 1.4)),
        "layering": ((8, 16), (5, 12), (0.7, 1.4)),
    }[morphology]  # fmt: skip
    if distribution == "diffuse":
        extent, count = (46, 70), (8, 24)
    return _plan(
        id, FindingType.CALCIFICATION, side, 0.001, subtle,
        diameter_mm=float(rng.uniform(*extent)),
        descriptors=(f"morphology.{morphology}", f"distribution.{distribution}"),
        count=int(rng.integers(count[0], count[1] + 1)), particle_mm=float(rng.uniform(*particle)),
        contrast=float(rng.uniform(0.5, 0.7) if subtle else rng.uniform(0.8, 1.4)),
    )  # fmt: skip


def _distortion(rng: np.random.Generator, spec: PhantomSpec, side: Laterality, id: str, subtle: bool) -> LesionPlan:
    return _plan(
        id, FindingType.DISTORTION, side, _around(rng, 0.45), subtle,
        diameter_mm=log_normal(rng, 20.0, 0.3, 12.0, 36.0), descriptors=(),
        projections=_shown(rng, 3 * spec.one_view_fraction),
        contrast=float(rng.uniform(0.45, 0.6) if subtle else rng.uniform(0.8, 1.4)),
    )  # fmt: skip


def _asymmetry(rng: np.random.Generator, side: Laterality, id: str, subtle: bool) -> LesionPlan:
    word = choose(rng, {"asymmetry": 0.36, "focal": 0.44, "global": 0.20})
    size = {"asymmetry": (10, 24), "focal": (12, 28), "global": (45, 62)}[word]
    one = ((Projection.MLO,) if rng.random() < 0.5 else (Projection.CC,)) if word == "asymmetry" else BOTH
    return _plan(
        id, FindingType.ASYMMETRY, side, _around(rng, {"asymmetry": 0.02, "focal": 0.06, "global": 0.01}[word]), subtle,
        diameter_mm=float(rng.uniform(*size)), descriptors=(f"asymmetry.{word}",), projections=one,
        contrast=float(rng.uniform(0.55, 0.75) if subtle else rng.uniform(0.9, 1.3)),
    )  # fmt: skip


def _with_change(rng: np.random.Generator, lesion: LesionPlan, has_prior: bool) -> LesionPlan:
    """What the earlier visit showed of it; drawn also without a prior, so that the streams stay aligned."""
    worrying = lesion.suspicion > 0.1
    table = {"new": 0.45, "stable": 0.2, "increased": 0.35} if worrying else {"new": 0.12, "stable": 0.7, "increased": 0.13, "decreased": 0.05}  # fmt: skip
    if lesion.word("asymmetry") == "global":
        table = {"stable": 1.0}
    elif lesion.type is FindingType.CALCIFICATION and lesion.word("morphology") not in _CALC_SUSPICION:
        table = {"stable": 0.8, "new": 0.2}
    change, amount = Change(choose(rng, table)), rng.random()
    scale = {Change.NEW: 0.0, Change.STABLE: 1.0, Change.INCREASED: 0.5 + 0.25 * amount, Change.DECREASED: 1.3 + 0.3 * amount}[change]  # fmt: skip
    if not has_prior:
        return lesion
    if lesion.type is FindingType.ASYMMETRY and change in (Change.NEW, Change.INCREASED) and amount < 0.6:
        lesion = replace(lesion, descriptors=("asymmetry.developing",), suspicion=_around(rng, 0.15), projections=BOTH)
    return replace(lesion, change=change, prior_scale=float(scale))


def _place(
    rng: np.random.Generator, patient: Patient, lesion: LesionPlan, others: list[LesionPlan]
) -> LesionPlan | None:
    """The lesion at a place where it fits in both views, away from `others`; None when none was found."""
    for _ in range(200):
        moved = replace(lesion, **_position(rng, patient, lesion))
        if fits(patient, moved) and all(_apart(moved, o) for o in others):
            return moved
    return None


def _position(rng: np.random.Generator, patient: Patient, lesion: LesionPlan) -> dict[str, float]:
    cc = patient.view(lesion.laterality, Projection.CC)
    half = 0.9 * min(cc.up, cc.down)
    outer_upper = rng.random() < 0.45
    angle = rng.normal(math.pi / 4, 0.5) if outer_upper else rng.uniform(-math.pi, math.pi)
    if lesion.word("morphology") == "skin":
        depth, radius = rng.uniform(0.1, 0.5), rng.uniform(0.75, 0.95)
    else:
        depth, radius = rng.uniform(0.10, 0.88), math.sqrt(rng.random()) * 0.82
    if lesion.has("nipple_retraction"):
        depth, radius = rng.uniform(0.12, 0.3), rng.uniform(0.0, 0.3)
    reach = radius * half * math.sqrt(1 - (1 - depth) ** 2.2)
    return {"x": (1 - depth) * cc.depth, "lat": reach * math.sin(angle), "z": reach * math.cos(angle)}


def fits(patient: Patient, lesion: LesionPlan) -> bool:
    """Whether the lesion lies inside the skin in both projections, with its reach, and no implant or metal hides it."""
    reach = 2.5 if lesion.word("morphology") == "skin" else lesion.reach_mm
    for projection in BOTH:
        view = patient.view(lesion.laterality, projection)
        x, u = view.project(lesion.x, lesion.lat, lesion.z)
        for du in (-reach, 0.0, reach):
            if float(view.breast_outline(u + du)) < x + reach:
                return False
        if x < min(reach, 8.0) or u + reach > view.top - 2:
            return False
        if any(i.covers(view, float(x), float(u)) for i in patient.implants if i.laterality is lesion.laterality):
            return False
        if any(thing.covers(view, float(x), float(u)) for thing in patient.foreign):
            return False
    return True


def _apart(one: LesionPlan, other: LesionPlan) -> bool:
    """Whether two lesions of a breast are apart in the projections, so that their marks do not merge."""
    need = 0.5 * (min(one.diameter_mm, 36) + min(other.diameter_mm, 36)) + 4
    turn = math.sqrt(0.5)
    for c, s in ((1.0, 0.0), (turn, turn)):
        du = (one.lat - other.lat) * c + (one.z - other.z) * s
        if math.hypot(one.x - other.x, du) < need:
            return False
    return True
