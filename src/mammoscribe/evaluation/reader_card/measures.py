"""What a figure of a reader is: a value on any draw of exams, with its n, its positives and its baselines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.evaluation.bootstrap import FloatArray, IntArray

UNDEFINED = float("nan")


@dataclass(frozen=True)
class Measure:
    """One figure.

    Args:
        name: unique on the card. group: its heading. of: what n counts.
        n, positives: cases, and how many of them are positive; None where nothing is.
        baselines: (name, value) of what knows nothing of the pictures.
        higher_is_better: False for errors. digits: decimals printed. is_share: whether it is between 0 and 1.
    """

    name: str
    group: str
    of: str
    n: int
    positives: int | None = None
    baselines: tuple[tuple[str, float], ...] = ()
    higher_is_better: bool = True
    digits: int = 3
    is_share: bool = True


@dataclass(frozen=True)
class MeasureSet:
    """Figures that are computed together.

    Args:
        measures: the figures.
        values: indices of exams [m], with repeats -> a value for each figure; NaN where it is not defined.
    """

    measures: tuple[Measure, ...]
    values: Callable[[IntArray], Sequence[float]]


class Rows:
    """Cases of exams (breasts, say), so that a draw of exams gives the cases of all of them.

    Args:
        exams: index of the exam of each case, [n], not falling.
        num_exams: how many exams there are.
    """

    def __init__(self, exams: Sequence[int], num_exams: int) -> None:
        self._count = np.bincount(np.asarray(exams, dtype=int), minlength=num_exams)
        self._start = np.concatenate([[0], np.cumsum(self._count)])

    def of(self, drawn: IntArray) -> IntArray:
        """Indices of the cases of these exams, those of an exam that comes twice twice."""
        counts = self._count[drawn]
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        return np.repeat(self._start[drawn], counts) + within


def all_values(sets: Sequence[MeasureSet], drawn: IntArray) -> FloatArray:
    """Every figure of these sets on a draw of exams, one after the other."""
    return np.array([v for s in sets for v in s.values(drawn)], dtype=np.float64)
