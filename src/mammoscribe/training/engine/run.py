"""A run: what is trained, on what, for how many steps and how. Frozen, checked when built, settable by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.fields import plain, with_set
from mammoscribe.training.engine.schedule import Schedule
from mammoscribe.training.engine.task import Task


class Precision(StrEnum):
    """Number format of the forward and backward pass; weights and their updates stay in 32 bits."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class Kind(StrEnum):
    """How a network is spread over processes.

    `ddp` keeps it whole in each (and is plain training where there is one process); `fsdp2` shards weights, gradients
    and optimiser; `zero1`, `zero2` and `zero3` are DeepSpeed's stages.
    """

    DDP = "ddp"
    FSDP2 = "fsdp2"
    ZERO1 = "zero1"
    ZERO2 = "zero2"
    ZERO3 = "zero3"

    @property
    def is_zero(self) -> bool:
        """Whether DeepSpeed does it."""
        return self.value.startswith("zero")


class Offload(StrEnum):
    """What waits in the memory of the host while the device does not need it."""

    NONE = "none"
    OPTIMISER = "optimiser"
    ALL = "all"


class OptimiserKind(StrEnum):
    """The optimisers of `torch.optim` that a recipe can name."""

    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"


@dataclass(frozen=True)
class Optimiser:
    """The optimiser and what is done to gradients and weights around it.

    Args:
        kind: adamw, adam or sgd.
        weight_decay: of the parameters that the task lets decay; matrices and kernels unless it decides otherwise.
        betas, eps: of adamw and adam.
        momentum: of sgd.
        clip_norm: gradients are scaled down to this norm; None leaves them.
        ema_decay: weights are averaged with this decay, and the average is what is validated and exported; None does not.
    """

    kind: OptimiserKind = OptimiserKind.ADAMW
    weight_decay: float = 0.02
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8
    momentum: float = 0.9
    clip_norm: float | None = 1.0
    ema_decay: float | None = None

    def __post_init__(self) -> None:
        if len(self.betas) != 2 or not all(0 <= b < 1 for b in self.betas) or not 0 <= self.momentum < 1:
            raise InvalidNoun(
                f"betas {self.betas}, momentum {self.momentum}", "two betas and a momentum from 0 to below 1"
            )
        if not 0 <= self.weight_decay < math.inf or not 0 < self.eps < 1:
            raise InvalidNoun(f"weight_decay {self.weight_decay}, eps {self.eps}", "0 or more; above 0")
        if self.clip_norm is not None and not 0 < self.clip_norm < math.inf:
            raise InvalidNoun(f"clip_norm {self.clip_norm}", "a finite number above 0, or none")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise InvalidNoun(f"ema_decay {self.ema_decay}", "a number between 0 and 1, or none")


@dataclass(frozen=True)
class Distribution:
    """How the network is spread over the processes; their number is decided where they are started.

    Args:
        kind: see `Kind`.
        offload: fsdp2 and the ZeRO stages only.
        deepspeed: JSON file whose entries replace those of the engine; ZeRO only.
    """

    kind: Kind = Kind.DDP
    offload: Offload = Offload.NONE
    deepspeed: Path | None = None

    def __post_init__(self) -> None:
        if self.offload is not Offload.NONE and self.kind is Kind.DDP:
            raise InvalidNoun(
                "offload with ddp, which keeps the network on the device", "fsdp2 or a ZeRO stage with it"
            )
        if self.offload is Offload.OPTIMISER and self.kind is Kind.FSDP2:
            raise InvalidNoun("offload of the optimiser alone with fsdp2", "offload all, or a ZeRO stage")
        if self.offload is Offload.ALL and self.kind in (Kind.ZERO1, Kind.ZERO2):
            raise InvalidNoun(f"offload of all with {self.kind}", "offload optimiser, or zero3")
        if self.deepspeed is not None and not self.kind.is_zero:
            raise InvalidNoun(f"a DeepSpeed file with {self.kind}", "zero1, zero2 or zero3 with it")


@dataclass(frozen=True)
class Seeds:
    """Where randomness comes from: first weights; order and variation of the data; noise inside the networks (dropout)."""

    weights: int = 0
    data: int = 0
    noise: int = 0

    def __post_init__(self) -> None:
        if min(self.weights, self.data, self.noise) < 0:
            raise InvalidNoun(f"seeds {self.weights}, {self.data}, {self.noise}", "numbers from 0 up")


@dataclass(frozen=True)
class Execution:
    """How a run is carried out. Nothing here changes what is learned, so a run may go on with other values.

    Args:
        device: auto, cpu, cuda or mps.
        workers: processes that make the batches of each source; 0 makes them between the steps.
        minutes: the run stops with a checkpoint after this time; None does not.
        checkpoint_every: steps between checkpoints.
        keep_last: checkpoints that are kept.
        validate_every: steps between validations.
        log_every: steps between lines of metrics.jsonl.
        skips_in_a_row: non-finite steps after each other that are tolerated.
        diverged_at: the run stops when the mean of 20 losses is above this many times the mean of the first 20.
        trackers: tensorboard, mlflow, wandb (offline).
        timeout_minutes: how long a process waits for the others.
        cache: folder of what a task works out once from its data, such as marks; `.cache` in the run's folder unless given.
    """

    device: str = "auto"
    workers: int = 0
    minutes: float | None = None
    checkpoint_every: int = 500
    keep_last: int = 2
    validate_every: int = 500
    log_every: int = 1
    skips_in_a_row: int = 10
    diverged_at: float = 20.0
    trackers: tuple[str, ...] = ()
    timeout_minutes: float = 30.0
    cache: Path | None = None

    def __post_init__(self) -> None:
        for name in ("checkpoint_every", "keep_last", "validate_every", "log_every", "skips_in_a_row"):
            if getattr(self, name) < 1:
                raise InvalidNoun(f"{name} {getattr(self, name)}", "1 or more")
        if self.workers < 0 or self.timeout_minutes <= 0 or self.diverged_at <= 1:
            raise InvalidNoun(
                f"workers {self.workers}, timeout_minutes {self.timeout_minutes}, diverged_at {self.diverged_at}",
                "0 or more; above 0; above 1",
            )
        if self.minutes is not None and self.minutes <= 0:
            raise InvalidNoun(f"minutes {self.minutes}", "a time above 0, or none")


class TaskSettings(Protocol):
    """Settings of a task: a frozen dataclass. Its fields are set as `task.NAME` and are kept in run.json."""

    def build(self, run: "Run") -> Task:
        """The task with fresh networks; called in every process after the processes know each other."""
        ...


@dataclass(frozen=True)
class Run:
    """What is trained, on what, for how long and how. A recipe is a function that returns one.

    Everything but `execution` decides what is learned. The number of processes does not: `batch` counts the items of one
    optimiser step over all processes and all `accumulate` parts of it.

    Args:
        recipe: name of the recipe.
        task: settings that build the task.
        steps: optimiser steps.
        batch: source -> items of one step.
        data: prepared folders.
        init: weights that training starts from, a safetensors file or a checkpoint of another run.
        accumulate: parts that a step's items are computed in, one after the other, to save memory.
        schedule, optimiser, precision, distribution, seeds, execution: see there.
    """

    recipe: str
    task: TaskSettings
    steps: int
    batch: Mapping[str, int]
    data: tuple[Path, ...] = ()
    init: Path | None = None
    accumulate: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: Optimiser = field(default_factory=Optimiser)
    precision: Precision = Precision.FP32
    distribution: Distribution = field(default_factory=Distribution)
    seeds: Seeds = field(default_factory=Seeds)
    execution: Execution = field(default_factory=Execution)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.accumulate < 1:
            raise InvalidNoun(f"steps {self.steps}, accumulate {self.accumulate}", "1 or more of each")
        if not self.batch or min(self.batch.values()) < 1:
            raise InvalidNoun(f"batch {dict(self.batch)}", "at least one source, and 1 or more items of each")
        for source, size in self.batch.items():
            if size % self.accumulate:
                raise InvalidNoun(f"{size} items of {source} in {self.accumulate} parts", "a multiple of accumulate")

    def with_set(self, changes: Mapping[str, str]) -> "Run":
        """The run with fields set from text, as `--set field=value` gives them.

        Raises:
            InputError: for an unknown field, naming the nearest; for text of another type.
            InvalidNoun: when the values contradict each other.
        """
        return with_set(self, changes, f"recipe {self.recipe}")

    def fields(self) -> dict[str, Any]:
        """What decides what is learned, as JSON holds it; places of files are left out, their digests are kept beside."""
        return {k: v for k, v in plain(self).items() if k not in ("data", "init", "execution")}

    def share(self, source: str, processes: int) -> int:
        """Items of a source that one process computes at a time.

        Raises:
            InvalidNoun: when a step's items cannot be divided so.
        """
        size, parts = self.batch[source], processes * self.accumulate
        if size % parts:
            raise InvalidNoun(
                f"{size} items of {source} for {processes} processes that accumulate {self.accumulate} parts",
                f"a multiple of {parts}", f"set batch.{source}",
            )  # fmt: skip
        return size // parts
