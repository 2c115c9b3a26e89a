"""Stages: the optimiser of a stage knows nothing of those before; what is done at an end is in its checkpoint; exact resume."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.task import Modules, Stages
from mammoscribe.training.engine.train import train
from tests.training.engine.linear import Linear, linear_run

pytest.importorskip("accelerate")


def nothing(modules: Modules, number: int) -> None:
    pass


def halved(modules: Modules, number: int) -> None:
    modules["layer"].weight.mul_(0.5 if number == 0 else 1.0)


def staged(steps: int, ends: tuple[int, ...] | None, at_end=nothing, **changes: str) -> Run:
    stages = {} if ends is None else {"stages": Stages(ends, at_end)}
    return linear_run(steps, Linear(changes=stages), momentum="0.9", **changes)


def weights(folder: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / f"step-{step:08d}" / "weights.safetensors")


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_two_stages_are_two_runs_of_which_the_second_starts_from_the_first(tmp_path):
    train(staged(4, (2, 4)), tmp_path / "stages")
    train(staged(4, None), tmp_path / "whole")
    train(staged(2, None), tmp_path / "first")
    first = tmp_path / "first" / "checkpoints" / "step-00000002"
    train(replace(staged(2, None), init=first), tmp_path / "second")
    assert alike(weights(tmp_path / "stages", 4), weights(tmp_path / "second", 2))
    assert not alike(weights(tmp_path / "stages", 4), weights(tmp_path / "whole", 4))


def test_what_is_done_at_the_end_of_a_stage_is_in_the_checkpoint_of_that_step(tmp_path):
    train(staged(3, (2, 3)), tmp_path / "as_it_is")
    train(staged(3, (2, 3), halved), tmp_path / "halved")
    before, after = (weights(tmp_path / name, 2) for name in ("as_it_is", "halved"))
    torch.testing.assert_close(after["layer.weight"], before["layer.weight"] / 2)
    torch.testing.assert_close(after["layer.bias"], before["layer.bias"])


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_run_that_is_stopped_anywhere_goes_on_exactly(tmp_path, step):
    def stop(row: dict) -> None:
        if row["step"] == step and "rate" in row:
            os.kill(os.getpid(), signal.SIGTERM)

    train(staged(4, (2, 4), halved), tmp_path / "whole")
    assert not train(staged(4, (2, 4), halved), tmp_path / "stopped", stop).finished
    assert train(staged(4, (2, 4), halved), tmp_path / "stopped").finished
    assert alike(weights(tmp_path / "whole", 4), weights(tmp_path / "stopped", 4))


def test_averages_over_stages_are_refused(tmp_path):
    with pytest.raises(InputError, match="ema_decay for a run in stages"):
        train(staged(4, (2, 4), ema_decay="0.9"), tmp_path)


@pytest.mark.parametrize("ends", [(), (0, 2), (2, 2), (3, 1)])
def test_ends_ascend_from_one(ends):
    with pytest.raises(InvalidNoun, match="stages that end"):
        Stages(ends, nothing)
