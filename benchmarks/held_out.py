"""A trained reader on patients it did not learn from: boxes found, malignant against benign boxes, breasts.

These are the `test` split of prepared datasets, or with `--fold 1/5` the patients whom `train reader --set
task.left_out=1/5` left out. Nothing of them chose anything: operating points come from `val`.
Findings are those of the network before any threshold; a dataset whose boxes hold all masses gives a FROC curve, one with
labels of breasts areas under the ROC curve. Intervals are of a bootstrap over patients.
It counts boxes and reads the heads as they are; `mammoscribe evaluate --fold 1/5` measures the reader as it is used: lesions,
calibrated probabilities and reports. Of a dataset with one view of each lesion both find the same share of masses.

    python benchmarks/held_out.py --model runs/ours/model --data cbis-prepared --data rsna-prepared
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.evaluation.bootstrap import Interval, bootstrap_interval, interval_or_none
from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.classification import auc, auc_interval
from mammoscribe.evaluation.detection import ViewMarks, froc, sensitivity_at
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.loading import load_reader
from mammoscribe.models.reader.network import ReaderNetOutput
from mammoscribe.models.reader.reader import Reader
from mammoscribe.training.reader.batches import NO_AUGMENTATION, Targets, make_batch
from mammoscribe.training.reader.exams import PreparedExams, Teachers
from mammoscribe.training.reader.losses import heat_targets
from mammoscribe.training.reader.samples import UNKNOWN, TrainingExam
from mammoscribe.training.reader.validation import Measured, measure

BUDGETS = (0.25, 0.5, 1.0)
"""False marks a view at which sensitivity is stated."""
DRAWS = 400
TEACHERS = Teachers(weak_lesions=True)


@dataclass(frozen=True)
class Read:
    """One exam of the split, or one of its breasts: its patient, marks and breast scores, and (score, label) of each true box."""

    patient: str
    found: Measured
    boxes: tuple[tuple[float, int], ...]


@torch.inference_mode()
def read(reader: Reader, exam: TrainingExam) -> Read:
    """One pass over an exam of the split."""
    views, targets = make_batch([exam], np.random.default_rng(0), NO_AUGMENTATION)
    net = reader.net if targets.synthetic else reader.film_net
    with torch.autocast("cpu", torch.bfloat16):
        out = net(views)
    found = measure({}, (views, targets), lambda *_: out)
    found = replace(found, breasts=(*found.breasts, *_pooled(out, targets)))
    return Read(exam.patient_id, found, tuple(_suspicions(out.maps.suspicion, out.maps.heat.shape, targets)))


def _pooled(out: ReaderNetOutput, targets: Targets) -> Iterator[tuple[str, float, int]]:
    """(question, logit of the rule over pooled maps, label) of each labelled breast."""
    if out.breasts.pooled_malignant is not None:
        for logit, imaged, labels in zip(
            out.breasts.pooled_malignant, out.breasts.imaged, targets.breasts, strict=True
        ):
            if bool(imaged) and labels.malignant != UNKNOWN:
                yield "malignant by the rule over pooled maps", float(logit), labels.malignant


def _suspicions(suspicion: torch.Tensor | None, shape: torch.Size, targets: Targets) -> Iterator[tuple[float, int]]:
    """(mean suspicion in the middle of each true box, whether it is malignant), where the label says it."""
    for row, finding in enumerate(targets.mark_finding.tolist()):
        truth = targets.findings[finding].suspicion
        if suspicion is None or truth not in (0.0, 1.0):
            continue
        one = replace(targets, mark_view=targets.mark_view[[row]], mark_box=targets.mark_box[[row]],
                      mark_finding=targets.mark_finding[[row]])  # fmt: skip
        cells = heat_targets(shape, one).amax(1) >= 1.0
        if bool(cells.any()):
            yield float(suspicion[cells].float().mean()), int(truth)


def rows(name: str, exams: Sequence[Read]) -> Iterator[Row]:
    """The table of one dataset."""
    patients = [e.patient for e in exams]
    for kind, word in enumerate(TYPES):
        views = [[_renamed(v, i) for k, v in e.found.marks if k == kind] for i, e in enumerate(exams)]
        flat = [v for own in views for v in own]
        lesions = sum(len(v.lesions) for v in flat)
        if not lesions:
            continue
        for budget in BUDGETS:
            what = f"{name}: {word.value.replace('_', ' ')} boxes found at {budget:g} false marks a view"
            yield Row(
                what, _found(flat, budget), f"{lesions} boxes, {len(flat)} views", _interval(views, patients, budget)
            )
    boxes = [(score, label, e.patient) for e in exams for score, label in e.boxes]
    if len({label for _, label, _ in boxes}) == 2:
        yield _area(f"{name}: malignant against benign, over all true boxes, AUC", boxes)
    questions: dict[str, list[tuple[float, int, str]]] = {}
    for e in exams:
        for question, score, label in e.found.breasts:
            questions.setdefault(question, []).append((score, label, e.patient))
    for question, answers in questions.items():
        if len({label for _, label, _ in answers}) == 2:
            yield _area(f"{name}: {question} of a breast, AUC", answers)


def _area(what: str, answers: Sequence[tuple[float, int, str]]) -> Row:
    scores, labels, patients = zip(*answers, strict=True)
    interval = interval_or_none(lambda: auc_interval(scores, labels, patients, DRAWS))
    return Row(what, auc(scores, labels), f"{sum(labels)} of {len(labels)}", interval)


def _renamed(view: ViewMarks, number: int) -> ViewMarks:
    return ViewMarks(view.marks, tuple((f"{number}/{name}", box) for name, box in view.lesions))


def _found(views: Sequence[ViewMarks], budget: float) -> float:
    return sensitivity_at(froc(views, by_lesion=False), budget) if views else float("nan")


def _interval(views: Sequence[Sequence[ViewMarks]], patients: Sequence[str], budget: float) -> Interval | None:
    statistic: Callable[[np.ndarray], float] = lambda drawn: _found([v for i in drawn for v in views[i]], budget)  # noqa: E731
    return interval_or_none(lambda: bootstrap_interval(statistic, patients, DRAWS))


def left_out(folder: Path, fold: Fold) -> Iterator[TrainingExam]:
    """Exams of the patients of a fold, of every split but `test`."""
    for split in ("train", "val"):
        yield from (e for e in PreparedExams(PreparedDataset(folder, split), TEACHERS) if fold.holds(e.patient_id))


def main() -> int:
    """Read the splits and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="model folder of a run, or starter")
    parser.add_argument("--data", type=Path, action="append", required=True, help="prepared dataset with a test split")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--split", default="test")
    which.add_argument(
        "--fold", type=Fold.from_text, help="patients of this fold, of train and val, in place of a split"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    reader, table = load_reader(given.model), []
    for folder in given.data:
        exams = (
            list(left_out(folder, given.fold))
            if given.fold
            else PreparedExams(PreparedDataset(folder, given.split), TEACHERS)
        )
        done = [read(reader, e) for e in track(exams, description=folder.name, transient=True)]
        table += list(rows(str(PreparedDataset(folder).about["dataset"]), done))
    print(markdown(table))
    if given.json:
        write_rows(table, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
