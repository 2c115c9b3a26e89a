"""A lock is held by one, and goes with its holder."""

import os
import subprocess
import sys

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.support.locks import alone

HOLD = """
import sys, time
from pathlib import Path
from mammoscribe.support.locks import alone
with alone(Path(sys.argv[1]), "busy"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock until its input ends."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=environment,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def hold(path):
    with alone(path, "somebody is at it"):
        return True


def test_what_another_process_holds_is_refused_until_it_lets_go(other, tmp_path):
    with pytest.raises(InputError, match=r"somebody is at it; expected one at a time; wait until it has ended"):
        hold(tmp_path / "lock")
    other.communicate()
    assert hold(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_holds_nothing(other, tmp_path):
    other.kill()
    other.wait()
    assert (tmp_path / "lock").exists()
    assert hold(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


def test_it_is_let_go_when_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "lock", "busy"):
        1 / 0  # noqa: B018
    assert hold(tmp_path / "lock")


def test_one_process_cannot_hold_it_twice(tmp_path):
    with alone(tmp_path / "lock", "busy"), pytest.raises(InputError, match="somebody"):
        hold(tmp_path / "lock")
