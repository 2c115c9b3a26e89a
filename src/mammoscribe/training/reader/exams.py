"""Exams of prepared datasets as training sees them; each is mapped from disk when its turn comes, and none is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from mammoscribe.data.breast_answers import breast_answers
from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.batch import SLOTS
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.support.errors import InputError
from mammoscribe.training.reader.report_labels import labels_of_report
from mammoscribe.training.reader.samples import (
    UNKNOWN,
    BreastLabels,
    LabelledFinding,
    LabelledMark,
    TrainingExam,
    ViewSample,
)


@dataclass(frozen=True)
class Teachers:
    """Which labels of a dataset teach.

    Args:
        boxes: boxes of regions, and that other places show nothing where the dataset says so.
        labels: labels of breasts.
        reports: facts of the reports, as kinds that a breast shows or does not, density and recall.
        weak_lesions: whether a breast's malignant label also says that something suspicious is to be seen in it.
    """

    boxes: bool = True
    labels: bool = True
    reports: bool = True
    weak_lesions: bool = False


BOXES = Teachers(labels=False, reports=False)


def training_exam(
    stored: StoredRecord, prior: StoredRecord | None, supervision: Supervision, teachers: Teachers = Teachers(),
    synthetic: bool = False,
) -> TrainingExam:  # fmt: skip
    """One prepared exam with what its labels teach.

    Args:
        stored: of a dataset that was prepared for a reader.
        prior: the exam before it, prepared in the same way, or None.
        supervision: of its dataset.
        teachers: which labels are used.
        synthetic: whether the dataset was drawn.

    Raises:
        InputError: when it is no mammography exam, or was prepared for something else.
    """
    record = stored.record
    if not isinstance(record, MammoExam):
        raise InputError(f"{record.id} is a {record.kind}", "a mammography exam")
    earlier = {} if prior is None else _by_slot(prior)
    findings: dict[str, LabelledFinding] = {}
    views = tuple(
        _view(picture, record.images[picture.image], earlier, supervision, teachers, findings)
        for picture in stored.pictures
    )
    right, left = (breast_labels(record, side, supervision, teachers) for side in Laterality)
    return TrainingExam(record.id, record.patient_id, views, tuple(findings.values()), (right, left), synthetic)


def boxed_exam(stored: StoredRecord, dataset: PreparedDataset) -> TrainingExam:
    """One prepared exam, without its prior, with what its boxes teach."""
    return training_exam(stored, None, dataset.supervision, BOXES, dataset.synthetic)


def _by_slot(stored: StoredRecord) -> dict[int, StoredPicture]:
    record = stored.record
    assert isinstance(record, MammoExam)
    return {_slot(record.images[p.image]): p for p in stored.pictures}


def _slot(view: ListedView) -> int:
    return SLOTS.index(f"{view.laterality}_{view.projection}")


def _view(
    picture: StoredPicture, listed: ListedView, earlier: Mapping[int, StoredPicture], supervision: Supervision,
    teachers: Teachers, findings: dict[str, LabelledFinding],
) -> ViewSample:  # fmt: skip
    if picture.nipple_xy is None or picture.um_per_px is None:
        raise InputError(f"{picture.path} was not prepared for a reader", "--as reader, or reader-base")
    slot, prior = _slot(listed), earlier.get(_slot(listed))
    marks, boxed = (), frozenset()
    if teachers.boxes:
        marks = tuple(_marks(picture, listed, supervision, findings))
        unplaced = set(supervision.answers("view", Question.UNPLACED, listed.labels))
        boxed = frozenset(TYPES.index(k) for k in supervision.boxed_kinds if k.value not in unplaced)
    return ViewSample(
        slot, picture.pixels, picture.nipple_xy, picture.um_per_px / 1000, marks, boxed,
        None if prior is None else prior.pixels,
    )  # fmt: skip


def _marks(picture: StoredPicture, listed: ListedView, supervision: Supervision, findings: dict[str, LabelledFinding]):
    """Boxes whose kind is known; `findings` gets each finding once, also when several views show it."""
    for number, (region, box) in enumerate(zip(listed.regions, picture.regions, strict=True)):
        kind = supervision.answer("region", Question.KIND, region.labels)
        if kind is None:
            continue
        shared = supervision.answer("region", Question.FINDING, region.labels)
        name = f"{listed.laterality}/{shared}" if shared else f"{picture.path}/{number}"
        findings.setdefault(name, _finding(kind, region.labels, supervision, named=bool(shared)))
        yield LabelledMark(list(findings).index(name), (box.x0, box.y0, box.x1, box.y1))


def _finding(kind: str, labels: Mapping[str, str], supervision: Supervision, named: bool) -> LabelledFinding:
    words = ",".join(supervision.answers("region", Question.DESCRIPTORS, labels))
    change = supervision.answer("region", Question.CHANGE, labels)
    suspicion = supervision.answer("region", Question.SUSPICION, labels)
    malignant = supervision.answer("region", Question.MALIGNANT, labels)
    return LabelledFinding(
        [t.value for t in TYPES].index(kind), tuple(dict.fromkeys(w for w in words.split(",") if w)),
        float(suspicion or malignant or UNKNOWN), [c.value for c in CHANGES].index(change) if change else UNKNOWN,
        named,
    )  # fmt: skip


def breast_labels(
    record: MammoExam, side: Laterality, supervision: Supervision, teachers: Teachers = Teachers()
) -> BreastLabels:
    """What the labels and the report of an exam say of one breast.

    Args:
        record: the exam. side: of the breast.
        supervision: what the dataset's labels mean.
        teachers: which labels are used.
    """
    reported = BreastLabels()
    if teachers.reports and supervision.reports and record.report is not None:
        reported = labels_of_report(record.report, side)
    if not teachers.labels:
        return reported
    answers = breast_answers(record, side, supervision)
    density, malignant = answers.get(Question.DENSITY), answers.get(Question.MALIGNANT)
    recall = answers.get(Question.RECALL)
    return BreastLabels(
        density="abcd".index(density) if density else reported.density,
        recall=int(recall) if recall else reported.recall,
        malignant=int(malignant) if malignant else UNKNOWN,
        lesion=int(malignant) if malignant and teachers.weak_lesions else UNKNOWN,
        kinds=reported.kinds,
    )


def kinds_shown(exam: TrainingExam) -> frozenset[FindingType]:
    """Kinds of finding of which an exam has a box, or a breast that is known to show one."""
    boxed = {exam.findings[mark.finding].type for view in exam.views for mark in view.marks}
    known = {kind for breast in exam.breasts for kind, shown in enumerate(breast.kinds) if shown == 1}
    return frozenset(TYPES[kind] for kind in boxed | known)


PLACE = np.dtype([("record", "<u4"), ("breast", "i1"), ("malignant", "i1")])
"""Where an item is: number of its record; the breast where breasts are read one by one, with its malignant label, else UNKNOWN."""


class PreparedExams(Sequence[TrainingExam]):
    """The exams of a prepared dataset that teach something.

    A dataset without boxes is read breast by breast (`TrainingExam.of_breast` says why).

    Args:
        dataset: prepared for a reader.
        teachers: which labels are used.
        left_out: patients whose exams are not read; synthetic exams are of no patient and are all read.

    Attributes:
        with_priors: whether any of them has a prior exam in the dataset.
        taught: kinds of finding of which they have a box, or a breast that is known to show one.

    Raises:
        InputError: when nothing in it teaches.
    """

    def __init__(self, dataset: PreparedDataset, teachers: Teachers = Teachers(), left_out: Fold | None = None) -> None:
        self.dataset, self.teachers, self.left_out = dataset, teachers, left_out
        self.supervision = dataset.supervision
        self.synthetic = dataset.synthetic
        self.with_priors = False
        self.taught: frozenset[FindingType] = frozenset()
        self._places = np.fromiter(self._found(), PLACE)
        if not len(self._places):
            where = f"{dataset.folder}, {dataset.split} split" if dataset.split else str(dataset.folder)
            rest = "" if left_out is None else f" in the patients outside fold {left_out}"
            expected = "labels that teach, as the dataset's card says"
            raise InputError(f"{where} has no exam that teaches a reader{rest}", expected)

    def _found(self) -> Iterator[tuple[int, int, int]]:
        by_breast = not self.supervision.boxed_kinds
        for number, stored in enumerate(self.dataset):
            exam = training_exam(stored, None, self.supervision, self.teachers, self.synthetic)
            if self.left_out is not None and not self.synthetic and self.left_out.holds(exam.patient_id):
                continue
            self.with_priors = self.with_priors or self.dataset.prior_of(stored) is not None
            self.taught |= kinds_shown(exam)
            if by_breast:
                sides = (side for side in (0, 1) if exam.breasts[side].teaches and exam.of_breast(side).views)
                yield from ((number, side, exam.breasts[side].malignant) for side in sides)
            elif exam.teaches and exam.views:
                yield number, UNKNOWN, UNKNOWN

    @property
    def malignant(self) -> np.ndarray:
        """[len(self)] the malignant label of every item, UNKNOWN for one that is not a single breast."""
        return self._places["malignant"]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> TrainingExam: ...

    @overload
    def __getitem__(self, number: slice) -> list[TrainingExam]: ...

    def __getitem__(self, number: int | slice) -> TrainingExam | list[TrainingExam]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        record, breast, _ = self._places[number].tolist()
        stored = self.dataset[record]
        prior = self.dataset.prior_of(stored)
        exam = training_exam(stored, prior, self.supervision, self.teachers, self.synthetic)
        return exam if breast == UNKNOWN else exam.of_breast(breast)
