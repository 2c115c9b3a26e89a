"""One view from its plan: tissue, distractors, lesions, detector or film; what each lesion and distractor covers in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality, Role
from mammoscribe.phantom.anatomy import Patient
from mammoscribe.phantom.calcifications import draw_calcifications
from mammoscribe.phantom.canvas import Canvas, Footprint
from mammoscribe.phantom.detector import expose, hang, lay_marker, sharpened
from mammoscribe.phantom.distractors import draw_distractors
from mammoscribe.phantom.film import lay_surround
from mammoscribe.phantom.geometry import ViewGeometry
from mammoscribe.phantom.implant_drawing import lay_implants
from mammoscribe.phantom.lesions import LesionPlan
from mammoscribe.phantom.masses import draw_mass
from mammoscribe.phantom.metal import lay_foreign
from mammoscribe.phantom.sheet import lay_on_field
from mammoscribe.phantom.skin import lay_skin, press_unevenly
from mammoscribe.phantom.soft import asymmetry_field, draw_adenopathy, draw_distortion, pull, thicken_skin
from mammoscribe.phantom.streams import GeneratorVersion, stream
from mammoscribe.phantom.structures import Distractor, Sighting
from mammoscribe.phantom.texture import upsample2
from mammoscribe.phantom.tissue import MU_GLAND, Tissue, draw_tissue, edge_position

_MARGIN_PX = {FindingType.MASS: 8, FindingType.CALCIFICATION: 8, FindingType.DISTORTION: 0, FindingType.ASYMMETRY: 0}


@dataclass(frozen=True)
class RenderedView:
    """One view as it is stored: right views mirrored, with the air of film or detector around the breast.

    Args:
        pixels: uint16 [rows, cols], 12 bit.
        covered: lesion id -> its footprint.
        distractors: what is in the view that must not be reported.
    """

    pixels: np.ndarray
    covered: Mapping[str, Footprint]
    distractors: tuple[Distractor, ...]


def render_view(
    patient: Patient, view: ViewGeometry, lesions: tuple[LesionPlan, ...], distractor_rate: float
) -> RenderedView:
    """One view with its lesions.

    Args:
        lesions: all lesions of this breast; those that this view or visit does not show are skipped.
    """
    shown = [(lesion, _scale(lesion, view)) for lesion in lesions if _shows(lesion, view)]
    retracted = any(lesion.has("nipple_retraction") for lesion, _ in shown)
    tissue = draw_tissue(patient, view, retracted)
    covered: dict[str, Footprint] = {}
    canvas = Canvas(patient, view, _log_attenuation(patient, view, tissue, shown, covered))
    found = lay_implants(canvas) + draw_distractors(canvas, distractor_rate)
    if patient.generator is not GeneratorVersion.V1:
        found += lay_skin(canvas, distractor_rate, retracted)
    for lesion, scale in shown:
        footprint = _draw(canvas, lesion, scale)
        if footprint is not None:
            covered[lesion.id] = footprint
        if lesion.has("skin_thickening"):
            thicken_skin(canvas, lesion, upsample2(tissue.depth_mm))
        if lesion.has("axillary_adenopathy"):
            draw_adenopathy(canvas, lesion)
    edge = edge_position(view, view.heights(), retracted)
    picture, boxes = _expose(canvas, edge, distractor_rate, found)
    distractors = tuple(Distractor(s.kind, view.view_id, s.box) for s in boxes)
    return RenderedView(picture, _stored(covered, lesions, view), distractors)


def _log_attenuation(
    patient: Patient, view: ViewGeometry, tissue: Tissue, shown: list[tuple[LesionPlan, float]], covered: dict[str, Footprint]
) -> np.ndarray:  # fmt: skip
    """Tissue with the asymmetries that grow in it, on the canvas grid; adds their footprints to `covered`."""
    extra: np.ndarray | float = 0.0
    for lesion, scale in shown:
        if lesion.type is FindingType.ASYMMETRY:
            field, covered[lesion.id] = asymmetry_field(tissue, view, lesion, patient.seed, scale)
            extra = extra + field
    coarse = np.float32(MU_GLAND) * tissue.gland(extra) + tissue.rest
    if patient.look.uneven:
        rng = stream(patient.seed, "uneven", view.view_id, version=GeneratorVersion.V2)
        press_unevenly(coarse, (view.depth, min(view.up, view.down)), patient.look.uneven, rng)
    return upsample2(coarse)


def _expose(
    canvas: Canvas, edge_mm: np.ndarray, rate: float, found: list[Sighting]
) -> tuple[np.ndarray, list[Sighting]]:
    """Stored pixels, and every structure's box in them."""
    patient, view, look = canvas.patient, canvas.view, canvas.patient.look
    picture = expose(sharpened(canvas.log, look.sharpen), edge_mm, look, view, patient.seed)
    if patient.generator is GeneratorVersion.V1:
        picture = hang(picture, view.laterality)
        return picture, [_hung(s, view) for s in found] + lay_marker(picture, view, patient.seed)
    grains = stream(patient.seed, "air", view.view_id, version=GeneratorVersion.V2)
    sheet = lay_on_field(picture, view, look.film, look.background, grains)
    laid = lay_foreign(sheet, patient.foreign, patient.seed) + lay_surround(sheet, patient.seed, rate)
    return hang(sheet.pixels, view.laterality), [_hung(s, view) for s in [_on_sheet(s, view) for s in found] + laid]


def _on_sheet(sighting: Sighting, view: ViewGeometry) -> Sighting:
    """The structure in pixels of the canvas with the air around it."""
    box, field = sighting.box, view.field
    return Sighting(
        sighting.kind, Box(box.x0 + field.wall, box.y0 + field.top, box.x1 + field.wall, box.y1 + field.top)
    )


def _hung(sighting: Sighting, view: ViewGeometry) -> Sighting:
    """The structure in stored pixels: mirrored where the stored view is."""
    if view.laterality is Laterality.LEFT:
        return sighting
    box, cols = sighting.box, view.stored_size[1]
    return Sighting(sighting.kind, Box(cols - box.x1, box.y0, cols - box.x0, box.y1))


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
        row, col = cut.row + view.field.top, cut.col + view.field.wall
        if view.laterality is Laterality.RIGHT:
            col = view.stored_size[1] - col - cut.mask.shape[1]
        out[lesion.id] = Footprint(row, col, mask)
    return out
