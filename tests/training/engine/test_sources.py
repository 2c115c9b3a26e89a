"""Sources: every item once in a pass, whichever process takes it; the same stream for any number of processes, parts and workers."""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.sources import ArrayBatches, ArraySource, ItemBatches, ItemSource
from mammoscribe.training.engine.task import Feed

ITEMS = list(range(100, 123))


def drawn(item: int, rng: np.random.Generator) -> tuple[int, float]:
    return item, float(rng.random())


def taken(source, feed: Feed, batches: int) -> list:
    found = source.batches(feed)
    try:
        return list(islice(found, batches))
    finally:
        if hasattr(found, "close"):
            found.close()


def test_each_pass_has_every_item_once_in_another_order():
    flat = [i for batch in taken(ItemSource(ITEMS, list), Feed(5, size=1), 3 * 23) for i in batch]
    passes = [flat[n : n + 23] for n in (0, 23, 46)]
    assert all(sorted(p) == ITEMS for p in passes)
    assert passes[0] != passes[1] != passes[2] != ITEMS


def test_another_seed_is_another_order_and_the_same_seed_the_same():
    orders = [tuple(map(tuple, taken(ItemSource(ITEMS, list), Feed(seed, size=4), 5))) for seed in (1, 2, 1)]
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize(("world", "size"), [(1, 12), (2, 6), (3, 4), (12, 1)])
def test_the_processes_take_one_stream_apart_and_vary_items_alike(world, size):
    source = ItemSource(ITEMS, list, drawn)
    shares = [taken(source, Feed(9, rank, world, size=size), 4) for rank in range(world)]
    together = [[item for share in shares for item in share[n]] for n in range(4)]
    assert together == taken(source, Feed(9, size=12), 4)


def test_parts_of_a_step_are_the_step():
    source = ItemSource(ITEMS, list, drawn)
    whole, parts = taken(source, Feed(9, size=12), 3), taken(source, Feed(9, size=4), 9)
    assert [[*parts[3 * n], *parts[3 * n + 1], *parts[3 * n + 2]] for n in range(3)] == whole


@pytest.mark.parametrize("workers", [0, 2])
def test_a_position_is_all_that_going_on_needs(workers):
    source = ItemSource(ITEMS, list, drawn)
    full = taken(source, Feed(3, 1, 2, size=5), 12)
    assert taken(source, Feed(3, 1, 2, position=7, size=5, workers=workers), 5) == full[7:]


def global_draws(items: list[int]) -> tuple:
    return tuple(items), random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def test_what_draws_from_the_global_generators_is_the_same_with_workers_and_without():
    source = ItemSource(ITEMS, global_draws)
    alone = taken(source, Feed(3, size=5), 8)
    assert taken(source, Feed(3, size=5, workers=2), 8) == alone
    assert taken(source, Feed(3, size=5, position=4, workers=1), 4) == alone[4:]
    assert len({batch[1] for batch in alone}) == len({batch[3] for batch in alone}) == 8


def test_an_order_of_its_own_weights_the_items():
    def mostly_first(rng: np.random.Generator) -> np.ndarray:
        return rng.choice(2, 100, p=[0.9, 0.1])

    counts = Counter(
        i
        for batch in taken(ItemSource(["often", "rare"], list, order=mostly_first), Feed(0, size=10), 100)
        for i in batch
    )
    assert 850 < counts["often"] < 950


def test_an_order_that_changes_its_length_is_refused():
    source = ItemSource(ITEMS, list, order=lambda rng: rng.permutation(int(rng.integers(3, 23))))
    with pytest.raises(InvalidNoun, match="as many in each pass"):
        taken(source, Feed(0, size=5), 100)


def test_a_source_without_items_is_one_sentence():
    with pytest.raises(InputError, match="a source without items"):
        taken(ItemSource([], list), Feed(0), 1)


class Broken:
    """Items of which one cannot be read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> int:
        if number == 2:
            raise self.error
        return number


@pytest.mark.parametrize("workers", [0, 1])
def test_an_item_that_cannot_be_read_is_its_own_sentence_from_a_worker_too(workers):
    source = ItemSource(Broken(InputError("shard-3 is damaged", "a whole shard", "prepare again")), list)
    with pytest.raises(InputError) as error:
        taken(source, Feed(0, size=1, workers=workers), 8)
    assert str(error.value) == "shard-3 is damaged; expected a whole shard; prepare again."


def test_a_file_that_is_gone_is_a_sentence_from_a_worker():
    source = ItemSource(Broken(FileNotFoundError(2, "No such file or directory", "shard.tar")), list)
    with pytest.raises(InputError, match=r"shard\.tar: No such file or directory"):
        taken(source, Feed(0, size=1, workers=1), 8)


def slow(item: int, _: np.random.Generator) -> int:
    time.sleep(0.02)
    return item


def test_a_worker_that_is_killed_is_noticed():
    found = ItemSource(ITEMS, lambda items: (items, os.getpid()), slow).batches(Feed(0, size=1, workers=1))
    _, worker = next(found)
    assert worker != os.getpid()
    os.kill(worker, signal.SIGKILL)
    with pytest.raises((RuntimeError, InputError), match=r"DataLoader worker|a worker process that makes batches died"):
        list(islice(found, 50))


class Large:
    """A batch that is long on its way from a worker."""

    def __call__(self, items: list[int]) -> tuple[int, list[torch.Tensor]]:
        return os.getpid(), [torch.zeros(64) for _ in range(400)]


@pytest.mark.parametrize("delay_s", [0.0, 0.002, 0.005, 0.01])
def test_a_worker_that_is_killed_while_it_hands_over_a_batch_is_a_dead_worker_too(delay_s):
    found = ItemSource(ITEMS, Large()).batches(Feed(0, size=1, workers=1))
    worker, _ = next(found)
    time.sleep(delay_s)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises((RuntimeError, InputError), match=r"DataLoader worker|a worker process that makes batches died"):
        list(islice(found, 50))


def test_a_queues_signal_does_not_end_a_worker():
    found = ItemSource(ITEMS, lambda items: os.getpid(), slow).batches(Feed(0, size=1, workers=1))
    worker = next(found)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        os.kill(worker, number)
    assert list(islice(found, 10)) == [worker] * 10
    found.close()


def test_arrays_give_the_rows_of_the_same_stream():
    source = ArraySource({"a": np.arange(23) + 100, "b": torch.arange(46).reshape(23, 2)})
    items = taken(ItemSource(ITEMS, list), Feed(4, 1, 2, position=3, size=5), 6)
    rows = taken(source, Feed(4, 1, 2, position=3, size=5), 6)
    assert [batch["a"].tolist() for batch in rows] == items
    assert all(torch.equal(batch["b"][:, 0] // 2 + 100, batch["a"]) for batch in rows)
    with pytest.raises(InvalidNoun, match="all of one length"):
        ArraySource({"a": np.zeros(2), "b": np.zeros(3)})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_split_is_gone_through_once_in_order_and_its_last_batch_may_be_small(workers):
    batches = ItemBatches(ItemSource(ITEMS, list), 5, workers)
    assert len(batches) == 5
    assert [i for batch in batches.batches(range(5)) for i in batch] == ITEMS
    assert list(batches.batches([4, 0])) == [ITEMS[20:], ITEMS[:5]]


def test_a_split_of_arrays_is_gone_through_in_order():
    batches = ArrayBatches(ArraySource({"a": np.array(ITEMS)}), 10)
    assert [b["a"].tolist() for b in batches.batches(range(len(batches)))] == [ITEMS[:10], ITEMS[10:20], ITEMS[20:]]


def test_a_feed_is_a_noun_that_can_be_moved_on():
    assert replace(Feed(1, size=4), position=3) == Feed(1, position=3, size=4)
