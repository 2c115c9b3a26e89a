"""Marks held against lesions: one-to-one matching, FROC curve, operating points.

A mark hits a lesion when its centre lies in the lesion's box or their IoU is at least 0.2; matching is one to one and
greedy by score, so a second mark on a lesion is a false mark. Greedy matching is nested: raising the threshold drops
the lowest marks and leaves the matches of the others as they are, so one pass gives the whole curve.

Kinds are measured separately (`select`). A mark of another kind at the right place is a miss and, for its own kind, a
false mark: a mark called suspicious on benign calcifications is a false suspicious mark, because it would recall the
patient. Source of the curve: Chakraborty, "Observer Performance Methods for Diagnostic Imaging", 2017, chapter 12.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bootstrap import FloatArray
from mammoscribe.support.errors import InputError

MIN_IOU = 0.2
ScoredBox = tuple[Box, float]
Kind = Callable[[Finding], bool]


def _suspicious_calcification(finding: Finding) -> bool:
    return finding.type is FindingType.CALCIFICATION and finding.suspicious


KINDS: Mapping[str, Kind] = {
    "mass": lambda f: f.type is FindingType.MASS,
    "suspicious_calcification": _suspicious_calcification,
    "calcification": lambda f: f.type is FindingType.CALCIFICATION,
    "architectural_distortion": lambda f: f.type is FindingType.DISTORTION,
    "asymmetry": lambda f: f.type is FindingType.ASYMMETRY,
}


@dataclass(frozen=True)
class Match:
    """Indices of a mark and of the truth box it hit."""

    mark: int
    truth: int


def is_hit(mark: Box, truth: Box) -> bool:
    """Whether the mark's centre lies in the truth box, or their IoU is at least 0.2."""
    return truth.contains(*mark.centre) or mark.iou(truth) >= MIN_IOU


def match_marks(pred: Sequence[ScoredBox], truth: Sequence[Box]) -> tuple[Match, ...]:
    """One-to-one matches, best-scored marks first; each takes the free truth box it hits with the largest IoU."""
    free = set(range(len(truth)))
    matches = []
    for i in sorted(range(len(pred)), key=lambda i: -pred[i][1]):
        box = pred[i][0]
        hit = [j for j in sorted(free) if is_hit(box, truth[j])]
        if hit:
            best = max(hit, key=lambda j: box.iou(truth[j]))
            free.discard(best)
            matches.append(Match(i, best))
    return tuple(matches)


@dataclass(frozen=True)
class ViewMarks:
    """One view: scored marks, and truth boxes by lesion (ids unique over the whole set of views)."""

    marks: tuple[ScoredBox, ...] = ()
    lesions: tuple[tuple[str, Box], ...] = ()


@dataclass(frozen=True)
class FrocCurve:
    """Sensitivity against false marks per view, at falling thresholds (marks with score >= threshold count).

    Args:
        thresholds, sensitivity, false_per_view: [t] each; sensitivity is NaN without lesions.
        num_lesions, num_views: what was measured on.
    """

    thresholds: FloatArray
    sensitivity: FloatArray
    false_per_view: FloatArray
    num_lesions: int
    num_views: int


@dataclass(frozen=True)
class OperatingPoint:
    """What all given marks (already cut at a threshold) find: counts, with the ratios they give."""

    found: int
    lesions: int
    false_marks: int
    views: int

    @property
    def sensitivity(self) -> float:
        """Share of lesions found; NaN without lesions."""
        return self.found / self.lesions if self.lesions else float("nan")

    @property
    def false_per_view(self) -> float:
        """False marks per view."""
        return self.false_marks / self.views


@dataclass(frozen=True)
class MarkScores:
    """All that a FROC curve of some views needs: best hit score of each found lesion, score of each false mark, and counts."""

    found: FloatArray
    false: FloatArray
    num_lesions: int
    num_views: int


def froc(views: Sequence[ViewMarks], by_lesion: bool = True) -> FrocCurve:
    """The FROC curve of a set of views.

    Args:
        views: all views, those without lesions or marks included.
        by_lesion: a lesion counts once, found when a mark hits it in at least one view; otherwise each truth box counts.

    Raises:
        InputError: without views.
    """
    return froc_of([mark_scores(views, by_lesion)])


def froc_of(parts: Sequence[MarkScores]) -> FrocCurve:
    """The FROC curve of parts (such as exams, some of them several times) that share no lesion."""
    found, false = np.concatenate([p.found for p in parts]), np.concatenate([p.false for p in parts])
    num_lesions, num_views = sum(p.num_lesions for p in parts), sum(p.num_views for p in parts)
    thresholds = np.unique(np.concatenate([found, false]))[::-1]
    sensitivity = _at_least(found, thresholds) / num_lesions if num_lesions else np.full(len(thresholds), np.nan)
    return FrocCurve(thresholds, sensitivity, _at_least(false, thresholds) / num_views, num_lesions, num_views)


def _at_least(scores: FloatArray, thresholds: FloatArray) -> FloatArray:
    """How many scores reach each threshold."""
    return (len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")).astype(np.float64)


def operating_point(views: Sequence[ViewMarks], by_lesion: bool = True, threshold: float = 0.0) -> OperatingPoint:
    """Counts for the marks scored at least `threshold`."""
    s = mark_scores(views, by_lesion)
    return OperatingPoint(
        int((s.found >= threshold).sum()), s.num_lesions, int((s.false >= threshold).sum()), len(views)
    )


def mark_scores(views: Sequence[ViewMarks], by_lesion: bool = True) -> MarkScores:
    """Marks held against lesions at every threshold.

    Raises:
        InputError: without views.
    """
    if not views:
        raise InputError("a FROC curve over no views", "at least one view")
    best: dict[object, float] = {}
    false: list[float] = []
    lesions: set[object] = set()
    for index, view in enumerate(views):
        keys = [name if by_lesion else (index, k) for k, (name, _) in enumerate(view.lesions)]
        lesions.update(keys)
        matches = match_marks(view.marks, [box for _, box in view.lesions])
        for match in matches:
            score = view.marks[match.mark][1]
            best[keys[match.truth]] = max(score, best.get(keys[match.truth], score))
        hit = {m.mark for m in matches}
        false.extend(score for i, (_, score) in enumerate(view.marks) if i not in hit)
    found = np.array(list(best.values()), dtype=float)
    return MarkScores(found, np.array(false, dtype=float), len(lesions), len(views))


def sensitivity_at(curve: FrocCurve, false_per_view: float) -> float:
    """Highest sensitivity with at most that many false marks per view; 0 when no threshold allows it, NaN without lesions."""
    if not curve.num_lesions:
        return float("nan")
    allowed = curve.false_per_view <= false_per_view + 1e-12
    return float(np.max(curve.sensitivity[allowed], initial=0.0))


def cpm(curve: FrocCurve) -> float:
    """Competition performance metric: mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false marks per view (LUNA16)."""
    return float(np.mean([sensitivity_at(curve, 2.0**k) for k in range(-3, 4)]))


def threshold_at(curve: FrocCurve, false_per_view: float) -> float:
    """Lowest threshold with at most that many false marks per view; infinity when none allows it.

    Choose it on validation exams only, and apply it to the test set with `operating_point`.
    """
    allowed = curve.thresholds[curve.false_per_view <= false_per_view + 1e-12]
    return float(allowed.min()) if len(allowed) else float("inf")


def views_of(
    exam_id: str, view_ids: Iterable[str], pred: Iterable[Finding], truth: Iterable[Finding], kind: Kind
) -> tuple[ViewMarks, ...]:
    """The current views of an exam with the marks and lesions of one kind.

    A mark carries its finding's score, since it is findings that the reader's threshold cuts.
    """
    marked, lesions = [f for f in pred if kind(f)], [f for f in truth if kind(f)]
    return tuple(
        ViewMarks(
            tuple((m.box, f.score) for f in marked if (m := f.mark_in(view_id))),
            tuple((f"{exam_id}/{f.id}", m.box) for f in lesions if (m := f.mark_in(view_id))),
        )
        for view_id in view_ids
    )


def match_findings(pred: Sequence[Finding], truth: Sequence[Finding]) -> tuple[Match, ...]:
    """One-to-one matches of whole findings, best score first: same type and breast, and a hit in at least one view."""
    free = set(range(len(truth)))
    matches = []
    for i in sorted(range(len(pred)), key=lambda i: -pred[i].score):
        closeness = {j: _closeness(pred[i], truth[j]) for j in sorted(free)}
        best = max(closeness, key=lambda j: closeness[j], default=None)
        if best is not None and closeness[best] >= 0:
            free.discard(best)
            matches.append(Match(i, best))
    return tuple(matches)


def _closeness(pred: Finding, truth: Finding) -> float:
    """Sum of IoUs over the views where the mark hits; -1 when it hits in none or is another kind of thing."""
    if (pred.type, pred.laterality) != (truth.type, truth.laterality):
        return -1.0
    pairs = [(m.box, t.box) for m in pred.marks if (t := truth.mark_in(m.view_id))]
    hits = [mark.iou(box) for mark, box in pairs if is_hit(mark, box)]
    return sum(hits) if hits else -1.0
