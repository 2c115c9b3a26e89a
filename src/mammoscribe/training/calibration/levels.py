"""From which score a mark becomes a sentence, and from which it is shown at all, for each kind of finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.evaluation.calibration import fit_logistic
from mammoscribe.evaluation.detection import FrocCurve, ViewMarks, froc, is_hit, threshold_at, views_of
from mammoscribe.models.reader.assemble import log_odds
from mammoscribe.models.reader.card import OperatingPoint
from mammoscribe.training.calibration.breasts import LEAST_LABELS
from mammoscribe.training.calibration.seen import SeenExam
from mammoscribe.training.reader.samples import UNKNOWN, BreastLabels

MAX_FALSE_PER_VIEW = 0.5
"""False marks a view that no threshold may exceed, whatever it would find."""
WEAKER_FALSE_PER_VIEW = 0.4
"""False marks a view, of each kind, at which the marks that are too weak for a sentence begin."""
MIN_PRECISION = 0.4
"""Share of a kind's marks that must be right before the reader may speak of that kind at all."""
NEVER = 0.99
"""Threshold of a kind that there is no ground to report; what is never reported is not denied either."""
LEAST_LESIONS = 20
"""Lesions of a kind from which it gets a threshold of its own; below, one threshold is fixed on marks of all kinds."""
FEWEST_LESIONS = 5
"""Lesions of a kind without which it is not reported, where there is no such threshold of all kinds either."""
RECALLED_HEALTHY = 0.3
"""Share of the breasts without cancer that may get a sentence about any finding, in exams that are labelled by the breast."""
MARKED_HEALTHY = 0.1
"""Share of breasts without a kind of finding that may get a mark of it, where no boxes say more."""

TIE = 1e-6
"""Put above a score at which a threshold is fixed, so that the breast with that very score stays below it."""

MarkWeights = tuple[float, float, float]


@dataclass(frozen=True)
class Level:
    """Scores of one kind: `threshold` of a sentence, and `weaker`, at most that, from which a mark is shown."""

    threshold: float
    weaker: float


NOT_REPORTED = Level(NEVER, NEVER)


def mark_weights(exams: Sequence[SeenExam]) -> MarkWeights:
    """How first pass and crop refiner together tell marks that hit a lesion from those that do not.

    Only exams of which the boxes of every searched kind are known are counted. (1, 0, 0), the first pass alone, without
    a crop refiner, and where all marks hit or none does.
    """
    scores: list[tuple[float, float]] = []
    hits: list[int] = []
    for exam in exams:
        if exam.measurable != exam.searched:
            continue
        for mark in exam.seen.marks:
            if mark.crop_score is not None:
                truth = [m.box for f in exam.truth if (m := f.mark_in(mark.view.id)) is not None]
                scores.append((log_odds(mark.score), log_odds(mark.crop_score)))
                hits.append(int(any(is_hit(mark.box, t) for t in truth)))
    if len(set(hits)) < 2:
        return (1.0, 0.0, 0.0)
    first, second, intercept = (float(w) for w in fit_logistic(scores, hits))
    return (first, second, intercept)


def levels(
    exams: Sequence[SeenExam], read: Sequence[Sequence[Finding]], other: OperatingPoint | None = None
) -> dict[FindingType, Level]:
    """The levels of every kind.

    A kind with enough boxed lesions has its own; one with few gets that of marks of any kind, where there are enough of
    all together (and no sentence where its own marks find nothing there or are mostly wrong), else its own unless they are too few for any;
    one without boxes gets the score that few breasts without
    it reach. What none of these supports is not reported. Boxed exams all show something; where others are labelled by the
    breast, the thresholds are raised together until few breasts without cancer get a sentence (`RECALLED_HEALTHY`).

    Args:
        exams: what they are fixed on.
        read: candidates of each exam, as scored with the weights of the point.
        other: an operating point whose levels a kind keeps that was searched in no exam.
    """
    together = _of_any_kind(exams, read)
    found: dict[FindingType, Level] = {}
    for kind in FindingType:
        own = _curve(exams, read, kind)
        if not any(kind in e.searched for e in exams):
            found[kind] = NOT_REPORTED if other is None else Level(other.thresholds[kind], other.possible[kind])
        elif own is None:
            found[kind] = _by_breasts(exams, read, kind)
        elif together is not None and own.num_lesions < LEAST_LESIONS:
            found[kind] = _level_of_others(own, together)
        else:
            found[kind] = level_of(own) if own.num_lesions >= FEWEST_LESIONS else NOT_REPORTED
    spared = _sparing_the_healthy(found, exams, read)
    # of a kind that gets no sentence no weaker mark is shown either: the report says that it was not looked for
    return {kind: NOT_REPORTED if level.threshold >= NEVER else level for kind, level in spared.items()}


def _sparing_the_healthy(
    found: Mapping[FindingType, Level], exams: Sequence[SeenExam], read: Sequence[Sequence[Finding]]
) -> dict[FindingType, Level]:
    """Each threshold at least at the score that a share of the healthy breasts stays below, the smallest share that is enough."""
    scores = np.array(
        [
            [max((f.score for f in candidates if f.type is k and f.laterality is side), default=0.0) for k in found]
            for exam, candidates in zip(exams, read, strict=True)
            if not exam.boxed
            for side, labels in exam.labelled()
            if labels.malignant == 0
        ]
    )
    own = np.array([level.threshold for level in found.values()])
    if len(scores) < LEAST_LABELS:
        return dict(found)

    def raised(share: float) -> np.ndarray:
        above = np.quantile(scores, share, axis=0, method="higher") + TIE
        return np.maximum(own, np.minimum(above, NEVER))

    enough = (s for s in np.linspace(0.0, 1.0, 201) if (scores >= raised(s)).any(axis=1).mean() <= RECALLED_HEALTHY)
    thresholds = raised(next(enough, 1.0))
    return {k: replace(level, threshold=float(t)) for (k, level), t in zip(found.items(), thresholds, strict=True)}


def _curve(exams: Sequence[SeenExam], read: Sequence[Sequence[Finding]], kind: FindingType) -> FrocCurve | None:
    """FROC curve of a kind over the exams that have all its boxes; None without a lesion."""
    views = [
        view
        for exam, candidates in zip(exams, read, strict=True)
        if kind in exam.measurable
        for view in _marks(exam, candidates, (kind,))
    ]
    return froc(views) if any(v.lesions for v in views) else None


def _of_any_kind(exams: Sequence[SeenExam], read: Sequence[Sequence[Finding]]) -> FrocCurve | None:
    """The curve of marks of any kind on lesions of any kind, over exams with the boxes of all; None with few lesions."""
    views = any_kind_views(exams, read)
    curve = froc(views) if views else None
    return curve if curve is not None and curve.num_lesions >= LEAST_LESIONS else None


def any_kind_views(exams: Sequence[SeenExam], read: Sequence[Sequence[Finding]]) -> list[ViewMarks]:
    """Marks of any kind beside lesions of any kind, in exams of which the boxes of every searched kind are known."""
    return [
        view
        for exam, candidates in zip(exams, read, strict=True)
        if exam.measurable == exam.searched
        for view in _marks(exam, candidates, tuple(exam.searched))
    ]


def _marks(exam: SeenExam, candidates: Sequence[Finding], kinds: Sequence[FindingType]) -> tuple[ViewMarks, ...]:
    ids = [v.id for v in exam.exam.current]
    name = f"{exam.dataset}/{exam.exam.id}"
    return views_of(name, ids, candidates, exam.truth, lambda f: f.type in kinds)


def level_of(curve: FrocCurve) -> Level:
    """Threshold and weaker level of a curve.

    The threshold is the score with the best F1 of lesions found against marks that are false, within the allowance. A
    report lists every mark as a sentence, so a false one costs the reader what a missed one does. A kind whose marks are
    mostly wrong at any score is not reported. Weaker marks begin where their allowance of false ones is used up.
    """
    if not len(curve.thresholds):
        return NOT_REPORTED
    weaker = float(np.clip(threshold_at(curve, WEAKER_FALSE_PER_VIEW), 0.02, NEVER))
    found, false = curve.sensitivity * curve.num_lesions, curve.false_per_view * curve.num_views
    allowed = (curve.false_per_view <= MAX_FALSE_PER_VIEW) & (found >= MIN_PRECISION * (found + false)) & (found > 0)
    if not allowed.any():
        return Level(NEVER, weaker)
    f1 = np.where(allowed, 2 * found / (found + false + curve.num_lesions), 0.0)
    threshold = float(np.clip(curve.thresholds[int(f1.argmax())], 0.05, NEVER))
    return Level(threshold, min(threshold, weaker))


def _level_of_others(own: FrocCurve, together: FrocCurve) -> Level:
    """The level of marks of any kind for one kind; without sentences where its own marks find nothing there or are mostly wrong."""
    level = level_of(together)
    spoken = np.flatnonzero(own.thresholds >= level.threshold)
    if len(spoken) and own.num_lesions:
        found = own.sensitivity[spoken[-1]] * own.num_lesions
        false = own.false_per_view[spoken[-1]] * own.num_views
        if found and found >= MIN_PRECISION * (found + false):
            return level
    return replace(level, threshold=NEVER)


def _by_breasts(exams: Sequence[SeenExam], read: Sequence[Sequence[Finding]], kind: FindingType) -> Level:
    """Levels by the breasts whose labels say that they do not show a kind."""
    healthy = [
        max((f.score for f in candidates if f.type is kind and f.laterality is side), default=0.0)
        for exam, candidates in zip(exams, read, strict=True)
        if kind in exam.searched
        for side, labels in exam.labelled()
        if _without(labels, kind)
    ]
    if len(healthy) < LEAST_LABELS:
        return NOT_REPORTED
    threshold = float(np.clip(np.quantile(healthy, 1 - MARKED_HEALTHY), 0.05, NEVER))
    return Level(threshold, min(threshold, float(np.clip(np.quantile(healthy, 0.5), 0.02, NEVER))))


def _without(labels: BreastLabels, kind: FindingType) -> bool:
    """Whether the labels say that a breast does not show the kind, or is not malignant."""
    stated = labels.kinds[list(FindingType).index(kind)]
    return stated == 0 or (stated == UNKNOWN and labels.malignant == 0)


def as_fields(found: Mapping[FindingType, Level]) -> dict[str, dict[str, float]]:
    """The levels as an operating point holds them."""
    return {
        "thresholds": {k.value: level.threshold for k, level in found.items()},
        "possible": {k.value: level.weaker for k, level in found.items()},
    }
