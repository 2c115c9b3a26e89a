"""Losses of the calcification network against a reference that is written out cell by cell."""

import math

import pytest
import torch

from mammoscribe.models.reader.calcifications import (
    BENIGN,
    DISTRIBUTIONS,
    MORPHOLOGIES,
    SUSPICIOUS,
    PatchConfig,
    PatchNet,
    PatchOutput,
)
from mammoscribe.training.calcifications.losses import counts, losses
from mammoscribe.training.calcifications.patches import PatchBatch
from mammoscribe.training.calcifications.views import EITHER, IGNORED, NOTHING


def batch(side: int = 4) -> PatchBatch:
    """Two patches: one of each reading, and one of which nothing is known."""
    reading = torch.full((2, side, side), NOTHING)
    reading[0, 0] = torch.tensor([SUSPICIOUS, BENIGN, EITHER, IGNORED])[torch.arange(side) % 4]
    reading[1] = IGNORED
    morphology, distribution = torch.full_like(reading, NOTHING), torch.full_like(reading, NOTHING)
    morphology[0, 0, 0], distribution[0, 0, 1] = 3, 2
    return PatchBatch(torch.rand(2, 1, 8 * side, 8 * side), reading, morphology, distribution)


def answers(side: int = 4) -> PatchOutput:
    made = torch.Generator().manual_seed(0)
    return PatchOutput(
        *(torch.randn(2, n, side, side, generator=made) for n in (2, len(MORPHOLOGIES), len(DISTRIBUTIONS)))
    )


def focal(logit: float, wanted: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -(wanted * math.log(p) + (1 - wanted) * math.log(1 - p)) * abs(wanted - p) ** 2


def log_loss(row: list[float], goal: int) -> float:
    return math.log(sum(math.exp(v) for v in row)) - row[goal]


def reference(out: PatchOutput, given: PatchBatch) -> dict[str, float]:
    """Cell by cell, with nothing shared with the code."""
    sums = {"heat": 0.0, "morphology": 0.0, "distribution": 0.0}
    for p in range(2):
        for r in range(4):
            for c in range(4):
                suspicious, benign = out.heat[p, :, r, c].tolist()
                match int(given.reading[p, r, c]):
                    case 0:
                        sums["heat"] += focal(suspicious, 1) + focal(benign, 0)
                    case 1:
                        sums["heat"] += focal(suspicious, 0) + focal(benign, 1)
                    case 2:
                        sums["heat"] += focal(max(suspicious, benign), 1)
                    case -1:
                        sums["heat"] += focal(suspicious, 0) + focal(benign, 0)
                for name in ("morphology", "distribution"):
                    goal = int(getattr(given, name)[p, r, c])
                    if goal >= 0:
                        sums[name] += log_loss(getattr(out, name)[p, :, r, c].tolist(), goal)
    return sums


def test_every_loss_is_the_sum_over_the_cells_that_are_labelled():
    out, given = answers(), batch()
    found = losses(out, given)
    assert {n: float(v) for n, v in found.items()} == pytest.approx(reference(out, given), rel=1e-5)


def test_counts_are_positive_cells_and_one_for_each_patch_that_teaches():
    assert counts(batch()) == {"heat": 3.0 + 1.0, "morphology": 1.0, "distribution": 1.0}


def test_a_cell_that_is_ignored_moves_nothing():
    out, given = answers(), batch()
    for tensor in (out.heat, out.morphology, out.distribution):
        tensor.requires_grad_()
    torch.stack(list(losses(out, given).values())).sum().backward()
    assert float(out.heat.grad[1].abs().sum()) == 0 and float(out.heat.grad[0, :, 0, 3].abs().sum()) == 0
    assert float(out.heat.grad[0].abs().sum()) > 0


def test_every_parameter_has_a_gradient_whatever_the_labels():
    net, given = PatchNet(PatchConfig(patch_px=64, width=8)), batch(8)
    nothing = PatchBatch(given.pixels, torch.full_like(given.reading, NOTHING), given.morphology * 0 + NOTHING,
                         given.distribution * 0 + NOTHING)  # fmt: skip
    torch.stack(list(losses(net(given.pixels), nothing).values())).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
