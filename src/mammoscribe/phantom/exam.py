"""Synthetic exams: draw one from a seed, with its ground truth, and draw its twins without or with a moved lesion."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.assessment import Category, Setting, most_severe
from mammoscribe.domain.assessment_rules import Circumstances, grade_finding
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, Mark
from mammoscribe.domain.location import Location, Region, depth_of, from_one_view, in_the_breast
from mammoscribe.domain.view import Box, Laterality, Origin, Projection, Role, SpacingSource, View
from mammoscribe.phantom.anatomy import Patient, draw_patient
from mammoscribe.phantom.canvas import Footprint
from mammoscribe.phantom.geometry import PIXEL_MM, ViewGeometry
from mammoscribe.phantom.lesions import LesionPlan, draw_lesions, fits
from mammoscribe.phantom.rendering import render_view
from mammoscribe.phantom.spec import TRAINING_SPEC, PhantomSpec
from mammoscribe.phantom.streams import stream
from mammoscribe.phantom.structures import Distractor
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

EXAM_DATE, PRIOR_DATE = dt.date(2020, 6, 15), dt.date(2018, 6, 11)
"""Fixed days; a phantom has no calendar."""


@dataclass(frozen=True)
class BreastTruth:
    """What is true of one drawn breast.

    Args:
        density: composition letter.
        glandular_fraction: volumetric, drawn within the letter's range.
        category: the domain's rule over the drawn findings.
        malignant: whether any lesion was drawn malignant (by its suspicion).
    """

    laterality: Laterality
    density: str
    glandular_fraction: float
    category: Category
    malignant: bool


@dataclass(frozen=True)
class PhantomExam:
    """A drawn exam with everything that is true of it.

    Args:
        pixels: view id -> uint16 [rows, columns], 12 bit for presentation, bright = dense, air near 0; right views
            have the chest wall at the right edge.
        findings: ground truth with a mark of score 1 in every current view that shows the lesion.
        breasts: right, left.
        masks: (finding id, view id) -> bool, the lesion's footprint cut to its mark's box.
        lesions: the plans the lesions were drawn from.
        distractors: what else is drawn that must not be reported, in all views, those of the prior included.
    """

    exam: Exam
    pixels: Mapping[str, np.ndarray]
    findings: tuple[Finding, ...]
    breasts: tuple[BreastTruth, BreastTruth]
    masks: Mapping[tuple[str, str], np.ndarray]
    seed: int
    spec: PhantomSpec
    lesions: tuple[LesionPlan, ...]
    distractors: tuple[Distractor, ...] = ()

    def lesion(self, finding_id: str) -> LesionPlan:
        """The plan behind a finding; an unknown id raises InputError."""
        return look_up(finding_id, {lesion.id: lesion for lesion in self.lesions}, "lesion of this phantom")

    def without(self, finding_id: str) -> "PhantomExam":
        """The twin without that lesion: every pixel outside its reach is identical, noise included."""
        gone = self.lesion(finding_id)
        return self._redrawn(tuple(k for k in self.lesions if k.id != finding_id), {gone.laterality})

    def moved(self, finding_id: str, laterality: Laterality | None = None) -> "PhantomExam":
        """The twin with that lesion elsewhere.

        Args:
            laterality: breast to move it to; by default the other one.
        """
        old = self.lesion(finding_id)
        side = laterality or next(s for s in Laterality if s is not old.laterality)
        new = self._elsewhere(old, side)
        kept = tuple(new if k.id == finding_id else k for k in self.lesions)
        return self._redrawn(kept, {old.laterality, side})

    def _elsewhere(self, old: LesionPlan, side: Laterality) -> LesionPlan:
        """The plan mirrored to the other breast, or turned about the nipple axis within the same one."""
        patient = draw_patient(self.seed, self.spec)
        turns = ((1, 1), (-1, 1), (1, -1), (-1, -1)) if side is not old.laterality else ((-1, -1), (-1, 1), (1, -1))
        for shrink in (1.0, 0.9, 0.8, 0.65, 0.5):
            for a, b in turns:
                new = replace(
                    old, laterality=side, x=old.x * (0.5 + shrink / 2), lat=a * old.lat * shrink, z=b * old.z * shrink
                )
                if fits(patient, new):
                    return new
        raise InputError(f"lesion {old.id} fits nowhere else in the {side.word} breast", "", "choose another lesion")

    def _redrawn(self, lesions: tuple[LesionPlan, ...], touched: set[Laterality]) -> "PhantomExam":
        keep = {v.id for v in self.exam.views if v.laterality not in touched}
        return _assemble(self.seed, self.spec, lesions, bool(self.exam.prior), {k: self.pixels[k] for k in keep}, self)


def draw_exam(seed: int, spec: PhantomSpec = TRAINING_SPEC) -> PhantomExam:
    """Draw the exam of a seed: labels are equal on every machine, pixels to within one grey level.

    Args:
        seed: training uses 0..99 999, validation 100 000..199 999, `BENCH_V1` 900 000 and up, `BENCH_V2` 970 000 and up.
        spec: distributions to draw from, and with which version of the generator.
    """
    if seed < 0:
        raise InputError(f"phantom seed {seed}", "a whole number from 0")
    has_prior = bool(stream(seed, "visits").random() < spec.prior_probability)
    lesions = draw_lesions(draw_patient(seed, spec), spec, has_prior)
    return _assemble(seed, spec, lesions, has_prior, {}, None)


def _assemble(
    seed: int, spec: PhantomSpec, lesions: tuple[LesionPlan, ...], has_prior: bool,
    ready: Mapping[str, np.ndarray], source: PhantomExam | None,
) -> PhantomExam:  # fmt: skip
    """Render what is not `ready` (taken over from `source`) and collect the truth."""
    current = draw_patient(seed, spec)
    patients = (current, draw_patient(seed, spec, Role.PRIOR)) if has_prior else (current,)
    pixels, covered = dict(ready), {}
    shown = {v: tuple(d for d in source.distractors if d.view_id == v) for v in ready} if source else {}
    for patient in patients:
        for view in patient.views:
            if view.view_id in ready:
                continue
            own = tuple(k for k in lesions if k.laterality is view.laterality)
            rendered = render_view(patient, view, own, spec.distractor_rate)
            pixels[view.view_id], covered[view.view_id] = rendered.pixels, rendered.covered
            shown[view.view_id] = rendered.distractors
    boxes = {(k, v): f for v, found in covered.items() for k, f in found.items() if not v.startswith("prior_")}
    findings = _findings(current, lesions, boxes, source, ready)
    masks = {key: footprint.mask for key, footprint in boxes.items()}
    if source is not None:
        masks |= {key: mask for key, mask in source.masks.items() if key[1] in ready}
    exam = Exam(f"phantom-{seed}", tuple(_view(p, v) for p in patients for v in p.views), f"PHANTOM-{seed:06d}")
    ordered = {v.id: pixels[v.id] for v in exam.views}
    distractors = tuple(d for v in exam.views for d in shown[v.id])
    breasts = _breasts(current, lesions, findings)
    return PhantomExam(exam, ordered, findings, breasts, masks, seed, spec, lesions, distractors)


def _view(patient: Patient, view: ViewGeometry) -> View:
    return View(
        id=view.view_id,
        laterality=view.laterality,
        projection=view.projection,
        width_px=view.stored_size[1],
        height_px=view.stored_size[0],
        source=f"phantom seed {patient.seed}",
        role=view.role,
        spacing_mm=(PIXEL_MM, PIXEL_MM),
        spacing_source=SpacingSource.HEADER,
        date=PRIOR_DATE if view.role is Role.PRIOR else EXAM_DATE,
        origin=Origin.SYNTHETIC,
    )


def _findings(
    patient: Patient, lesions: tuple[LesionPlan, ...], boxes: Mapping[tuple[str, str], Footprint],
    source: PhantomExam | None, ready: Mapping[str, np.ndarray],
) -> tuple[Finding, ...]:  # fmt: skip
    """Findings of the plans; those of breasts that were not redrawn are taken over."""
    known = {f.id: f for f in source.findings} if source else {}
    out = []
    for lesion in lesions:
        if f"{lesion.laterality}_CC" in ready and lesion.id in known:
            out.append(known[lesion.id])
            continue
        marks = tuple(
            Mark(view.view_id, view.projection, _box(boxes[lesion.id, view.view_id]), 1.0)
            for view in patient.views
            if (lesion.id, view.view_id) in boxes
        )
        if marks:
            out.append(_finding(patient, lesion, marks))
    return tuple(out)


def _box(footprint: Footprint) -> Box:
    rows, cols = footprint.mask.shape
    return Box(float(footprint.col), float(footprint.row), float(footprint.col + cols), float(footprint.row + rows))


def _finding(patient: Patient, lesion: LesionPlan, marks: tuple[Mark, ...]) -> Finding:
    return Finding(
        id=lesion.id,
        type=lesion.type,
        laterality=lesion.laterality,
        marks=marks,
        score=1.0,
        suspicion=lesion.suspicion,
        descriptors=lesion.descriptors,
        location=_location(patient, lesion, marks),
        change=lesion.change,
    )


def _location(patient: Patient, lesion: LesionPlan, marks: tuple[Mark, ...]) -> Location:
    """Quadrant, clock and depth from the place in space; one view alone gives a half and a depth."""
    length = patient.view(lesion.laterality, Projection.CC).depth
    behind_nipple = float(np.clip((length - lesion.x) / length, 0, 1))
    if len(marks) == 1:
        view = patient.view(lesion.laterality, marks[0].projection)
        return from_one_view(view.projection, float(view.project(lesion.x, lesion.lat, lesion.z)[1]), behind_nipple)
    near_axis = float(np.hypot(lesion.lat, lesion.z)) < 12.0
    region = Region.RETROAREOLAR if near_axis and length - lesion.x < 28 else None
    return in_the_breast(lesion.laterality, lesion.lat, lesion.z, depth_of(behind_nipple), region)


def _breasts(
    patient: Patient, lesions: tuple[LesionPlan, ...], findings: tuple[Finding, ...]
) -> tuple[BreastTruth, BreastTruth]:
    months = (EXAM_DATE - PRIOR_DATE).days / 30.4375
    at = Circumstances(Setting.DIAGNOSTIC, months_since_prior=months, prior_read=True)

    def truth(side: Laterality) -> BreastTruth:
        own = [f for f in findings if f.laterality is side]
        malignant = any(k.malignant for k in lesions if k.laterality is side)
        graded = [grade_finding(f, at).assessment.category for f in own]
        category = most_severe(graded) if graded else Category.NEGATIVE
        return BreastTruth(side, patient.density, patient.fraction_of(side), category, malignant)

    return truth(Laterality.RIGHT), truth(Laterality.LEFT)
