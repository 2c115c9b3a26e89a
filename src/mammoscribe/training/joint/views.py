"""Views of prepared exams as the joint space sees them: each by itself, with its prior and what is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from mammoscribe.domain.finding import Finding
from mammoscribe.support.errors import InputError
from mammoscribe.training.joint.statements import findings_of_view
from mammoscribe.training.reader.exams import PreparedExams
from mammoscribe.training.reader.samples import UNKNOWN, BreastLabels, TrainingExam


@dataclass(frozen=True)
class LabelledView:
    """One view with what is known of it.

    Args:
        exam: the view as an exam of its own, which is how `ground` and `match` see a picture.
        findings: what its boxes show, by the number of the finding in the exam; places come from all views of the exam.
        key: names the view among all that a run sees; features that are kept are found by it.
    """

    exam: TrainingExam
    findings: Mapping[int, Finding]
    key: str = ""

    @property
    def breast(self) -> BreastLabels:
        """Labels of the breast."""
        return self.exam.breasts[self.exam.views[0].slot % 2]


class JointViews(Sequence[LabelledView]):
    """The views of prepared exams of which something can be stated; each is mapped from disk when its turn comes.

    Args:
        exams: prepared for the reader whose features are used.

    Raises:
        InputError: when nothing can be stated of any view.
    """

    def __init__(self, exams: PreparedExams) -> None:
        self.exams = exams
        self._places: list[tuple[int, int]] = []
        shows: list[bool] = []
        for number, exam in enumerate(exams):
            for view, sample in enumerate(exam.views):
                labels = exam.breasts[sample.slot % 2]
                if sample.marks or sample.boxed or labels.density != UNKNOWN or set(labels.kinds) != {UNKNOWN}:
                    self._places.append((number, view))
                    shows.append(bool(sample.marks))
        if not self._places:
            raise InputError(
                f"{exams.dataset.folder} has no view of which a phrase is known to be true or false",
                "boxes with their kinds, kinds of finding read from reports, or densities",
            )
        self._shows = np.array(shows)

    def order(self, rng: np.random.Generator) -> list[int]:
        """One pass: every view with a box, and half as many of the others, so that two of three show something."""
        full, empty = np.flatnonzero(self._shows), np.flatnonzero(~self._shows)
        if len(full):
            empty = rng.permutation(empty)[: max(1, len(full) // 2)]
        return rng.permutation(np.concatenate((full, empty))).tolist()

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> LabelledView: ...

    @overload
    def __getitem__(self, number: slice) -> list[LabelledView]: ...

    def __getitem__(self, number: int | slice) -> LabelledView | list[LabelledView]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        exam, view = self._places[number]
        whole = self.exams[exam]
        key = f"{self.exams.dataset.folder}/{self.exams.dataset.split}/{exam}/{view}"
        return LabelledView(replace(whole, views=(whole.views[view],)), findings_of_view(whole, view), key)
