"""report.json: the report as data (`mammoscribe.report/1`), with the JSON Schema that ships beside it."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from mammoscribe.domain.anatomy import MarkOnStructure
from mammoscribe.domain.assessment import Assessment, Grade
from mammoscribe.domain.evidence import Evidence, RejectedClaim, Sentence
from mammoscribe.domain.exam import SetAside
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.lexicon import Code, term
from mammoscribe.domain.location import Location
from mammoscribe.domain.report import Breast, Provenance, Report
from mammoscribe.domain.search import ViewSearch
from mammoscribe.domain.view import Role, View
from mammoscribe.exports.words import NOTICE

SCHEMA_ID = "mammoscribe.report/1"
_Json = dict[str, Any]


def report_json(report: Report) -> _Json:
    """The report as plain dicts, lists, strings and numbers; validates against `schema()`.

    Boxes are `[x0, y0, x1, y1)` in stored pixels, x = column, y = row, origin top left. What was not assessed is
    null with a reason beside it.
    """
    steps = {view_id: list(done) for view_id, done in report.provenance.preprocessing}
    return {
        "schema": SCHEMA_ID,
        "notice": NOTICE,
        "exam": _exam(report, steps),
        "breasts": [_breast(b) for b in report.breasts],
        "findings": [_finding(f, report) for f in report.findings],
        "possible": [_possible(f) for f in report.possible],
        "sentences": [_sentence(s) for s in report.sentences],
        "rejected_claims": [_rejected(r) for r in report.rejected_claims],
        "setting": report.provenance.setting.value,
        "density": report.density,
        "assessment": _exam_assessment(report),
        "warnings": list(report.warnings),
        "provenance": _provenance(report.provenance, steps),
    }


def dumps_report(report: Report) -> str:
    """The report as indented JSON text that ends in a newline; equal reports give equal text."""
    return json.dumps(report_json(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema() -> _Json:
    """The JSON Schema (2020-12) of `mammoscribe.report/1`, a fresh copy on every call."""
    return json.loads(_schema_text())


@cache
def _schema_text() -> str:
    return files("mammoscribe.exports").joinpath("report.schema.json").read_text(encoding="utf-8")


def _exam(report: Report, steps: dict[str, list[str]]) -> _Json:
    exam = report.exam
    return {
        "id": exam.id,
        "accession": exam.accession,
        "patient_id": exam.patient_id,
        "date": exam.date.isoformat() if exam.date else None,
        "prior_date": exam.prior_date.isoformat() if exam.prior_date else None,
        "indication": exam.indication,
        "origin": exam.origin.value,
        "set_aside": [_set_aside(s) for s in exam.set_aside],
        "views": [_view(v, report, steps.get(v.id, [])) for v in (*exam.current, *exam.prior)],
    }


def _set_aside(file: SetAside) -> _Json:
    return {
        "source": file.source,
        "laterality": file.laterality.value if file.laterality else None,
        "projection": file.projection.value if file.projection else None,
        "reason": file.reason,
    }


def _view(view: View, report: Report, steps: list[str]) -> _Json:
    spacing = None if view.spacing_mm is None else [round(float(s), 6) for s in view.spacing_mm]
    return {
        "id": view.id,
        "laterality": view.laterality.value,
        "projection": view.projection.value,
        "role": view.role.value,
        "date": view.date.isoformat() if view.date else None,
        "source": view.source,
        "frame": view.frame,
        "width_px": view.width_px,
        "height_px": view.height_px,
        "spacing_mm": spacing,
        "spacing_source": view.spacing_source.value,
        "preprocessing": steps,
        "searched": _searched(report.search.of(view)) if view.role is Role.CURRENT else None,
    }


def _searched(search: ViewSearch) -> _Json:
    reasons = {kind: search.reason(kind) for kind in FindingType}
    return {kind.value: {"searched": reason is None, "reason": reason} for kind, reason in reasons.items()}


def _breast(breast: Breast) -> _Json:
    probs, known = breast.density_probs, breast.calibration
    return {
        "laterality": breast.laterality.value,
        "imaged": breast.imaged,
        "density": breast.density,
        "density_probs": None if probs is None else {k: _fraction(p) for k, p in zip("abcd", probs, strict=True)},
        "assessment": None if breast.assessment is None else _assessment(breast.assessment),
        "prob_malignant": None if breast.prob_malignant is None else _fraction(breast.prob_malignant),
        "calibration": None
        if known is None
        else {
            "population": known.population,
            "prevalence": _fraction(known.prevalence),
            "n": known.n,
            "stated_prevalence": known.stated_prevalence,
        },
        "reason": breast.reason,
    }


def _finding(finding: Finding, report: Report) -> _Json:
    grade = report.breast(finding.laterality).grade(finding.id)
    return {
        "id": finding.id,
        "type": finding.type.value,
        "code": _code(finding.type.code),
        "laterality": finding.laterality.value,
        "descriptors": [_descriptor(d) for d in finding.descriptors],
        "location": _location(finding.location, projections={m.projection for m in finding.marks}),
        "marks": _marks(finding),
        "score": _fraction(finding.score),
        "suspicion": _fraction(finding.suspicion),
        "change": finding.change.value if finding.change else None,
        "change_reason": _change_reason(finding, prior_read=bool(report.exam.prior)),
        "level_of_suspicion": _level(grade) if grade and grade.level else None,
    }


def _level(grade: Grade) -> _Json:
    return {"birads": grade.assessment.category.value, "words": grade.level, "rule": grade.assessment.rule}


def _possible(finding: Finding) -> _Json:
    """A candidate too weak for a sentence: what kind and where, no words."""
    return {
        "id": finding.id,
        "type": finding.type.value,
        "code": _code(finding.type.code),
        "laterality": finding.laterality.value,
        "marks": _marks(finding),
        "score": _fraction(finding.score),
    }


def _marks(finding: Finding) -> list[_Json]:
    return [{"view": m.view_id, "box_px": m.box.as_list(), "score": _fraction(m.score)} for m in finding.marks]


def _change_reason(finding: Finding, prior_read: bool) -> str | None:
    if finding.change is not None:
        return None
    return "not compared with the prior" if prior_read else "no prior was read"


def _descriptor(term_id: str) -> _Json:
    found = term(term_id)
    return {"term": found.id, "axis": found.axis.value, "label": found.label, "code": _code(found.code)}


def _code(code: Code | None) -> _Json | None:
    return None if code is None else {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _location(place: Location, projections: set) -> _Json:
    reason = None
    if not place.needs_two_views:
        reason = "seen in one projection only" if len(projections) < 2 else "not determined"
    return {
        "quadrant": place.quadrant.value if place.quadrant else None,
        "clock": place.clock,
        "depth": place.depth.value if place.depth else None,
        "half": place.half.value if place.half else None,
        "region": place.region.value if place.region else None,
        "nipple_distance_mm": place.nipple_distance_mm,
        "reason": reason,
    }


def _sentence(sentence: Sentence) -> _Json:
    written = {
        "text": sentence.text,
        "section": sentence.section.value,
        "evidence": [_evidence(e) for e in sentence.evidence],
        "writer": sentence.writer.value,
        "gate": sentence.gate.value,
    }
    return written if sentence.original is None else {**written, "original": sentence.original}


def _evidence(evidence: Evidence) -> _Json:
    return {"kind": evidence.kind.value, "ref": evidence.ref}


def _rejected(rejected: RejectedClaim) -> _Json:
    claim = rejected.claim
    return {
        "text": claim.text,
        "section": claim.section.value,
        "evidence": [_evidence(e) for e in claim.pointers],
        "writer": claim.writer.value,
        "reason": rejected.reason,
    }


def _assessment(assessment: Assessment) -> _Json:
    return {"birads": assessment.category.value, "management": assessment.management, "rule": assessment.rule}


def _exam_assessment(report: Report) -> _Json:
    given = report.assessment
    if given is None:
        return {"birads": None, "management": None, "rule": None, "reason": report.assessment_reason}
    return {**_assessment(given), "reason": None}


def _provenance(made_by: Provenance, steps: dict[str, list[str]]) -> _Json:
    return {
        "package": made_by.package,
        "model": made_by.model,
        "weights_sha256": made_by.weights_sha256,
        "trained_on": made_by.trained_on,
        "lexicon_edition": made_by.edition.value,
        "preprocessing": steps,
        "reliability": list(made_by.reliability),
        "structures": [_structure(m) for m in made_by.structures],
        "author": made_by.author,
    }


def _structure(mark: MarkOnStructure) -> _Json:
    return {
        "view": mark.view_id,
        "box_px": mark.box.as_list(),
        "type": mark.kind.value,
        "structure": mark.structure.value,
        "score": _fraction(mark.score),
    }


def _fraction(value: float) -> float:
    return round(float(value), 4)
