"""Validation between steps: every process measures its share of the batches, the first one sums up."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.engine.collectives import from_first, of_all
from mammoscribe.training.engine.devices import on_device
from mammoscribe.training.engine.step import MEASURE
from mammoscribe.training.engine.task import Validation


@torch.no_grad()
def measured(model: nn.Module, validation: Validation, accelerator: Any) -> dict[str, float]:
    """The figures of the whole split, the same in every process; the model is left in training mode.

    Raises:
        InvalidNoun: when the figure that decides what is best is not among them.
    """
    rank, world, number = accelerator.process_index, accelerator.num_processes, len(validation.batches)
    model.eval()
    try:
        found = [
            model(MEASURE, on_device(b, accelerator.device))
            for b in validation.batches.batches(_share(number, rank, world))
        ]
    finally:
        model.train()
    gathered = of_all(found)
    in_order = [gathered[n % world][n // world] for n in range(number)]
    figures = from_first(
        {name: float(value) for name, value in validation.summary(in_order).items()} if rank == 0 else None
    )
    if validation.best not in figures:
        raise InvalidNoun(f"a validation without {validation.best!r}", f"it among {', '.join(figures)}")
    return figures


def _share(number: int, rank: int, world: int) -> list[int]:
    """Batches of a process, as many as of every other: one that has fewer repeats its last, and the repetition is not counted.

    Sharded networks are put together by all processes at every pass, so all have to make as many.
    """
    rounds = -(-number // world)
    return [min(rank + world * n, number - 1) for n in range(rounds)]


def is_better(figures: Mapping[str, float], validation: Validation, best: float | None) -> bool:
    """Whether the figure that decides is better than the best so far; one that is not finite never is."""
    value = figures[validation.best]
    if value - value != 0:
        return False
    return best is None or (value > best if validation.higher_is_better else value < best)
