"""Figures with their intervals, and two systems compared on the same draws of patients: paired, corrected, with power.

Sources: Holm, Scandinavian Journal of Statistics 1979; paired bootstrap as in `bootstrap`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from mammoscribe.evaluation.bootstrap import (
    FloatArray,
    Interval,
    clopper_pearson,
    interval_or_none,
    percentile_interval,
)

TELLING = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
"""Standard errors that a true difference must have to be found at 5 % in four of five tests."""


class Named(Protocol):
    """What a figure is called: its heading on the card, what its n counts, and which way is better."""

    @property
    def name(self) -> str:
        """Unique on its card."""
        ...

    @property
    def group(self) -> str:
        """Heading that it is under."""
        ...

    @property
    def of(self) -> str:
        """What its n counts."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """False for errors."""
        ...

    @property
    def digits(self) -> int:
        """Decimals printed."""
        ...


@dataclass(frozen=True)
class Entry:
    """One figure of one system.

    Args:
        value: NaN where it is not defined. n: cases. interval: 95 %, over patients.
        positives: how many of the cases are positive, None where nothing is.
        detectable: difference from a second system that a set of this size would show in four of five tests at 5 %, if
            the two systems erred independently; less is told where they err on the same exams. Infinite where a figure
            would have to differ by more than it can: then a set of this size shows no difference.
    """

    value: float
    n: int
    interval: Interval | None
    positives: int | None = None
    detectable: float = float("nan")


@dataclass(frozen=True)
class Line:
    """One figure of all systems; `baselines` are (name, value) of what knows nothing of the exam."""

    figure: Named
    entries: tuple[Entry, ...]
    baselines: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Difference:
    """First system minus second on one figure.

    Args:
        value, interval: difference with its 95 % interval over the same draws of patients.
        p: two-sided, by the bootstrap's standard error. p_holm: corrected for all figures that are compared.
        detectable: smallest true difference that as many exams would show in four of five tests at 5 %, uncorrected;
            infinite as in `Entry`.
    """

    figure: Named
    value: float
    interval: Interval | None
    p: float
    p_holm: float
    detectable: float


def entry(
    value: float, draws: FloatArray, n: int, positives: int | None = None, independent: int | None = None,
    whole: float | None = 1.0,
) -> Entry:  # fmt: skip
    """A figure with its interval and power, from its value on every draw.

    Args:
        value: over all cases. draws: on every draw. n, positives: cases.
        independent: of these, how many are independent at most, such as the number of patients.
        whole: the value where all is right; None for a figure that is no share. Where every draw gives 0 or `whole`, the
            bootstrap says nothing, and the interval is the exact one of so many independent cases that all came out alike.
    """
    if np.isnan(value):
        return Entry(value, n, None, positives)
    cases = independent_cases(n, positives, independent)
    interval = interval_or_none(lambda: percentile_interval(draws, cases=cases))
    if whole is not None and interval is not None and spread(draws) < 1e-12 and value in (0.0, whole):
        ends = clopper_pearson(cases if value else 0, cases)
        return Entry(value, n, Interval(ends.low * whole, ends.high * whole), positives)
    return Entry(value, n, interval, positives, _possible(TELLING * float(np.sqrt(2)) * spread(draws), whole))


def _possible(difference: float, whole: float | None) -> float:
    """A difference that can be shown; infinite where two shares cannot be so far apart (counts per 100 have no upper end)."""
    return float("inf") if whole == 1.0 and difference > 1.0 else difference


def independent_cases(n: int, positives: int | None = None, independent: int | None = None) -> int:
    """How many independent cases a figure rests on at most: of the rarer class, and no more than there are patients."""
    return min(n, independent or n, *([positives, n - positives] if positives is not None else []))


def compare(
    figures: Sequence[Named], values: Sequence[tuple[float, float]], draws: Sequence[tuple[FloatArray, FloatArray]],
    cases: Sequence[int], only: frozenset[str] | None = None, wholes: Sequence[float | None] | None = None,
) -> tuple[Difference, ...]:  # fmt: skip
    """First minus second system on every figure that both have, with p-values corrected over all of these (Holm).

    Args:
        figures: names. values: of both systems. draws: of both systems on the same draws of patients.
        cases: the fewest independent cases that a figure rests on.
        only: names of the figures that are compared; None compares all.
        wholes: the value of each figure where all is right, None for one that is no share; None: no figure is a share.
    """
    found = []
    wholes = [None] * len(figures) if wholes is None else wholes
    for figure, (one, other), (first, second), n, whole in zip(figures, values, draws, cases, wholes, strict=True):
        if not np.isnan(one - other) and (only is None or figure.name in only):
            drawn = first - second
            told = _possible(TELLING * spread(drawn), whole)
            found.append((figure, one - other, drawn, n, told, p_value(one - other, drawn, n)))
    corrected = holm([p for *_, p in found])
    return tuple(
        Difference(f, v, interval_or_none(lambda d=d, n=n: percentile_interval(d, cases=n)), p, c, told)
        for (f, v, d, n, told, p), c in zip(found, corrected, strict=True)
    )


def p_value(value: float, drawn: FloatArray, n: int) -> float:
    """Two-sided p of a difference by the standard deviation of its bootstrap draws; 1 where there is no difference.

    It is never smaller than that of a sign test in which all `n` cases differ in one direction, which few cases need.
    """
    deviation = spread(drawn)
    if abs(value) < 1e-12:
        return 1.0
    if np.isnan(deviation):
        return float("nan")
    by_sign = min(1.0, 2 * 0.5**n)
    return max(by_sign, float(2 * stats.norm.sf(abs(value) / deviation))) if deviation > 1e-12 else by_sign


def spread(drawn: FloatArray) -> float:
    """Standard deviation of the draws on which a figure is defined; NaN where it is on fewer than half."""
    defined = drawn[~np.isnan(drawn)]
    return float(np.std(defined)) if 2 * len(defined) >= len(drawn) else float("nan")


def holm(p_values: Sequence[float]) -> list[float]:
    """Step-down corrected p-values (Holm 1979), in the given order; NaN stays NaN and is not counted."""
    at = sorted((i for i, p in enumerate(p_values) if not np.isnan(p)), key=lambda i: p_values[i])
    corrected, highest = [float("nan")] * len(p_values), 0.0
    for rank, i in enumerate(at):
        highest = max(highest, min(1.0, (len(at) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected
