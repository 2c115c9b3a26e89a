"""A task of one linear layer whose steps can be computed by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.training.engine.run import Execution, Optimiser, OptimiserKind, Run
from mammoscribe.training.engine.schedule import Schedule, Shape
from mammoscribe.training.engine.sources import ArraySource
from mammoscribe.training.engine.task import Batches, Modules, Task

X = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, -1.0], [0.5, 0.5], [-1.0, 2.0]])
Y = torch.tensor([1.0, torch.nan, 3.0, torch.nan, torch.nan, -2.0])
Z = torch.tensor([torch.nan, 1.0, 0.0, 2.0, -1.0, 1.0])


def errors(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """Sums of squared errors of y and z over what is labelled."""
    batch = batches["rows"]
    out = modules["layer"](batch["x"])
    return {n: ((out[:, i] - batch[n])[~batch[n].isnan()] ** 2).sum() for i, n in enumerate(("y", "z"))}


def labels(batches: Batches) -> dict[str, float]:
    """How many are labelled."""
    return {name: int((~batches["rows"][name].isnan()).sum()) for name in ("y", "z")}


def in_order(rng: np.random.Generator) -> np.ndarray:
    """Every pass in the order of the rows."""
    return np.arange(len(X))


@dataclass(frozen=True)
class Linear:
    """Settings of the task; `changes` replaces fields of it, `loss` its losses."""

    bias: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)
    loss: Callable[[Modules, Batches], dict[str, Tensor]] = errors
    digest: str = "rows"

    def build(self, run: Run) -> Task:
        """The task with fresh networks."""
        source = ArraySource({"x": X, "y": Y, "z": Z}, in_order, self.digest)
        made = {
            "modules": {"layer": nn.Linear(2, 2, bias=self.bias)}, "sources": {"rows": source}, "losses": {"y": 1.0, "z": 0.25},
            "loss": self.loss, "counts": labels,
        }  # fmt: skip
        return Task(**(made | dict(self.changes)))


def linear_run(steps: int = 1, task: Linear | None = None, **changes: str) -> Run:
    """A run of plain gradient descent, six rows a step, with a constant rate of 0.1."""
    run = Run(
        "linear", task or Linear(), steps, {"rows": 6}, schedule=Schedule(0.1, Shape.CONSTANT, 0.0),
        optimiser=Optimiser(OptimiserKind.SGD, weight_decay=0.0, momentum=0.0, clip_norm=None),
        execution=Execution(device="cpu", checkpoint_every=1, keep_last=100),
    )  # fmt: skip
    return run.with_set(changes)
