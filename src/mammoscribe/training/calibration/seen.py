"""Labelled exams of prepared data after the networks have seen them: all that an operating point is fixed on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Laterality, Role
from mammoscribe.evaluation.prepared_views import (
    boxed_kinds,
    decoded_canvases,
    lacks_a_scale,
    stored_canvases,
    truth_of,
    views_of_record,
)
from mammoscribe.models.reader.judging import Seen
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.training.reader.exams import Teachers, training_exam
from mammoscribe.training.reader.samples import BreastLabels, TrainingExam

EVERY_LABEL = Teachers()
Chosen = Callable[[str], bool]
"""Patient id -> whether the exams of that patient are seen."""


@dataclass(frozen=True)
class SeenExam:
    """A labelled exam, or one breast of it, after the networks have seen it.

    Args:
        exam: its current and prior views.
        patient_id, dataset: whose it is, and where it comes from.
        truth: findings that its boxes show.
        boxed: kinds of which every box of the exam is known.
        searched: kinds that the reader could look for in these pictures.
        breasts: labels, right first.
        seen: what the networks gave.
    """

    exam: Exam
    patient_id: str
    dataset: str
    truth: tuple[Finding, ...]
    boxed: frozenset[FindingType]
    searched: frozenset[FindingType]
    breasts: tuple[BreastLabels, BreastLabels]
    seen: Seen

    @property
    def measurable(self) -> frozenset[FindingType]:
        """Kinds whose marks can be held against boxes."""
        return self.boxed & self.searched

    def labelled(self) -> Iterator[tuple[Laterality, BreastLabels]]:
        """The imaged breasts with their labels."""
        return ((side, b) for side, b in zip(Laterality, self.breasts, strict=True) if side in self.exam.imaged)


def see(
    reader: Reader, dataset: PreparedDataset, teachers: Teachers = EVERY_LABEL, chosen: Chosen = lambda _: True,
    decode_finer: bool = True,
) -> Iterator[SeenExam]:  # fmt: skip
    """The labelled exams of a prepared split one by one, as `reader` sees them.

    A dataset without boxes is seen breast by breast, as it is trained on (`TrainingExam.of_breast` says why). A reader
    with a crop refiner or a calcification network sees finer than the first pass.

    Args:
        reader: sees.
        dataset: the split.
        teachers: which of its labels are truth.
        chosen: whose exams are seen.
        decode_finer: whether the pictures are decoded again where the dataset was prepared without a scale that the reader
            sees; if not, what needs that scale is not searched.

    Raises:
        InputError: when the dataset was not prepared for a reader; when pictures are needed and cannot be decoded.
    """
    supervision, synthetic = dataset.supervision, dataset.synthetic
    root = dataset.root if decode_finer and lacks_a_scale(reader, dataset) else None
    for stored in dataset:
        if not isinstance(stored.record, MammoExam) or not chosen(stored.record.patient_id):
            continue
        labels = training_exam(stored, None, supervision, teachers, synthetic)
        prior = dataset.prior_of(stored)
        for side in Laterality if not supervision.boxed_kinds else (None,):
            views = views_of_record(stored, prior, side, synthetic)
            if not any(v.view.role is Role.CURRENT for v in views) or not _teaches(labels, side):
                continue
            name = stored.record.id if side is None else f"{stored.record.id}-{side}"
            exam = Exam(name, tuple(v.view for v in views), stored.record.patient_id)
            canvases = stored_canvases(views, reader) if root is None else decoded_canvases(exam, reader, root)
            yield SeenExam(
                exam, stored.record.patient_id, str(dataset.about["dataset"]),
                truth_of(views, supervision) if teachers.boxes else (), boxed_kinds(views, supervision) if teachers.boxes else frozenset(), _searched(reader, exam, canvases),
                labels.breasts, reader.see(exam, canvases),
            )  # fmt: skip


def _teaches(labels: TrainingExam, side: Laterality | None) -> bool:
    return labels.teaches if side is None else labels.breasts[list(Laterality).index(side)].teaches


def _searched(reader: Reader, exam: Exam, canvases: Canvases) -> frozenset[FindingType]:
    """The kinds that were taught, calcifications only where every current view was seen at the scale of their network."""
    fine = reader.patch_net is not None and all(v.id in canvases.fine for v in exam.current)
    taught = [k for k in FindingType if k.value in reader.card.taught]
    return frozenset(k for k in taught if fine or k is not FindingType.CALCIFICATION)
