"""Ending a run before its last step: signals of a queue, a time limit, and the exit code to be started again on."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

REQUEUE = 85
"""Exit code of a run that stopped with a checkpoint and can go on, as in `scontrol requeue` after exit code 85."""
INTERRUPTED = 130
"""Exit code after Ctrl-C; the checkpoint is written all the same."""
USER_ERROR = 2
"""Exit code after an error that was printed in one sentence."""
OTHER_PROCESS = 3
"""Exit code of a process that could not go on because another one of the run ended; that one has the reason."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


@dataclass
class Stop:
    """Whether this process was asked to stop, and by what.

    Args:
        minutes: time limit from now on, or None.
    """

    minutes: float | None = None
    caught: signal.Signals | None = None
    _start: float = field(default_factory=time.monotonic)

    def wanted(self) -> bool:
        """Whether to stop at the next end of a step."""
        return self.caught is not None or self._is_late()

    def _is_late(self) -> bool:
        return self.minutes is not None and time.monotonic() - self._start > 60 * self.minutes

    def reason(self) -> str:
        """The reason in words; another process may be the one that has it."""
        if self.caught is not None:
            return f"{self.caught.name} was received"
        return (
            f"the time limit of {self.minutes:g} minutes was reached" if self._is_late() else "another process stopped"
        )


@contextmanager
def listening(minutes: float | None) -> Iterator[Stop]:
    """Catch SIGTERM, SIGUSR1 and Ctrl-C for as long as the block lasts; a second Ctrl-C interrupts as usual.

    Signals are left alone outside the main thread, which Python does not allow to catch them.
    """
    stop = Stop(minutes)

    def note(number: int, _: Any) -> None:
        if number == signal.SIGINT and stop.caught is not None:
            raise KeyboardInterrupt
        stop.caught = signal.Signals(number)

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Args:
        step: steps done.
        finished: whether these are all.
        reason: why it stopped before, or "".
        exit_code: 0 when finished, 85 when a queue should start it again, 130 after Ctrl-C.
    """

    step: int
    finished: bool
    reason: str = ""
    exit_code: int = 0
