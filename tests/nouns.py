"""Small valid domain objects for tests; every keyword replaces one field."""

import datetime as dt
from typing import Any

from mammoscribe.domain.assessment import Assessment, Category
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType, Mark
from mammoscribe.domain.report import Breast, Calibration, Provenance, Report
from mammoscribe.domain.search import everything_searched
from mammoscribe.domain.view import Box, Laterality, Projection, Role, View, standard_view_id

R, L = Laterality.RIGHT, Laterality.LEFT
CC, MLO = Projection.CC, Projection.MLO
TODAY, EARLIER = dt.date(2026, 1, 2), dt.date(2025, 1, 2)


def make_view(side: Laterality = R, projection: Projection = CC, role: Role = Role.CURRENT, **fields: Any) -> View:
    given = {"id": standard_view_id(side, projection, role), "width_px": 200, "height_px": 300, "source": "memory"}
    return View(laterality=side, projection=projection, role=role, **(given | fields))


def make_exam(prior: bool = False, sides: tuple[Laterality, ...] = (R, L), **fields: Any) -> Exam:
    views = [make_view(s, p, date=TODAY) for s in sides for p in (CC, MLO)]
    if prior:
        views += [make_view(s, p, Role.PRIOR, date=EARLIER) for s in sides for p in (CC, MLO)]
    return Exam(**({"id": "e1", "views": tuple(views)} | fields))


def make_mark(side: Laterality = R, projection: Projection = CC, **fields: Any) -> Mark:
    given = {"view_id": standard_view_id(side, projection), "box": Box(10, 20, 30, 40), "score": 0.9}
    return Mark(projection=projection, **(given | fields))


def make_finding(
    kind: FindingType = FindingType.MASS, *descriptors: str, side: Laterality = R, **fields: Any
) -> Finding:
    given = {"id": "f1", "marks": (make_mark(side, CC), make_mark(side, MLO)), "score": 0.9, "suspicion": 0.5}
    return Finding(**({"type": kind, "laterality": side, "descriptors": descriptors} | given | fields))


def make_breast(side: Laterality = R, category: str = "1", **fields: Any) -> Breast:
    given = {
        "imaged": True,
        "density": "b",
        "density_probs": (0.1, 0.6, 0.2, 0.1),
        "assessment": Assessment(Category(category), "test"),
        "prob_malignant": 0.9 if category == "5" else 0.5,
        "calibration": Calibration("synthetic exams", 0.5, 100),
    }
    return Breast(laterality=side, **(given | fields))


def make_sentence(
    text: str = "The breasts are fatty.", section: Section = Section.COMPOSITION, *rests_on: Evidence
) -> Sentence:
    return Sentence(text, section, rests_on or (Evidence(EvidenceKind.BREAST, "R"),))


def make_report(exam: Exam | None = None, **fields: Any) -> Report:
    exam = exam or make_exam()
    unimaged = {"imaged": False, "density": None, "density_probs": None, "assessment": None, "prob_malignant": None,
                "calibration": None, "reason": "not imaged"}  # fmt: skip
    given = {
        "breasts": tuple(make_breast(s) if s in exam.imaged else make_breast(s, **unimaged) for s in Laterality),
        "findings": (),
        "sentences": (
            make_sentence("The breasts are fatty.", Section.COMPOSITION, Evidence(EvidenceKind.EXAM, exam.id)),
        ),
        "search": everything_searched(exam),
        "provenance": Provenance("mammoscribe 0", "test", "0" * 64, "nothing"),
    }
    return Report(exam=exam, **(given | fields))
