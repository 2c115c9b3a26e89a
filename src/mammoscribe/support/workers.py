"""Worker processes that are handed tasks one by one; one that dies costs the task it had, and is replaced."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, Generic, TypeVar

from mammoscribe.support.errors import InputError, MammoscribeError

Task = TypeVar("Task")
Result = TypeVar("Result")

STARTS = 3
"""How many workers in a row may die before they are ready."""
PATIENCE_S = 5.0
"""How long a worker that was asked to end may take to put away what it writes."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_END = getattr(signal, "SIGUSR1", signal.SIGTERM)
_READY, _DONE, _REFUSED = range(3)


@dataclass(frozen=True)
class Died:
    """How a worker ended that had a task: the negative number of a signal, or its exit code."""

    exit_code: int

    def __str__(self) -> str:
        if self.exit_code == -signal.SIGKILL:
            return "was killed, perhaps because there was no memory left"
        if self.exit_code < 0:
            return f"crashed ({signal.Signals(-self.exit_code).name})"
        return f"ended with exit code {self.exit_code}"


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(workers: int) -> int:
    """Threads of each of so many workers: an equal share of the cores, and no more than OMP_NUM_THREADS allows."""
    share = max(1, available_cores() // max(1, workers))
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(allowed)) if allowed.isdecimal() and int(allowed) else share


def in_workers(
    begin: Callable[[], Callable[[Task], Result]], tasks: Iterable[Task], workers: int
) -> Generator[tuple[Task, Result | Died]]:
    """Every task with its result, or with how its worker died, in the order in which they are done.

    Interrupts and SIGTERM are for this process to act on; its workers ignore them, and end when the generator is closed
    or when this process ends, however it ends.

    Args:
        begin: called once in each worker; gives what is called with each task. Both travel by pickle.
        tasks: taken when a worker is free for them.
        workers: how many, at least 1; they share the cores (`threads_for`).

    Raises:
        InputError: when `begin` raises one, or workers die again and again before they are ready.
    """
    crew: _Crew[Task, Result] = _Crew(begin, workers)
    try:
        yield from crew.run(iter(tasks))
    finally:
        crew.end()


@contextmanager
def threads_each(threads: int) -> Iterator[None]:
    """Processes started meanwhile use so many threads: what counts is the environment when they load numpy and torch."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def end_with_parent(last: Callable[[], object] = lambda: None) -> None:
    """End this process when its parent has ended, even when that was killed; `last` is called before."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            last()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Worker(Generic[Task, Result]):
    """One process, what it is doing, and whether it has begun."""

    def __init__(self, begin: Callable[[], Callable[[Task], Result]], threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # forking a process that has threads can lock
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, begin), daemon=True)
        with threads_each(threads):
            self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.ready = False

    def hand(self, task: Task) -> None:
        """Give it a task; that it has died is noticed when it is waited for."""
        self.task = task
        try:
            self.pipe.send(task)
        except OSError:
            return

    def answer(self) -> tuple[int, Any] | None:
        """What it sent, None when it has died."""
        try:
            return self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            return None

    def ask_to_end(self) -> None:
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, _END)

    def end(self, seconds: float) -> int:
        """Wait for its end and then bring it about; the exit code."""
        self.pipe.close()
        self.process.join(max(0.0, seconds))
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        return self.process.exitcode or 0


class _Crew(Generic[Task, Result]):
    """The workers of one run."""

    def __init__(self, begin: Callable[[], Callable[[Task], Result]], workers: int) -> None:
        self._begin, self._most, self._threads = begin, workers, threads_for(workers)
        self._workers: list[_Worker[Task, Result]] = []
        self._failed_starts = 0

    def run(self, tasks: Iterator[Task]) -> Iterator[tuple[Task, Result | Died]]:
        for task in tasks:
            yield from self._until(lambda: len(self._busy()) < self._most)
            self._free().hand(task)
        yield from self._until(lambda: not self._busy())

    def end(self) -> None:
        """End all workers; one that is writing may put that away first."""
        for worker in self._workers:
            worker.ask_to_end()
        until = time.monotonic() + PATIENCE_S
        while self._workers:
            self._workers.pop().end(until - time.monotonic())

    def _busy(self) -> list[_Worker[Task, Result]]:
        return [w for w in self._workers if w.task is not None]

    def _free(self) -> _Worker[Task, Result]:
        """An idle worker, or a new one: there are never more than there is work for."""
        for worker in self._workers:
            if worker.task is None and worker.process.is_alive():
                return worker
        self._workers = self._busy()  # an idle one that died owes nothing
        self._workers.append(_Worker(self._begin, self._threads))
        return self._workers[-1]

    def _until(self, enough: Callable[[], bool]) -> Iterator[tuple[Task, Result | Died]]:
        while not enough():
            wait([handle for w in self._busy() for handle in (w.pipe, w.process.sentinel)])
            for worker in self._busy():
                yield from self._heard(worker)

    def _heard(self, worker: _Worker[Task, Result]) -> Iterator[tuple[Task, Result | Died]]:
        """What became of a worker's task, if anything did."""
        has_ended = not worker.process.is_alive()  # before the pipe is read: it may have answered and then died
        answer, task = worker.answer(), worker.task
        if answer is None and has_ended:
            yield from self._replace(worker)
        elif answer is not None and answer[0] == _READY:
            worker.ready, self._failed_starts = True, 0
        elif answer is not None and answer[0] == _REFUSED:
            raise InputError(*answer[1])
        elif answer is not None and task is not None:
            worker.task = None
            yield task, answer[1]

    def _replace(self, worker: _Worker[Task, Result]) -> Iterator[tuple[Task, Result | Died]]:
        """Let go of a worker that died; its task is lost if it had begun with it, and else goes to another worker."""
        self._workers.remove(worker)
        ended, task = Died(worker.end(0.0)), worker.task
        if task is None:
            return
        if worker.ready:
            yield task, ended
            return
        self._failed_starts += 1
        if self._failed_starts >= STARTS:
            raise InputError(f"a worker process {ended} before it was ready", "", "try fewer workers")
        self._free().hand(task)


def _serve(pipe: Connection, begin: Callable[[], Callable[[Any], Any]]) -> None:
    """What a worker does until its parent closes the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM):  # both reach the whole group; the parent decides what they mean
        signal.signal(number, signal.SIG_IGN)
    signal.signal(_END, _leave)
    end_with_parent(_leave_soon)
    try:
        try:
            work = begin()
        except MammoscribeError as error:
            pipe.send((_REFUSED, (error.found, error.expected, error.do)))
            return
        pipe.send((_READY, None))
        while True:
            pipe.send((_DONE, work(pipe.recv())))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave what is being done by an exception, so that half-written files are removed."""
    raise SystemExit(1)


def _leave_soon() -> None:
    os.kill(os.getpid(), _END)
    time.sleep(1.0)
