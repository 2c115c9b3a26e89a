"""The operating point of a reader: thresholds, words and probabilities, fixed on labelled exams that it did not learn from.

What the exams do not label is not claimed: a kind of finding without a threshold that they support is not reported, a
probability without labels to scale it is withheld, and words are stated only where enough could be held against labels.
Validation exams and exams of patients who were left out of training come the same way, drawn or acquired.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.models.reader.familiar import Familiar, fit_familiar
from mammoscribe.models.reader.judging import judge
from mammoscribe.training.calibration.breasts import density, malignancy, malignancy_rows
from mammoscribe.training.calibration.crop_shares import crop_shares
from mammoscribe.training.calibration.levels import NOT_REPORTED, as_fields, levels, mark_weights
from mammoscribe.training.calibration.reliability import reliability
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.calibration.words import with_word_level

LEAST_VIEWS, LEAST_PATIENTS = 20, 5
"""Views and patients from which it is fixed what a reader is used to."""


def neutral(population: str = "uncalibrated") -> OperatingPoint:
    """Thresholds of 0.5 and untouched probabilities: what a reader has before it is calibrated."""
    even = {t.value: 0.5 for t in FindingType}
    return OperatingPoint(
        population, even, even, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.5, 1, density_temperature=1.0, words_measured=True
    )


def calibrated(exams: Sequence[SeenExam], how: str, other: OperatingPoint | None = None) -> OperatingPoint:
    """The operating point that the exams support, and how reliable it is.

    Args:
        exams: labelled, and seen by networks that did not learn from them.
        how: what they are in words, such as `validation split`; the names of their datasets are added.
        other: an operating point whose thresholds a kind keeps that none of these exams could be searched for.
    """
    point = _fixed(exams, how, other)
    lines = reliability(exams, lambda part: _fixed(part, how, other), f"{how} of {_names(exams)}")
    if other is not None:
        lines += tuple(
            f"{kind.value.replace('_', ' ')}: not measured on such images; its threshold is that of {other.population}"
            for kind in FindingType
            if not any(kind in e.searched for e in exams)
        )
    return replace(point, reliability=lines, familiar=familiar(exams, how))


def familiar(exams: Sequence[SeenExam], how: str) -> Familiar | None:
    """What the views of the exams look like to the reader; None where they are too few.

    Args:
        exams: seen by one and the same network, labelled or not. how: what they are in words.
    """
    views = [(looks, e.patient_id) for e in exams for looks in e.seen.looks.values()]
    if len(views) < LEAST_VIEWS or len({patient for _, patient in views}) < LEAST_PATIENTS:
        return None
    features, patients = zip(*views, strict=True)
    return fit_familiar(np.stack(features), patients, f"{how} of {_names(exams)}")


def _fixed(exams: Sequence[SeenExam], how: str, other: OperatingPoint | None) -> OperatingPoint:
    """The point without its reliability; the population is of the exams that scaled the probability of malignancy."""
    scaled = [e for e in exams if malignancy_rows([e])] or exams
    point = replace(neutral(f"{how} of {_names(scaled)}"), n=max(1, sum(len(e.exam.imaged) for e in scaled)))
    point = replace(point, mark_weights=mark_weights(exams), crop_shares=crop_shares(exams))
    exams = [replace(e, seen=e.seen.mixed(point.crop_shares)) for e in exams]
    found = levels(exams, candidates(exams, point), other)
    unreported = tuple(kind.value for kind, level in found.items() if level == NOT_REPORTED)
    point = replace(point, **as_fields(found), unreported=unreported)
    return replace(with_word_level(exams, point), **malignancy(exams), **density(exams))


def candidates(exams: Sequence[SeenExam], point: OperatingPoint) -> list[tuple[Finding, ...]]:
    """Findings of any score of each exam, as an operating point weighs its marks."""
    return [judge(e.seen, e.exam, point).candidates for e in exams]


def _names(exams: Sequence[SeenExam]) -> str:
    return " and ".join(sorted({e.dataset for e in exams}))
