"""Prepared exams of any dataset as training sees them: canvases, and the breast labels whose meaning is the same everywhere."""

from collections.abc import Mapping, Sequence
from typing import overload

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredPicture, StoredRecord
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.batch import SLOTS
from mammoscribe.support.errors import InputError
from mammoscribe.training.samples import UNKNOWN, BreastLabels, TrainingExam, ViewSample

DENSITIES = {"a": 0, "b": 1, "c": 2, "d": 3}
ORDINALS = {"1": 0, "2": 1, "3": 2, "4": 3, "4a": 3, "4b": 3, "4c": 3, "5": 4}


def training_exam(stored: StoredRecord, domain: str) -> TrainingExam:
    """One exam with `density`, `birads` and `cancer` of its breasts (or of the exam, where the breasts have none).

    What is marked in the pictures is not used: what the labels of a region mean differs from dataset to dataset.

    Args:
        stored: of a dataset that was prepared for `reader` or `reader-base`.
        domain: name of the batch statistics and weights that it is trained with.

    Raises:
        InputError: when it is no mammography exam, or was prepared for something else.
    """
    record = stored.record
    if not isinstance(record, MammoExam):
        raise InputError(f"{record.id} is a {record.kind}", "a mammography exam")
    samples = tuple(_sample(picture, record.images[picture.image]) for picture in stored.pictures)
    right, left = (_labels({**record.labels, **record.breasts.get(side, {})}) for side in Laterality)
    return TrainingExam(record.id, record.patient_id, domain, samples, (), (right, left))


def _sample(picture: StoredPicture, view: ListedView) -> ViewSample:
    if picture.nipple_xy is None or picture.um_per_px is None:
        raise InputError(f"{picture.path} was not prepared for a reader", "--as reader, or reader-base")
    slot = SLOTS.index(f"{view.laterality}_{view.projection}")
    return ViewSample(slot, picture.pixels, picture.nipple_xy, picture.um_per_px / 1000)


def _labels(said: Mapping[str, str]) -> BreastLabels:
    cancer = said.get("cancer", "")
    return BreastLabels(
        density=DENSITIES.get(said.get("density", "").lower(), UNKNOWN),
        birads=ORDINALS.get(said.get("birads", "").lower(), UNKNOWN),
        malignant=int(cancer) if cancer in ("0", "1") else UNKNOWN,
    )


class PreparedExams(Sequence[TrainingExam]):
    """A prepared dataset as the exams of a training source; each is mapped when its turn comes, and none is kept."""

    def __init__(self, dataset: PreparedDataset, domain: str) -> None:
        self._dataset, self._domain = dataset, domain

    def __len__(self) -> int:
        return len(self._dataset)

    @overload
    def __getitem__(self, number: int) -> TrainingExam: ...

    @overload
    def __getitem__(self, number: slice) -> list[TrainingExam]: ...

    def __getitem__(self, number: int | slice) -> TrainingExam | list[TrainingExam]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        return training_exam(self._dataset[number], self._domain)
