"""Starts a command in several processes of this machine that train together; passes signals on, and the exit code back.

torchrun does the same across machines. It does not pass SIGUSR1 on and always ends with 1 when a process did not end with
0, so a queue could not tell a run that can go on from one that failed.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.stop import INTERRUPTED, OTHER_PROCESS, REQUEUE, SIGNALS, USER_ERROR

TICK_S = 0.05
OWN_END_S, GRACE_S = 10.0, 20.0
"""How long the others may take to end by themselves after one failed, and then when they are asked to."""


def launch(command: Sequence[str], processes: int) -> int:
    """Run `command` in `processes` processes and wait; the first one prints to this terminal.

    Returns:
        0, 85 (stopped with a checkpoint), 130 (Ctrl-C), or 2 after the first process has printed what was wrong.

    Raises:
        InputError: when another process failed or was killed, with the last line that it printed.
    """
    with tempfile.TemporaryDirectory() as folder, _Group(command, processes, Path(folder)) as group:
        return group.wait()


class _Group:
    """The processes, as a context that leaves none behind."""

    def __init__(self, command: Sequence[str], processes: int, folder: Path) -> None:
        self._command, self._number, self._folder = command, processes, folder
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "_Group":
        shared = _environment(self._number)
        for rank in range(self._number):
            own = {**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            with self._printed(rank) as stream:
                self._running.append(
                    subprocess.Popen(self._command, env=own, stdout=stream, stderr=stream, start_new_session=True)  # noqa: S603
                )
        return self

    @contextmanager
    def _printed(self, rank: int) -> Iterator[IO[bytes] | None]:
        """Where a process prints: the first one here, the others to a file that is read when they fail."""
        if rank == 0:
            yield None
            return
        with self._file(rank).open("wb") as stream:
            yield stream

    def _file(self, rank: int) -> Path:
        return self._folder / f"{rank}.txt"

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()

    def wait(self) -> int:
        """Wait for all; when one fails, end the others."""
        with _passing_on(self._running):
            while True:
                codes = [process.poll() for process in self._running]
                if any(code not in (None, 0, REQUEUE, INTERRUPTED) for code in codes):
                    return self._explain()
                if None not in codes:
                    return max(code for code in codes if code is not None)
                time.sleep(TICK_S)

    def _explain(self) -> int:
        """End the others. What the first process has printed is enough; otherwise the one that failed first is named."""
        failed = [
            r for r, p in enumerate(self._running) if p.poll() not in (None, 0, REQUEUE, INTERRUPTED, OTHER_PROCESS)
        ]
        self._end_all()
        if self._running[0].returncode == USER_ERROR:
            return USER_ERROR
        rank = failed[0] if failed else 0
        code = self._running[rank].returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise InputError(
            f"process {rank + 1} of {self._number} {how}{self._last_line(rank)}", "",
            "started again, the run goes on from its last checkpoint",
        )  # fmt: skip

    def _end_all(self) -> None:
        """Processes that wait for one that is gone end by themselves; those that do not are asked to, then killed."""
        for seconds, insist in ((OWN_END_S, subprocess.Popen.terminate), (GRACE_S, subprocess.Popen.kill)):
            until = time.monotonic() + seconds
            while time.monotonic() < until and any(p.poll() is None for p in self._running):
                time.sleep(TICK_S)
            for process in self._running:
                if process.poll() is None:
                    insist(process)

    def _last_line(self, rank: int) -> str:
        if rank == 0:
            return ""
        lines = self._file(rank).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f": {lines[-1].strip()[:300]}" if lines else ""


def _environment(processes: int) -> Mapping[str, str]:
    """The variables by which the processes find each other; threads are divided between them unless OMP_NUM_THREADS is set."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = max(1, (os.cpu_count() or 1) // processes)
    return {
        "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
    }  # fmt: skip


@contextmanager
def _passing_on(running: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Hand the signals that stop a run to every process of it."""

    def hand_on(number: int, _: Any) -> None:
        for process in running:
            if process.poll() is None:
                process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
