"""From a generator and exams to a card of faithfulness: trials are stored one by one, so that a run can stop and go on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammoscribe import __version__
from mammoscribe.evaluation.faithfulness.card import FaithfulnessCard, make_card
from mammoscribe.evaluation.faithfulness.subjects import Subjects
from mammoscribe.evaluation.faithfulness.trials import OWN, Trial, read_trials, run_trial, write_trials
from mammoscribe.evaluation.faithfulness.written import Generator
from mammoscribe.evaluation.outputs.read_prepared import ROOMS
from mammoscribe.evaluation.outputs.store import MadeBy
from mammoscribe.support.code_version import git_commit, source_digest
from mammoscribe.support.errors import InputError
from mammoscribe.support.locks import alone

NO_RANDOM = "the weights of this writer are out of reach, so nothing was written with random weights"


@dataclass(frozen=True)
class Asked:
    """What is measured.

    Args:
        generator: writes. subjects: about these exams. who, exams: both in words.
        made_by: plain values that decide about the trials, beside the code.
        num_draws: of the bootstrap. notes: put on the card.
    """

    generator: Generator
    subjects: Subjects
    who: str
    exams: str
    made_by: Mapping[str, Any]
    num_draws: int = 1000
    notes: tuple[str, ...] = ()


def measure_faithfulness(asked: Asked, folder: Path, on_exam: Callable[[], None] = lambda: None) -> FaithfulnessCard:
    """Run the trials that are not in the folder yet, store them, and measure all.

    Args:
        asked: what. folder: of the file of trials. on_exam: called after every exam that is written about.

    Raises:
        InputError: without an exam, or when nothing could be written about any.
    """
    if not len(asked.subjects):
        raise InputError(f"{asked.exams} has no exam", "labelled exams")
    code = {"sha256": source_digest(*ROOMS, "writers", "evaluation/faithfulness")}
    made = MadeBy({**asked.made_by, "code": code}, {"package": __version__, "git": git_commit()})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"faithfulness-{made.key[:16]}.jsonl"
    random = asked.generator.randomised()
    with alone(path.with_suffix(".lock"), f"another run is writing to {path}"):
        trials = _trials(asked, random, path, on_exam)
    notes = asked.notes if random is not None else (*asked.notes, NO_RANDOM)
    return make_card(
        asked.who, asked.exams, asked.generator.texts, trials, {**made.values, **made.noted}, asked.num_draws, notes
    )


def _trials(asked: Asked, random: Generator | None, path: Path, on_exam: Callable[[], None]) -> list[Trial]:
    """Those of the file, and the missing ones after they were run; one without any text is run again."""
    done, wanted = read_trials(path), list[Trial]()
    for number in range(len(asked.subjects)):
        name = asked.subjects.id_of(number)
        if name not in done or OWN not in done[name].facts:
            done[name] = run_trial(asked.generator, asked.subjects, number, random)
            write_trials(done.values(), path)
            on_exam()
        wanted.append(done[name])
    return wanted
