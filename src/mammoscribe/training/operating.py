"""Fixing what a trained reader needs before it may be used: thresholds, calibration, and how often sentences are right.

Everything here is decided on validation phantoms and on out-of-fold predictions, never on test seeds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.bootstrap import wilson
from mammoscribe.evaluation.calibration import fit_logistic, fit_temperature
from mammoscribe.evaluation.detection import (
    KINDS,
    ViewMarks,
    froc,
    match_findings,
    operating_point,
    threshold_at,
    views_of,
)
from mammoscribe.models.card import OperatingPoint
from mammoscribe.models.reader import Reader, most_suspicious
from mammoscribe.phantom import PhantomExam, PhantomSpec, draw_exam
from mammoscribe.reading import Prepared, prepare
from mammoscribe.training.prepare import phantom_picture

THRESHOLD_KIND = {
    FindingType.MASS: "mass", FindingType.CALCIFICATION: "suspicious_calcification",
    FindingType.DISTORTION: "architectural_distortion", FindingType.ASYMMETRY: "asymmetry",
}  # fmt: skip
MAX_FALSE_PER_VIEW = 0.5
"""False marks a view that no threshold may exceed, whatever it would find."""
REAL_POPULATION = "RSNA 2023 screening breasts, enriched, out of fold"
MIN_PRECISION = 0.4
"""Share of a type's marks that must be right before the reader may speak of that type at all."""
NEVER = 0.99
"""Threshold of a type that validation gives no ground to report."""


@dataclass(frozen=True)
class ValidationExam:
    """One validation phantom as the reader saw it; `malignant` is head logit, most suspicious candidate and truth."""

    exam: Exam
    truth: tuple[Finding, ...]
    candidates: tuple[Finding, ...]
    malignant: Mapping[Laterality, tuple[float, float, int]]
    density: Mapping[Laterality, tuple[np.ndarray, int]]


def neutral(population: str = "uncalibrated") -> OperatingPoint:
    """Thresholds of 0.5 and untouched probabilities: what a reader has before this module has seen it."""
    return OperatingPoint(population, {t.value: 0.5 for t in FindingType}, (1.0, 0.0, 0.0), 0.5, 1)


def read_validation(
    reader: Reader, seeds: Iterable[int], spec: PhantomSpec, report: Callable[[], None] = lambda: None
) -> list[ValidationExam]:
    """Draw and read validation phantoms with a neutral operating point."""
    bare = replace(reader, card=replace(reader.card, synthetic=neutral(), real=neutral()))
    exams = []
    for seed in seeds:
        exams.append(_read_one(bare, draw_exam(seed, spec)))
        report()
    return exams


def _read_one(reader: Reader, phantom: PhantomExam) -> ValidationExam:
    prepared: Prepared = prepare(phantom.exam, reader, lambda v: phantom_picture(phantom, v), images=False)
    out = reader.read(phantom.exam, prepared.coarse, prepared.fine, synthetic=True)
    malignant, density = {}, {}
    for truth in phantom.breasts:
        read = out.breasts[truth.laterality]
        malignant[truth.laterality] = (
            _logit(read.prob_malignant),
            most_suspicious(out.candidates, truth.laterality),
            int(truth.malignant),
        )
        density[truth.laterality] = (np.log(np.clip(read.density_probs, 1e-6, 1)), "abcd".index(truth.density))
    return ValidationExam(phantom.exam, phantom.findings, out.candidates, malignant, density)


def synthetic_point(exams: Sequence[ValidationExam], population: str) -> OperatingPoint:
    """The operating point for phantoms."""
    thresholds = {t.value: phantom_threshold(exams, t) for t in FindingType}
    heads, evidence, labels = zip(*(v for e in exams for v in e.malignant.values()), strict=True)
    head, finding, intercept = fit_logistic(np.stack((heads, evidence), axis=1), labels)
    logits, density = zip(*(v for e in exams for v in e.density.values()), strict=True)
    return OperatingPoint(
        population, thresholds, (float(head), float(finding), float(intercept)), float(np.mean(labels)),
        len(labels), density_temperature=fit_temperature(np.stack(logits), density),
        reliability=reliability(exams, thresholds, population),
    )  # fmt: skip


def phantom_threshold(exams: Sequence[ValidationExam], kind: FindingType) -> float:
    """The score with the best F1 of lesions found against marks that are false, within the allowance.

    A report lists every mark as a sentence, so a false one costs the reader what a missed one does. A type whose marks
    are mostly wrong at any score, or that validation never showed, is not reported.
    """
    views: list[ViewMarks] = []
    for exam in exams:
        ids = [v.id for v in exam.exam.current]
        views += views_of(exam.exam.id, ids, exam.candidates, exam.truth, KINDS[THRESHOLD_KIND[kind]])
    curve = froc(views)
    if not curve.num_lesions or not len(curve.thresholds):
        return NEVER
    found, false = curve.sensitivity * curve.num_lesions, curve.false_per_view * curve.num_views
    allowed = (curve.false_per_view <= MAX_FALSE_PER_VIEW) & (found >= MIN_PRECISION * (found + false)) & (found > 0)
    if not allowed.any():
        return NEVER
    f1 = np.where(allowed, 2 * found / (found + false + curve.num_lesions), 0.0)
    return float(np.clip(curve.thresholds[int(f1.argmax())], 0.05, NEVER))


def reliability(exams: Sequence[ValidationExam], thresholds: Mapping[str, float], population: str) -> tuple[str, ...]:
    """For each type: of the findings that a report would have named, how many were there."""
    lines = []
    for kind in FindingType:
        right = named = 0
        for exam in exams:
            reported = [f for f in exam.candidates if f.score >= thresholds[f.type.value]]
            hits = {m.mark for m in match_findings(reported, exam.truth)}
            own = [i for i, f in enumerate(reported) if f.type is kind]
            named += len(own)
            right += sum(i in hits for i in own)
        if named:
            low, high = (wilson(right, named).low, wilson(right, named).high)
            words = kind.value.replace("_", " ")
            lines.append(
                f"{words}: {right} of {named} such sentences were right (95 % interval {low:.0%} to {high:.0%}), "
                f"measured on {population}"
            )
    return tuple(lines)


def real_point(
    breasts: Sequence[Mapping[str, str]], marks: Sequence[Mapping], false_per_view: float, synthetic: OperatingPoint
) -> OperatingPoint:
    """The operating point for real exams: malignancy from RSNA out of fold, marks from mini-MIAS out of fold.

    Args:
        breasts: rows of `breasts.csv` of all folds.
        marks: rows of the `mias` part of `marks.json` of all folds.
        false_per_view: false marks a view that may be reported.
        synthetic: where the threshold of calcifications comes from, which no real label measures.
    """
    known = [r for r in breasts if int(r["malignant"]) >= 0]
    labels = [int(r["malignant"]) for r in known]
    head, intercept = fit_logistic([[float(r["malignant_logit"])] for r in known], labels)
    level = film_threshold(marks, false_per_view)
    thresholds = dict.fromkeys((t.value for t in FindingType), level)
    thresholds[FindingType.CALCIFICATION.value] = synthetic.thresholds[FindingType.CALCIFICATION.value]
    return OperatingPoint(
        REAL_POPULATION, thresholds, (float(head), 0.0, float(intercept)), float(np.mean(labels)), len(labels),
        reliability=film_reliability(marks, level),
    )  # fmt: skip


def film_reliability(marks: Sequence[Mapping], level: float) -> tuple[str, ...]:
    """What marks of any kind did on the films that were left out, and what was never measured on a real image."""
    point = operating_point([film_marks(row) for row in marks if row["labelled"]], threshold=level)
    found = f"{point.found} of {point.lesions} lesions found with {point.false_per_view:.2f} false marks a view"
    return (
        f"marks of any kind: {found}, on {point.views} mini-MIAS films that were left out of training",
        "kind and descriptors of a mark, calcifications and change: measured on synthetic exams only",
    )


def film_threshold(marks: Sequence[Mapping], false_per_view: float) -> float:
    """Score at which marks of any type on labelled films stay within the allowance."""
    curve = froc([film_marks(row) for row in marks if row["labelled"]])
    return float(np.clip(threshold_at(curve, false_per_view), 0.05, 0.99))


def film_marks(row: Mapping) -> ViewMarks:
    """One row of `marks.json` as marks and truth of a view, types ignored."""
    pred = tuple((Box(*m["box"]), float(m["score"])) for m in row["predicted"])
    truth = tuple((f"{row['exam']}-{i}", Box(*t["box"])) for i, t in enumerate(row["truth"]))
    return ViewMarks(pred, truth)


def _logit(probability: float) -> float:
    p = min(max(probability, 1e-7), 1 - 1e-7)
    return float(np.log(p / (1 - p)))
