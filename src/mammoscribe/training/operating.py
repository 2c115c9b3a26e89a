"""Fixing what a trained reader needs before it may be used: thresholds, calibration, and how often sentences are right.

Everything here is decided on validation phantoms and on out-of-fold predictions, never on test seeds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.bootstrap import wilson
from mammoscribe.evaluation.calibration import fit_logistic, fit_temperature
from mammoscribe.evaluation.detection import (
    KINDS,
    FrocCurve,
    ViewMarks,
    froc,
    is_hit,
    match_findings,
    operating_point,
    threshold_at,
    views_of,
)
from mammoscribe.evaluation.facts import FactCounts, count_facts, truth_keys
from mammoscribe.models.reader.assemble import combined_score, log_odds
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.judging import Seen, breast_features, judge
from mammoscribe.models.reader.malignancy import MalignancyFeatures
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import PhantomExam, PhantomSpec, draw_exam
from mammoscribe.phantom.exam import BreastTruth
from mammoscribe.reading import Prepared, prepare
from mammoscribe.training.malignancy import features_of, fit_malignancy
from mammoscribe.training.prepare import phantom_picture

THRESHOLD_KIND = {
    FindingType.MASS: "mass", FindingType.CALCIFICATION: "calcification",
    FindingType.DISTORTION: "architectural_distortion", FindingType.ASYMMETRY: "asymmetry",
}  # fmt: skip
MAX_FALSE_PER_VIEW = 0.5
"""False marks a view that no threshold may exceed, whatever it would find."""
WEAKER_FALSE_PER_VIEW = 0.4
"""False marks a view, of each kind, at which the marks that are too weak for a sentence begin."""
REAL_POPULATION = "RSNA 2023 screening breasts, enriched, out of fold"
WORD_LEVELS = (0.0, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
"""Candidates for the least probability of a word."""
MIN_PRECISION = 0.4
"""Share of a type's marks that must be right before the reader may speak of that type at all."""
NEVER = 0.99
"""Threshold of a type that validation gives no ground to report."""


Weights = tuple[float, float, float]


@dataclass(frozen=True)
class SeenExam:
    """One validation phantom as the networks saw it, with its truth."""

    exam: Exam
    truth: tuple[Finding, ...]
    breasts: tuple[BreastTruth, BreastTruth]
    seen: Seen


@dataclass(frozen=True)
class ValidationExam:
    """One validation phantom as the reader saw it; `malignant` is `malignancy.MalignancyFeatures` and truth."""

    exam: Exam
    truth: tuple[Finding, ...]
    candidates: tuple[Finding, ...]
    malignant: Mapping[Laterality, tuple[MalignancyFeatures, int]]
    density: Mapping[Laterality, tuple[np.ndarray, int]]


def neutral(population: str = "uncalibrated") -> OperatingPoint:
    """Thresholds of 0.5 and untouched probabilities: what a reader has before this module has seen it."""
    levels = {t.value: 0.5 for t in FindingType}
    return OperatingPoint(
        population, levels, levels, (1.0, 0.0, 0.0, 0.0, 0.0), 0.5, 1, density_temperature=1.0, words_measured=True
    )


def see_validation(reader: Reader, seeds: Iterable[int], spec: PhantomSpec) -> list[SeenExam]:
    """Draw validation phantoms and let the networks see them, without any threshold yet."""
    return [_seen(reader, draw_exam(seed, spec)) for seed in seeds]


def _seen(reader: Reader, phantom: PhantomExam) -> SeenExam:
    prepared: Prepared = prepare(phantom.exam, reader, lambda v: phantom_picture(phantom, v), images=False)
    return SeenExam(phantom.exam, phantom.findings, phantom.breasts, reader.see(phantom.exam, prepared.canvases))


def phantom_mark_weights(exams: Sequence[SeenExam]) -> Weights:
    """How first pass and crop refiner together tell marks that hit a lesion from those that do not; calcifications are left out."""
    scores = []
    for exam in exams:
        for mark in exam.seen.marks:
            if mark.crop_score is not None:
                truth = [m.box for f in exam.truth if (m := f.mark_in(mark.view.id)) is not None]
                scores.append((mark.score, mark.crop_score, any(is_hit(mark.box, t) for t in truth)))
    return mark_weights(scores)


def mark_weights(scores: Sequence[tuple[float, float, bool]]) -> Weights:
    """Logistic weights from (first pass, crop refiner, whether something is there) of many marks."""
    labels = [int(hit) for _, _, hit in scores]
    if len(set(labels)) < 2:
        return (1.0, 0.0, 0.0)
    first, second, intercept = fit_logistic([[log_odds(a), log_odds(b)] for a, b, _ in scores], labels)
    return (float(first), float(second), float(intercept))


def judged(exam: SeenExam, weights: Weights) -> ValidationExam:
    """The exam as read with these mark weights and otherwise a neutral operating point."""
    out = judge(exam.seen, exam.exam, replace(neutral(), mark_weights=weights))
    malignant, density = {}, {}
    for truth in exam.breasts:
        probs = out.breasts[truth.laterality].density_probs
        assert probs is not None  # a neutral point gives them
        malignant[truth.laterality] = breast_features(exam.seen, truth.laterality), int(truth.malignant)
        density[truth.laterality] = (np.log(np.clip(probs, 1e-6, 1)), "abcd".index(truth.density))
    return ValidationExam(exam.exam, exam.truth, out.candidates, malignant, density)


def synthetic_point(
    exams: Sequence[ValidationExam], population: str, weights: Weights = (1.0, 0.0, 0.0)
) -> OperatingPoint:
    """The operating point for phantoms; `weights` are those the exams were judged with."""
    curves = {t: phantom_curve(exams, t) for t in FindingType}
    thresholds = {t.value: phantom_threshold(curve) for t, curve in curves.items()}
    possible = {t.value: weaker_level(curve, thresholds[t.value]) for t, curve in curves.items()}
    features, labels = zip(*(v for e in exams for v in e.malignant.values()), strict=True)
    logits, density = zip(*(v for e in exams for v in e.density.values()), strict=True)
    return OperatingPoint(
        population, thresholds, possible, fit_malignancy(features, labels), float(np.mean(labels)),
        len(labels), density_temperature=fit_temperature(np.stack(logits), density),
        mark_weights=weights, words_measured=True,
    )  # fmt: skip


def with_word_level(exams: Sequence[SeenExam], point: OperatingPoint) -> OperatingPoint:
    """The point with the least probability of a word at which the facts of the reports have the best F1.

    A word that is wrong costs as much as one that is missing, so words are left out up to where more would be lost.
    """
    scores = {level: _facts_f1(exams, replace(point, least_word=level)) for level in WORD_LEVELS}
    return replace(point, least_word=max(scores, key=lambda level: (scores[level], -level)))


def _facts_f1(exams: Sequence[SeenExam], point: OperatingPoint) -> float:
    total = FactCounts(0, 0, 0)
    for exam in exams:
        stated = judge(exam.seen, exam.exam, point).findings
        total += count_facts(truth_keys(stated), truth_keys(exam.truth))
    return total.f1


def phantom_curve(exams: Sequence[ValidationExam], kind: FindingType) -> FrocCurve:
    """FROC curve of one type of finding on validation phantoms."""
    views: list[ViewMarks] = []
    for exam in exams:
        ids = [v.id for v in exam.exam.current]
        views += views_of(exam.exam.id, ids, exam.candidates, exam.truth, KINDS[THRESHOLD_KIND[kind]])
    return froc(views)


def weaker_level(curve: FrocCurve, threshold: float) -> float:
    """The score at which weaker marks begin: as sensitive as the allowance lets it be, and not above the threshold."""
    if not curve.num_lesions or not len(curve.thresholds):
        return threshold
    return float(min(threshold, np.clip(threshold_at(curve, WEAKER_FALSE_PER_VIEW), 0.02, NEVER)))


def phantom_threshold(curve: FrocCurve) -> float:
    """The score with the best F1 of lesions found against marks that are false, within the allowance.

    A report lists every mark as a sentence, so a false one costs the reader what a missed one does. A type whose marks
    are mostly wrong at any score, or that validation never showed, is not reported.
    """
    if not curve.num_lesions or not len(curve.thresholds):
        return NEVER
    found, false = curve.sensitivity * curve.num_lesions, curve.false_per_view * curve.num_views
    allowed = (curve.false_per_view <= MAX_FALSE_PER_VIEW) & (found >= MIN_PRECISION * (found + false)) & (found > 0)
    if not allowed.any():
        return NEVER
    f1 = np.where(allowed, 2 * found / (found + false + curve.num_lesions), 0.0)
    return float(np.clip(curve.thresholds[int(f1.argmax())], 0.05, NEVER))


def reliability(exams: Sequence[ValidationExam], thresholds: Mapping[str, float], population: str) -> tuple[str, ...]:
    """For each type: of the findings that a report would have named, how many were there.

    The exams must not be those that chose the thresholds, the weights of a mark's score or the level of words.
    """
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
    scaling = fit_malignancy([features_of(r) for r in known], labels)
    weights = film_mark_weights(marks)
    level = film_threshold(marks, false_per_view, weights)
    weaker = min(level, film_threshold(marks, WEAKER_FALSE_PER_VIEW, weights))
    return OperatingPoint(
        REAL_POPULATION, _of_films(level, synthetic.thresholds), _of_films(weaker, synthetic.possible), scaling, float(np.mean(labels)), len(labels),
        reliability=film_reliability(marks, level, weights), mark_weights=weights, least_word=synthetic.least_word,
    )  # fmt: skip


def _of_films(level: float, synthetic: Mapping[str, float]) -> dict[str, float]:
    """One level for every type but calcifications, which no film here measures: they keep the phantoms' level."""
    kept = FindingType.CALCIFICATION.value
    return {t.value: synthetic[kept] if t.value == kept else level for t in FindingType}


def film_mark_weights(marks: Sequence[Mapping]) -> Weights:
    """How first pass and crop refiner together tell marks that hit a lesion on labelled films."""
    scores = []
    for row in marks:
        if row["labelled"]:
            truth = [Box(*t["box"]) for t in row["truth"]]
            scores += [
                (float(m["score"]), float(m["look"]), any(is_hit(Box(*m["box"]), t) for t in truth))
                for m in row["predicted"]
                if "look" in m
            ]
    return mark_weights(scores)


def film_reliability(marks: Sequence[Mapping], level: float, weights: Weights) -> tuple[str, ...]:
    """What marks of any kind did on the films that were left out, and what was never measured on a real image."""
    point = operating_point([film_marks(row, weights) for row in marks if row["labelled"]], threshold=level)
    found = f"{point.found} of {point.lesions} lesions found with {point.false_per_view:.2f} false marks a view"
    return (
        f"marks of any kind: {found}, on {point.views} mini-MIAS films that were left out of training",
        "kind and descriptors of a mark, calcifications and change: measured on synthetic exams only",
    )


def film_threshold(marks: Sequence[Mapping], false_per_view: float, weights: Weights) -> float:
    """Score at which marks of any type on labelled films stay within the allowance."""
    curve = froc([film_marks(row, weights) for row in marks if row["labelled"]])
    return float(np.clip(threshold_at(curve, false_per_view), 0.05, 0.99))


def film_marks(row: Mapping, weights: Weights) -> ViewMarks:
    """One row of `marks.json` as marks and truth of a view, types ignored."""
    pred = tuple((Box(*m["box"]), combined_score(m["score"], m.get("look"), weights)) for m in row["predicted"])
    truth = tuple((f"{row['exam']}-{i}", Box(*t["box"])) for i, t in enumerate(row["truth"]))
    return ViewMarks(pred, truth)
