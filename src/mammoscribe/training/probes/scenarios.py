"""Incremental scenarios of RE-tune: which rows and which classes each stage of a run sees. Pure functions of labels.

Source: Mistretta & Bagdanov, arXiv 2410.17827, where a stage is called a task. No stage keeps rows of an earlier one (no replay).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mammoscribe.support.errors import InputError, InvalidNoun


class Scenario(StrEnum):
    """How classes and pictures arrive."""

    CLASS = "class"
    LABEL = "label"
    DATA = "data"
    JOINT = "joint"


@dataclass(frozen=True)
class Stage:
    """One step of incremental learning: which pictures and classes it sees.

    Args:
        name: in words, for tables.
        rows: int [n], the pictures it trains on.
        classes: int [k], the classes whose loss is optimised.

    Raises:
        InvalidNoun: without rows or classes, or when one comes twice.
    """

    name: str
    rows: np.ndarray
    classes: np.ndarray

    def __post_init__(self) -> None:
        for what, numbers in (("rows", self.rows), ("classes", self.classes)):
            if not len(numbers) or len(np.unique(numbers)) != len(numbers):
                raise InvalidNoun(f"task {self.name} has {len(numbers)} {what}", "at least one, each once")


def stages_of(
    scenario: Scenario, labels: np.ndarray, names: tuple[str, ...], seed: int = 27, parts: int = 5,
    positives_only: bool = False,
) -> tuple[Stage, ...]:  # fmt: skip
    """The stages of a scenario.

    Args:
        scenario: how classes and pictures arrive.
        labels: [N, C] 0, 1 or NaN.
        names: of the C classes.
        seed: of what is drawn.
        parts: number of stages of the scenario `data`.
        positives_only: in the scenario `class`, whether a stage has pictures with its class alone.
    """
    match scenario:
        case Scenario.CLASS:
            return class_positives(labels, names) if positives_only else class_incremental(labels, names, seed)
        case Scenario.LABEL:
            return label_incremental(labels, names, seed)
        case Scenario.DATA:
            return data_incremental(labels, parts, seed)
        case Scenario.JOINT:
            return joint(labels)


def class_incremental(labels: np.ndarray, names: tuple[str, ...], seed: int) -> tuple[Stage, ...]:
    """Stage t sees the t-th of C disjoint parts, positives and negatives, and optimises class t only.

    Shapes: labels [N, C], 0 or 1, NaN where not known.
    """
    parts = _parts(len(labels), len(names), seed)
    return tuple(
        _checked(Stage(name, part, np.array([c])), labels)
        for c, (name, part) in enumerate(zip(names, parts, strict=True))
    )


def class_positives(labels: np.ndarray, names: tuple[str, ...]) -> tuple[Stage, ...]:
    """Stage t sees all pictures in which class t is there, and nothing else; one with several classes comes again.

    Shapes: labels [N, C], as for `class_incremental`.
    """
    stages = []
    for c, name in enumerate(names):
        rows = np.flatnonzero(labels[:, c] == 1)
        if not len(rows):
            raise InputError(f"no training picture with {name}", "positives of every class")
        stages.append(Stage(name, rows, np.array([c])))
    return tuple(stages)


def label_incremental(labels: np.ndarray, names: tuple[str, ...], seed: int) -> tuple[Stage, ...]:
    """Stage t sees the t-th of C disjoint parts, labelled for classes 0 to t.

    Shapes: labels [N, C], as for `class_incremental`.
    """
    parts = _parts(len(labels), len(names), seed)
    return tuple(
        _checked(Stage(f"+ {name}" if c else name, part, np.arange(c + 1)), labels)
        for c, (name, part) in enumerate(zip(names, parts, strict=True))
    )


def data_incremental(labels: np.ndarray, parts: int, seed: int) -> tuple[Stage, ...]:
    """Stage t sees the t-th of `parts` disjoint parts, labelled for all classes (5, 10 and 20 are published).

    Shapes: labels [N, C], as for `class_incremental`.
    """
    every = np.arange(labels.shape[1])
    shares = _parts(len(labels), parts, seed)
    return tuple(_checked(Stage(f"part {t + 1}", rows, every), labels) for t, rows in enumerate(shares))


def joint(labels: np.ndarray) -> tuple[Stage, ...]:
    """All pictures and all classes at once: the upper reference.

    Shapes: labels [N, C], as for `class_incremental`.
    """
    return (_checked(Stage("joint", np.arange(len(labels)), np.arange(labels.shape[1])), labels),)


def _parts(n: int, parts: int, seed: int) -> list[np.ndarray]:
    """Disjoint random parts that cover all rows, sizes at most one apart; each in ascending order."""
    if not 1 <= parts <= n:
        raise InputError(f"{n} training pictures for {parts} parts", "at least one picture in each part")
    order = np.random.default_rng(seed).permutation(n)
    return [np.sort(part) for part in np.array_split(order, parts)]


def _checked(stage: Stage, labels: np.ndarray) -> Stage:
    """The stage, when it has a known label to learn from."""
    if np.isnan(labels[np.ix_(stage.rows, stage.classes)]).all():
        raise InputError(f"all labels of task {stage.name} are unknown", "some known ones in each part")
    return stage
