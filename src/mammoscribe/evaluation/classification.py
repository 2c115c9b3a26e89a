"""How well scores tell classes apart: AUC with intervals, average precision, kappa, Brier score, ECE, group tables.

Sources: DeLong et al., Biometrics 1988, in the midrank form of Sun & Xu, IEEE SPL 2014; Cohen, Psychological
Bulletin 1968 (weighted kappa); Brier, Monthly Weather Review 1950; Nguyen & O'Connor 2015 (equal-mass ECE).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, stats

from mammoscribe.evaluation.bootstrap import (
    FloatArray,
    Interval,
    bootstrap_interval,
    cluster_bootstrap,
    interval_or_none,
    percentile_interval,
)
from mammoscribe.evaluation.calibration import reliability_table
from mammoscribe.support.errors import InputError


class Weights(StrEnum):
    """How far-apart disagreements count in kappa."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve by midranks (ties count half); NaN when only one class is there."""
    s, y = _scores_and_labels(scores, labels)
    positives, negatives = int(y.sum()), int((~y).sum())
    if not positives or not negatives:
        return float("nan")
    rank_sum = stats.rankdata(s)[y].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def auc_interval(
    scores: ArrayLike, labels: ArrayLike, patients: Sequence[Hashable], num_draws: int = 1000, seed: int = 0
) -> Interval:
    """95 % percentile interval of the AUC over patients."""
    s, y = _scores_and_labels(scores, labels)
    return bootstrap_interval(lambda rows: auc(s[rows], y[rows]), patients, num_draws, seed)


@dataclass(frozen=True)
class DeLong:
    """AUCs of systems on the same cases [k], with their covariance [k, k]; cases count as independent."""

    aucs: FloatArray
    covariance: FloatArray

    def interval(self, system: int = 0, level: float = 0.95) -> Interval:
        """Normal interval of one AUC, clipped to 0..1."""
        half = stats.norm.ppf((1 + level) / 2) * np.sqrt(self.covariance[system, system])
        middle = self.aucs[system]
        return Interval(float(max(0.0, middle - half)), float(min(1.0, middle + half)), level)

    def p_value(self, first: int = 0, second: int = 1) -> float:
        """Two-sided p of the difference of two AUCs; 1 when the systems rank alike."""
        c = self.covariance
        variance = c[first, first] + c[second, second] - 2 * c[first, second]
        difference = abs(self.aucs[first] - self.aucs[second])
        if variance <= 1e-15:
            return 1.0 if difference < 1e-12 else 0.0
        return float(2 * stats.norm.sf(difference / np.sqrt(variance)))


def delong(systems: Sequence[ArrayLike], labels: ArrayLike) -> DeLong:
    """AUCs and covariance of one or several score vectors over the same cases.

    Raises:
        InputError: with fewer than two cases in either class.
    """
    pairs = [_scores_and_labels(s, labels) for s in systems]
    y = pairs[0][1]
    m, n = int(y.sum()), int((~y).sum())
    if min(m, n) < 2:
        raise InputError(f"DeLong with {m} positive and {n} negative cases", "two of each at least")
    by_positive, by_negative = np.empty((len(pairs), m)), np.empty((len(pairs), n))
    for k, (s, _) in enumerate(pairs):
        ranks = stats.rankdata(s)
        by_positive[k] = (ranks[y] - stats.rankdata(s[y])) / n
        by_negative[k] = 1 - (ranks[~y] - stats.rankdata(s[~y])) / m
    covariance = np.atleast_2d(np.cov(by_positive)) / m + np.atleast_2d(np.cov(by_negative)) / n
    return DeLong(by_positive.mean(axis=1), covariance)


def roc_points(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates [t] at every distinct threshold, from (0, 0) to (1, 1).

    Raises:
        InputError: when only one class is there.
    """
    s, y = _scores_and_labels(scores, labels)
    if not y.any() or y.all():
        raise InputError("a ROC curve of one class only", "positives and negatives")
    hits, calls = _cumulative(s, y)
    start = np.zeros(1)
    return np.concatenate([start, (calls - hits) / (~y).sum()]), np.concatenate([start, hits / y.sum()])


def partial_auc(scores: ArrayLike, labels: ArrayLike, max_fpr: float = 0.1) -> float:
    """Area under the ROC curve up to a false positive rate, put on the scale of the AUC (McClish 1989): chance is 0.5.

    NaN when only one class is there.
    """
    _, y = _scores_and_labels(scores, labels)
    if not y.any() or y.all():
        return float("nan")
    fpr, tpr = roc_points(scores, labels)
    stop = int(np.searchsorted(fpr, max_fpr, side="right"))
    last = np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1])
    area = float(integrate.trapezoid(np.append(tpr[:stop], last), np.append(fpr[:stop], max_fpr)))
    least = max_fpr**2 / 2
    return 0.5 * (1 + (area - least) / (max_fpr - least))


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Mean precision over recall steps; cases with one score are one step. NaN without positives."""
    s, y = _scores_and_labels(scores, labels)
    if not y.any():
        return float("nan")
    hits, calls = _cumulative(s, y)
    recall_step = np.diff(np.concatenate([[0], hits])) / y.sum()
    return float(np.sum(recall_step * hits / calls))


def sensitivity_at_specificity(scores: ArrayLike, labels: ArrayLike, specificity: float) -> float:
    """Highest sensitivity of any threshold with at least that specificity; NaN when only one class is there."""
    s, y = _scores_and_labels(scores, labels)
    if not y.any() or y.all():
        return float("nan")
    hits, calls = _cumulative(s, y)
    allowed = 1 - (calls - hits) / (~y).sum() >= specificity - 1e-12
    return float(np.max(hits[allowed], initial=0) / y.sum())


def threshold_at_specificity(scores: ArrayLike, labels: ArrayLike, specificity: float) -> float:
    """Lowest score from which at most a share of 1 - specificity of the negatives are called positive.

    Choose it on exams that are not measured.

    Raises:
        InputError: without a negative case, or where only a threshold above every score would do.
    """
    s, y = _scores_and_labels(scores, labels)
    if y.all():
        raise InputError("a specificity without a negative case", "negative cases")
    negatives = np.sort(s[~y])
    allowed = [t for t in np.unique(s).tolist() if (negatives < t).mean() >= specificity - 1e-12]
    if not allowed:
        raise InputError(f"no score keeps a specificity of {specificity:g}", "a lower specificity")
    return float(allowed[0])


def kappa(truth: ArrayLike, given: ArrayLike, num_classes: int, weights: Weights = Weights.LINEAR) -> float:
    """Chance-corrected agreement of two ordinal ratings 0..num_classes-1; NaN when chance agreement is total."""
    table = np.zeros((num_classes, num_classes))
    np.add.at(table, (np.asarray(truth, dtype=int), np.asarray(given, dtype=int)), 1)
    apart = np.abs(np.subtract.outer(np.arange(num_classes), np.arange(num_classes))).astype(float)
    cost = {Weights.NONE: (apart > 0).astype(float), Weights.LINEAR: apart, Weights.QUADRATIC: apart**2}[weights]
    expected = np.outer(table.sum(1), table.sum(0)) / max(table.sum(), 1)
    by_chance = (cost * expected).sum()
    return float(1 - (cost * table).sum() / by_chance) if by_chance else float("nan")


def f1(given: ArrayLike, labels: ArrayLike) -> float:
    """Harmonic mean of precision and recall of yes / no decisions; NaN without positives."""
    g, y = np.asarray(given, dtype=bool), np.asarray(labels, dtype=bool)
    return float(2 * (g & y).sum() / (g.sum() + y.sum())) if y.any() else float("nan")


def macro_accuracy(truth: ArrayLike, given: ArrayLike) -> float:
    """Mean over the classes in `truth` of the share that is named right (balanced accuracy); NaN without cases."""
    t, g = np.asarray(truth), np.asarray(given)
    return float(np.mean([(g[t == c] == c).mean() for c in np.unique(t)])) if len(t) else float("nan")


def brier(probs: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared distance of probability and outcome."""
    p, y = _scores_and_labels(probs, labels)
    return float(np.mean((p - y) ** 2))


def expected_calibration_error(probs: ArrayLike, labels: ArrayLike, num_bins: int = 15) -> float:
    """Mean |observed - predicted| over bins that hold the same number of cases each."""
    table = reliability_table(probs, labels, num_bins)
    counts = np.array([b.n for b in table])
    gaps = np.array([abs(b.observed - b.predicted) for b in table])
    return float(np.sum(counts * gaps) / counts.sum())


@dataclass(frozen=True)
class GroupAuc:
    """AUC of one group with its size; the AUC is NaN and the interval None when the group is too small.

    `gap` is that of the group minus that of all other cases, on the same draws of patients; NaN where either is too small.
    """

    group: str
    n: int
    positives: int
    auc: float
    interval: Interval | None
    gap: float = float("nan")
    gap_interval: Interval | None = None


def auc_by_group(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    patients: Sequence[Hashable],
    min_n: int = 20,
    num_draws: int = 1000,
) -> tuple[GroupAuc, ...]:
    """AUC with interval per group, in the groups' sorted order; fewer than `min_n` cases or one class: not given."""
    s, y = _scores_and_labels(scores, labels)
    return tuple(_group(g, s, y, np.asarray(groups), patients, min_n, num_draws) for g in sorted(set(groups)))


def _group(group: str, s, y, groups, patients, min_n: int, num_draws: int) -> GroupAuc:
    rows = np.flatnonzero(groups == group)
    positives = int(y[rows].sum())
    if len(rows) < min_n or min(positives, len(rows) - positives) < 2:
        return GroupAuc(group, len(rows), positives, float("nan"), None)
    within = [patients[i] for i in rows]
    interval = auc_interval(s[rows], y[rows], within, num_draws)
    gap, gap_interval = _gap(groups == group, s, y, patients, min_n, num_draws)
    return GroupAuc(group, len(rows), positives, auc(s[rows], y[rows]), interval, gap, gap_interval)


def _gap(own, s, y, patients, min_n: int, num_draws: int) -> tuple[float, Interval | None]:
    """AUC of a group minus that of the others, with its interval; (NaN, None) where the others are too few."""
    others = y[~own]
    if len(others) < min_n or min(others.sum(), len(others) - others.sum()) < 2:
        return float("nan"), None

    def difference(rows) -> float:
        mine = rows[own[rows]]
        rest = rows[~own[rows]]
        return auc(s[mine], y[mine]) - auc(s[rest], y[rest]) if len(mine) and len(rest) else float("nan")

    drawn = cluster_bootstrap(difference, patients, num_draws)
    return difference(np.arange(len(s))), interval_or_none(lambda: percentile_interval(drawn))


def _cumulative(s: FloatArray, y) -> tuple[FloatArray, FloatArray]:
    """Hits and calls at each distinct threshold, from the highest down."""
    order = np.argsort(-s, kind="stable")
    last = np.flatnonzero(np.append(np.diff(s[order]) != 0, True))
    return np.cumsum(y[order])[last].astype(float), (last + 1).astype(float)


def _scores_and_labels(scores: ArrayLike, labels: ArrayLike):
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if s.ndim != 1 or s.shape != y.shape or not len(s):
        raise InputError(f"scores {s.shape} beside labels {y.shape}", "two vectors of one length, not empty")
    if np.isnan(s).any():
        raise InputError(f"{int(np.isnan(s).sum())} scores are not numbers", "a score for every case")
    if not np.isin(y, (0, 1)).all():
        raise InputError(f"labels {sorted(set(y.tolist()))[:5]}", "0 or 1")
    return s, y.astype(bool)
