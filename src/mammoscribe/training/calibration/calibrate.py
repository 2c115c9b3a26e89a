"""Calibrating a trained reader: a model folder whose thresholds and probabilities come from patients it did not learn from."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.processes import Tell, spread
from mammoscribe.evaluation.stored_views import check_preparation
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration.model_folder import write_model
from mammoscribe.training.calibration.out_of_fold import (
    FoldRun,
    LeftOut,
    fold_runs,
    see_left_out,
    write_predictions,
)
from mammoscribe.training.calibration.parts import with_parts
from mammoscribe.training.calibration.reader_folder import VALIDATION
from mammoscribe.training.calibration.seen import SeenExam, see

SPLIT_WORDS = {"val": VALIDATION, "train": "training split", "test": "test split", "all": "all exams"}
"""What the exams of a split are in words, for the population that is stored."""


@dataclass(frozen=True)
class Calibration:
    """What a reader is calibrated on.

    Args:
        model: a model folder, or the name of a model that ships with the package.
        data: prepared datasets with a `val` split.
        folds: runs that each left out a fold of the patients, one for each fold. Acquired exams are then seen by the run
            that did not learn from their patients; without them, by the model itself in the `val` split.
        parts: a model whose crop refiner, calcification network and decoder are added where the model has none.
        name, version: of the new model; those of the old one when None.
        split: `val`, `train` or `test`, or `all` for the labelled exams of a site that the model has learned nothing from.

    Raises:
        InputError: for another split, or one beside folds.
    """

    model: str
    data: tuple[Path, ...]
    folds: tuple[Path, ...] = ()
    parts: str | None = None
    name: str | None = None
    version: str | None = None
    split: str = "val"

    def __post_init__(self) -> None:
        if self.split not in SPLIT_WORDS:
            raise InputError(f"a split {self.split!r}", ", ".join(SPLIT_WORDS))
        if self.folds and self.split != "val":
            raise InputError(f"the split {self.split} beside folds, which read train and val", "one of them")

    def part(self, folder: Path) -> PreparedDataset:
        """The exams of a dataset that are seen."""
        return PreparedDataset(folder, None if self.split == "all" else self.split)


def calibrate(
    asked: Calibration, out: Path, workers: int = 1, on_exams: Callable[[int], None] = lambda _: None
) -> ModelCard:
    """Write the calibrated model into `out`; with folds also `breasts.csv` and `marks.json` of the patients left out.

    Args:
        asked: what is calibrated, on what.
        out: the new model folder.
        workers: processes that see exams side by side. How many they are changes nothing but the time.
        on_exams: called with how many exams were seen since the last call.

    Raises:
        InputError: when data, runs and model do not fit together, or no exam is labelled.
    """
    reader = _reader(asked)
    runs = fold_runs(asked.folds) if asked.folds else ()
    drawn_data, acquired_data = _by_origin(asked.data, reader, asked.split)
    if runs and not acquired_data:
        raise InputError(
            "folds without a dataset of acquired exams", "--data with the exams whose patients were left out"
        )
    how = SPLIT_WORDS[asked.split]
    see_all = partial(_seen_by, asked, workers, on_exams)
    drawn = see_all(drawn_data)
    if not runs:
        return write_model(reader, drawn, see_all(acquired_data), (how, how), out)
    left_out = [LeftOut(run.fold, seen) for run in runs for seen in see_all(acquired_data, run)]
    write_predictions(left_out, out)
    # their networks are not this one, so how views look to them says nothing here
    acquired = [replace(e.seen, seen=replace(e.seen.seen, looks={})) for e in left_out]
    return write_model(reader, drawn, acquired, (how, _left_out(runs)), out)


@dataclass(frozen=True)
class _Turn:
    """What one process sees in one go: exams of a part of the patients, by the model itself or by the run of a fold."""

    asked: Calibration
    folders: Sequence[Path]
    run: FoldRun | None
    patients: Fold | None

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders))

    def chosen(self, patient: str) -> bool:
        # not the hash of the patient alone: with as many workers as folds, one of them would get a whole fold
        return self.patients is None or self.patients.holds(f"worker of {patient}")

    def exams(self) -> Iterator[SeenExam]:
        reader = _reader(self.asked)
        if self.run is not None:
            yield from (e.seen for e in see_left_out(self.run, reader, self.folders, self.chosen))
            return
        for folder in self.folders:
            yield from see(reader, self.asked.part(folder), chosen=self.chosen)


def _seen_by(
    asked: Calibration,
    workers: int,
    on_exams: Callable[[int], None],
    folders: Sequence[Path],
    run: FoldRun | None = None,
) -> list[SeenExam]:
    """The exams of datasets in the order of their names, whoever saw them first."""
    parts = [None] if workers == 1 else [Fold(i, workers) for i in range(workers)]
    turns = [_Turn(asked, folders, run, part) for part in parts] if folders else []
    found = spread(_see, turns, workers, lambda exams, _: on_exams(exams))
    seen = [exam for _, pickled in found for exam in pickle.loads(pickled)]  # noqa: S301 - of a process of our own
    return sorted(seen, key=lambda e: (e.dataset, e.exam.id))


def _see(turn: _Turn, tell: Tell) -> bytes:
    """Pickled, since torch would hand every tensor to another process through an open file, of which there may be few."""
    seen = []
    for exam in turn.exams():
        seen.append(exam)
        tell(1, 0)
    return pickle.dumps(seen)


def _left_out(runs: Sequence[FoldRun]) -> str:
    return f"patients left out of training ({len(runs)} folds)"


def _reader(asked: Calibration) -> Reader:
    """The model with the parts that it lacks, under its new name."""
    reader = load_reader(asked.model)
    if asked.parts is not None:
        whole = with_parts(reader, load_reader(asked.parts))
        if whole.parts.keys() == reader.parts.keys():
            raise InputError(
                f"the model {asked.parts} has no part that {asked.model} lacks", "one that has", "leave --parts out"
            )
        reader = whole
    card = reader.card
    return replace(reader, card=replace(card, name=asked.name or card.name, version=asked.version or card.version))


def _by_origin(folders: Sequence[Path], reader: Reader, split: str) -> tuple[list[Path], list[Path]]:
    """Drawn and acquired datasets, each prepared as the reader sees; InputError for exams that it learned from."""
    drawn: list[Path] = []
    acquired: list[Path] = []
    for folder in folders:
        dataset = PreparedDataset(folder)
        check_preparation(dataset, reader.card.config)
        name = str(dataset.about["dataset"])
        if split != "val" and _plain(name) in _plain(reader.card.trained_on):
            found = f"the split {split} of {name}, from which {reader.card.name} learned ({reader.card.trained_on})"
            raise InputError(found, "exams that it did not learn from", "leave --split out, or use --fold")
        (drawn if dataset.synthetic else acquired).append(folder)
    return drawn, acquired


def _plain(words: str) -> str:
    """Words in one spelling: `RSNA 2023` and `rsna-2023` are one dataset."""
    return words.casefold().replace("-", " ")
