"""From what the networks gave to findings and breast readings: thresholds, words and calibration of an operating point."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mammoscribe.domain.anatomy import MarkOnStructure, Structure
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Calibration
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.assemble import (
    RawMark,
    assemble,
)
from mammoscribe.models.reader.breast_heads import BreastOutput
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.familiar import Features
from mammoscribe.models.reader.malignancy import MalignancyFeatures, MarkSigns, malignancy_features


@dataclass(frozen=True)
class Seen:
    """What the networks gave for one exam.

    Args:
        marks: of both paths.
        breasts: of the first pass.
        link_scale: by which the first pass weighs how far apart marks of two projections lie.
        looks: view id -> features that say how unlike other images a current view is (`familiar`).
    """

    marks: tuple[RawMark, ...]
    breasts: BreastOutput
    link_scale: Tensor
    looks: Mapping[str, Features] = field(default_factory=dict)

    def mixed(self, shares: tuple[float, float]) -> "Seen":
        """With words and suspicion of first pass and crop refiner joined (`RawMark.mixed`)."""
        return replace(self, marks=tuple(m.mixed(shares) for m in self.marks))


@dataclass(frozen=True)
class BreastReading:
    """Breast-level answers of the reader, calibrated for the population that `calibration` names.

    Args:
        density: the likeliest category, a to d.
        density_probs: of a, b, c, d; None where they were not calibrated on such images.
        prob_malignant: probability of malignancy; None where no labels scaled it.
        calibration: of that probability.
    """

    density: str
    density_probs: tuple[float, float, float, float] | None
    prob_malignant: float | None
    calibration: Calibration


@dataclass(frozen=True)
class ReaderOutput:
    """What one reading gives.

    Args:
        findings: at or above their type's threshold, most certain first.
        possible: below it, yet strong enough to be shown as a mark and for an uncertain statement.
        candidates: everything, down to very low scores; for FROC curves only.
        breasts: of the imaged breasts.
        structures: marks that would have been shown and rest on something that is no lesion.
        unlike: view id -> distance of a view that is unlike those of the operating point's population.
    """

    findings: tuple[Finding, ...]
    possible: tuple[Finding, ...]
    candidates: tuple[Finding, ...]
    breasts: Mapping[Laterality, BreastReading]
    structures: tuple[MarkOnStructure, ...] = ()
    unlike: Mapping[str, float] = field(default_factory=dict)


def judge(seen: Seen, exam: Exam, point: OperatingPoint) -> ReaderOutput:
    """Findings and breast readings at an operating point."""
    seen = seen.mixed(point.crop_shares)
    weighed = [m.weighed(point.mark_weights) for m in seen.marks]
    marks = [m for m in weighed if m.structure is None]
    candidates = assemble(marks, exam, seen.link_scale, point.least_word if point.words_measured else None)
    reported, weaker, candidates = _shares(candidates, point)
    return ReaderOutput(
        tuple(_unpaired(reported)),
        tuple(weaker),
        tuple(candidates),
        _breasts(seen, exam, point),
        marks_left_out(weighed, point),
        _unlike(seen, point),
    )


def _shares(found: Sequence[Finding], point: OperatingPoint) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """(reported, weaker, all), numbered in this order, so that a report speaks of f1, f2 and f3 and leaves none out."""
    reported = [f for f in found if f.score >= point.thresholds[f.type.value]]
    weaker = [f for f in found if point.possible[f.type.value] <= f.score < point.thresholds[f.type.value]]
    others = [f for f in found if f not in reported and f not in weaker]
    numbered = [replace(f, id=f"f{i}") for i, f in enumerate((*reported, *weaker, *others), start=1)]
    kept = len(reported) + len(weaker)
    return numbered[: len(reported)], numbered[len(reported) : kept], sorted(numbered, key=lambda f: -f.score)


def _unpaired(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one view, where the other projection of the breast has another of the kind: they may be one and the same."""
    return [replace(f, unpaired=any(_may_be_one(f, other) for other in findings)) for f in findings]


def _may_be_one(one: Finding, other: Finding) -> bool:
    shown = {m.projection for m in one.marks}, {m.projection for m in other.marks}
    alike = (one.type, one.laterality) == (other.type, other.laterality)
    return alike and all(len(views) == 1 for views in shown) and shown[0] != shown[1]


def _unlike(seen: Seen, point: OperatingPoint) -> dict[str, float]:
    """Views beyond the limit; none where the point has no statistics."""
    used_to = point.familiar
    distances = {} if used_to is None else {name: used_to.distance(looks) for name, looks in seen.looks.items()}
    return {name: d for name, d in distances.items() if used_to is not None and d > used_to.limit}


def marks_left_out(marks: Sequence[RawMark], point: OperatingPoint) -> tuple[MarkOnStructure, ...]:
    """Marks on structures that are no lesion, of a score from which they would have been shown."""
    return tuple(
        MarkOnStructure(m.view.id, m.box, m.type, m.structure, min(1.0, m.score))
        for m in marks
        if m.structure is not None and m.score >= point.possible[m.type.value]
    )


def _breasts(seen: Seen, exam: Exam, point: OperatingPoint) -> dict[Laterality, BreastReading]:
    readings = {}
    for i, side in enumerate(Laterality):
        if side in exam.imaged:
            density = seen.breasts.density[i].float()
            readings[side] = BreastReading(
                "abcd"[int(density.argmax())], _density_probs(density, point.density_temperature),
                _prob_malignant(breast_features(seen, side), point.malignant), point.calibration,
            )  # fmt: skip
    return readings


def _prob_malignant(features: MalignancyFeatures, weights: tuple[float, ...] | None) -> float | None:
    if weights is None:
        return None
    logit = sum(w * f for w, f in zip(weights, (*features, 1.0), strict=True))
    return 1 / (1 + math.exp(-logit))


def _density_probs(logits: torch.Tensor, temperature: float | None) -> tuple[float, float, float, float] | None:
    if temperature is None:
        return None
    a, b, c, d = (logits / temperature).softmax(0).tolist()
    return a, b, c, d


def breast_features(seen: Seen, side: Laterality) -> MalignancyFeatures:
    """What the malignancy of a breast is judged by, marks in its axilla among them: cancer spreads to the nodes there."""
    i = list(Laterality).index(side)
    own = (m for m in seen.marks if m.view.laterality is side and m.structure in (None, Structure.AXILLA))
    signs = (MarkSigns(m.strength, m.suspicion, m.calcification) for m in own)
    heads = seen.breasts
    pooled = 0.0 if heads.pooled_malignant is None else float(heads.pooled_malignant[i])
    return malignancy_features(float(heads.malignant[i]), float(heads.recall[i]), pooled, signs)
