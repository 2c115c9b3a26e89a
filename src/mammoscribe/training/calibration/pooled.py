"""Fitting the rules over pooled maps for malignancy and density of a breast, on the training patients of a reader."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.supervision import Question
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.calibration import fit_ridge_logistic
from mammoscribe.models.reader.breast_heads import LETTERS
from mammoscribe.models.reader.network import ReaderNet
from mammoscribe.models.reader.reader import Reader
from mammoscribe.training.calibration.breasts import LEAST_LABELS, LEAST_OF_A_CLASS
from mammoscribe.training.calibration.seen import SeenExam, see
from mammoscribe.training.reader.exams import Teachers
from mammoscribe.training.reader.samples import UNKNOWN

RIDGE = 100.0
"""Penalty of the fit. On one fold of RSNA breasts 30 to 300 made no difference (`notebook/LOG.md`, 2026-11-29)."""

QUESTIONS = (Question.MALIGNANT, Question.DENSITY)


@dataclass(frozen=True)
class Row:
    """A labelled breast: its pooled maps [3 C], whether it is malignant, and its density (0 to 3); -1 where that is unknown."""

    maps: np.ndarray
    malignant: int
    density: int


def with_pooled_rules(
    reader: Reader, folders: Sequence[Path], teachers: Teachers, chosen: Callable[[str], bool] = lambda _: True
) -> Reader:
    """The reader with its rules fitted on the `train` splits; as it is where it has none, or too few breasts are labelled.

    Malignancy is fitted on acquired exams where they are enough, and on drawn ones otherwise: the rule is meant for images of
    people. Density is fitted on acquired exams alone, for which the network then has these rules: drawn ones teach their
    density to the trained head well enough.

    Args:
        reader: its network is not changed.
        folders: prepared datasets.
        teachers: which labels are used.
        chosen: patient id -> whether the exams of that patient may be used.
    """
    if reader.net.pooled_malignancy is None or not teachers.labels:
        return reader
    acquired = _groups(reader, folders, teachers, chosen, synthetic=False)
    fitted: dict[str, torch.Tensor] = {}
    malignant = _rule(acquired, lambda row: row.malignant)
    if malignant is None:
        malignant = _rule(_groups(reader, folders, teachers, chosen, synthetic=True), lambda row: row.malignant)
    if malignant is not None:
        fitted |= _named("pooled_malignancy", malignant)
    density = [_rule(acquired, partial(_at_least, letter)) for letter in range(1, LETTERS)]
    if all(rule is not None for rule in density):
        fitted |= _named("pooled_density", np.stack([rule for rule in density if rule is not None]))
    return _with(reader, fitted) if fitted else reader


def _at_least(letter: int, row: Row) -> int:
    return UNKNOWN if row.density == UNKNOWN else int(row.density >= letter)


def _groups(
    reader: Reader, folders: Sequence[Path], teachers: Teachers, chosen: Callable[[str], bool], synthetic: bool
) -> list[list[Row]]:
    """The labelled breasts of each dataset of one origin."""
    return [
        _rows(reader, PreparedDataset(folder, "train"), teachers, chosen)
        for folder in folders
        if bool(PreparedDataset(folder).about["synthetic"]) is synthetic
    ]


def _rows(reader: Reader, dataset: PreparedDataset, teachers: Teachers, chosen: Callable[[str], bool]) -> list[Row]:
    labelled = (dataset.supervision.of(place, asked) for place in ("breast", "exam") for asked in QUESTIONS)
    if not any(labelled):
        return []  # nothing labels its breasts, so there is no need to look at them
    return [row for exam in see(reader, dataset, teachers, chosen, decode_finer=False) for row in _of_exam(exam)]


def _of_exam(exam: SeenExam) -> Iterator[Row]:
    pooled = exam.seen.breasts.pooled
    assert pooled is not None
    for side, labels in exam.labelled():
        yield Row(pooled[list(Laterality).index(side)].float().numpy(), labels.malignant, labels.density)


def _rule(groups: Sequence[Sequence[Row]], label_of: Callable[[Row], int]) -> np.ndarray | None:
    """Weights and intercept [3 C + 1]; None with too few labels. Datasets of one class say nothing but where they come from."""
    cases = [(row.maps, label_of(row), number) for number, group in enumerate(groups) for row in group]
    cases = [case for case in cases if case[1] != UNKNOWN]
    both = {n for n in range(len(groups)) if len({label for _, label, number in cases if number == n}) == 2}
    cases = [case for case in cases if case[2] in both]
    labels = [label for _, label, _ in cases]
    if len(labels) < LEAST_LABELS or min(labels.count(0), labels.count(1)) < LEAST_OF_A_CLASS:
        return None
    features, labels, datasets = zip(*cases, strict=True)
    return fit_ridge_logistic(np.stack(features), labels, datasets, RIDGE)


def _named(module: str, rule: np.ndarray) -> dict[str, torch.Tensor]:
    values = torch.from_numpy(rule).float()
    return {f"{module}.weight": values[..., :-1], f"{module}.bias": values[..., -1]}


def _with(reader: Reader, fitted: Mapping[str, torch.Tensor]) -> Reader:
    config = replace(reader.card.config, pooled_density="pooled_density.weight" in fitted)
    net = ReaderNet(config).eval()
    kept = {k: v for k, v in reader.net.state_dict().items() if not k.startswith("pooled_density.")}
    net.load_state_dict({**kept, **fitted})
    return replace(reader, net=net, card=replace(reader.card, config=config))
