"""Intervals: percentile bootstrap by patient, Wilson and Clopper-Pearson for proportions.

Whole patients are drawn, never single breasts or views, because those of one patient are not independent. Systems
that are compared are measured on the same draws (paired bootstrap). Sources: Efron & Tibshirani 1993, chapter 13;
Clopper & Pearson, Biometrika 1934; Wilson, JASA 1927.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mammoscribe.support.errors import InputError

IntArray = NDArray[np.intp]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A confidence interval [low, high] at `level`."""

    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.low:.3f}-{self.high:.3f}"


def cluster_bootstrap(
    statistic: Callable[[IntArray], float | Sequence[float]],
    clusters: Sequence[Hashable],
    num_draws: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """Values of `statistic` on bootstrap samples of whole clusters.

    Args:
        statistic: takes row indices [m] (with repeats) and gives one value, or several for paired systems.
        clusters: cluster (patient) of each row, [n].
        num_draws: bootstrap samples.
        seed: of the generator; the same seed gives the same draws.

    Returns:
        Values, [num_draws] or [num_draws, systems]; NaN where the statistic was not defined on a draw.

    Raises:
        InputError: without rows.
    """
    if not len(clusters):
        raise InputError("a bootstrap over no rows", "at least one patient")
    codes = {c: i for i, c in enumerate(dict.fromkeys(clusters))}
    labels = np.array([codes[c] for c in clusters])
    order = np.argsort(labels, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(labels))[:-1])
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(members), size=(num_draws, len(members)))
    return np.array([statistic(np.concatenate([members[i] for i in draw])) for draw in draws], dtype=np.float64)


def percentile_interval(values: FloatArray, level: float = 0.95, cases: int | None = None) -> Interval:
    """Percentile interval of bootstrap values [num_draws]; undefined draws (NaN) are left out.

    Args:
        values: on every draw. level: nominal.
        cases: independent cases that the figure rests on. Given, the percentiles are moved outwards as a t interval is wider
            than a normal one, because draws from few cases vary too little (Hesterberg, American Statistician 2015).

    Raises:
        InputError: when fewer than half of the draws are defined.
    """
    defined = values[~np.isnan(values)]
    if len(defined) < max(1, len(values) / 2):
        raise InputError(
            f"{len(values) - len(defined)} of {len(values)} bootstrap draws are undefined", "more patients"
        )
    tail = (1 - level) / 2
    if cases is not None and cases > 1:
        tail = float(stats.norm.sf(stats.t.ppf(1 - tail, cases - 1) * np.sqrt(cases / (cases - 1))))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), level)


def bootstrap_interval(
    statistic: Callable[[IntArray], float],
    clusters: Sequence[Hashable],
    num_draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of one statistic over whole clusters."""
    return percentile_interval(cluster_bootstrap(statistic, clusters, num_draws, seed), level)


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float], num_draws: int = 1000) -> Interval:
    """Interval of a ratio of sums over clusters (found / lesions, false marks / views), one entry per cluster."""
    above, below = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)

    def ratio(rows: IntArray) -> float:
        total = below[rows].sum()
        return float(above[rows].sum() / total) if total else float("nan")

    return bootstrap_interval(ratio, range(len(above)), num_draws)


def interval_or_none(compute: Callable[[], Interval]) -> Interval | None:
    """The interval, or None where too few draws are defined: a quick look at few exams still has its figures."""
    try:
        return compute()
    except InputError:
        return None


def clopper_pearson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Exact interval of a proportion; [0, 1] without trials."""
    _check_counts(successes, trials)
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    high = stats.beta.ppf(1 - tail, successes + 1, trials - successes) if successes < trials else 1.0
    return Interval(float(low), float(high), level)


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Score interval of a proportion; [0, 1] without trials."""
    _check_counts(successes, trials)
    if trials == 0:
        return Interval(0.0, 1.0, level)
    z = float(stats.norm.ppf((1 + level) / 2))
    share, shrink = successes / trials, 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(max(0.0, float(middle - half)), min(1.0, float(middle + half)), level)


def _check_counts(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise InputError(f"{successes} successes in {trials} trials", "0 <= successes <= trials")
