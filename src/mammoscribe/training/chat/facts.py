"""What the labels of a mammography exam establish about the breasts that are shown: findings, and which kinds are not there.

What is not labelled is unknown. A kind of finding is absent from a breast only where all boxes of the kind are known in each
of its views and none is there, or where the report denies it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mammoscribe.data.breast_answers import breast_answers
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.training.biovil.texts import labelled_finding, named_regions
from mammoscribe.training.chat.shown import Shown
from mammoscribe.training.reader.exams import breast_labels
from mammoscribe.training.reader.samples import UNKNOWN, BreastLabels

ALL_KINDS = frozenset(FindingType)


@dataclass(frozen=True)
class Lesion:
    """A labelled finding, without its place.

    Args:
        finding: with its boxes in stored pixels, of the pictures that are shown.
        suspicion: 0..1; malignant: None, as `suspicion`, where nothing is labelled.
        boxes: number of a shown picture -> box on its prepared pixels.
        shares: whether its dataset says which boxes of several views are of one finding.
    """

    finding: Finding
    suspicion: float | None
    malignant: bool | None
    boxes: Mapping[int, Box]
    shares: bool


@dataclass(frozen=True)
class BreastFacts:
    """What is known of one breast.

    Args:
        side: which.
        pictures: numbers of the shown pictures of it.
        projections: of these pictures.
        lesions: that these pictures show.
        complete: for each of these pictures the kinds of finding of which all boxes are known.
        closed: kinds of which all boxes are known in every view that the breast has, shown or not, and shown.
        labels: of the breast, and of its report.
        birads: ordinal category, None where it is not labelled.
    """

    side: Laterality
    pictures: tuple[int, ...]
    projections: tuple[Projection, ...]
    lesions: tuple[Lesion, ...]
    complete: Mapping[int, frozenset[FindingType]]
    closed: frozenset[FindingType]
    labels: BreastLabels
    birads: str | None

    def of(self, kind: FindingType) -> tuple[Lesion, ...]:
        """The lesions of one kind."""
        return tuple(lesion for lesion in self.lesions if lesion.finding.type is kind)

    def reported(self, kind: FindingType) -> bool | None:
        """Whether the report states (True) or denies (False) the kind; None where it does neither."""
        label = self.labels.kinds[TYPES.index(kind)]
        return None if label == UNKNOWN else bool(label)

    def shows(self, kind: FindingType) -> bool | None:
        """Whether the breast shows the kind; None where that is not known, or boxes and report contradict each other."""
        boxed = True if self.of(kind) else (False if kind in self.closed else None)
        reported = self.reported(kind)
        if boxed is None or reported is None:
            return reported if boxed is None else boxed
        return boxed if boxed == reported else None


def facts_of(record: MammoExam, shown: Sequence[Shown], supervision: Supervision) -> tuple[BreastFacts, ...]:
    """What is known of each breast that is shown, right first.

    Args:
        record: the exam.
        shown: pictures of it; those of a prior do not count.
        supervision: of its dataset.
    """
    return tuple(_of_breast(record, side, shown, supervision) for side in Laterality if _pictures(shown, side))


def _pictures(shown: Sequence[Shown], side: Laterality) -> dict[int, ListedView]:
    """Views of a breast by the number of the picture."""
    return {
        n: s.image
        for n, s in enumerate(shown)
        if not s.prior and isinstance(s.image, ListedView) and s.image.laterality is side
    }


def _of_breast(
    record: MammoExam, side: Laterality, shown: Sequence[Shown], supervision: Supervision
) -> BreastFacts:  # fmt: skip
    views = _pictures(shown, side)
    lesions = tuple(_lesions(views, shown, supervision))
    complete = {n: _complete(view, supervision) for n, view in views.items()}
    there = [view for view in record.images if view.laterality is side]
    closed = ALL_KINDS.intersection(*(_complete(view, supervision) for view in there))
    closed -= _only_elsewhere(there, views, supervision)
    return BreastFacts(
        side, tuple(views), tuple(p for p in Projection if p in {v.projection for v in views.values()}), lesions,
        complete, closed, breast_labels(record, side, supervision),
        breast_answers(record, side, supervision).get(Question.BIRADS),
    )  # fmt: skip


def _complete(view: ListedView, supervision: Supervision) -> frozenset[FindingType]:
    """Kinds of which a view has all boxes; none where something is marked of which nobody says what it is."""
    if any(supervision.answer("region", Question.KIND, region.labels) is None for region in view.regions):
        return frozenset()
    unplaced = supervision.answers("view", Question.UNPLACED, view.labels)
    return frozenset(kind for kind in supervision.boxed_kinds if kind.value not in unplaced)


def _only_elsewhere(
    there: Sequence[ListedView], views: Mapping[int, ListedView], supervision: Supervision
) -> frozenset[FindingType]:
    """Kinds of which views that are not shown have a box that no shown view has."""
    seen = {name for view in views.values() for name, _ in named_regions(view, supervision)}
    hidden = (
        supervision.answer("region", Question.KIND, region.labels)
        for view in there
        if not any(view is one for one in views.values())
        for name, region in named_regions(view, supervision)
        if name not in seen
    )
    return frozenset(FindingType(kind) for kind in hidden if kind)


def _lesions(views: Mapping[int, ListedView], shown: Sequence[Shown], supervision: Supervision) -> Iterator[Lesion]:
    """Each finding of a breast once, with its boxes in all views that are shown."""
    marks: dict[str, dict[int, int]] = {}
    for number, view in views.items():
        for place, (name, _) in enumerate(named_regions(view, supervision)):
            marks.setdefault(name, {}).setdefault(number, place)
    for count, places in enumerate(marks.values(), start=1):
        regions = {n: views[n].regions[place] for n, place in places.items()}
        first = next(iter(regions.values()))
        boxes = {views[n].projection: region.box for n, region in regions.items()}
        side = next(iter(views.values())).laterality
        finding = labelled_finding(f"{side}{count}", first, side, boxes, supervision)
        if finding is None:
            continue
        suspicion = supervision.answer("region", Question.SUSPICION, first.labels)
        malignant = supervision.answer("region", Question.MALIGNANT, first.labels)
        yield Lesion(
            finding, None if suspicion is None else float(suspicion), None if malignant is None else malignant == "1",
            {n: shown[n].picture.regions[place] for n, place in places.items()},
            supervision.answer("region", Question.FINDING, first.labels) is not None,
        )  # fmt: skip


def read_by_breast(supervision: Supervision) -> bool:
    """Whether the breasts of an exam are asked about one by one.

    Where nothing is boxed, as in the RSNA set, how many views there are tells the label, so that a model which sees the other
    breast beside it would learn the archive (see `TrainingExam.of_breast`).
    """
    return not supervision.boxed_kinds
