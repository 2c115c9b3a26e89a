"""The operating point of a reader, fixed on the validation split of the data it is for.

What the split does not label is not claimed: a kind of finding without a threshold that validation supports is not
reported, a probability without labels to scale it is withheld, and words are stated only where enough of them could be
held against labels.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Axis, term
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.bootstrap import wilson
from mammoscribe.evaluation.calibration import fit_temperature
from mammoscribe.evaluation.detection import ViewMarks, froc, is_hit, match_findings, views_of
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.judging import breast_features, judge
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.malignancy import fit_malignancy
from mammoscribe.training.operating import (
    NEVER,
    Weights,
    mark_weights,
    neutral,
    phantom_threshold,
    weaker_level,
)
from mammoscribe.training.reader.samples import UNKNOWN

LEAST_LABELS = 20
"""Labelled breasts, of both classes together, from which a probability is scaled."""
LEAST_FINDINGS = 30
"""Findings with words that must be held against labels before words are stated."""
MARKED_HEALTHY = 0.1
"""Share of breasts without a kind of finding that may get a mark of it, where no boxes say more."""


def calibrated(exams: Sequence[SeenExam], population: str) -> OperatingPoint:
    """The operating point that the exams support.

    Args:
        exams: of the validation split.
        population: what they are, in words; printed beside every probability.
    """
    point = replace(neutral(population), n=max(1, _breasts(exams)), mark_weights=_mark_weights(exams))
    read = [judge(e.seen, e.exam, point).candidates for e in exams]
    levels = {k: _levels(exams, read, k) for k in FindingType}
    point = replace(
        point,
        thresholds={k.value: t for k, (t, _) in levels.items()},
        possible={k.value: w for k, (_, w) in levels.items()},
    )
    measured = sum(_worded(f) for e in exams for f in e.truth) >= LEAST_FINDINGS
    point = replace(point, words_measured=measured, least_word=0.5, **_malignancy(exams), **_density(exams))
    return replace(point, reliability=_reliability(exams, read, point))


def _mark_weights(exams: Sequence[SeenExam]) -> Weights:
    """How first pass and crop refiner together tell marks that hit a box from those that show nothing.

    A mark that hits nothing counts only where every box of its kind is known.
    """
    scores = []
    for exam in exams:
        for mark in exam.seen.marks:
            if mark.crop_score is not None:
                truth = [m.box for f in exam.truth if (m := f.mark_in(mark.view.id)) is not None]
                hit = any(is_hit(mark.box, box) for box in truth)
                if hit or mark.type in exam.boxed:
                    scores.append((mark.score, mark.crop_score, hit))
    return mark_weights(scores)


def _breasts(exams: Sequence[SeenExam]) -> int:
    return sum(len(e.exam.imaged) for e in exams)


def _worded(finding) -> bool:
    return any(term(d).axis is not Axis.ASSOCIATED for d in finding.descriptors)


def _levels(exams: Sequence[SeenExam], read: Sequence[tuple], kind: FindingType) -> tuple[float, float]:
    """(threshold, where weaker marks begin) of a kind: by boxes, else by labels of breasts, else never reported."""
    pairs = [(e, c) for e, c in zip(exams, read, strict=True) if kind in e.searched]
    boxed = [(e, c) for e, c in pairs if kind in e.boxed]
    views: list[ViewMarks] = []
    for exam, candidates in boxed:
        ids = [v.id for v in exam.exam.current]
        views += views_of(exam.exam.id, ids, candidates, exam.truth, lambda f: f.type is kind)
    if any(v.lesions for v in views):
        curve = froc(views)
        threshold = phantom_threshold(curve)
        return threshold, weaker_level(curve, threshold)
    healthy = [
        max((f.score for f in candidates if f.type is kind and f.laterality is side), default=0.0)
        for exam, candidates in pairs
        for side, labels in zip(Laterality, exam.breasts, strict=True)
        if side in exam.exam.imaged and _without(labels, kind)
    ]
    if len(healthy) < LEAST_LABELS:
        return NEVER, NEVER
    threshold = float(np.clip(np.quantile(healthy, 1 - MARKED_HEALTHY), 0.05, NEVER))
    return threshold, min(threshold, float(np.clip(np.quantile(healthy, 0.5), 0.02, NEVER)))


def _without(labels, kind: FindingType) -> bool:
    """Whether the labels say that a breast does not show the kind, or is not malignant."""
    stated = labels.kinds[list(FindingType).index(kind)]
    return stated == 0 or (stated == UNKNOWN and labels.malignant == 0)


def _malignancy(exams: Sequence[SeenExam]) -> dict:
    rows = [
        (breast_features(e.seen, side), labels.malignant)
        for e in exams
        for side, labels in zip(Laterality, e.breasts, strict=True)
        if side in e.exam.imaged and labels.malignant != UNKNOWN
    ]
    labels = [label for _, label in rows]
    if len(rows) < LEAST_LABELS or len(set(labels)) < 2:
        return {"malignant": None}
    weights = fit_malignancy([features for features, _ in rows], labels)
    return {"malignant": weights, "prevalence": float(np.mean(labels)), "n": len(rows)}


def _density(exams: Sequence[SeenExam]) -> dict:
    rows = [
        (e.seen.out.breasts.density[i].float().numpy(), labels.density)
        for e in exams
        for i, labels in enumerate(e.breasts)
        if list(Laterality)[i] in e.exam.imaged and labels.density != UNKNOWN
    ]
    if len(rows) < LEAST_LABELS or len({d for _, d in rows}) < 2:
        return {"density_temperature": None}
    logits, letters = zip(*rows, strict=True)
    return {"density_temperature": fit_temperature(np.stack(logits), letters)}


def _reliability(exams: Sequence[SeenExam], read: Sequence[tuple], point: OperatingPoint) -> tuple[str, ...]:
    """How often findings of each kind are right on the split; it chose the thresholds, which each line says."""
    lines = []
    for kind in FindingType:
        right = named = 0
        for exam, candidates in zip(exams, read, strict=True):
            if kind in exam.boxed:
                reported = [f for f in candidates if f.type is kind and f.score >= point.thresholds[kind.value]]
                named += len(reported)
                right += len(match_findings(reported, exam.truth))
        if named:
            interval = wilson(right, named)
            words = kind.value.replace("_", " ")
            lines.append(
                f"{words}: {right} of {named} such sentences were right (95 % interval {interval.low:.0%} to "
                f"{interval.high:.0%}), on the validation split that also chose the threshold: {point.population}"
            )
    return tuple(lines)
