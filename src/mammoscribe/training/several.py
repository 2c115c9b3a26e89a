"""Several prepared datasets as one: their names, sums over them, validation splits one after the other, digests."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.task import Batches, Finite

T = TypeVar("T", float, Tensor)


def named(folders: Sequence[Path]) -> dict[str, Path]:
    """Prepared folders by the name of their dataset; a second one of a name gets a number.

    Raises:
        InputError: without any.
    """
    if not folders:
        raise InputError("no data to train on", "--data PREPARED, one or more", "see `mammoscribe data prepare --help`")
    found: dict[str, Path] = {}
    for folder in folders:
        name = str(PreparedDataset(folder).about["dataset"])
        found[name if name not in found else f"{name}-{sum(n.startswith(name) for n in found) + 1}"] = folder
    return found


def over_sources(of_batch: Callable[[Any], Mapping[str, T]], batches: Batches) -> dict[str, T]:
    """What a function gives for the batch of each source, added up by name: sums of losses, numbers of labels."""
    total: dict[str, Any] = {}
    for batch in batches.values():
        for name, value in of_batch(batch).items():
            total[name] = total.get(name, 0.0) + value
    return total


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
