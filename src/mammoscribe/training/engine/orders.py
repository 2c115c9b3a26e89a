"""Orders of a source: kinds of items in fixed shares, whatever their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class InShares:
    """An order of as many items as there are, in which each kind has its share; rare kinds come several times.

    Args:
        kinds: kind of every item.
        shares: kind -> weight; the weights of kinds that have items count, relative to each other.

    Raises:
        InvalidNoun: for a kind without a share, or a share that is not above 0.
    """

    kinds: Sequence[int]
    shares: Mapping[int, float]

    def __post_init__(self) -> None:
        missing = sorted(set(self.kinds) - set(self.shares))
        if missing or any(not share > 0 for share in self.shares.values()):
            raise InvalidNoun(f"shares {dict(self.shares)} of kinds {sorted(set(self.kinds))}", "one above 0 for each")

    @cached_property
    def _numbers(self) -> dict[int, np.ndarray]:
        kinds = np.asarray(self.kinds)
        return {kind: np.flatnonzero(kinds == kind) for kind in sorted(set(self.kinds))}

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of the items of one pass."""
        total = sum(self.shares[kind] for kind in self._numbers)
        ends = np.cumsum([self.shares[kind] / total for kind in self._numbers]) * len(self.kinds)
        counts = np.diff(np.rint(ends), prepend=0).astype(int)
        chosen = [_drawn(own, n, rng) for own, n in zip(self._numbers.values(), counts, strict=True)]
        return rng.permutation(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def _drawn(numbers: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """So many of the numbers, each as often as any other or once more."""
    rounds = -(-count // len(numbers))
    return np.concatenate([rng.permutation(numbers) for _ in range(rounds)] or [numbers[:0]])[:count]
