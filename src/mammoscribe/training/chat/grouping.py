"""An order in which conversations that are learned together are alike: all with pictures or all without, of like length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.support.errors import InvalidNoun

STEPS_AT_ONCE = 50
"""Steps whose conversations are sorted by length among themselves; LLaVA's sampler sorts as many."""


@dataclass(frozen=True)
class ByLength:
    """An order of each item once, in groups of `group` that are alike; less of a batch is padding.

    As `group_by_modality_length` of LLaVA: pictures and text alone are kept apart, the rest of both may share one group.

    Args:
        lengths: of every item, below 0 for one without pictures.
        group: items of a step.

    Raises:
        InvalidNoun: for a group that is no number of items, or a length of 0.
    """

    lengths: Sequence[int]
    group: int

    def __post_init__(self) -> None:
        if self.group < 1 or not all(self.lengths):
            raise InvalidNoun(f"groups of {self.group} items, some of length 0", "1 or more; no length of 0")

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of the items of one pass."""
        lengths = np.asarray(self.lengths)
        whole: list[np.ndarray] = []
        left: list[np.ndarray] = []
        for numbers in (np.flatnonzero(lengths > 0), np.flatnonzero(lengths < 0)):
            groups = self._groups(rng.permutation(numbers), np.abs(lengths))
            whole += [group for group in groups if len(group) == self.group]
            left += [group for group in groups if len(group) < self.group]
        order = rng.permutation(len(whole))
        return np.concatenate([*(whole[n] for n in order), *left]).astype(np.int64)

    def _groups(self, numbers: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        """Groups of one kind; the last may be smaller."""
        at_once = self.group * STEPS_AT_ONCE
        groups: list[np.ndarray] = []
        for first in range(0, len(numbers), at_once):
            part = numbers[first : first + at_once]
            part = part[np.argsort(-lengths[part], kind="stable")]
            groups += [part[at : at + self.group] for at in range(0, len(part), self.group)]
        return groups
