"""One view from its plan: tissue, distractors, lesions, detector; and what each lesion covers in it."""

from dataclasses import replace

import numpy as np

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Role
from mammoscribe.phantom.anatomy import Patient, ViewGeometry
from mammoscribe.phantom.calcifications import draw_calcifications
from mammoscribe.phantom.canvas import Canvas, Footprint
from mammoscribe.phantom.detector import expose, hang, lay_marker
from mammoscribe.phantom.distractors import draw_distractors
from mammoscribe.phantom.lesions import LesionPlan
from mammoscribe.phantom.masses import draw_mass
from mammoscribe.phantom.soft import asymmetry_field, draw_adenopathy, draw_distortion, pull, thicken_skin
from mammoscribe.phantom.texture import upsample2
from mammoscribe.phantom.tissue import MU_GLAND, draw_tissue, edge_position

_MARGIN_PX = {FindingType.MASS: 8, FindingType.CALCIFICATION: 8, FindingType.DISTORTION: 0, FindingType.ASYMMETRY: 0}


def render_view(
    patient: Patient, view: ViewGeometry, lesions: tuple[LesionPlan, ...], distractor_rate: float
) -> tuple[np.ndarray, dict[str, Footprint]]:
    """Stored pixels of one view (uint16, right views mirrored) and each lesion's footprint in stored pixels.

    Args:
        lesions: all lesions of this breast; those that this view or visit does not show are skipped.
    """
    shown = [(lesion, _scale(lesion, view)) for lesion in lesions if _shows(lesion, view)]
    retracted = any(lesion.has("nipple_retraction") for lesion, _ in shown)
    tissue = draw_tissue(patient, view, retracted)
    covered: dict[str, Footprint] = {}
    extra: np.ndarray | float = 0.0
    for lesion, scale in shown:
        if lesion.type is FindingType.ASYMMETRY:
            field, covered[lesion.id] = asymmetry_field(tissue, view, lesion, patient.seed, scale)
            extra = extra + field
    canvas = Canvas(patient, view, upsample2(np.float32(MU_GLAND) * tissue.gland(extra) + tissue.rest))
    draw_distractors(canvas, distractor_rate)
    for lesion, scale in shown:
        footprint = _draw(canvas, lesion, scale)
        if footprint is not None:
            covered[lesion.id] = footprint
        if lesion.has("skin_thickening"):
            thicken_skin(canvas, lesion, upsample2(tissue.depth_mm))
        if lesion.has("axillary_adenopathy"):
            draw_adenopathy(canvas, lesion)
    edge = edge_position(view, view.heights(), retracted)
    picture = hang(expose(canvas.log, edge, patient.look, view, patient.seed), view.laterality)
    lay_marker(picture, view, patient.seed)
    return picture, _stored(covered, lesions, view)


def _shows(lesion: LesionPlan, view: ViewGeometry) -> bool:
    here = lesion.laterality is view.laterality and view.projection in lesion.projections
    return here and (view.role is Role.CURRENT or lesion.prior_scale > 0)


def _scale(lesion: LesionPlan, view: ViewGeometry) -> float:
    return lesion.prior_scale if view.role is Role.PRIOR else 1.0


def _draw(canvas: Canvas, lesion: LesionPlan, scale: float) -> Footprint | None:
    """Draw one lesion; an asymmetry is already in the tissue."""
    if lesion.type is FindingType.CALCIFICATION:
        return draw_calcifications(canvas, lesion, scale)
    if lesion.type is FindingType.DISTORTION:
        return draw_distortion(canvas, lesion, scale)
    if lesion.type is FindingType.ASYMMETRY:
        return None
    if lesion.has("architectural_distortion"):
        x, u = (float(v) for v in canvas.view.project(lesion.x, lesion.lat, lesion.z))
        window = canvas.window(x, u, 1.9 * lesion.diameter_mm)
        if window is not None:
            pull(window, 0.58 * lesion.diameter_mm, 0.5)
    footprint = draw_mass(canvas, lesion, scale)
    if lesion.has("calcifications"):
        draw_calcifications(canvas, calcifications_within(lesion), scale)
    return footprint


def calcifications_within(mass: LesionPlan) -> LesionPlan:
    """The calcifications that come with a mass, as a group of their own inside it."""
    return replace(
        mass,
        id=f"{mass.id}-calcifications",
        type=FindingType.CALCIFICATION,
        diameter_mm=0.75 * mass.diameter_mm,
        descriptors=("morphology.fine_pleomorphic", "distribution.grouped"),
        count=9,
        particle_mm=0.34,
        contrast=1.1,
    )


def _stored(covered: dict[str, Footprint], lesions: tuple[LesionPlan, ...], view: ViewGeometry) -> dict[str, Footprint]:
    """Footprints cut to their boxes, mirrored where the stored view is."""
    out = {}
    for lesion in lesions:
        footprint = covered.get(lesion.id)
        cut = footprint.trimmed(_MARGIN_PX[lesion.type], view.rows, view.cols) if footprint else None
        if cut is None:
            continue
        mask = hang(cut.mask, view.laterality)
        col = view.cols - cut.col - cut.mask.shape[1] if mask is not cut.mask and view.laterality == "R" else cut.col
        out[lesion.id] = Footprint(cut.row, col, mask)
    return out
