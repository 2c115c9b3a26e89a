"""Calibrating a trained reader: a model folder whose thresholds and probabilities come from patients it did not learn from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.evaluation.stored_views import check_preparation
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError
from mammoscribe.training.calibration.model_folder import write_model
from mammoscribe.training.calibration.out_of_fold import FoldRun, fold_runs, see_left_out, write_predictions
from mammoscribe.training.calibration.parts import with_parts
from mammoscribe.training.calibration.reader_folder import VALIDATION
from mammoscribe.training.calibration.seen import see

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


def calibrate(asked: Calibration, out: Path, on_exam: Callable[[], None] = lambda: None) -> ModelCard:
    """Write the calibrated model into `out`; with folds also `breasts.csv` and `marks.json` of the patients left out.

    Args:
        asked: what is calibrated, on what.
        out: the new model folder.
        on_exam: called after each exam that was seen.

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
    drawn = [s for folder in drawn_data for s in _counted(see(reader, asked.part(folder)), on_exam)]
    if runs:
        left_out = list(see_left_out(runs, reader, acquired_data, on_exam))
        write_predictions(left_out, out)
        # their networks are not this one, so how views look to them says nothing here
        acquired = [replace(e.seen, seen=replace(e.seen.seen, looks={})) for e in left_out]
        return write_model(reader, drawn, acquired, (how, _left_out(runs)), out)
    acquired = [s for folder in acquired_data for s in _counted(see(reader, asked.part(folder)), on_exam)]
    return write_model(reader, drawn, acquired, (how, how), out)


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


def _counted(exams, on_exam: Callable[[], None]):
    for exam in exams:
        on_exam()
        yield exam
