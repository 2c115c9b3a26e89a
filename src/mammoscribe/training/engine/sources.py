"""Sources of batches: items made one by one in worker processes, or arrays that are in memory already."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mammoscribe.support.errors import InputError, InvalidNoun, MammoscribeError
from mammoscribe.training.engine.faults import worker_died
from mammoscribe.training.engine.seeding import derived, generator, seed_all
from mammoscribe.training.engine.task import Feed

Order = Callable[[np.random.Generator], Sequence[int] | np.ndarray]
"""Numbers of the items of one pass; as many each time. An item may come more than once or not at all."""
Ticket = tuple[int, int, np.ndarray]
"""Number of a batch, place of its first item in the endless stream, numbers of its items."""


class Stream:
    """Which item is at which place of an endless stream: one pass in a random order after another.

    Args:
        length: number of items.
        seed: decides the order of every pass.
        order: how a pass is ordered; None gives each item once.
    """

    def __init__(self, length: int, seed: int, order: Order | None = None) -> None:
        self._order = order or (lambda rng: rng.permutation(length))
        self._seed = seed
        self._pass, self._numbers = 0, self._drawn(0)
        if not len(self._numbers):
            raise InputError("a source without items", "at least one", "check what the source was made from")

    def _drawn(self, number: int) -> np.ndarray:
        return np.asarray(self._order(generator("order", self._seed, number)), dtype=np.int64)

    def take(self, first: int, size: int) -> np.ndarray:
        """Numbers of the items from place `first` on."""
        length, taken = len(self._numbers), []
        while size:
            number, inside = divmod(first, length)
            taken.append(self._of(number)[inside : inside + size])
            first, size = first + len(taken[-1]), size - len(taken[-1])
        return taken[0] if len(taken) == 1 else np.concatenate(taken)

    def _of(self, number: int) -> np.ndarray:
        if number != self._pass:
            length = len(self._numbers)
            self._pass, self._numbers = number, self._drawn(number)
            if len(self._numbers) != length:
                raise InvalidNoun(
                    f"an order of {len(self._numbers)} items after one of {length}", "as many in each pass"
                )
        return self._numbers

    def tickets(self, feed: Feed) -> Iterator[Ticket]:
        """The batches of a feed. The processes' batches together are one after the other in the stream."""
        position = feed.position
        while True:
            first = (position * feed.world + feed.rank) * feed.size
            yield position, first, self.take(first, feed.size)
            position += 1


@dataclass(frozen=True)
class ItemSource:
    """Items that are made one by one, such as exams that are varied, by as many worker processes as the run asks for.

    Args:
        items: anything with a length and items by number; with workers it is copied to them.
        collate: items -> batch.
        vary: (item, generator) -> item, for augmentation and masking. The generator depends on the item's place in the
            stream only, so neither the number of processes nor of workers changes what is drawn.
        order: how a pass is ordered; None gives each item once.
        digest: of the data, for run.json.
    """

    items: Any
    collate: Callable[[list[Any]], Any]
    vary: Callable[[Any, np.random.Generator], Any] | None = None
    order: Order | None = None
    digest: str = ""

    def batches(self, feed: Feed) -> Iterator[Any]:
        """Endless batches; see `Source`."""
        tickets = Stream(len(self.items), feed.seed, self.order).tickets(feed)
        return _made(_Maker(self, feed.seed, feed.rank), tickets, feed.workers, feed.pin)


@dataclass(frozen=True)
class ItemBatches:
    """The items of a source once, in order, as batches of `size`: a validation split."""

    source: ItemSource
    size: int
    workers: int = 0

    def __len__(self) -> int:
        return -(-len(self.source.items) // self.size)

    def batches(self, numbers: Sequence[int]) -> Iterator[Any]:
        """The batches of these numbers; the last one may be smaller."""
        return _made(_Maker(self.source, 0, 0), map(self._ticket, numbers), min(self.workers, len(numbers)), False)

    def _ticket(self, number: int) -> Ticket:
        first = number * self.size
        return number, first, np.arange(first, min(first + self.size, len(self.source.items)))


@dataclass(frozen=True)
class _Maker:
    """Makes the batch of a ticket; a dataset for torch's DataLoader whose keys are tickets."""

    source: ItemSource
    seed: int
    rank: int

    def __getitem__(self, ticket: Ticket) -> Any:
        position, first, numbers = ticket
        seed_all(derived("batch", self.seed, self.rank, position))
        items = [self.source.items[number] for number in numbers.tolist()]
        if self.source.vary is not None:
            items = [self.source.vary(i, generator("item", self.seed, first + k)) for k, i in enumerate(items)]
        return self.source.collate(items)


@dataclass(frozen=True)
class _Failed:
    """An error that is the user's, on its way out of a worker; torch would make a traceback of it."""

    found: str
    expected: str
    do: str


class _Guarded:
    """A maker in a worker process."""

    def __init__(self, maker: _Maker) -> None:
        self._maker = maker

    def __getitem__(self, ticket: Ticket) -> Any:
        try:
            return self._maker[ticket]
        except MammoscribeError as error:
            return _Failed(error.found, error.expected, error.do)
        except OSError as error:
            return _Failed(f"{error.filename or 'the data'}: {error.strerror or error}", "", "")


def _made(maker: _Maker, tickets: Iterator[Ticket], workers: int, pin: bool) -> Iterator[Any]:
    if not workers:
        yield from (maker[ticket] for ticket in tickets)
        return
    loader = DataLoader(
        _Guarded(maker), batch_size=None, sampler=tickets, num_workers=workers, collate_fn=_as_it_is,  # type: ignore[arg-type]
        worker_init_fn=_begin, pin_memory=pin,
    )  # fmt: skip
    batches: Any = iter(loader)
    try:
        while True:
            batch = _next(batches)
            if isinstance(batch, _Failed):
                raise InputError(batch.found, batch.expected, batch.do)
            if batch is _END:
                return
            yield batch
    finally:
        with suppress(RuntimeError):  # torch's signal handler reports a killed worker a second time here
            batches._shutdown_workers()


_END = object()


def _next(batches: Iterator[Any]) -> Any:
    """The next batch, or _END; a worker that dies while it hands over a batch leaves a broken connection."""
    try:
        return next(batches, _END)
    except (ConnectionError, EOFError, FileNotFoundError) as error:
        if "DataLoader worker process" in str(error):  # raised by the task's code in a worker
            raise
        raise worker_died(error) from error


def _as_it_is(batch: Any) -> Any:
    return batch


def _begin(_: int) -> None:
    """First thing in a worker: a queue's signals go to all processes, and the worker's end is the trainer's to decide."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    if os.environ.get("OMP_NUM_THREADS") is None:
        torch.set_num_threads(1)


@dataclass(frozen=True)
class ArraySource:
    """Arrays or tensors of one length that are in memory, or on the device, already: features, tiles, tokens.

    Args:
        arrays: name -> [N, ...]; a batch has the chosen rows of each as tensors.
        order, digest: as of `ItemSource`.
    """

    arrays: Mapping[str, Tensor | np.ndarray]
    order: Order | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in self.arrays.items()}
        if len(set(lengths.values())) != 1:
            raise InvalidNoun(f"arrays of lengths {lengths}", "at least one, all of one length")

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def batches(self, feed: Feed) -> Iterator[dict[str, Tensor]]:
        """Endless batches; see `Source`."""
        stream = Stream(len(self), feed.seed, self.order)
        return (self.rows(numbers) for _, _, numbers in stream.tickets(feed))

    def rows(self, numbers: np.ndarray) -> dict[str, Tensor]:
        """The rows of these numbers, by name."""
        return {name: torch.as_tensor(array[numbers]) for name, array in self.arrays.items()}


@dataclass(frozen=True)
class ArrayBatches:
    """The rows of arrays once, in order, as batches of `size`: a validation split."""

    source: ArraySource
    size: int

    def __len__(self) -> int:
        return -(-len(self.source) // self.size)

    def batches(self, numbers: Sequence[int]) -> Iterator[dict[str, Tensor]]:
        """The batches of these numbers; the last one may be smaller."""
        for n in numbers:
            yield self.source.rows(np.arange(n * self.size, min((n + 1) * self.size, len(self.source))))
