"""Validation: every batch is counted once and in order, in one process and in several, without training anything."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import nn

from benchmarks.engine_processes import in_ranks
from mammoscribe.training.engine.task import Validation
from mammoscribe.training.engine.validation import is_better, measured


class Numbers:
    """Batches that are their own numbers, and which of them were asked for."""

    def __init__(self, number: int) -> None:
        self.number, self.asked = number, []

    def __len__(self) -> int:
        return self.number

    def batches(self, numbers):
        self.asked += numbers
        return iter([torch.tensor([float(n)]) for n in numbers])


class Model(nn.Module):
    """Gives a batch back, with whether it is in training mode and takes gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, what, batch):
        return float(batch), self.training, (self.weight * batch).requires_grad


def figures(number: int, rank: int = 0, world: int = 1) -> tuple[dict[str, float], list[int], bool]:
    def summary(found):
        assert [f[1:] for f in found] == [(False, False)] * number
        return {"order": float(sum(f[0] * 100**i for i, f in enumerate(found)))}

    batches, model = Numbers(number), Model()
    accelerator = SimpleNamespace(process_index=rank, num_processes=world, device=torch.device("cpu"))
    found = measured(model, Validation(batches, lambda m, b: None, summary, "order"), accelerator)
    return found, batches.asked, model.training


def test_every_batch_is_counted_once_in_order_and_training_goes_on():
    found, asked, training = figures(4)
    assert (found, asked, training) == ({"order": 3.0 * 100**3 + 2 * 100**2 + 100}, [0, 1, 2, 3], True)


def _as_rank(number: int):
    dist.init_process_group("gloo")
    try:
        return figures(number, dist.get_rank(), 2)
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(("number", "asked"), [(5, ([0, 2, 4], [1, 3, 4])), (1, ([0], [0]))])
def test_processes_share_the_batches_and_make_as_many_passes(number, asked, tmp_path: Path):
    expected, _, _ = figures(number)
    first, second = in_ranks(2, tmp_path, _as_rank, number)
    assert first[0] == second[0] == expected
    assert (first[1], second[1]) == asked


@pytest.mark.parametrize(
    ("value", "best", "higher", "better"),
    [
        (0.5, None, True, True), (0.5, 0.4, True, True), (0.5, 0.5, True, False), (0.5, 0.6, True, False), (0.5, 0.6, False, True),
        (float("nan"), None, True, False), (float("inf"), 0.1, True, False),
    ],
)  # fmt: skip
def test_better_is_in_the_sense_of_the_figure(value, best, higher, better):
    validation = Validation(Numbers(1), lambda m, b: None, lambda found: {}, "x", higher)
    assert is_better({"x": value}, validation, best) is better
