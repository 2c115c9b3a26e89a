"""The views of a prepared dataset with the words of their tokens."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import MammoExam
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.facts import facts_of
from mammoscribe.training.chat.kept_views import digest_of
from mammoscribe.training.chat.shown import Shown, check_prepared, current
from mammoscribe.training.chat_words.cells import words_of
from mammoscribe.training.chat_words.vocabulary import AIR, UNLABELLED


@dataclass(frozen=True)
class Exam:
    """The views of an exam, uint8 [H, W] each."""

    views: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class WordedViews:
    """The views of a split of which labels say what is where.

    Args:
        dataset: of `mammoscribe data prepare`, one split.
        numbers: of the exams that have such views.
        digests: of the views, in the order of the exams; one that comes twice is there twice.
        words: int8 [V, T, G] of the same views.
    """

    dataset: PreparedDataset
    numbers: tuple[int, ...]
    digests: tuple[bytes, ...]
    words: np.ndarray

    @classmethod
    def of(cls, dataset: PreparedDataset, grid: tuple[int, int], canvas: Canvas) -> Self:
        """The views of a dataset.

        Args:
            dataset: one split.
            grid: rows and columns of the tokens of a view.
            canvas: that pictures have to be prepared on.

        Raises:
            InputError: for another preparation, and where no view has a label that says what is where.
        """
        check_prepared(dataset, canvas)
        numbers: list[int] = []
        digests: list[bytes] = []
        words: list[np.ndarray] = []
        for number, stored in enumerate(dataset):
            if not isinstance(stored.record, MammoExam):
                continue
            shown = current(stored)
            own = words_of(shown, facts_of(stored.record, shown, dataset.supervision), grid)
            some = [place for place, found in own.items() if _is_labelled(found)]
            numbers += [number] if some else []
            digests += [digest_of(shown[place].pixels()) for place in some]
            words += [own[place] for place in some]
        if not words:
            raise InputError(
                f"{dataset.folder} says of no part of a view whether a finding is there", "mammograms with boxes",
                "leave it out",
            )  # fmt: skip
        return cls(dataset, tuple(numbers), tuple(digests), np.stack(words))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> Exam:
        stored = self.dataset[self.numbers[number]]
        shown: tuple[Shown, ...] = current(stored)
        return Exam(tuple(one.pixels() for one in shown))


def _is_labelled(words: np.ndarray) -> bool:
    """Whether labels say of some part of a view which finding is there, or that none is; what is air, the picture says."""
    kinds = words[:, 0]
    return bool(((kinds != UNLABELLED) & (kinds != AIR)).any())
