"""Work spread over processes: few tasks in flight, one thread in each, told of while it runs, nobody left behind."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from mammoscribe.support.errors import InputError
from mammoscribe.support.workers import end_with_parent, threads_each

Task = TypeVar("Task")
Result = TypeVar("Result")
Tell = Callable[[int, int], None]
"""Told how many records and pictures were done since it was last told; in a worker it ends work that nobody waits for."""

TICK_S = 0.25
"""How often the parent looks at what the workers did."""
_RECORDS, _PICTURES, _STOP = range(3)
_board: Any = None  # in a worker, and only there: an initializer has no other way to hand over shared memory


class Stopped(Exception):
    """The parent has given up."""


def spread(
    work: Callable[[Task, Tell], Result], tasks: Iterable[Task], workers: int, tell: Tell
) -> Generator[tuple[Task, Result]]:
    """Every task with its result, in the order in which they are done; with one worker, here and one after the other.

    Args:
        work: a function of a module, called with a task and what it tells its progress to.
        tasks: made when their turn comes; at most two for each worker are in flight.
        workers: processes, each of one thread; they end when this process does, however it ends.
        tell: told what was done.

    Raises:
        InputError: when a worker dies, naming the tasks that were in flight. What `work` raises is raised here.
    """
    if workers > 1:
        yield from _in_processes(work, iter(tasks), workers, tell)
        return
    for task in tasks:
        yield task, work(task, tell)


def _in_processes(
    work: Callable[[Task, Tell], Result], tasks: Iterator[Task], workers: int, tell: Tell
) -> Iterator[tuple[Task, Result]]:
    context = multiprocessing.get_context("spawn")  # forking a process that has threads can lock
    board = context.Array("q", 3)
    flying: dict[Future[Result], Task] = {}
    reported = [0, 0]
    with threads_each(1), ProcessPoolExecutor(workers, context, _begin, (board,)) as pool:
        try:
            while True:
                for task in islice(tasks, 2 * workers - len(flying)):
                    flying[pool.submit(_run, work, task)] = task
                if not flying:
                    break
                done, _ = wait(flying, TICK_S, FIRST_COMPLETED)
                _pass_on(board, reported, tell)
                for future in done:
                    yield flying[future], future.result()
                    del flying[future]
        except BrokenProcessPool as error:
            raise InputError(
                f"a worker process died on one of {'; '.join(str(t) for t in flying.values())}: "
                "it was killed, there was no memory left, or a decoder crashed",
                "",
                "run it again with fewer workers; what is finished is kept",
            ) from error
        finally:
            board.get_obj()[_STOP] = 1  # without its lock, which a dead worker may hold
            pool.shutdown(wait=True, cancel_futures=True)


def _pass_on(board: Any, reported: list[int], tell: Tell) -> None:
    now = list(board.get_obj()[:2])
    if now != reported:
        tell(now[0] - reported[0], now[1] - reported[1])
        reported[:] = now


def _begin(board: Any) -> None:
    """What a worker does first."""
    global _board
    _board = board
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all; the parent says what happened
    end_with_parent()


def _run(work: Callable[[Task, Tell], Result], task: Task) -> Result:
    return work(task, _tell)


def _tell(records: int, pictures: int) -> None:
    with _board.get_lock():
        counts = _board.get_obj()
        counts[_RECORDS] += records
        counts[_PICTURES] += pictures
        if counts[_STOP]:
            raise Stopped
