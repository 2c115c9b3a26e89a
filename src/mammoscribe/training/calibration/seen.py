"""Prepared exams as a reader sees them: the domain's nouns rebuilt from what was stored, with the truth of their labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.data.prepared.dataset import StoredRecord
from mammoscribe.data.records import MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.view import Laterality, standard_view_id
from mammoscribe.models.reader.judging import Seen
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.training.reader.exams import Teachers, training_exam
from mammoscribe.training.reader.samples import BreastLabels
from mammoscribe.training.stored_views import ExamsWithPriors, rebuilt


@dataclass(frozen=True)
class SeenExam:
    """A labelled exam after the networks have seen it.

    Args:
        exam: its current and prior views.
        truth: findings that its boxes show.
        boxed: kinds of which every box of the exam is known.
        breasts: labels, right first.
        seen: what the networks gave.
        searched: kinds that were searched for.
    """

    exam: Exam
    truth: tuple[Finding, ...]
    boxed: frozenset[FindingType]
    breasts: tuple[BreastLabels, BreastLabels]
    seen: Seen
    searched: frozenset[FindingType] = frozenset(FindingType)


def see(reader: Reader, folder: Path, split: str, teachers: Teachers) -> Iterator[SeenExam]:
    """The exams of a prepared split one by one, as `reader` sees them."""
    exams = ExamsWithPriors.of(folder, split)
    supervision, synthetic = exams.dataset.supervision, exams.synthetic
    for stored, prior in exams:
        labels = training_exam(stored, None, supervision, teachers, synthetic)
        if labels.teaches and labels.views:
            exam, canvases = rebuilt(stored, prior, synthetic, reader.card.config.detail_um)
            kinds = [v.boxed for v in labels.views]
            boxed = frozenset(list(FindingType)[k] for k in frozenset.intersection(*kinds))
            truth = truth_of(stored, exam, supervision) if teachers.boxes else ()
            searched = frozenset(FindingType) - (
                {FindingType.CALCIFICATION} if _unsearched(reader, canvases) else set()
            )
            yield SeenExam(exam, truth, boxed, labels.breasts, reader.see(exam, canvases), searched)


def _unsearched(reader: Reader, canvases: Canvases) -> bool:
    """Whether calcifications were searched for in none of the views."""
    return reader.patch_net is None or not canvases.fine


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
