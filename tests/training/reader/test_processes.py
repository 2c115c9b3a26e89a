"""The reader in several processes trains as in one, also where only some of them have a prior to compare with."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.engine_processes import in_ranks
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.training.engine.run import Run, TaskSettings
from mammoscribe.training.engine.run_folder import read_metrics
from mammoscribe.training.engine.task import Task
from mammoscribe.training.engine.train import train
from mammoscribe.training.reader.recipe import reader
from tests.training.fine_lab import fine_lab

pytest.importorskip("accelerate")
FAST = {
    "preset": "debug", "steps": "5", "precision": "fp32", "validate_every": "5", "execution.device": "cpu",
}  # fmt: skip


@dataclass(frozen=True)
class Plain:
    """The task without dropout, which several processes draw each for itself, and without the model folder at its end."""

    settings: TaskSettings

    def build(self, run: Run) -> Task:
        task = replace(self.settings.build(run), export=None)
        for part in (part for module in task.modules.values() for part in module.modules()):
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        return task


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two exams a step, of which one in five has a prior."""
    found = reader([fine_lab(tmp_path_factory.mktemp("lab"), 6, "reader")]).with_set({**FAST, "batch": "2"})
    return replace(found, task=Plain(found.task))


@pytest.fixture(scope="module")
def alone(run, tmp_path_factory):
    """One process that computes the exams of a step one after the other, as the processes do beside each other."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert train(replace(run, accumulate=2), folder).finished
    return folder


def _train(run: Run, folder: Path) -> str:
    torch.set_num_threads(1)
    try:
        return str(train(run, folder).finished)
    except MammoscribeError as error:
        return error.sentence()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp2", "zero2"])
def test_two_processes_have_the_losses_of_one(kind, run, alone, tmp_path):
    if kind.startswith("zero"):
        pytest.importorskip("deepspeed")
    shared = run.with_set({"distribution.kind": kind})
    assert in_ranks(2, tmp_path, _train, shared, tmp_path / "run") == ["True", "True"]
    pairs = list(zip(read_metrics(alone), read_metrics(tmp_path / "run"), strict=True))
    steps = [(a, b) for a, b in pairs if "loss/total" in a]
    assert len(pairs) == 6 and len(steps) == 5  # five steps and a validation
    assert all(abs(a[n] - b[n]) < 1e-4 for a, b in steps for n in a if n.startswith("loss/"))
    assert all(a["grad_norm"] == pytest.approx(b["grad_norm"], rel=1e-3) for a, b in steps)


def test_a_stage_of_zero_that_the_reader_cannot_be_trained_in_is_refused(run):
    shared = run.with_set({"distribution.kind": "zero3"})
    with pytest.raises(InputError, match="zero3 for the reader; expected ddp, fsdp2, zero1 or zero2"):
        shared.task.build(shared)


def test_only_some_steps_compare_with_a_prior(run):
    """Without this the tests above would show nothing."""
    (exams,) = [source.items for source in run.task.build(run).sources.values()]
    with_prior = [any(view.prior is not None for view in exam.views) for exam in exams]
    assert any(with_prior) and not all(with_prior)
