"""What the engine asks of a task: networks by name, data sources, sums of losses, label counts, a validation.

A loss is a mean over what is labelled, in all processes and in all parts of a step. So a task gives it as a *sum* and,
from the labels alone, how many labels the sum is over; the engine adds up the counts before any network runs and divides.
A missing label is an element that the sum leaves out: a sum over nothing is 0 and keeps every parameter in the graph.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.support.lookup import look_up

Modules = Mapping[str, nn.Module]
Batches = Mapping[str, Any]
"""One batch of each source. Tensors in dicts, lists, tuples and dataclasses are moved to the device by the engine."""


@dataclass(frozen=True)
class Feed:
    """Which part of an endless stream of batches a process takes.

    Args:
        seed: decides order and variation.
        rank, world: this process among all.
        position: batches that every process has taken before.
        size: items of a batch.
        workers: processes that make batches ahead.
        pin: whether batches are copied to a CUDA device.
    """

    seed: int
    rank: int = 0
    world: int = 1
    position: int = 0
    size: int = 1
    workers: int = 0
    pin: bool = False


class Source(Protocol):
    """Training data. The same feed gives the same batches, so a position is all that resuming has to know."""

    @property
    def digest(self) -> str:
        """Digest of the data, or "" where there is none."""
        ...

    def batches(self, feed: Feed) -> Iterator[Any]:
        """Endless batches: shuffled over all processes, each item once before any comes again."""
        ...


class Finite(Protocol):
    """Data that are gone through once, in order: a validation split as numbered batches."""

    def __len__(self) -> int:
        """Number of batches."""
        ...

    def batches(self, numbers: Sequence[int]) -> Iterator[Any]:
        """The batches of these numbers."""
        ...


@dataclass(frozen=True)
class Validation:
    """How the networks are measured on the `val` split.

    Args:
        batches: the split.
        measure: (modules, batch) -> something small that can be pickled, without gradients; run in every process.
        summary: what `measure` gave for all batches, in order -> figures by name.
        best: the figure whose best value decides which weights are kept.
        higher_is_better: of `best`.
    """

    batches: Finite
    measure: Callable[[Modules, Any], Any]
    summary: Callable[[Sequence[Any]], Mapping[str, float]]
    best: str
    higher_is_better: bool = True


def matrices(_: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter decays: matrices and kernels do; biases, norms and single rows of embeddings do not."""
    shape = getattr(
        parameter, "ds_shape", parameter.shape
    )  # DeepSpeed empties what it has sharded, and keeps its shape
    return len(shape) > 1 and shape[0] != 1


@dataclass(frozen=True)
class Stages:
    """A run in stages after each other: the optimiser of a stage knows nothing of those before it. With ddp only.

    Args:
        ends: steps after which a stage ends, ascending.
        at_end: (modules, number of the stage, from 0) -> None. It may change weights and buffers, and does the same in
            every process; it is called without gradients, before the checkpoint of that step.

    Raises:
        InvalidNoun: for steps that do not ascend from 1.
    """

    ends: tuple[int, ...]
    at_end: Callable[[Modules, int], None]

    def __post_init__(self) -> None:
        if list(self.ends) != sorted(set(self.ends)) or not self.ends or self.ends[0] < 1:
            raise InvalidNoun(f"stages that end after the steps {self.ends}", "ascending steps from 1")


@dataclass(frozen=True)
class Task:
    """A task as the engine sees it.

    Args:
        modules: networks by name; a network is trained unless `frozen` names it.
        sources: training data by name; every step takes one batch of each.
        losses: name -> weight in the sum that is minimised.
        loss: (modules, batches) -> name -> scalar sum of the loss over its labels. Draws noise from the global generators
            of torch, numpy and Python only. Rows of other processes come by `collectives.gather_rows`.
        counts: (batches, on the CPU) -> name -> number of labels that sum is over.
        validation: None measures nothing.
        frozen: dotted names of modules that are not trained and stay in evaluation mode (frozen batch statistics), and of
            parameters that are not trained.
        rates: dotted name of a module or parameter -> factor of the learning rate of its parameters; the longest name decides.
        decays: (name, parameter) -> whether weight decay applies.
        blocks: classes of which each instance is one unit of sharding, such as a transformer block.
        recomputed: what blocks keep for the backward pass is computed again there, so that it is in memory for one at a time.
        partial: some parameters take no part in some batches. Then ddp looks for them at each step; sharded training is
            not possible, because every process has to run every block: run it on a dummy and leave that out of the sum.
        loads_init: whether `build` has put the weights of the run's `init` into the modules; else the engine does. For a
            task that trains a part of a model, whose file also holds networks that it has no use for.
        export: (weights file, empty folder) -> fills `model/` at the end of the run. A `summary.md` in it is shown to
            the user.
        stages: None for a run that is one whole.
        notes: sentences for the user about what the data gave, one for each.

    Raises:
        InvalidNoun: for a task without modules, sources or losses, or a weight that is not finite.
        InputError: for a name in `frozen` or `rates` that no module and no parameter has.
    """

    modules: Modules
    sources: Mapping[str, Source]
    losses: Mapping[str, float]
    loss: Callable[[Modules, Batches], Mapping[str, Tensor]]
    counts: Callable[[Batches], Mapping[str, float]]
    validation: Validation | None = None
    frozen: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    decays: Callable[[str, nn.Parameter], bool] = matrices
    blocks: tuple[type[nn.Module], ...] = ()
    recomputed: bool = False
    partial: bool = False
    loads_init: bool = False
    export: Callable[[Path, Path], None] | None = None
    stages: Stages | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.modules or not self.sources or not self.losses:
            raise InvalidNoun("a task without modules, sources or losses", "at least one of each")
        if not all(math.isfinite(weight) for weight in self.losses.values()):
            raise InvalidNoun(f"weights of losses {dict(self.losses)}", "finite numbers")
        table: dict[str, object] = {}
        for n, top in self.modules.items():
            table |= {f"{n}.{p}".rstrip("."): own for p, own in (*top.named_modules(), *top.named_parameters())}
        for name in (*self.frozen, *self.rates):
            look_up(name, table, "module of the task")
