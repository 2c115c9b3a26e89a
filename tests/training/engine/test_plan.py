"""What a run needs is counted by hand for a network small enough, and shared out as each way of sharing says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.footprint import Footprint, footprint
from mammoscribe.training.engine.plan import GIB, Devices, seconds_of_step, ways
from mammoscribe.training.engine.run import Kind, Offload, Optimiser, OptimiserKind
from mammoscribe.training.engine.sources import ArraySource
from tests.training.engine.linear import Linear, linear_run

WIDE = ArraySource({"x": np.ones((8, 100), dtype=np.float32)})
OTHER = ArraySource({"x": np.ones((8, 100), dtype=np.float32)})


def loss(modules, batches):
    rows = torch.cat([b["x"] for b in batches.values()])
    return {"y": modules["layers"](rows).square().sum()}


def run_of(*sources, **changes):
    """Two layers, 100 to 50 to 1: 5,101 weights and biases; a row keeps itself, the hidden values and the answer."""
    layers = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 1))
    named = dict(zip(("a", "b"), sources, strict=False))
    task = Linear(
        changes={
            "modules": {"layers": layers}, "sources": named, "losses": {"y": 1.0},
            "loss": loss, "counts": lambda batches: {"y": float(sum(len(b["x"]) for b in batches.values()))},
            **changes,
        }
    )  # fmt: skip
    return replace(linear_run(task=task), batch=dict.fromkeys(named, 4), optimiser=Optimiser())


def test_weights_gradients_averages_and_what_a_row_keeps_are_counted():
    found = footprint(run_of(WIDE))
    weights = 4 * (100 * 50 + 50 + 50 + 1)
    assert (found.weights, found.trained, found.optimiser, found.average) == (weights, weights, 2 * weights, 0)
    assert found.per_item == {"a": 4 * (100 + 50 + 1)}  # the row, what the ReLU gave, what is squared
    assert found.fixed == 0  # weights are counted once, not again because a pass keeps them
    assert found.operations["a"] == 3 * 2 * (100 * 50 + 50)


class Block(nn.Module):
    """10 values to 40 and back; computed again in the backward pass, as transformers does it: around the hooks of the module."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 10))

    def __call__(self, x):
        return checkpoint(super().__call__, x, use_reentrant=False)

    def forward(self, x):
        return self.layers(x)


def test_of_blocks_that_are_computed_again_what_goes_in_is_kept_and_the_inside_of_one():
    rows = ArraySource({"x": np.ones((8, 10), dtype=np.float32)})
    blocks = nn.Sequential(Block(), Block(), Block())
    changes = {"modules": {"layers": blocks}, "blocks": (Block,), "loss": loss}
    found = footprint(run_of(rows, recomputed=True, **changes))
    assert found.per_item == {"a": 4 * (3 * 10 + 40 + 10)}  # what goes into each, one ReLU, what is squared
    assert found.operations["a"] == 4 * 2 * 3 * (2 * 10 * 40)
    assert found.block == 4 * (2 * 400 + 50)


def test_every_source_has_its_own_share_and_a_pass_over_all_items_is_their_sum():
    found = footprint(run_of(WIDE, OTHER))
    assert set(found.per_item) == {"a", "b"}
    more = found.activations({"a": 3, "b": 2}) - found.activations({"a": 1, "b": 2})
    assert more == pytest.approx(2 * found.per_item["a"] + 2 * found.workspace)


def test_what_is_frozen_has_no_gradient_and_plain_descent_no_averages():
    frozen = footprint(run_of(WIDE, frozen=("layers.0",)))
    assert frozen.trained == 4 * 51 and frozen.weights == 4 * 5101
    plain = replace(run_of(WIDE), optimiser=Optimiser(OptimiserKind.SGD, momentum=0.0, ema_decay=0.9))
    assert footprint(plain).optimiser == 0 and footprint(plain).average == 4 * 5101


FOUND = Footprint(8 * GIB, 8 * GIB, 16 * GIB, 0.0, GIB, GIB, {"rows": GIB / 2}, 0.0, {"rows": 1e12}, 1e12, True)


def planned(count, gib, **changes):
    run = replace(linear_run(), batch={"rows": 8})
    return {(w.kind, w.offload): w for w in ways(replace(FOUND, **changes), run, Devices(count, gib))}


def test_each_way_of_sharing_keeps_its_parts():
    found = {
        way: w.device / GIB - 2 for way, w in planned(4, 80).items()
    }  # 1 GiB, and half of one for each of two rows
    whole = 8 + 8 + 16
    assert found[Kind.DDP, Offload.NONE] == whole + 8  # gradients once more, on their way
    assert found[Kind.ZERO1, Offload.NONE] == 8 + 8 + 16 / 4 + 8 / 4
    assert found[Kind.ZERO2, Offload.NONE] == 8 + 8 / 4 + 16 / 4 + 8 / 4
    assert found[Kind.FSDP2, Offload.NONE] == whole / 4 + 2
    assert found[Kind.ZERO3, Offload.ALL] == 2


def test_one_device_has_nothing_to_send_and_a_tenth_of_it_is_left_free():
    assert planned(1, 100)[Kind.DDP, Offload.NONE].device == (32 + 1 + 8 / 2) * GIB
    assert (Kind.FSDP2, Offload.NONE) not in planned(1, 100)
    assert not planned(1, 40)[Kind.DDP, Offload.NONE].fits and planned(1, 42)[Kind.DDP, Offload.NONE].fits


def test_a_run_that_cannot_be_sharded_is_kept_whole():
    assert set(planned(4, 80, shardable=False)) == {(Kind.DDP, Offload.NONE)}


def test_items_that_cannot_be_divided_over_the_devices_are_refused():
    with pytest.raises(InvalidNoun, match="8 items"):
        planned(3, 80)


def test_a_step_takes_its_operations_at_the_stated_rate():
    run = replace(linear_run(), batch={"rows": 8})
    assert seconds_of_step(FOUND, run, Devices(2, 80), tflops=4.5) == pytest.approx(1.0)


@pytest.mark.parametrize(("text", "count", "gib"), [("8x80GB", 8, 80), ("1 x 24", 1, 24), ("2X11.5gib", 2, 11.5)])
def test_devices_are_read_from_text(text, count, gib):
    assert Devices.from_text(text) == Devices(count, gib)


@pytest.mark.parametrize("text", ["80GB", "0x80", "8x0", "8*80", "", "x80", "-1x80"])
def test_other_text_is_refused(text):
    with pytest.raises(InputError, match="8x80GB"):
        Devices.from_text(text)
