"""Figures of marks: lesions found and false marks, kind by kind, where every box of the kind is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.evaluation.bootstrap import IntArray
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.detection import (
    MIN_IOU,
    FrocCurve,
    MarkScores,
    ViewMarks,
    cpm,
    froc_of,
    is_hit,
    mark_scores,
    match_marks,
    sensitivity_at,
)
from mammoscribe.evaluation.outputs.exam_output import OutputMark
from mammoscribe.evaluation.reader_card.cases import Case
from mammoscribe.evaluation.reader_card.measures import UNDEFINED, Measure, MeasureSet

BUDGETS = (0.25, 0.5, 1.0)
"""False marks a view at which sensitivity is stated."""
HIT_RULE = (
    f"A mark hits a lesion when its centre is in the lesion's box or their boxes overlap with an IoU of at least {MIN_IOU}; "
    "marks are matched one to one, best score first, and a lesion is found when a mark hits it in at least one view. A mark of a "
    "mass, asymmetry or distortion that hits no lesion of its kind but a labelled box of another of these three is on another "
    "lesion: it finds nothing and is no false mark, and such marks are counted apart."
)
ALIKE = frozenset({FindingType.MASS, FindingType.ASYMMETRY, FindingType.DISTORTION})
"""Kinds that readers name differently for one lesion; calcifications are another thing and are never among them."""


@dataclass(frozen=True)
class KindCases:
    """The exams on which marks of one kind can be held against boxes.

    Args:
        kind: of finding. exams: index of each measurable exam. scores: of all marks. stated: of those with a sentence.
        complete: whether all marks are there, also those too weak to be shown, so that a whole curve can be drawn.
        suspicions: of found lesions whose label says whether they are malignant: (exam, suspicion, label).
        elsewhere: marks with a sentence on a labelled lesion of another kind (`on_another_lesion`), of each exam.
    """

    kind: FindingType
    exams: tuple[int, ...]
    scores: tuple[MarkScores, ...]
    stated: tuple[MarkScores, ...]
    complete: bool
    suspicions: tuple[tuple[int, float, int], ...]
    elsewhere: tuple[int, ...]

    @property
    def num_lesions(self) -> int:
        """True findings."""
        return sum(s.num_lesions for s in self.scores)

    @property
    def num_views(self) -> int:
        """Views that were searched."""
        return sum(s.num_views for s in self.scores)

    def curve(self) -> FrocCurve:
        """Over all exams."""
        return froc_of(self.scores)


def kind_cases(cases: Sequence[Case], kind: FindingType) -> KindCases:
    """The exams whose boxes of a kind are all known and whose views were all searched for it."""
    at = [i for i, c in enumerate(cases) if _measurable(c, kind)]
    views = [_views(cases[i], kind) for i in at]
    return KindCases(
        kind, tuple(at), tuple(mark_scores(v) for v in views),
        tuple(mark_scores(_views(cases[i], kind, stated_only=True)) for i in at),
        all(cases[i].output.complete for i in at),
        tuple(found for i, v in zip(at, views, strict=True) for found in _suspicions(i, cases[i], v, kind)),
        tuple(
            sum(m.kind is kind and m.stated and on_another_lesion(m, cases[i].labels.truth) for m in cases[i].output.marks)
            for i in at
        ),
    )  # fmt: skip


def on_another_lesion(mark: OutputMark, truth: Sequence[Finding]) -> bool:
    """Whether a mark hits no lesion of its own kind, but a labelled one of a kind that is told apart from it by its name alone."""
    hit = {f.type for f in truth if (m := f.mark_in(mark.view)) and is_hit(mark.box, m.box)}
    return mark.kind in ALIKE and mark.kind not in hit and bool(hit & ALIKE)


def _measurable(case: Case, kind: FindingType) -> bool:
    views = case.output.views
    return kind in case.labels.boxed and bool(views) and all(kind in v.searched for v in (views or {}).values())


def _views(case: Case, kind: FindingType, stated_only: bool = False) -> list[ViewMarks]:
    marks = _counted(case, kind, stated_only)
    truth = [f for f in case.labels.truth if f.type is kind]
    return [
        ViewMarks(
            tuple((m.box, m.score) for m in marks if m.view == view),
            tuple((f"{case.labels.exam_id}/{f.id}", m.box) for f in truth if (m := f.mark_in(view))),
        )
        for view in case.labels.views
    ]


def _counted(case: Case, kind: FindingType, stated_only: bool = False) -> list[OutputMark]:
    """The marks of a kind that find a lesion of it or are false."""
    own = (m for m in case.output.marks if m.kind is kind and (m.stated or not stated_only))
    return [m for m in own if not on_another_lesion(m, case.labels.truth)]


def _suspicions(exam: int, case: Case, views: Sequence[ViewMarks], kind: FindingType) -> list[tuple[int, float, int]]:
    """(exam, highest suspicion of the marks that hit it, whether it is malignant) of each found lesion with that label."""
    highest: dict[str, float] = {}
    for name, view in zip(case.labels.views, views, strict=True):
        own = [m for m in _counted(case, kind) if m.view == name]
        for match in match_marks(view.marks, [box for _, box in view.lesions]):
            suspicion, lesion = own[match.mark].suspicion, view.lesions[match.truth][0]
            if suspicion is not None:
                highest[lesion] = max(suspicion, highest.get(lesion, 0.0))
    labels = {f"{case.labels.exam_id}/{f.id}": f.suspicion for f in case.labels.truth}
    return [(exam, s, int(labels[name])) for name, s in highest.items() if labels[name] in (0.0, 1.0)]


def mark_measures(c: KindCases, group: str) -> list[MeasureSet]:
    """Figures of one kind; nothing without a lesion."""
    if not c.num_lesions:
        return []
    sets = [_stated(c, group)]
    if c.complete:
        sets.insert(0, _any_threshold(c, group))
    if len({label for *_, label in c.suspicions}) == 2:
        sets.append(_told_apart(c, group))
    return sets


def _any_threshold(c: KindCases, group: str) -> MeasureSet:
    name, n = _name(c.kind), c.num_lesions
    of = f"lesions, {c.num_views} views"
    budgets = [Measure(f"{name}: found at {b:g} false marks a view, any threshold", group, of, n) for b in BUDGETS]
    mean = Measure(f"{name}: CPM (mean at 1/8 to 8 false marks a view)", group, of, n)

    def values(drawn: IntArray) -> list[float]:
        parts = _drawn(c, c.scores, drawn)
        if not any(p.num_lesions for p in parts):
            return [UNDEFINED] * (len(BUDGETS) + 1)
        curve = froc_of(parts)
        return [*(sensitivity_at(curve, b) for b in BUDGETS), cpm(curve)]

    return MeasureSet((*budgets, mean), values)


def _stated(c: KindCases, group: str) -> MeasureSet:
    name = _name(c.kind)
    measures = (
        Measure(f"{name}: found, with a sentence in the report", group, "lesions", c.num_lesions),
        Measure(
            f"{name}: false marks a view, with a sentence in the report", group, "views", c.num_views,
            higher_is_better=False, is_share=False,
        ),
        Measure(
            f"{name}: marks a view on a labelled lesion of another kind, with a sentence in the report", group, "views",
            c.num_views, higher_is_better=False, is_share=False,
        ),
    )  # fmt: skip
    place = {exam: k for k, exam in enumerate(c.exams)}

    def values(drawn: IntArray) -> list[float]:
        parts = _drawn(c, c.stated, drawn)
        lesions, views = sum(p.num_lesions for p in parts), sum(p.num_views for p in parts)
        found, false = sum(len(p.found) for p in parts), sum(len(p.false) for p in parts)
        elsewhere = sum(c.elsewhere[place[e]] for e in drawn.tolist() if e in place)
        per_view = [number / views if views else UNDEFINED for number in (false, elsewhere)]
        return [found / lesions if lesions else UNDEFINED, *per_view]

    return MeasureSet(measures, values)


def _told_apart(c: KindCases, group: str) -> MeasureSet:
    labels = np.array([label for *_, label in c.suspicions])
    scores = np.array([s for _, s, _ in c.suspicions])
    exams = np.array([e for e, *_ in c.suspicions])
    measure = Measure(
        f"{_name(c.kind)}: malignant against benign, of lesions that a mark hits, AUC", group, "lesions hit", len(labels),
        int(labels.sum()),
    )  # fmt: skip

    def values(drawn: IntArray) -> list[float]:
        counts = np.bincount(drawn, minlength=int(exams.max()) + 1)[exams]
        at = np.repeat(np.arange(len(exams)), counts)
        return [auc(scores[at], labels[at]) if len(at) else UNDEFINED]

    return MeasureSet((measure,), values)


def _drawn(c: KindCases, scores: Sequence[MarkScores], drawn: IntArray) -> list[MarkScores]:
    place = {exam: k for k, exam in enumerate(c.exams)}
    return [scores[place[e]] for e in drawn.tolist() if e in place]


def _name(kind: FindingType) -> str:
    return kind.value.replace("_", " ")
