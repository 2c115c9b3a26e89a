"""Prepared exams as a reader sees them: the domain's nouns rebuilt from what was stored, with the truth of their labels."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.view import Box, Laterality, Origin, Role, SpacingSource, View, standard_view_id
from mammoscribe.imaging.prepare import BRIGHTEST, PreparedView
from mammoscribe.models.reader.judging import Seen
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.reader.exams import Teachers, training_exam
from mammoscribe.training.reader.samples import BreastLabels


@dataclass(frozen=True)
class SeenExam:
    """A labelled exam after the networks have seen it.

    Args:
        exam: its current and prior views.
        truth: findings that its boxes show.
        boxed: kinds of which every box of the exam is known.
        breasts: labels, right first.
        seen: what the networks gave.
    """

    exam: Exam
    truth: tuple[Finding, ...]
    boxed: frozenset[FindingType]
    breasts: tuple[BreastLabels, BreastLabels]
    seen: Seen


def see(reader: Reader, dataset: PreparedDataset, teachers: Teachers):
    """The exams of a prepared split one by one, as `reader` sees them."""
    supervision, synthetic = dataset.supervision, bool(dataset.about["synthetic"])
    everything = PreparedDataset(dataset.folder)
    for stored in dataset:
        prior_id = getattr(stored.record, "prior_id", None)
        place = everything.position_of(prior_id) if prior_id else None
        prior = None if place is None else everything[place]
        labels = training_exam(stored, None, supervision, teachers, synthetic)
        if labels.teaches and labels.views:
            exam, canvases = rebuilt(stored, prior, synthetic)
            kinds = [v.boxed for v in labels.views]
            boxed = frozenset(list(FindingType)[k] for k in frozenset.intersection(*kinds))
            truth = truth_of(stored, exam, supervision) if teachers.boxes else ()
            yield SeenExam(exam, truth, boxed, labels.breasts, reader.see(exam, canvases))


def rebuilt(stored: StoredRecord, prior: StoredRecord | None, synthetic: bool) -> tuple[Exam, Canvases]:
    """The exam of a prepared record with its first-pass canvases; of several pictures of one view the last one stays."""
    origin = Origin.SYNTHETIC if synthetic else Origin.ACQUIRED
    first: dict[str, PreparedView] = {}
    for record, role in ((stored, Role.CURRENT), (prior, Role.PRIOR)):
        for picture in () if record is None else record.pictures:
            assert isinstance(record, StoredRecord) and isinstance(record.record, MammoExam)
            prepared = _prepared(picture, record.record.images[picture.image], role, origin)
            first[prepared.view.id] = prepared
    views = tuple(p.view for p in first.values())
    return Exam(stored.record.id, views), Canvases(first, {}, {})


def _prepared(picture: StoredPicture, listed: ListedView, role: Role, origin: Origin) -> PreparedView:
    place = picture.placement
    width, height = place.stored_width_px, place.stored_height_px
    view = View(
        standard_view_id(listed.laterality, listed.projection, role), listed.laterality, listed.projection, width, height,
        picture.path, role, spacing_source=SpacingSource.UNKNOWN, origin=origin,
    )  # fmt: skip
    if picture.nipple_xy is None or picture.um_per_px is None:
        raise InvalidNoun(f"{picture.path} was not prepared for a reader")
    pixels = picture.pixels.astype(np.float32) * (BRIGHTEST / np.iinfo(picture.pixels.dtype).max)
    return PreparedView(
        view, pixels, pixels > 0, place, picture.nipple_xy, picture.um_per_px, millimetres_known=False,
        crop=Box(0, 0, width, height), levels=(0.0, 1.0), chest_on_left=not place.flipped,
    )  # fmt: skip


def truth_of(stored: StoredRecord, exam: Exam, supervision: Supervision) -> tuple[Finding, ...]:
    """Findings that the boxes of an exam show, in stored pixels; boxes that share a name are one finding."""
    record = stored.record
    assert isinstance(record, MammoExam)
    marks: dict[str, dict[str, Mark]] = {}
    about: dict[str, tuple[Laterality, dict[str, str]]] = {}
    for picture in stored.pictures:
        listed = record.images[picture.image]
        view = exam.view(standard_view_id(listed.laterality, listed.projection))
        for number, region in enumerate(listed.regions):
            box = region.box.clipped(view.width_px, view.height_px)
            if supervision.answer("region", Question.KIND, region.labels) is None or box is None:
                continue
            shared = supervision.answer("region", Question.FINDING, region.labels)
            name = f"{listed.laterality}/{shared}" if shared else f"{picture.path}/{number}"
            marks.setdefault(name, {})[view.id] = Mark(view.id, view.projection, box, 1.0)
            about.setdefault(name, (listed.laterality, dict(region.labels)))
    return tuple(_finding(name, side, labels, marks[name], supervision) for name, (side, labels) in about.items())


def _finding(
    name: str, side: Laterality, labels: dict[str, str], marks: dict[str, Mark], supervision: Supervision
) -> Finding:
    kind = FindingType(supervision.answer("region", Question.KIND, labels) or "")
    words = ",".join(supervision.answers("region", Question.DESCRIPTORS, labels)).split(",")
    change = supervision.answer("region", Question.CHANGE, labels)
    fitting = tuple(dict.fromkeys(w for w in words if w and w.split(".")[0] in {a.value for a in kind.axes}))
    return Finding(
        name, kind, side, tuple(marks.values()), 1.0, 0.0, fitting, change=Change(change) if change else None
    )  # fmt: skip
