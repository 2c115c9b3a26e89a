"""Exams of patients who were left out of training, each seen by the run that did not learn from that patient.

`breasts.csv` and `marks.json` keep what was seen, for `benchmarks/rsna.py` and `benchmarks/mini_mias.py`.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.assemble import GUESSED_AXES, RawMark
from mammoscribe.models.reader.judging import breast_features
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.malignancy import MalignancyFeatures
from mammoscribe.models.reader.queries import AXIS_TERMS
from mammoscribe.models.reader.reader import Reader
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.training.calibration.breasts import density_logits, fit_malignancy
from mammoscribe.training.calibration.crop_shares import crop_shares
from mammoscribe.training.calibration.parts import with_parts
from mammoscribe.training.calibration.seen import Chosen, SeenExam, see
from mammoscribe.training.engine.run_folder import read_about
from mammoscribe.training.reader.samples import UNKNOWN

BREASTS, MARKS = "breasts.csv", "marks.json"
FEATURES = MalignancyFeatures._fields
READ_SPLITS = ("train", "val")
"""Splits whose left-out patients are read; `test` is left for a last look."""


@dataclass(frozen=True)
class FoldRun:
    """A finished run of the reader that left out the patients of a fold."""

    folder: Path
    fold: Fold


@dataclass(frozen=True)
class LeftOut:
    """An exam as the run of its patient's fold sees it."""

    fold: Fold
    seen: SeenExam


def fold_runs(folders: Sequence[Path]) -> tuple[FoldRun, ...]:
    """The runs by their fold.

    Raises:
        InputError: for a folder that holds no finished run with `left_out`, and unless each fold is there once: figures
            over a part of the patients are other figures.
    """
    runs = sorted((_fold_run(Path(folder)) for folder in folders), key=lambda r: (r.fold.of, r.fold.number))
    numbers = [r.fold.number for r in runs]
    if len({r.fold.of for r in runs}) > 1 or numbers != list(range(runs[0].fold.of)):
        given = ", ".join(str(r.fold) for r in runs)
        raise InputError(f"runs that left out the folds {given}", f"each fold of {runs[0].fold.of} once")
    return tuple(runs)


def _fold_run(folder: Path) -> FoldRun:
    about = read_about(folder)
    if about is None:
        raise InputError(f"{folder} holds no run", "the folder of `train reader --set left_out=I/K`")
    left_out = about.get("fields", {}).get("task", {}).get("left_out")
    if left_out is None:
        raise InputError(f"{folder} left out no patients", "a run of `train reader --set left_out=I/K`")
    if not (folder / "model" / "card.json").is_file():
        raise InputError(f"{folder} has no model yet", "a finished run", "start its command again; it goes on")
    return FoldRun(folder, Fold.from_text(left_out))


def not_left_out(model: str, fold: Fold) -> str:
    """Why a model may have learned from the patients of a fold, in one sentence; "" for that of a run that left them out."""
    about = read_about(Path(model).parent) if Path(model).is_dir() else None
    given = None if about is None else about.get("fields", {}).get("task", {}).get("left_out")
    if given is None:
        return f"{model} is not the model of a run with left_out={fold}, so it may have learned from these patients"
    return "" if Fold.from_text(given) == fold else f"{model} left out the fold {given}, and not {fold}"


def see_left_out(
    run: FoldRun, parts: Reader, folders: Sequence[Path], chosen: Chosen = lambda _: True
) -> Iterator[LeftOut]:
    """The labelled exams of acquired datasets whose patients a run left out, as it sees them.

    Args:
        run: of `fold_runs`.
        parts: a reader whose crop refiner and calcification network are used where the run has none of its own.
        folders: prepared datasets; their `test` split is not read.
        chosen: which of these patients are seen.
    """
    reader = with_parts(load_reader(str(run.folder / "model")), parts)
    for folder in folders:
        for dataset in _splits(folder):
            for seen in see(reader, dataset, chosen=lambda patient: run.fold.holds(patient) and chosen(patient)):
                yield LeftOut(run.fold, seen)


def _splits(folder: Path) -> Iterator[PreparedDataset]:
    for split in READ_SPLITS:
        yield PreparedDataset(folder, split)


def write_predictions(exams: Sequence[LeftOut], out: Path) -> None:
    """Write `breasts.csv`, a row for each labelled breast, and `marks.json`, a row for each view, into `out`."""
    exams = mixed_by_other_folds(exams)
    text = io.StringIO(newline="")
    rows = breast_rows(exams)
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["dataset"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out / BREASTS, text.getvalue())
    views = [row for exam in exams for row in mark_rows(exam)]
    write_text(out / MARKS, json.dumps({"schema": "mammoscribe.marks/1", "views": views}) + "\n")


def mixed_by_other_folds(exams: Sequence[LeftOut]) -> list[LeftOut]:
    """Words and suspicion of first pass and crop refiner joined, in each fold by shares that were fixed on the others."""
    folds = {str(e.fold) for e in exams}
    shares = {fold: crop_shares([e.seen for e in exams if str(e.fold) != fold]) for fold in folds}
    return [replace(e, seen=replace(e.seen, seen=e.seen.seen.mixed(shares[str(e.fold)]))) for e in exams]


def breast_rows(exams: Sequence[LeftOut]) -> list[dict[str, object]]:
    """A row for each breast that is labelled: features, labels, and probabilities that its own fold did not scale.

    `prob_cancer` is by weights fitted on the other folds of its dataset, blank where these do not support any;
    `prob_dense` is of the letters c and d together, `letter` the likeliest of the four.
    """
    found = [
        _breast(e, side, labels) for e in exams for side, labels in e.seen.labelled() if labels.teaches
    ]  # fmt: skip
    return [{**row, "prob_cancer": prob} for row, prob in zip(found, _cross_fitted(found), strict=True)]


def _breast(exam: LeftOut, side: Laterality, labels) -> dict[str, object]:
    logits = density_logits(exam.seen, side)
    weights = np.exp(logits - logits.max())
    features = breast_features(exam.seen.seen, side)._asdict()
    return {
        "dataset": exam.seen.dataset, "patient_id": exam.seen.patient_id, "laterality": str(side), "fold": str(exam.fold),
        "malignant": labels.malignant, "density": labels.density, "recall": labels.recall,
        **{name: round(value, 5) for name, value in features.items()},
        "prob_dense": round(float(weights[2:].sum() / weights.sum()), 6), "letter": "abcd"[int(logits.argmax())],
    }  # fmt: skip


def _cross_fitted(rows: Sequence[dict]) -> list[float | str]:
    """Probability of malignancy of each row, by weights fitted on labelled rows of its dataset in the other folds."""
    found: list[float | str] = [""] * len(rows)
    for dataset, number in sorted({(r["dataset"], r["fold"]) for r in rows}):
        own = [i for i, r in enumerate(rows) if (r["dataset"], r["fold"]) == (dataset, number)]
        others = [r for r in rows if r["dataset"] == dataset and r["fold"] != number and r["malignant"] != UNKNOWN]
        if len({r["malignant"] for r in others}) == 2:
            weights = np.array(
                fit_malignancy([[r[f] for f in FEATURES] for r in others], [r["malignant"] for r in others])
            )
            logits = np.array([[*(rows[i][f] for f in FEATURES), 1.0] for i in own]) @ weights
            for i, logit in zip(own, logits.tolist(), strict=True):
                found[i] = round(1 / (1 + float(np.exp(-logit))), 6)
    return found


def _words(mark: RawMark) -> dict[str, dict[str, float]]:
    """Probabilities of the words of every axis of which a report says at most one, for the kind that the mark is."""
    return {
        str(axis): {word: round(float(p), 4) for word, p in zip(AXIS_TERMS[axis], probs, strict=True)}
        for axis, probs in mark.words.items()
        if axis in GUESSED_AXES and axis in mark.type.axes
    }


def mark_rows(exam: LeftOut) -> Iterator[dict[str, object]]:
    """A row for each current view: its marks as each pass scores them, and its true boxes, in stored pixels."""
    seen = exam.seen
    labels = dict(seen.labelled())
    for view in seen.exam.current:
        truth = [(f, m.box) for f in seen.truth if (m := f.mark_in(view.id)) is not None]
        yield {
            "dataset": seen.dataset, "exam": seen.exam.id, "patient_id": seen.patient_id, "fold": str(exam.fold), "view": view.id,
            "boxed": sorted(str(k) for k in seen.boxed), "malignant": labels[view.laterality].malignant,
            "marks": [
                {
                    "box": [round(edge, 1) for edge in m.box.as_list()], "score": round(m.score, 4),
                    "crop_score": None if m.crop_score is None else round(m.crop_score, 4), "type": str(m.type),
                    "suspicion": round(m.suspicion, 4), "words": _words(m),
                }
                for m in seen.seen.marks
                if m.view.id == view.id
            ],
            "truth": [
                {
                    "box": box.as_list(), "type": str(f.type), "descriptors": list(f.descriptors),
                    "suspicion": f.suspicion if f.suspicion in (0.0, 1.0) else None,
                }
                for f, box in truth
            ],
        }  # fmt: skip
