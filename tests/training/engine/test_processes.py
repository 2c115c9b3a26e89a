"""Several processes on the CPU: the losses of one process, rows of all with the right gradient, sharding, dead ranks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from benchmarks import engine_toy
from benchmarks.engine_processes import in_ranks
from benchmarks.engine_toy import toy_run
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.engine.collectives import from_first, gather_rows, of_all, share_buffers, summed
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.train import train
from tests.training.engine.linear import Linear, errors, linear_run

SHORT = {"steps": "12", "checkpoint_every": "6", "validate_every": "6", "accumulate": "2", "ema_decay": "0.9"}


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def largest_difference(folder: Path, other: Path) -> float:
    """Of any loss, norm or figure of two runs of as many lines."""
    pairs = zip(rows(folder), rows(other), strict=True)
    timed = ("seconds", "items_per_s", "memory_mb")
    return max(abs(a[n] - b[n]) for a, b in pairs for n in a.keys() | b.keys() if n not in timed)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("processes") / "alone"
    train(toy_run(**SHORT), folder)
    return folder


def launched(folder: Path, processes: int, **changes: str) -> subprocess.CompletedProcess[str]:
    """The toy run in new processes, as the command line starts it."""
    command = [sys.executable, engine_toy.__file__, "--out", str(folder), "--processes", str(processes)]
    settings = [f"--set={name}={text}" for name, text in changes.items()]
    paths = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*command, *settings], capture_output=True, text=True, timeout=170, env=environment)


def test_two_processes_that_are_launched_train_as_one_does(alone, tmp_path):
    done = launched(tmp_path / "two", 2, **SHORT)
    assert done.returncode == 0, done.stderr
    assert largest_difference(alone, tmp_path / "two") < 1e-4
    for name in ("weights", "ema"):
        one, two = (
            load_file(f / "checkpoints" / "step-00000012" / f"{name}.safetensors") for f in (alone, tmp_path / "two")
        )
        assert all(torch.allclose(one[key], two[key], atol=1e-5) for key in one)


def _train(run: Run, folder: Path, on_row: Callable[[dict], None] = lambda _: None) -> str:
    try:
        return str(train(run, folder, on_row).exit_code)
    except MammoscribeError as error:
        return str(error)


def test_a_run_of_one_process_goes_on_in_two_and_back(alone, tmp_path):
    def stop(row: dict) -> None:
        if row["step"] in (3, 8) and "rate" in row:
            os.kill(os.getpid(), signal.SIGTERM)

    run = toy_run(**SHORT)
    assert _train(run, tmp_path / "run", stop) == "85"
    assert in_ranks(2, tmp_path, _train, run, tmp_path / "run", stop) == ["85", "85"]
    assert [p.name for p in (tmp_path / "run" / "checkpoints").glob("step-*")] != []
    assert _train(run, tmp_path / "run") == "0"
    assert largest_difference(alone, tmp_path / "run") < 1e-4


def _killed(run: Run, folder: Path) -> str:
    def die(row: dict) -> None:
        if row["step"] == 8 and "rate" in row:
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)

    if os.environ["RANK"] == "1":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pid").write_text(str(os.getpid()))
    return _train(run, folder / "run", die)


def test_a_process_that_is_killed_is_one_sentence_and_the_run_goes_on(alone, tmp_path):
    run = toy_run(**SHORT)
    first, second = in_ranks(2, tmp_path, _killed, run, tmp_path)
    assert second == -signal.SIGKILL
    assert "another process of this run ended or does not answer" in first
    assert "goes on from checkpoints/step-00000006" in first
    assert in_ranks(2, tmp_path / "run", _train, run, tmp_path / "run") == ["0", "0"]
    assert largest_difference(alone, tmp_path / "run") < 1e-4


def _with_group(function: Callable[[int], object]) -> object:
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    try:
        return function(dist.get_rank())
    finally:
        dist.destroy_process_group()


ROWS = torch.arange(15.0).reshape(5, 3).sin()
OTHER = torch.arange(15.0).reshape(5, 3).cos()


def _contrast(rank: int) -> list[list[float]]:
    """The gradient of this process's rows (two of the first, three of the second) of a loss over the rows of both."""
    part = slice(0, 2) if rank == 0 else slice(2, 5)
    own, other = ROWS[part].clone().requires_grad_(), OTHER[part].clone().requires_grad_()
    a, b = gather_rows(own), gather_rows(other)
    right = torch.arange(len(own)) + a.start
    loss = F.cross_entropy(own @ b.rows.T, right, reduction="sum") + F.cross_entropy(
        other @ a.rows.T, right, reduction="sum"
    )
    loss.backward()
    return [*own.grad.tolist(), *other.grad.tolist()]


def test_rows_of_all_processes_have_the_gradient_of_one_process_with_all_rows(tmp_path):
    rows, other = ROWS.clone().requires_grad_(), OTHER.clone().requires_grad_()
    right = torch.arange(5)
    (
        F.cross_entropy(rows @ other.T, right, reduction="sum")
        + F.cross_entropy(other @ rows.T, right, reduction="sum")
    ).backward()
    first, second = (torch.tensor(g) for g in in_ranks(2, tmp_path, _with_group, _contrast))
    assert torch.allclose(torch.cat([first[:2], second[:3]]), rows.grad, atol=1e-6)
    assert torch.allclose(torch.cat([first[2:], second[3:]]), other.grad, atol=1e-6)


def test_one_process_gathers_its_own_rows():
    gathered = gather_rows(ROWS)
    assert gathered.rows is ROWS
    assert gathered.start == 0


def _exchange(rank: int) -> tuple:
    norm = nn.BatchNorm1d(2)
    norm(torch.randn(8, 2, generator=torch.Generator().manual_seed(rank)))
    share_buffers(norm)
    return (
        summed([1.0, float(rank)], torch.device("cpu")),
        from_first(f"of {rank}"),
        of_all([rank] * (rank + 1)),
        norm.running_mean.tolist(),
    )


def test_sums_words_lists_and_buffers_are_exchanged(tmp_path):
    first, second = in_ranks(2, tmp_path, _with_group, _exchange)
    assert first == second
    assert first[:3] == ([2.0, 1.0], "of 0", [[0], [1, 1]])


class Branches(nn.Module):
    """The second branch is for rows whose first number is below zero, which only one process has."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.one(x)
        below = x[:, :1] < 0
        return torch.where(below, self.two(x), out) if below.any() else out


def _branches(partial: bool, folder: Path) -> str:
    changes = {"modules": {"layer": Branches()}, "partial": partial}
    torch.manual_seed(0)
    return _train(linear_run(3, Linear(changes=changes)), folder)


def test_a_parameter_that_one_process_does_not_use_is_named(tmp_path):
    first, _ = in_ranks(2, tmp_path, _branches, False, tmp_path / "run")
    assert "in step 1, layer.two.bias, layer.two.weight took no part in the losses of a process" in str(first)


def test_a_partial_task_trains_as_in_one_process(tmp_path):
    assert in_ranks(2, tmp_path, _branches, True, tmp_path / "two") == ["0", "0"]
    assert _branches(True, tmp_path / "one") == "0"


def _noise(folder: Path) -> list[float]:
    found = []

    def loss(modules, batches):
        found.append(float(torch.rand(())))
        return errors(modules, batches)

    train(linear_run(4, Linear(loss=loss)), folder)
    return found


def test_noise_differs_from_process_to_process(tmp_path):
    first, second = in_ranks(2, tmp_path, _noise, tmp_path / "run")
    assert len({*first, *second}) == 8


def _not_finite(folder: Path) -> str:
    def loss(modules, batches):
        found = errors(modules, batches)
        return {n: v * float("nan") for n, v in found.items()} if os.environ["RANK"] == "1" else found

    return _train(linear_run(9, Linear(loss=loss), skips_in_a_row="3"), folder)


def test_a_gradient_that_is_not_finite_in_one_process_is_skipped_in_all(tmp_path):
    for text in in_ranks(2, tmp_path, _not_finite, tmp_path / "run"):
        assert "not finite in 4 steps in a row" in text
    assert [row["skipped"] for row in rows(tmp_path / "run")] == [1, 2, 3]


def test_a_step_that_cannot_be_shared_out_is_one_sentence(tmp_path):
    first, second = in_ranks(2, tmp_path, _train, linear_run(accumulate="2"), tmp_path / "run")
    assert first == second
    assert "6 items of rows for 2 processes that accumulate 2 parts; expected a multiple of 4; set batch.rows" in first


SHARDED = {
    "distribution.kind": "fsdp2",
    "steps": "12",
    "checkpoint_every": "6",
    "validate_every": "6",
    "accumulate": "2",
    "ema_decay": "0.9",
}


@pytest.mark.slow
def test_fsdp2_is_sharded_on_the_cpu_and_trains_as_one_process_does(alone, tmp_path):
    def stop(row: dict) -> None:
        if row["step"] == 8 and "rate" in row and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            os.kill(os.getpid(), signal.SIGTERM)

    assert in_ranks(2, tmp_path, _train, toy_run(**SHARDED), tmp_path / "run", stop) == ["85", "85"]
    assert in_ranks(2, tmp_path, _train, toy_run(**SHARDED), tmp_path / "run") == ["0", "0"]
    assert largest_difference(alone, tmp_path / "run") < 1e-4
    one, two = (load_file(f / "checkpoints" / "step-00000012" / "ema.safetensors") for f in (alone, tmp_path / "run"))
    assert all(torch.allclose(one[key], two[key], atol=1e-5) for key in one)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zero1", "zero2", "zero3"])
def test_zero_trains_as_one_process_does_and_goes_on(kind, tmp_path):
    pytest.importorskip("deepspeed")
    settings = {**SHORT, "distribution.kind": kind, "ema_decay": "none"}
    train(toy_run(**SHORT | {"ema_decay": "none"}), tmp_path / "one")
    half = launched(tmp_path / "run", 2, **settings, minutes="1e-9")
    assert half.returncode == 85, half.stderr
    done = launched(tmp_path / "run", 2, **settings)
    assert done.returncode == 0, done.stderr
    assert largest_difference(tmp_path / "one", tmp_path / "run") < 1e-4


def _wait(folder: Path, step: int) -> None:
    for _ in range(2000):
        if (folder / "metrics.jsonl").exists() and len(rows(folder)) >= step:
            return
        time.sleep(0.01)
    raise AssertionError("it did not get there")


@pytest.mark.slow
def test_a_signal_to_the_launcher_reaches_every_process_and_its_code_comes_back(alone, tmp_path):
    command = [sys.executable, engine_toy.__file__, "--out", str(tmp_path / "run"), "--processes", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    settings = [f"--set={n}={t}" for n, t in (SHORT | {"steps": "400"}).items()]
    with subprocess.Popen([*command, *settings], env=environment, stderr=subprocess.PIPE, text=True) as process:
        _wait(tmp_path / "run", 20)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 85
        assert "SIGUSR1 was received" in (process.stderr.read() if process.stderr else "")
