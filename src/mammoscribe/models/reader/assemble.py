"""From raw marks in views to findings of the exam: duplicates dropped, CC and MLO joined, words and place chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from mammoscribe.domain.anatomy import Structure
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import SUSPICIOUS_MORPHOLOGY, Axis
from mammoscribe.domain.location import Location, from_one_view, from_two_views
from mammoscribe.domain.view import Box, Laterality, Projection, View
from mammoscribe.imaging.anatomy.find import Anatomy
from mammoscribe.imaging.prepare import PreparedView
from mammoscribe.models.reader.calcifications import CalcCandidate
from mammoscribe.models.reader.detection_head import STRIDE, TYPES
from mammoscribe.models.reader.network import ReaderNetOutput
from mammoscribe.models.reader.queries import AXIS_TERMS, CHANGES, LINK_DIM

SAME_PLACE_IOU = 0.3
LINK_LEVEL = 0.5
CALC_GAP_CM = 1.5
"""Nipple distances of one group in CC and MLO differ by less (mammography.md section 3.4 gives +-10 mm, plus box error)."""
SAME_GROUP_MM = 15.0
"""Places of one group in the views of two visits differ by less: compression and positioning, and half a group."""
GROWN = 1.35
"""Ratio of extents from which a group is called larger; particles at its edge come and go with noise."""
LOWEST_SCORE = 0.02
ASSOCIATED_LEVEL = 0.5
GUESSED_AXES = (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.DISTRIBUTION)
"""Axes whose word is left out where it is little more than a guess; the others decide what a finding is."""


@dataclass(frozen=True)
class RawMark:
    """One mark in one view before findings are made of marks.

    Args:
        box: in stored pixels. score: 0..1, of the pass that proposed it. types: [4] probabilities in the order of TYPES.
        words: axis -> probabilities in the order of AXIS_TERMS.
        change: [4] probabilities, or None without a prior of the view.
        link: (cc, mlo) vectors, or None for the patch path, whose marks join by nipple distance alone.
        behind_cm, above_cm: offset from the nipple; depth: `behind` over nipple-to-chest-wall distance.
        crop_score: the crop refiner's probability that something is there, or None where it saw no crop of the mark.
        crop_words, crop_suspicion: the crop refiner's words and suspicion, until `mixed` has joined them with those of the
            first pass.
        nipple_found: whether the nipple was found in the view, so that a place can be told from it.
        lengths_known: whether lengths in the view may be given in millimetres.
        structure: what it rests on that is no lesion, or None.
    """

    view: View
    box: Box
    score: float
    types: np.ndarray
    words: Mapping[Axis, np.ndarray]
    suspicion: float
    change: np.ndarray | None
    link: tuple[np.ndarray, np.ndarray] | None
    behind_cm: float
    above_cm: float
    depth: float
    crop_score: float | None = None
    crop_words: Mapping[Axis, np.ndarray] = field(default_factory=dict)
    crop_suspicion: float | None = None
    nipple_found: bool = True
    lengths_known: bool = False
    structure: Structure | None = None

    @property
    def strength(self) -> float:
        """How much both passes see there, 0..1, the same for every population: their product."""
        return self.score if self.crop_score is None else self.score * self.crop_score

    def weighed(self, weights: tuple[float, float, float]) -> "RawMark":
        """The mark with the score that both passes give it together, by a logistic rule on their log odds."""
        return replace(self, score=combined_score(self.score, self.crop_score, weights))

    def mixed(self, shares: tuple[float, float]) -> "RawMark":
        """The mark with the words and the suspicion of both passes together, and none left of the crop refiner alone.

        Args:
            shares: of the crop refiner in the words and in the suspicion: 0 takes those of the first pass, 1 the refiner's;
                between them log probabilities are mixed.
        """
        if self.crop_suspicion is None:
            return self
        both = {a: _mixed(a, self.words.get(a, w), w, shares[0]) for a, w in self.crop_words.items()}
        suspicions = np.array([self.suspicion]), np.array([self.crop_suspicion])
        suspicion = float(_mixed(Axis.ASSOCIATED, *suspicions, shares[1])[0])
        return replace(self, words={**self.words, **both}, suspicion=suspicion, crop_words={}, crop_suspicion=None)

    @property
    def type(self) -> FindingType:
        """The likeliest type."""
        return TYPES[int(self.types.argmax())]

    @property
    def calcification(self) -> bool:
        """Whether that type is calcification, which the patch path decides."""
        return self.type is FindingType.CALCIFICATION


def _mixed(axis: Axis, first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """Probabilities of an axis' terms by both passes: log probabilities mixed, or log odds where each term is a question alone."""
    if share in (0, 1):
        return second if share else first
    p, q = (np.clip(probs, 1e-4, 1 - 1e-4) for probs in (first, second))
    yes = p ** (1 - share) * q**share
    return yes / (yes + (1 - p) ** (1 - share) * (1 - q) ** share) if axis is Axis.ASSOCIATED else yes / yes.sum()


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), for p kept a thousandth away from 0 and 1."""
    p = min(max(probability, 1e-3), 1 - 1e-3)
    return float(np.log(p / (1 - p)))


def combined_score(first: float, second: float | None, weights: tuple[float, float, float]) -> float:
    """Score of a mark from what each pass gives it, by a logistic rule on their log odds; the first alone without a second."""
    if second is None:
        return first
    logit = weights[0] * log_odds(first) + weights[1] * log_odds(second) + weights[2]
    return float(1 / (1 + np.exp(-logit)))


def query_marks(out: ReaderNetOutput, exam: Exam, views: Mapping[str, PreparedView], top_px: int = 0) -> list[RawMark]:
    """The finding queries as marks, each with the score of its own kind by query and map, without those that are sure to be nothing.

    Args:
        top_px: rows that were cut from the top of the canvases (`batch.trimmed`).
    """
    q = out.queries
    on_canvas = q.box.float() + q.box.new_tensor([0, top_px, 0, top_px], dtype=torch.float32)
    types = q.type.float().softmax(1).numpy()
    heat = out.maps.heat.float()
    words = {a: _probabilities(a, logits) for a, logits in q.descriptors.items()}
    change = q.change.float().softmax(1).numpy()
    link = [v.float().numpy() for v in q.link]
    marks = []
    for i, v in enumerate(q.anchors.view.tolist()):
        view, prepared = exam.current[v], views[exam.current[v].id]
        box = prepared.placement.to_stored_box(_box(on_canvas[i]))
        kind = int(types[i, :-1].argmax())
        score = float(np.sqrt(types[i, kind] * _heat_at(heat[v, kind], q.anchors.box[i])))
        if box is None or score < LOWEST_SCORE:
            continue
        prior = exam.prior_of(view)
        place = _place(on_canvas[i].numpy(), prepared)
        marks.append(RawMark(
            view, box, score, types[i, :-1], {a: w[i] for a, w in words.items()}, _suspicion(out, i),
            change[i] if prior is not None and prior.id in views else None, (link[0][i], link[1][i]), *place,
            nipple_found=prepared.nipple_found, lengths_known=prepared.millimetres_known,
        ))  # fmt: skip
    return marks


def _suspicion(out: ReaderNetOutput, query: int) -> float:
    """How suspicious a mark is: by the map of a reader that has one, which every box has taught, else by its query."""
    of_map = out.maps.suspicion_in(int(out.queries.anchors.view[query]), out.queries.box[query].float())
    return float((out.queries.suspicion[query].float() if of_map is None else of_map).sigmoid())


def _probabilities(axis: Axis, logits: torch.Tensor) -> np.ndarray:
    logits = logits.float()
    return (logits.sigmoid() if axis is Axis.ASSOCIATED else logits.softmax(1)).numpy()


def _box(edges: torch.Tensor) -> Box:
    x0, y0, x1, y1 = edges.float().tolist()
    return Box(min(x0, x1 - 1), min(y0, y1 - 1), x1, y1)


def _heat_at(heat: torch.Tensor, box: torch.Tensor) -> float:
    """Highest heat in the 3x3 cells around an anchor's centre."""
    x, y = float(box[0] + box[2]) / 2 / STRIDE, float(box[1] + box[3]) / 2 / STRIDE
    row, column = min(max(int(y), 0), heat.shape[0] - 1), min(max(int(x), 0), heat.shape[1] - 1)
    near = heat[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    return float(near.max().sigmoid())


def _place(box: np.ndarray, prepared: PreparedView) -> tuple[float, float, float]:
    """(behind_cm, above_cm, depth fraction) of a canvas box."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    nipple_x, nipple_y = prepared.nipple_xy
    scale = prepared.um_per_px / 1e4
    behind = float(nipple_x - x)
    return behind * scale, float(nipple_y - y) * scale, min(1.0, max(0.0, behind / max(nipple_x, 1.0)))


def calcification_marks(
    found: Sequence[CalcCandidate], view: View, fine: PreparedView, coarse: PreparedView,
    earlier: Sequence[Box] | None = None,
) -> list[RawMark]:  # fmt: skip
    """Candidates of the patch path as marks.

    Args:
        found: in the view's 100 um canvas `fine`.
        coarse: its first-pass canvas.
        earlier: boxes of the prior's candidates on the prior's first-pass canvas, or None where no prior was searched.
    """
    marks = []
    types = np.eye(len(TYPES))[TYPES.index(FindingType.CALCIFICATION)]
    for candidate in found:
        box = fine.placement.to_stored_box(candidate.box)
        if box is None:
            continue
        on_canvas = coarse.placement.to_canvas_box(box)
        place = _place(np.array([on_canvas.x0, on_canvas.y0, on_canvas.x1, on_canvas.y1]), coarse)
        words = {
            Axis.MORPHOLOGY: _morphology(candidate),
            Axis.DISTRIBUTION: np.array([candidate.distribution[t] for t in AXIS_TERMS[Axis.DISTRIBUTION]]),
        }
        score = max(candidate.score, candidate.benign_score)
        change = None if earlier is None else change_since(on_canvas, earlier, coarse.um_per_px / 1000)
        marks.append(RawMark(
            view, box, score, types, words, candidate.score, change, None, *place,
            nipple_found=coarse.nipple_found, lengths_known=coarse.millimetres_known,
        ))  # fmt: skip
    return marks


def canvas_boxes(found: Sequence[CalcCandidate], fine: PreparedView, coarse: PreparedView) -> list[Box]:
    """Candidates in the 100 um canvas `fine` as boxes on the first-pass canvas of the same view."""
    stored = (fine.placement.to_stored_box(c.box) for c in found)
    return [coarse.placement.to_canvas_box(b) for b in stored if b is not None]


def change_since(now: Box, earlier: Sequence[Box], mm_per_px: float) -> np.ndarray:
    """[4] in the order of CHANGES: new where the prior shows no group near the place, else by the ratio of extents."""
    near = [b for b in earlier if np.hypot(*np.subtract(b.centre, now.centre)) * mm_per_px < SAME_GROUP_MM]
    if not near:
        change = Change.NEW
    else:
        before = max(near, key=lambda b: b.width + b.height)
        growth = (now.width + now.height) / (before.width + before.height)
        change = Change.INCREASED if growth > GROWN else Change.DECREASED if growth < 1 / GROWN else Change.STABLE
    return np.array([float(c is change) for c in CHANGES])


def _morphology(candidate: CalcCandidate) -> np.ndarray:
    """Probabilities of the terms that go with the likelier reading; the other reading's terms get none."""
    return np.array([
        candidate.morphology[t] * float((t in SUSPICIOUS_MORPHOLOGY) == candidate.suspicious)
        for t in AXIS_TERMS[Axis.MORPHOLOGY]
    ])  # fmt: skip


def assemble(
    marks: Sequence[RawMark], exam: Exam, link_scale: torch.Tensor, least_word: float | None = 0.0
) -> list[Finding]:
    """Findings from marks, most certain first, named f1, f2, ...

    Args:
        marks: of both paths.
        exam: whose views they lie in.
        link_scale: of the first pass' queries.
        least_word: probability from which a word of `GUESSED_AXES` is stated; below it, nothing is said on that axis.
            None states no descriptor and no change at all.
    """
    groups: list[tuple[RawMark, ...]] = []
    for side in exam.imaged:
        for calcification in (False, True):
            own = [m for m in marks if m.view.laterality is side and m.calcification is calcification]
            kept = _without_duplicates(own)
            groups += _joined(kept, link_scale)
    groups.sort(key=lambda g: -_score(g))
    return [_finding(f"f{i + 1}", g, least_word) for i, g in enumerate(groups)]


def _without_duplicates(marks: Sequence[RawMark]) -> list[RawMark]:
    kept: list[RawMark] = []
    for mark in sorted(marks, key=lambda m: -m.score):
        same = (k for k in kept if k.view.id == mark.view.id)
        if not any(_same_place(k.box, mark.box) for k in same):
            kept.append(mark)
    return kept


def _same_place(a: Box, b: Box) -> bool:
    return a.iou(b) > SAME_PLACE_IOU or (a.contains(*b.centre) and b.contains(*a.centre))


def _joined(marks: Sequence[RawMark], link_scale: torch.Tensor) -> list[tuple[RawMark, ...]]:
    """Pairs of a CC and an MLO mark that show one thing, and the marks left alone."""
    cc = [m for m in marks if m.view.projection is Projection.CC]
    mlo = [m for m in marks if m.view.projection is Projection.MLO]
    paired: list[tuple[RawMark, ...]] = []
    if cc and mlo:
        likeness = np.array([[_link(a, b, link_scale) for b in mlo] for a in cc])
        for i, j in zip(*linear_sum_assignment(-likeness), strict=True):
            if likeness[i, j] > LINK_LEVEL:
                paired.append((cc[i], mlo[j]))
    used = {id(m) for pair in paired for m in pair}
    return paired + [(m,) for m in marks if id(m) not in used]


def _link(cc: RawMark, mlo: RawMark, link_scale: torch.Tensor) -> float:
    gap = abs(cc.behind_cm - mlo.behind_cm)
    if cc.link is None or mlo.link is None:
        agree = (cc.suspicion >= 0.5) == (mlo.suspicion >= 0.5)
        return max(0.0, 1 - gap / (2 * CALC_GAP_CM)) * (1.0 if agree else 0.7)
    offset, slope = link_scale.float().tolist()
    logit = float(cc.link[0] @ mlo.link[1]) / LINK_DIM**0.5 + offset - float(np.exp(slope)) * gap
    return float(1 / (1 + np.exp(-logit)))


def _score(group: Sequence[RawMark]) -> float:
    """Two projections that agree count for more than one: the chance that not both are wrong."""
    return float(1 - np.prod([1 - m.score for m in group]))


def _finding(id: str, group: tuple[RawMark, ...], least_word: float | None) -> Finding:
    kind = _kind(group)
    first = group[0].view
    score = min(1.0, _score(group))
    marks = tuple(Mark(m.view.id, m.view.projection, m.box, min(1.0, m.score)) for m in group)
    change = [m.change for m in group if m.change is not None and least_word is not None]
    return Finding(
        id=id, type=kind, laterality=first.laterality, marks=marks, score=score,
        suspicion=max(m.suspicion for m in group),
        descriptors=() if least_word is None else _words(kind, group, least_word),
        location=_location(first.laterality, group),
        change=Change(CHANGES[int(np.mean(change, axis=0).argmax())]) if change else None,
    )  # fmt: skip


def _kind(group: Sequence[RawMark]) -> FindingType:
    """The likeliest type of the group; two marks that are no calcifications do not add up to one."""
    total = np.sum([m.types * m.score for m in group], axis=0)
    if not any(m.calcification for m in group):
        total[TYPES.index(FindingType.CALCIFICATION)] = -1.0
    return TYPES[int(total.argmax())]


def _words(kind: FindingType, group: Sequence[RawMark], least: float) -> tuple[str, ...]:
    words: list[str] = []
    for axis in kind.axes:
        given = [m.words[axis] for m in group if axis in m.words]
        if not given:
            continue
        mean = np.mean(given, axis=0)
        if axis is Axis.ASSOCIATED:
            words += [t for t, p in zip(AXIS_TERMS[axis], mean, strict=True) if p > ASSOCIATED_LEVEL]
        elif axis is Axis.ASYMMETRY:
            words.append(_asymmetry(mean, len(group)))
        elif axis not in GUESSED_AXES or mean.max() >= least:
            words.append(AXIS_TERMS[axis][int(mean.argmax())])
    return tuple(words)


def _asymmetry(probabilities: np.ndarray, num_views: int) -> str:
    """By definition an asymmetry shows in one projection, the others in two."""
    if num_views == 1:
        return "asymmetry.asymmetry"
    names = AXIS_TERMS[Axis.ASYMMETRY]
    allowed = [p if n != "asymmetry.asymmetry" else -1.0 for n, p in zip(names, probabilities, strict=True)]
    return names[int(np.argmax(allowed))]


def _location(laterality: Laterality, group: Sequence[RawMark]) -> Location:
    """Place of a group; unknown where the nipple was not found in every view that shows it."""
    if not all(m.nipple_found for m in group):
        return Location()
    depth = float(np.mean([m.depth for m in group]))
    by_view = {m.view.projection: m for m in group}
    if len(by_view) == 2:
        place = from_two_views(laterality, by_view[Projection.CC].above_cm, by_view[Projection.MLO].above_cm, depth)
    else:
        place = from_one_view(group[0].view.projection, group[0].above_cm, depth)
    return replace(place, nipple_distance_mm=_nipple_distance_mm(group))


def _nipple_distance_mm(group: Sequence[RawMark]) -> int | None:
    """Mean distance from the nipple over the views that show it; None where no lengths are known."""
    lengths = [10 * float(np.hypot(m.behind_cm, m.above_cm)) for m in group if m.lengths_known]
    return min(400, round(float(np.mean(lengths)))) if lengths else None


def on_structures(
    marks: Sequence[RawMark], anatomy: Mapping[str, Anatomy], views: Mapping[str, PreparedView]
) -> list[RawMark]:
    """The marks, each with the structure that it rests on, if it rests on one.

    Args:
        marks: of one exam.
        anatomy: of its current views, by view id.
        views: first-pass canvases, by view id.
    """
    found = []
    for mark in marks:
        box = views[mark.view.id].placement.to_canvas_box(mark.box)
        resting = anatomy[mark.view.id].structure_of(box)
        found.append(mark if resting is None else replace(mark, structure=resting.structure))
    return found
