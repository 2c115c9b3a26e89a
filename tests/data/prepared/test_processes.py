"""Work over processes: bounded, stopped when nobody waits, and a dead worker is one sentence."""

import os
import time

import numpy as np
import pytest

from mammoscribe.data.prepared.processes import spread
from mammoscribe.support.errors import InputError


def twice(task, tell):
    tell(1, task)
    return 2 * task


def dying(task, tell):
    if task == 3:
        os._exit(1)
    return task


def failing(task, tell):
    if task == 3:
        raise InputError("three", "another", "take four")
    return task


def slow(task, tell):
    for _ in range(500):
        time.sleep(0.02)
        tell(1, 0)


def threads(task, tell):
    return os.environ["OMP_NUM_THREADS"]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_comes_with_its_result_and_all_is_told(workers):
    told = np.zeros(2, int)
    found = dict(spread(twice, range(9), workers, lambda *counts: np.add(told, counts, out=told)))
    assert found == {n: 2 * n for n in range(9)}
    assert told.tolist() == [9, 36]


def test_tasks_are_made_when_their_turn_comes():
    made, done = [], 0
    for _ in spread(twice, (made.append(n) or n for n in range(30)), 2, lambda *_: None):
        done += 1
        assert len(made) - done <= 4
    assert done == 30


def test_a_worker_that_dies_is_one_sentence_that_names_its_task():
    with pytest.raises(InputError, match=r"a worker process died on one of .*3.*fewer workers"):
        list(spread(dying, range(4), 2, lambda *_: None))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_comes_through_whole(workers):
    with pytest.raises(InputError) as error:
        list(spread(failing, range(9), workers, lambda *_: None))
    assert (error.value.found, error.value.expected, error.value.do) == ("three", "another", "take four")


def test_work_that_nobody_waits_for_ends():
    def told(*_):
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(spread(slow, range(4), 2, told))
    assert time.monotonic() - start < 6  # a task takes ten seconds


def test_a_worker_has_one_thread_and_the_environment_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert [count for _, count in spread(threads, range(2), 2, lambda *_: None)] == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ
