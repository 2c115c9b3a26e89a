"""What a training step keeps in memory and computes, measured by passes of a run's own networks on its own data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mammoscribe.training.engine.distribution import autocast
from mammoscribe.training.engine.kept import KeptTensors
from mammoscribe.training.engine.run import OptimiserKind, Run, TaskSettings
from mammoscribe.training.engine.seeding import derived, seed_all
from mammoscribe.training.engine.step import LOSS, Networks
from mammoscribe.training.engine.task import Batches, Feed, Task

FLOAT = 4
"""Bytes of a weight, of its gradient and of each average of the optimiser: all are kept in 32 bits."""
FEW = 4
"""Items of each source in the smallest pass: one alone would not be padded to the length of others."""
BATCHES = 4
"""Batches that are passed through."""
WIDE_FEW, WIDE_BATCHES = 2, 2
"""The same for networks that are built with few layers: these are so wide that every item takes seconds."""
SHALLOW = 2
"""Layers of each stack of equal layers in the network that is measured."""
BACKWARD = 2.0
"""The backward pass computes about twice what the forward pass does, and once more what blocks compute again."""


_GROWING = ("weights", "trained", "optimiser", "average", "fixed", "per_item", "operations", "overhead")
"""What every further layer adds to, of a footprint."""


@dataclass(frozen=True)
class Pass:
    """One forward pass: bytes that are kept for the backward pass, the largest of these tensors, operations."""

    kept: float
    largest: float
    operations: float


@dataclass(frozen=True)
class Footprint:
    """What the steps of a run need.

    Args:
        weights: bytes of all weights. trained: of those that are trained, and so of their gradients.
        optimiser: bytes of the optimiser's averages. average: of the moving average of the weights.
        block: bytes of the weights of the largest block, which sharding gathers to compute it.
        fixed: bytes that a pass keeps however few items it has. per_item: source -> bytes that it keeps for each item.
        workspace: bytes of the largest single tensor of an item.
        operations: source -> floating-point operations of one item, forward and backward.
        overhead: operations of a step that do not depend on its items.
        shardable: whether every batch passes through every weight, which sharding needs.
    """

    weights: float
    trained: float
    optimiser: float
    average: float
    block: float
    fixed: float
    per_item: Mapping[str, float]
    workspace: float
    operations: Mapping[str, float]
    overhead: float
    shardable: bool

    def activations(self, items: Mapping[str, int]) -> float:
        """Bytes that a pass over so many items of each source keeps, and its largest temporary tensors."""
        return self.fixed + sum(self.per_item[name] * count for name, count in items.items()) + self._temporary(items)

    def _temporary(self, items: Mapping[str, int]) -> float:
        return 2 * self.workspace * max(items.values())

    def of_step(self, items: Mapping[str, int]) -> float:
        """Floating-point operations of a step over so many items of each source."""
        return self.overhead + sum(self.operations[name] * count for name, count in items.items())


@runtime_checkable
class Stacked(Protocol):
    """Settings of networks with stacks of equal layers, which may be too large to be built here."""

    def stacks(self, run: Run) -> Mapping[str, int]:
        """Name of each stack -> how many layers it has; none for a network that can be built whole."""
        ...

    def shallow(self, layers: Mapping[str, int]) -> TaskSettings:
        """The same task with networks of so many layers, of any weights."""
        ...


def footprint(run: Run) -> Footprint:
    """Measure a run: builds its networks, and passes a few items of each source and twice as many through them on the CPU.

    Networks with stacks of equal layers are built with a few layers and, for each stack, with one more: what that adds is
    what every further layer adds.

    Raises:
        MammoscribeError: when the run cannot be built.
    """
    settings = run.task
    stacks = settings.stacks(run) if isinstance(settings, Stacked) else {}
    if not isinstance(settings, Stacked) or not stacks:
        return _measured(run)
    few = {name: min(SHALLOW, layers) for name, layers in stacks.items()}
    base = found = _measured(replace(run, task=settings.shallow(few)), WIDE_FEW, WIDE_BATCHES)
    for name, layers in stacks.items():
        if layers > few[name]:
            deeper = replace(run, task=settings.shallow({**few, name: few[name] + 1}))
            more = _measured(deeper, WIDE_FEW, WIDE_BATCHES)
            found = _grown(found, base, more, layers - few[name])
    return found


def _grown(found: Footprint, base: Footprint, more: Footprint, times: int) -> Footprint:
    """`found` with so many times what `more` needs beyond `base`; what counts once, such as the largest block, is as it was."""

    def of(name: str) -> Any:
        now, low, high = (getattr(f, name) for f in (found, base, more))
        if isinstance(now, Mapping):
            return {source: value + times * (high[source] - low[source]) for source, value in now.items()}
        return now + times * (high - low)

    return replace(found, **{name: of(name) for name in _GROWING})


def _measured(run: Run, few: int = FEW, batches: int = BATCHES) -> Footprint:
    seed_all(derived("weights", run.seeds.weights))
    task = run.task.build(run)
    networks = Networks(task, partial(autocast, run, torch.device("cpu"))).train()
    items = dict.fromkeys(task.sources, few)
    base = _pass(networks, task, run, items, batches)
    more = {name: _pass(networks, task, run, {**items, name: 2 * few}, batches) for name in task.sources}
    grown = {name: max(0.0, twice.kept - base.kept) / few for name, twice in more.items()}
    both_ways = 1 + BACKWARD + task.recomputed
    computed = {n: max(0.0, twice.operations - base.operations) / few * both_ways for n, twice in more.items()}
    trained = _bytes(p for p in networks.parameters() if p.requires_grad)
    return Footprint(
        _bytes(networks.parameters()) + _bytes(networks.buffers()), trained, trained * _averages(run),
        0.0 if run.optimiser.ema_decay is None else trained, _largest_block(networks, task),
        max(0.0, base.kept - few * sum(grown.values())), grown, base.largest / few, computed,
        max(0.0, base.operations * both_ways - few * sum(computed.values())), not task.partial,
    )  # fmt: skip


def _bytes(tensors: Any) -> float:
    return float(sum(t.numel() for t in tensors) * FLOAT)


def _averages(run: Run) -> int:
    """Tensors that the optimiser keeps for each weight."""
    return int(run.optimiser.momentum > 0) if run.optimiser.kind is OptimiserKind.SGD else 2


def _largest_block(networks: nn.Module, task: Task) -> float:
    """Bytes of the weights that sharding gathers at a time: of the largest block, and of what is in no block together."""
    blocks = [m for m in networks.modules() if isinstance(m, tuple(task.blocks))]
    inside = {id(p) for block in blocks for p in block.parameters()}
    rest = [p for p in networks.parameters() if id(p) not in inside]
    return max([_bytes(rest), *(_bytes(block.parameters()) for block in blocks)])


def _pass(networks: Networks, task: Task, run: Run, items: Mapping[str, int], batches: int) -> Pass:
    """Forward passes over the first batches of each source: the most that one of them keeps, and what they compute on average.

    Items such as reports differ in length, and a batch is padded to its longest one, so a single batch would not do.
    """
    feeds = {n: iter(source.batches(Feed(run.seeds.data, size=items[n]))) for n, source in task.sources.items()}
    passes = [_of_batch(networks, task, {n: next(feed) for n, feed in feeds.items()}) for _ in range(batches)]
    operations = sum(p.operations for p in passes) / batches
    return Pass(max(p.kept for p in passes), max(p.largest for p in passes), operations)


def _of_batch(networks: Networks, task: Task, batch: Batches) -> Pass:
    kept, counter = KeptTensors(networks, task), FlopCounterMode(display=False)
    with counter, kept.counting():
        sums = networks(LOSS, batch)
    del sums
    return Pass(kept.total, kept.largest, float(counter.get_total_flops()))
