"""Several prepared datasets as one: validation splits one after the other, digests of data and frozen networks."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mammoscribe.training.engine.task import Finite


@dataclass(frozen=True)
class InTurn:
    """The batches of several splits, one split after the other."""

    parts: tuple[Finite, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def batches(self, numbers: Sequence[int]) -> Iterator[Any]:
        """The batches of these numbers."""
        for place, own in groupby(map(self._place, numbers), key=lambda found: found[0]):
            yield from self.parts[place].batches([number for _, number in own])

    def _place(self, number: int) -> tuple[int, int]:
        """(part, number of the batch in it)."""
        for place, part in enumerate(self.parts):
            if number < len(part):
                return place, number
            number -= len(part)
        raise IndexError(f"no batch {number} after the last")


def digest_with(*digests: str) -> str:
    """One SHA-256 of several, such as that of the data and that of a frozen network that looks at them."""
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()
