"""Trains a run in its folder: begins or goes on, steps to the end or until it is asked to stop. Read this file first."""

import warnings
from pathlib import Path

from mammoscribe.training.engine.checkpoints import kept
from mammoscribe.training.engine.faults import one_sentence
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.session import Notify, OnRow, Session
from mammoscribe.training.engine.stop import INTERRUPTED, REQUEUE, Outcome, Stop, listening


def train(run: Run, folder: Path, on_row: OnRow = lambda _: None, notify: Notify = lambda _: None) -> Outcome:
    """Train `run` in `folder`; a run that was stopped or killed goes on from its last checkpoint, exactly.

    Started in several processes (`launch`, torchrun, the script of --slurm), it trains one network in all of them. It ends after
    `run.steps` steps, or with a checkpoint when SIGTERM, SIGUSR1 or Ctrl-C comes or the time limit is over.

    Args:
        run: what is trained.
        folder: gets run.json, metrics.jsonl, sessions.jsonl, checkpoints/, plots/ and model/.
        on_row: called with each line of metrics.jsonl, in the first process.
        notify: called with notes for the user, in the first process.

    Returns:
        how it ended, with the exit code for the shell.

    Raises:
        MammoscribeError: in one sentence, for a run that cannot be built, a folder of another run, divergence, a disk
            that is full, a worker or process that was killed. The last checkpoint stays usable.
    """
    folder = Path(folder)
    with listening(run.execution.minutes) as stop, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")  # DeepSpeed's, every step
        with one_sentence(folder):
            session = Session(run, folder, on_row, notify)
        failed = True
        try:
            with one_sentence(folder, lambda: _left(folder)):
                outcome = _steps(session, stop)
            failed = False
        finally:
            session.close(failed)
    return outcome


def _steps(session: Session, stop: Stop) -> Outcome:
    session.restore()
    while True:
        session.keep_up()
        if session.step >= session.run.steps:
            break
        if not session.advance(stop.wanted()):
            session.save()
            session.notify(f"stopped after step {session.step} of {session.run.steps}: {stop.reason()}")
            return Outcome(session.step, False, stop.reason(), _code(stop))
    session.finish()
    return Outcome(session.step, True)


def _code(stop: Stop) -> int:
    return INTERRUPTED if stop.caught is not None and stop.caught.name == "SIGINT" else REQUEUE


def _left(folder: Path) -> str:
    """What a run that failed can go on from."""
    checkpoints = kept(folder)
    if not checkpoints:
        return "no checkpoint was written yet"
    return f"started again, the run goes on from checkpoints/{checkpoints[-1][1].name}"
