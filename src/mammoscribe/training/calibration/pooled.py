"""Fitting the rule over pooled maps that says how likely a breast is malignant, on the training patients of a reader."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.supervision import Question
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.calibration import fit_ridge_logistic
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.training.calibration.breasts import LEAST_LABELS, LEAST_OF_A_CLASS
from mammoscribe.training.calibration.seen import SeenExam, see
from mammoscribe.training.reader.exams import Teachers
from mammoscribe.training.reader.samples import UNKNOWN

RIDGE = 100.0
"""Penalty of the fit. On one fold of RSNA breasts 30 to 300 made no difference (`notebook/LOG.md`, 2026-11-29)."""

Row = tuple[np.ndarray, int]
"""Pooled maps of a breast, and whether it is malignant."""


def with_pooled_malignancy(
    reader: Reader, folders: Sequence[Path], teachers: Teachers, chosen: Callable[[str], bool] = lambda _: True
) -> Reader:
    """The reader with the rule fitted on the `train` splits; as it is where it has none, or too few breasts are labelled.

    Acquired exams are used where they are enough, and drawn ones otherwise: the rule is meant for images of people.

    Args:
        reader: its network is not changed.
        folders: prepared datasets.
        teachers: which labels are used.
        chosen: patient id -> whether the exams of that patient may be used.
    """
    if reader.net.pooled_malignancy is None or not teachers.labels:
        return reader
    for synthetic in (False, True):
        groups = [
            _rows(reader, PreparedDataset(f, "train"), teachers, chosen)
            for f in folders
            if bool(PreparedDataset(f).about["synthetic"]) is synthetic
        ]
        if _enough([label for rows in groups for _, label in rows]):
            return replace(reader, net=_fitted(reader.net, groups))
    return reader


def _rows(reader: Reader, dataset: PreparedDataset, teachers: Teachers, chosen: Callable[[str], bool]) -> list[Row]:
    """The labelled breasts of a dataset; none where they are all of one class, which says nothing but where they come from."""
    if not any(dataset.supervision.of(place, Question.MALIGNANT) for place in ("breast", "exam")):
        return []  # nothing labels its breasts, so there is no need to look at them
    exams = see(reader, dataset, teachers, chosen, decode_finer=False)
    rows = [row for exam in exams for row in _of_exam(exam)]
    return rows if len({label for _, label in rows}) == 2 else []


def _of_exam(exam: SeenExam) -> Iterator[Row]:
    pooled = exam.seen.breasts.pooled
    assert pooled is not None
    for side, labels in exam.labelled():
        if labels.malignant != UNKNOWN:
            yield pooled[list(Laterality).index(side)].float().numpy(), labels.malignant


def _enough(labels: Sequence[int]) -> bool:
    return len(labels) >= LEAST_LABELS and min(labels.count(0), labels.count(1)) >= LEAST_OF_A_CLASS


def _fitted(net: ReaderNet, groups: Sequence[Sequence[Row]]) -> ReaderNet:
    rows = [(features, label, number) for number, group in enumerate(groups) for features, label in group]
    features, labels, datasets = zip(*rows, strict=True)
    rule = torch.from_numpy(fit_ridge_logistic(np.stack(features), labels, datasets, RIDGE)).float()
    fitted = ReaderNet(net.config).eval()
    fitted.load_state_dict(
        {**net.state_dict(), "pooled_malignancy.weight": rule[:-1], "pooled_malignancy.bias": rule[-1]}
    )
    return fitted
