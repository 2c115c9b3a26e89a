"""Worker processes: each task is handed out once, a dead worker costs its task only, and no worker outlives its parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.support.workers import Died, in_workers, threads_for

CORES = "mammoscribe.support.workers.available_cores"


def doubling():
    return _doubled


def _doubled(task):
    return 2 * task


def mortal(how):
    return partial(_dying_on_three, how)


def _dying_on_three(how, task):
    if task == 3:
        if how == "exits":
            os._exit(7)
        if how == "raises":
            raise RuntimeError("three")
        os.kill(os.getpid(), {"killed": signal.SIGKILL, "aborts": signal.SIGABRT}[how])
    return os.getpid()


def refusing():
    raise InputError("no such model", "starter", "look again")


def stillborn(folder):
    (folder / f"start-{len(list(folder.iterdir()))}").touch()
    os._exit(3)


def born_at_second_try(folder):
    if not list(folder.iterdir()):
        (folder / "start").touch()
        os._exit(3)
    return _doubled


def noting(folder):
    return partial(_note, folder)


def _note(folder, task):
    (folder / f"begun-{os.getpid()}").touch()
    try:
        time.sleep(60)
    finally:
        (folder / f"put-away-{os.getpid()}").touch()


def own_threads():
    return _environment


def _environment(task):
    return os.environ["OMP_NUM_THREADS"]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_task_comes_back_once_with_its_result(workers):
    found = list(in_workers(doubling, range(20), workers))
    assert sorted(found) == [(n, 2 * n) for n in range(20)]


def test_tasks_are_taken_when_a_worker_is_free_for_them():
    taken, done = [], 0
    for _ in in_workers(doubling, (taken.append(n) or n for n in range(12)), 2):
        done += 1
        assert len(taken) - done <= 3
    assert done == 12


@pytest.mark.parametrize(
    ("how", "words"),
    [("killed", "was killed"), ("aborts", "SIGABRT"), ("exits", "exit code 7"), ("raises", "exit code 1")],
)
def test_a_worker_that_dies_costs_its_task_only_and_another_takes_its_place(how, words):
    found = dict(in_workers(partial(mortal, how), range(6), 1))
    died = found.pop(3)
    assert isinstance(died, Died) and words in str(died)
    assert sorted(found) == [0, 1, 2, 4, 5]
    assert found[2] != found[4]  # another process


def test_what_a_worker_refuses_at_its_start_is_raised_as_it_was():
    with pytest.raises(InputError, match=r"^no such model; expected starter; look again\.$"):
        list(in_workers(refusing, range(3), 2))


def test_workers_that_never_start_are_given_up_and_one_failed_start_is_not(tmp_path):
    (tmp_path / "never").mkdir()
    (tmp_path / "once").mkdir()
    with pytest.raises(InputError, match="exit code 3 before it was ready; try fewer workers"):
        list(in_workers(partial(stillborn, tmp_path / "never"), range(3), 1))
    assert len(list((tmp_path / "never").iterdir())) == 3
    assert list(in_workers(partial(born_at_second_try, tmp_path / "once"), [1, 2], 1)) == [(1, 2), (2, 4)]


def test_no_more_workers_are_started_than_there_are_tasks(tmp_path):
    assert len({p for _, p in in_workers(partial(mortal, ""), [0, 1], 50)}) <= 2


def test_cores_are_shared_among_workers_and_never_more_threads_than_allowed(monkeypatch):
    monkeypatch.setattr(CORES, lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads_for(n) for n in (1, 3, 16, 40)] == [16, 5, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert [threads_for(n) for n in (1, 3, 8)] == [4, 4, 2]
    assert {t for _, t in in_workers(own_threads, range(3), 3)} == {"4"}
    assert os.environ["OMP_NUM_THREADS"] == "4"


def test_workers_that_are_stopped_put_away_what_they_write(tmp_path, request):
    # a shell that starts the tests in the background has them ignore Ctrl-C
    request.addfinalizer(
        partial(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
    )

    def interrupt():
        waited_for(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with closing(in_workers(partial(noting, tmp_path), range(2), 2)) as results, pytest.raises(KeyboardInterrupt):
        next(results)
    begun = {p.name.removeprefix("begun-") for p in tmp_path.glob("begun-*")}
    assert begun == {p.name.removeprefix("put-away-") for p in tmp_path.glob("put-away-*")}
    assert len(begun) == 2
    assert not any(alive(int(pid)) for pid in begun)


def test_workers_end_when_their_parent_is_killed(tmp_path):
    code = (
        "from functools import partial; from pathlib import Path; from mammoscribe.support.workers import in_workers; "
        f"from tests.support.test_workers import noting; list(in_workers(partial(noting, Path({str(tmp_path)!r})), range(2), 2))"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    )
    waited_for(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
    parent.kill()
    parent.wait()
    workers = [int(p.name.removeprefix("begun-")) for p in tmp_path.glob("begun-*")]
    waited_for(lambda: not any(map(alive, workers)))


def waited_for(happened, seconds=30.0):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
