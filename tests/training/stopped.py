"""Runs that are stopped and begun again, held against those that were not."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from mammoscribe.training.engine.checkpoints import kept
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.run_folder import comparable, read_metrics
from mammoscribe.training.engine.train import train


def last_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of the last checkpoint of a run."""
    return load_file(kept(folder)[-1][1] / "weights.safetensors")


def stop_at(step: int) -> Callable[[dict], None]:
    """A listener that asks the run to stop after a step."""

    def listen(row: dict) -> None:
        if row["step"] == step and "rate" in row:
            os.kill(os.getpid(), signal.SIGTERM)

    return listen


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether all tensors are equal to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def check_that_it_goes_on_exactly(run: Run, whole: Path, folder: Path, step: int) -> None:
    """A run that is stopped after a step and begun again gives every figure and every weight of the whole run.

    Args:
        run: what is trained.
        whole: folder of the run that was not stopped.
        folder: for the run that is.
        step: after which it is stopped.
    """
    assert train(run, folder, stop_at(step)).step == step
    assert train(run, folder).finished
    assert comparable(read_metrics(folder)) == comparable(read_metrics(whole))
    assert alike(last_weights(folder), last_weights(whole))
