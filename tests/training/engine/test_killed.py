"""Runs that are killed with SIGKILL go on exactly: the process itself at any moment, and a worker that makes batches."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks.engine_processes import children, forked
from benchmarks.engine_toy import toy_run
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.train import train

RUN = {"steps": "60", "checkpoint_every": "5", "validate_every": "20", "dropout": "0.2"}


def rows(folder: Path) -> list[dict]:
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in ("seconds", "items_per_s", "memory_mb")} for row in found]


def wait_for(folder: Path, step: int) -> None:
    """Wait until a line of that step is there."""
    for _ in range(6000):
        path = folder / "metrics.jsonl"
        if path.exists() and f'{{"step": {step},' in path.read_text():
            return
        time.sleep(0.005)
    raise AssertionError(f"step {step} was not reached")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp("whole")
    train(toy_run(**RUN), folder)
    return rows(folder)


@pytest.mark.parametrize("delay_s", [0.0, 0.013])
def test_a_process_that_is_killed_goes_on_exactly(delay_s, whole, tmp_path):
    for step in (13, 41):
        process = forked(train, toy_run(**RUN), tmp_path)
        wait_for(tmp_path, step)
        time.sleep(delay_s)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    train(toy_run(**RUN), tmp_path)
    assert rows(tmp_path) == whole


def _train(run: Run, folder: Path, answer: Path) -> None:
    try:
        train(run, folder)
    except InputError as error:
        answer.write_text(str(error))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the worker in /proc")
def test_a_worker_that_is_killed_is_one_sentence_and_the_run_goes_on_exactly(whole, tmp_path):
    answer, folder = tmp_path / "answer", tmp_path / "run"
    run = toy_run(**RUN, workers="1")
    process = forked(_train, run, folder, answer)
    wait_for(folder, 17)
    os.kill(children(process.pid or 0)[0], signal.SIGKILL)
    process.join(60)
    assert "a worker process that makes batches died" in answer.read_text()
    assert "the run goes on from checkpoints/step-" in answer.read_text()
    train(run, folder)
    assert rows(folder) == whole
