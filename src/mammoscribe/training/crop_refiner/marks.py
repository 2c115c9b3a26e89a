"""Views with what is true of them and what a reader's first pass proposes there: where crops are taken from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch.utils.data import get_worker_info

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.stored_views import rebuilt
from mammoscribe.models.reader.queries import AXIS_TERMS, NO_FINDING
from mammoscribe.models.reader.reader import Canvases, Reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.memo import Memo
from mammoscribe.training.reader.exams import boxed_exam
from mammoscribe.training.reader.samples import LabelledFinding
from mammoscribe.training.spots import Spot

HIT_IOU, CLEAR_IOU = 0.2, 0.02
"""Overlap from which a proposal shows a lesion, and below which it shows none; what is between teaches nothing."""
NOTHING = LabelledFinding(NO_FINDING)


@dataclass(frozen=True)
class MarkedView:
    """One view of an exam, with its prior where there is one.

    Args:
        exam: that view and its prior alone.
        canvases: of both, at the scales of the first pass and of the crops.
        truths: true boxes in stored pixels, with their labels.
        proposals: boxes of the first pass, in stored pixels.
        boxed: kinds of which `truths` holds every one, as indices.
        synthetic: whether it was drawn.
        associated: associated features that the dataset's labels name, so that a finding without one does not have it.
    """

    exam: Exam
    canvases: Canvases
    truths: tuple[tuple[Box, LabelledFinding], ...]
    proposals: tuple[Box, ...]
    boxed: frozenset[int]
    synthetic: bool
    associated: frozenset[str] = frozenset(AXIS_TERMS[Axis.ASSOCIATED])

    def shown(self, box: Box) -> LabelledFinding | None:
        """What a proposed box shows, or None when that is not clear, or not known."""
        overlaps = [(box.iou(true), true.contains(*box.centre), label) for true, label in self.truths]
        best = max(overlaps, key=lambda o: (o[1], o[0]), default=(0.0, False, NOTHING))
        if best[0] >= HIT_IOU or (best[1] and best[0] > CLEAR_IOU):
            return best[2]
        clear = not any(o[0] > CLEAR_IOU or o[1] for o in overlaps)
        return NOTHING if clear and self.boxed else None


@dataclass(frozen=True)
class Proposals:
    """Marks of a frozen first pass, by exam: view id -> boxes [x0, y0, x1, y1] in stored pixels.

    Args:
        reader: whose first pass it is.
        dataset: prepared for it.
        cache: folder of what is worked out once; None keeps it in memory.
    """

    reader: Reader
    dataset: PreparedDataset
    cache: Path | None = None

    @cached_property
    def _memo(self) -> Memo:
        name = f"marks-{self.reader.card.weights_sha256[:12]}-{self.dataset.about['index_sha256'][:12]}"
        split = self.dataset.split or "all"
        return Memo(self._propose, None if self.cache is None else self.cache / f"{name}-{split}")

    def __call__(self, number: int) -> Mapping[str, list[list[float]]]:
        """The marks of an exam, worked out when they are first asked for."""
        return self._memo(number)

    def _propose(self, number: int) -> dict[str, list[list[float]]]:
        if get_worker_info() is not None:
            torch.set_num_threads(1)  # a forked process cannot use the threads of the one it came from
        stored = self.dataset[number]
        exam, canvases = rebuilt(
            stored, self.dataset.prior_of(stored), self.dataset.synthetic, self.reader.card.config.detail_um
        )
        marks, _ = self.reader.proposals(exam, canvases.first)
        found: dict[str, list[list[float]]] = {view.id: [] for view in exam.current}
        for mark in marks:
            found[mark.view.id].append([mark.box.x0, mark.box.y0, mark.box.x1, mark.box.y1])
        return found


def associated_terms(supervision: Supervision) -> frozenset[str]:
    """The associated features that the labels of a dataset can name."""
    every = frozenset(AXIS_TERMS[Axis.ASSOCIATED])
    found: set[str] = set()
    for teaching in supervision.of("region", Question.DESCRIPTORS):
        answers = every if teaching.answers is None else teaching.answers.values()
        found |= {word for answer in answers for word in answer.split(",")}
    return every & found


class MarkedViews:
    """The views of a split that teach the crop refiner, and the spots in them.

    Args:
        folder: prepared with crops.
        split: of the folder.
        reader: proposes marks.
        cache: see `Proposals`.

    Raises:
        InputError: when no view of the split has a box, or is known to show nothing.
    """

    def __init__(self, folder: Path, split: str, reader: Reader, cache: Path | None) -> None:
        self.dataset = PreparedDataset(folder, split)
        self.detail_um = reader.card.config.detail_um
        self._proposals = Proposals(reader, self.dataset, cache)
        self._associated = associated_terms(self.dataset.supervision)
        self.spots = tuple(spot for number in range(len(self.dataset)) for spot in self._spots(number))
        if not self.spots:
            raise InputError(
                f"{folder} has no view in {split} that teaches a crop refiner", "boxes of findings whose kind is known"
            )

    def _spots(self, number: int):
        exam = boxed_exam(self.dataset[number], self.dataset)
        for picture, view in enumerate(exam.views):
            kinds = [exam.findings[mark.finding].type for mark in view.marks]
            yield from (Spot(number, picture, i, kind) for i, kind in enumerate(kinds))
            if view.boxed:
                yield Spot(number, picture, None, NO_FINDING)

    @property
    def places(self) -> Sequence[tuple[int, int]]:
        """(record, picture) of every view that has a spot, in order."""
        return list(dict.fromkeys((spot.record, spot.picture) for spot in self.spots))

    def view(self, record: int, picture: int) -> MarkedView:
        """One view with its prior, truth and proposals."""
        stored = self.dataset[record]
        exam, canvases = rebuilt(
            stored, self.dataset.prior_of(stored), self.dataset.synthetic, self.detail_um, only=picture
        )
        labels = boxed_exam(stored, self.dataset)
        view, place = labels.views[picture], stored.pictures[picture].placement
        truths = []
        for mark in view.marks:
            box = place.to_stored_box(Box(*mark.box), clip=False)
            assert box is not None
            truths.append((box, labels.findings[mark.finding]))
        proposed = self._proposals(record)[exam.current[0].id]
        return MarkedView(
            exam, canvases, tuple(truths), tuple(Box(*edges) for edges in proposed), view.boxed, labels.synthetic,
            self._associated,
        )  # fmt: skip
