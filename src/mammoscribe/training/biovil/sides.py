"""An order in which the pairs of a step are of one side, so that the side of a breast tells no pair from another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class OfOneSide:
    """An order of each item once, in groups of `group` of one side; what is left of either side comes last.

    Args:
        sides: of every item.
        group: items of a step.

    Raises:
        InvalidNoun: for a group that is no number of items.
    """

    sides: Sequence[str]
    group: int

    def __post_init__(self) -> None:
        if self.group < 1:
            raise InvalidNoun(f"groups of {self.group} items", "1 or more")

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of the items of one pass."""
        sides = np.asarray(self.sides)
        whole: list[np.ndarray] = []
        left: list[np.ndarray] = []
        for side in sorted(set(self.sides)):
            numbers = rng.permutation(np.flatnonzero(sides == side))
            full = len(numbers) // self.group * self.group
            whole += np.split(numbers[:full], full // self.group) if full else []
            left.append(numbers[full:])
        order = rng.permutation(len(whole))
        return np.concatenate([*(whole[n] for n in order), *left]).astype(np.int64)
