"""Launching: what the processes find each other by, how they end, and who is left behind (no one)."""

import os
import signal
import sys
import threading
import time

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine import launch as module
from mammoscribe.training.engine.launch import launch


def script(text: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys, time, signal\nrank = int(os.environ['RANK'])\n{text}"]


def test_each_process_knows_its_place(tmp_path):
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS")
    code = f"open(r'{tmp_path}/' + str(rank), 'w').write(' '.join(os.environ[n] for n in {names}))"
    assert launch(script(code), 3) == 0
    found = [(tmp_path / str(rank)).read_text().split() for rank in range(3)]
    assert [(f[0], f[1], f[2], f[3], f[4]) for f in found] == [
        (str(r), str(r), "3", "3", "127.0.0.1") for r in range(3)
    ]
    assert len({f[5] for f in found}) == 1


@pytest.mark.parametrize("code", [0, 85, 130])
def test_the_code_of_a_run_that_can_go_on_comes_back(code):
    assert launch(script(f"sys.exit({code})"), 2) == code


def test_what_the_first_process_has_said_is_enough():
    assert launch(script("sys.exit(2)"), 2) == 2
    assert launch(script("sys.exit(2) if rank == 0 else sys.exit(3)"), 2) == 2


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            "print('error shard-3 is damaged.', file=sys.stderr); sys.exit(2)",
            "process 2 of 2 ended with exit code 2: error shard-3 is damaged",
        ),
        ("os.kill(os.getpid(), signal.SIGKILL)", "process 2 of 2 was killed by SIGKILL"),
        ("raise ValueError('a bug')", "process 2 of 2 ended with exit code 1: ValueError: a bug"),
    ],
)
def test_the_process_that_failed_by_itself_is_named(other, words):
    with pytest.raises(InputError) as error:
        launch(script(f"if rank == 1:\n    {other}\ntime.sleep(0.3)\nsys.exit(3)"), 2)
    assert words in str(error.value)
    assert "goes on from its last checkpoint" in str(error.value)


def test_processes_that_wait_for_a_dead_one_are_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "OWN_END_S", 0.3)
    monkeypatch.setattr(module, "GRACE_S", 0.5)
    code = f"""open(r'{tmp_path}/' + str(rank), 'w').write(str(os.getpid()))
if rank == 1:
    while not os.path.exists(r'{tmp_path}/0'): time.sleep(0.01)
    sys.exit(7)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)"""
    start = time.monotonic()
    with pytest.raises(InputError, match="process 2 of 2 ended with exit code 7"):
        launch(script(code), 2)
    assert time.monotonic() - start < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "0").read_text()), 0)


def test_processes_that_wait_for_a_dead_one_are_asked_before_they_are_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "OWN_END_S", 0.3)
    code = f"""def note(n, _):
    open(r'{tmp_path}/asked', 'w').write('')
    sys.exit(0)
if rank == 1:
    while not os.path.exists(r'{tmp_path}/ready'): time.sleep(0.01)
    sys.exit(7)
signal.signal(signal.SIGTERM, note)
open(r'{tmp_path}/ready', 'w').write('')
time.sleep(600)"""
    with pytest.raises(InputError, match="process 2 of 2 ended with exit code 7"):
        launch(script(code), 2)
    assert (tmp_path / "asked").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_are_handed_to_every_process(number, tmp_path):
    code = f"""def note(n, _):
    open(r'{tmp_path}/got' + str(rank), 'w').write(str(n))
    sys.exit(85)
signal.signal({int(number)}, note)
open(r'{tmp_path}/ready' + str(rank), 'w').write('')
time.sleep(600)"""

    def send() -> None:
        while not all((tmp_path / f"ready{rank}").exists() for rank in range(2)):
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    before = signal.getsignal(number)
    thread.start()
    assert launch(script(code), 2) == 85
    thread.join()
    assert [(tmp_path / f"got{rank}").read_text() for rank in range(2)] == [str(int(number))] * 2
    assert signal.getsignal(number) is before
