"""Figures of incremental learning: multi-label scores after every task, forgetting and backward transfer.

Sources: decisions and scores as in RE-tune (Mistretta & Bagdanov, arXiv 2410.17827); forgetting after Chaudhry et al.,
ECCV 2018, backward transfer after Lopez-Paz & Ranzato, NeurIPS 2017, both per class and from the first task on that
optimises the class.
"""

import json
import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from mammoscribe.evaluation.bootstrap import FloatArray, Interval, bootstrap_interval, interval_or_none
from mammoscribe.evaluation.classification import auc, f1
from mammoscribe.support.errors import InputError, InvalidNoun

SCHEMA = "mammoscribe.incremental/1"


class Metric(StrEnum):
    """Per-class figures that have a matrix over tasks."""

    AUROC = "auroc"
    F1 = "f1"


@dataclass(frozen=True)
class StepFigures:
    """Figures on held-out pictures at one moment; NaN where a figure is not defined.

    Args:
        auroc, f1: per class; AUROC needs both sorts of pictures, F1 a positive one.
        positives, known: pictures of each class, and pictures whose label is known.
        exact: share of pictures with all labels right, among those with all labels known.
        exact_n: how many those are.
    """

    auroc: tuple[float, ...]
    f1: tuple[float, ...]
    positives: tuple[int, ...]
    known: tuple[int, ...]
    exact: float
    exact_n: int

    def macro(self, metric: Metric) -> float:
        """Mean over the classes that have the figure."""
        return mean_defined(self.per_class(metric))

    def weighted(self, metric: Metric) -> float:
        """Mean over those classes, weighted by their positives."""
        return mean_defined(self.per_class(metric), self.positives)

    def per_class(self, metric: Metric) -> tuple[float, ...]:
        """The figure of every class."""
        return self.auroc if metric == Metric.AUROC else self.f1


@dataclass(frozen=True)
class Step:
    """One row of the run: its name, the classes it optimised, the pictures it trained on, and what was measured then."""

    name: str
    optimised: tuple[int, ...]
    rows: int
    figures: StepFigures


@dataclass(frozen=True)
class IncrementalResult:
    """A run: figures before the first task and after each.

    Args:
        scenario: its name.
        classes: C names.
        steps: the first optimises nothing (zero-shot).
        interval: of the macro AUROC after the last step, over patients.

    Raises:
        InvalidNoun: without steps, or when a step does not fit the classes.
    """

    scenario: str
    classes: tuple[str, ...]
    steps: tuple[Step, ...]
    interval: Interval | None = None

    def __post_init__(self) -> None:
        if not self.steps or self.steps[0].optimised:
            raise InvalidNoun(f"{len(self.steps)} steps", "a first one that optimises nothing")
        for step in self.steps:
            outside = [c for c in step.optimised if not 0 <= c < len(self.classes)]
            if len(step.figures.auroc) != len(self.classes) or outside:
                raise InvalidNoun(f"step {step.name} does not fit {len(self.classes)} classes")

    @property
    def last(self) -> StepFigures:
        """Figures at the end."""
        return self.steps[-1].figures

    def matrix(self, metric: Metric) -> FloatArray:
        """The figure of every class after every step, [steps, classes]."""
        return np.array([s.figures.per_class(metric) for s in self.steps], dtype=np.float64)

    def learned_at(self, index: int) -> int | None:
        """The first step that optimises a class, None when none does."""
        return next((t for t, step in enumerate(self.steps) if index in step.optimised), None)

    def forgetting(self, metric: Metric = Metric.AUROC) -> tuple[float, ...]:
        """Per class: its best figure from the task that learned it to the last but one, less the final one."""
        return tuple(max(v[:-1]) - v[-1] if len(v) > 1 else math.nan for v in self._since(metric))

    def backward_transfer(self, metric: Metric = Metric.AUROC) -> tuple[float, ...]:
        """Per class: the final figure less the one right after the task that learned it; negative when it was lost."""
        return tuple(v[-1] - v[0] if len(v) > 1 else math.nan for v in self._since(metric))

    def _since(self, metric: Metric) -> list[list[float]]:
        """Figures of each class from the task that learned it on; empty for a class never learned."""
        matrix, starts = self.matrix(metric), [self.learned_at(c) for c in range(len(self.classes))]
        return [[] if t is None else matrix[t:, c].tolist() for c, t in enumerate(starts)]


def measure_step(positive: FloatArray, negative: FloatArray, labels: np.ndarray) -> StepFigures:
    """Figures from cosines with the positive and the negative prototype.

    The label is the larger of the two (a tie is negative); the score of the AUROC is (positive + 1) / 2, as published.

    Args:
        positive, negative: [N, C].
        labels: [N, C], 0, 1, or NaN where it is not known.

    Raises:
        InputError: when the arrays do not fit.
    """
    if not positive.shape == negative.shape == labels.shape or positive.ndim != 2 or not len(labels):
        raise InputError(f"cosines {positive.shape}, {negative.shape} and labels {labels.shape}", "three [N, C] arrays")
    given, scores, known = positive > negative, (positive + 1) / 2, ~np.isnan(labels)
    whole = known.all(axis=1)
    right = (given == (labels == 1)).all(axis=1)[whole]
    columns = [(scores[k, c], given[k, c], labels[k, c] == 1) for c, k in enumerate(known.T)]
    return StepFigures(
        auroc=tuple(auc(s, y) if len(y) else math.nan for s, _, y in columns),
        f1=tuple(f1(g, y) if len(y) else math.nan for _, g, y in columns),
        positives=tuple(int(y.sum()) for _, _, y in columns),
        known=tuple(len(y) for _, _, y in columns),
        exact=float(right.mean()) if len(right) else math.nan,
        exact_n=len(right),
    )


def macro_auroc_interval(
    positive: FloatArray, labels: np.ndarray, patients: Sequence[Hashable], num_draws: int = 1000
) -> Interval | None:
    """95 % interval of the macro AUROC over patients; None where too few draws have one."""

    def macro(rows: np.ndarray) -> float:
        s, y = positive[rows], labels[rows]
        known = ~np.isnan(y)
        return mean_defined([auc(s[k, c], y[k, c]) if k.any() else math.nan for c, k in enumerate(known.T)])

    return interval_or_none(lambda: bootstrap_interval(macro, patients, num_draws))


def result_json(result: IncrementalResult, **provenance: Any) -> str:
    """The run as JSON; a figure that is not defined is null. `provenance` is kept as it is given."""
    lost = {
        name: {"per_class": list(values), "mean": mean_defined(values)}
        for name, values in (
            ("forgetting_auroc", result.forgetting()),
            ("forgetting_f1", result.forgetting(Metric.F1)),
            ("backward_transfer_auroc", result.backward_transfer()),
            ("backward_transfer_f1", result.backward_transfer(Metric.F1)),
        )
    }
    steps = [
        {
            "name": s.name, "optimised": [result.classes[c] for c in s.optimised], "rows": s.rows, **asdict(s.figures),
            **{f"{kind}_{m}": getattr(s.figures, kind)(m) for kind in ("macro", "weighted") for m in Metric},
        }
        for s in result.steps
    ]  # fmt: skip
    interval = asdict(result.interval) if result.interval else None
    plain = {
        "schema": SCHEMA, "scenario": result.scenario, "classes": list(result.classes), "steps": steps,
        "final_macro_auroc_interval": interval, **lost, "provenance": provenance,
    }  # fmt: skip
    return json.dumps(nulls(plain), indent=1, allow_nan=False) + "\n"


def mean_defined(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """(Weighted) mean of the values that are numbers; NaN when none is."""
    pairs = [(v, w) for v, w in zip(values, weights or [1.0] * len(values), strict=True) if not math.isnan(v)]
    total = sum(w for _, w in pairs)
    return sum(v * w for v, w in pairs) / total if total else math.nan


def nulls(value: Any) -> Any:
    """NaN as None, at any depth."""
    if isinstance(value, dict):
        return {k: nulls(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [nulls(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
