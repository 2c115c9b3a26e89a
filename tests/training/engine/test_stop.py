"""Asking a run to stop: signals and time, and leaving everything as it was."""

import os
import signal
import threading

import pytest

from mammoscribe.training.engine.stop import INTERRUPTED, REQUEUE, Stop, listening


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_asks_to_stop_and_the_old_handler_comes_back(number):
    before = signal.getsignal(number)
    with listening(None) as stop:
        assert not stop.wanted()
        os.kill(os.getpid(), number)
        assert stop.wanted()
        assert stop.reason() == f"{number.name} was received"
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_interrupts():
    with listening(None):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_time_limit_asks_to_stop():
    assert not Stop(5.0).wanted()
    late = Stop(1e-9)
    assert late.wanted()
    assert "time limit" in late.reason()


def test_another_thread_may_train_without_signals():
    found = []

    def run() -> None:
        with listening(1e-9) as stop:
            found.append(stop.wanted())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [True]


def test_the_exit_codes_are_those_that_are_documented():
    assert (REQUEUE, INTERRUPTED) == (85, 130)
