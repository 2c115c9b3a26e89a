"""Turning scores into probabilities, and checking them: Platt scaling, temperature, reliability table.

Sources: Platt 1999 with the Newton fit of Lin, Lin & Weng, Machine Learning 2007; Guo et al., ICML 2017 (temperature).
A fit belongs to the population it was made on: store the two together (`domain.report.Calibration`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from mammoscribe.evaluation.bootstrap import FloatArray, Interval, wilson
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Platt:
    """probability = sigmoid(slope * score + intercept)."""

    slope: float
    intercept: float

    def apply(self, scores: ArrayLike) -> FloatArray:
        """Probabilities 0..1 of scores [n]."""
        return special.expit(self.slope * np.asarray(scores, dtype=np.float64) + self.intercept)


def fit_platt(scores: ArrayLike, labels: ArrayLike) -> Platt:
    """Logistic fit of labels on scores, with Platt's smoothed targets so that separable data stay finite.

    Args:
        scores: any real numbers (logits are best), [n].
        labels: 0 or 1, [n].

    Raises:
        InputError: when shapes differ, a score is not finite, or only one class is there.
    """
    s, y = _checked(scores, labels)
    if y.min() == y.max():
        raise InputError("Platt scaling on one class only", "positives and negatives")
    positives, negatives = y.sum(), (1 - y).sum()
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    middle, spread = s.mean(), s.std() or 1.0
    z = (s - middle) / spread  # the fit is then as well conditioned as the data allow
    start = np.array([0.0, special.logit(target.mean())])
    fit = optimize.minimize(
        _negative_log_likelihood, start, (z, target), jac=_gradient, hess=_hessian, method="trust-exact"
    )
    slope = float(fit.x[0] / spread)
    return Platt(slope, float(fit.x[1] - slope * middle))


def fit_logistic(features: ArrayLike, labels: ArrayLike) -> FloatArray:
    """Weights and intercept [k + 1] of a logistic model whose weights are not negative.

    A feature that falls with the label on a small validation set is noise, and gets no weight instead of a wrong sign.

    Args:
        features: [n, k].
        labels: 0 or 1, [n].
    """
    x = np.asarray(features, dtype=np.float64)
    _, y = _checked(x[:, 0], labels)
    x = np.concatenate((x, np.ones((len(x), 1))), axis=1)

    def loss(w: FloatArray) -> float:
        eta = x @ w
        return float(np.mean(np.logaddexp(0, eta) - y * eta)) + 1e-4 * float(w[:-1] @ w[:-1])

    bounds = [(0.0, None)] * (x.shape[1] - 1) + [(None, None)]
    return optimize.minimize(loss, np.zeros(x.shape[1]), bounds=bounds, method="L-BFGS-B").x


LEAST_SPREAD = 0.01
"""Standard deviation of a feature, beside its root mean square, from which a ridge fit uses it."""
LEAST_OF_USUAL = 0.1
"""The least standard deviation, beside the median of those of all features, by which a ridge fit standardises one."""


def fit_ridge_logistic(features: ArrayLike, labels: ArrayLike, groups: ArrayLike, ridge: float) -> FloatArray:
    """Weights and intercept [k + 1] of a logistic model of many features, held small by a penalty.

    Features count by their spread: the penalty is on the weights of standardised ones. One that hardly varies beside its size
    gets no weight, and one that varies far less than the others is standardised as if it varied more: such a feature is
    the same for all cases but a few, and would have a huge weight, which rounding turns into noise. Each group, such as the exams of one
    dataset, has an intercept of its own, so that what tells the groups apart teaches nothing; the mean of these over all
    cases is given back.

    Args:
        features: [n, k].
        labels: 0 or 1, [n].
        groups: any integers, [n].
        ridge: factor of half the sum of squared weights, beside the log loss summed over cases; above 0.

    Raises:
        InputError: when a feature is not finite, or only one class is there.
    """
    x = np.asarray(features, dtype=np.float64)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > LEAST_SPREAD * np.sqrt((x**2).mean(axis=0))
    usual = np.median(spread[varies]) if varies.any() else 1.0
    spread = np.where(varies, np.maximum(spread, LEAST_OF_USUAL * usual), np.inf)
    _, y = _checked(x.sum(axis=1), labels)
    if y.min() == y.max():
        raise InputError("a logistic fit on one class only", "positives and negatives")
    z = (x - middle) / spread
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    member = np.eye(int(group.max()) + 1)[group]

    def loss(w: FloatArray) -> tuple[float, FloatArray]:
        weights, intercepts = w[: z.shape[1]], w[z.shape[1] :]
        eta = z @ weights + member @ intercepts
        rest = special.expit(eta) - y
        value = float(np.sum(np.logaddexp(0, eta) - y * eta)) + 0.5 * ridge * float(weights @ weights)
        return value, np.concatenate((z.T @ rest + ridge * weights, member.T @ rest))

    fit = optimize.minimize(
        loss, np.zeros(z.shape[1] + member.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 2000}
    )
    weights = fit.x[: z.shape[1]] / spread
    return np.append(weights, float((member @ fit.x[z.shape[1] :]).mean()) - float(middle @ weights))


def _negative_log_likelihood(ab: FloatArray, z: FloatArray, target: FloatArray) -> float:
    eta = ab[0] * z + ab[1]
    return float(np.mean(np.logaddexp(0, eta) - target * eta))


def _gradient(ab: FloatArray, z: FloatArray, target: FloatArray) -> FloatArray:
    residual = special.expit(ab[0] * z + ab[1]) - target
    return np.array([np.mean(residual * z), np.mean(residual)])


def _hessian(ab: FloatArray, z: FloatArray, _target: FloatArray) -> FloatArray:
    p = special.expit(ab[0] * z + ab[1])
    w = p * (1 - p)
    cross = np.mean(w * z)
    return np.array([[np.mean(w * z * z), cross], [cross, np.mean(w)]])


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T for which softmax(logits / T) has the least negative log likelihood, 0.05..20.

    Args:
        logits: [n, k]; for a binary logit x give [[0, x], ...].
        labels: class indices, [n].
    """
    x, y = np.asarray(logits, dtype=np.float64), np.asarray(labels, dtype=int)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(y):
        raise InputError(f"logits {x.shape} beside labels {y.shape}", "[n, k] and [n], not empty")

    def loss(log_temperature: float) -> float:
        scaled = x / np.exp(log_temperature)
        return float(-np.mean(special.log_softmax(scaled, axis=1)[np.arange(len(y)), y]))

    fit = optimize.minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(fit.x))


CERTAIN = 1e-6
"""Probabilities are kept this far from 0 and 1 where their log odds are needed."""


def calibration_slope(probs: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Slope of the labels on the log odds of the probabilities, and intercept with the slope held at 1 (Cox 1958).

    1 and 0 for well calibrated probabilities; a slope below 1 says that they are too extreme, an intercept below 0 that they
    are too high. NaN when only one class is there, or the log odds part the classes or are all one value.
    """
    p, y = _checked(probs, labels)
    x = _log_odds(p)
    undefined = (float("nan"), float("nan"))
    if y.min() == y.max():
        return undefined
    in_the_large = _newton(np.ones((len(x), 1)), x, y)
    parted = x[y == 1].min() > x[y == 0].max() or x[y == 1].max() < x[y == 0].min()
    slope = np.nan if parted or np.ptp(x) < 1e-9 else _newton(np.stack([x, np.ones(len(x))], axis=1), 0.0 * x, y)[0]
    return float(slope), float(in_the_large[0])


def _newton(x: FloatArray, offset: FloatArray, y: FloatArray) -> FloatArray:
    """Maximum-likelihood weights [k] of a logistic model with a fixed offset; NaN where they do not settle."""
    w = np.zeros(x.shape[1])
    for _ in range(50):
        p = special.expit(x @ w + offset)
        try:
            step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (y - p))
        except np.linalg.LinAlgError:
            break
        w = w + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            return w
    return np.full(x.shape[1], np.nan)


def coverage_and_risk(probs: ArrayLike, labels: ArrayLike, threshold: float) -> tuple[FloatArray, FloatArray]:
    """Share of cases kept [n] and share of wrong decisions among them [n], the most certain cases first.

    A case is decided by `probs >= threshold`, and is the more certain the farther its log odds are from the threshold's.
    Cases of one certainty share the risk of all of them.
    """
    p, y = _checked(probs, labels)
    far = np.abs(_log_odds(p) - _log_odds(np.array([threshold])))
    order = np.argsort(-far, kind="stable")
    wrong = np.cumsum(((p >= threshold) != (y == 1))[order])
    kept = np.arange(1, len(p) + 1)
    last = np.searchsorted(-far[order], -far[order], side="right") - 1
    return kept[last] / len(p), wrong[last] / kept[last]


def _log_odds(p: FloatArray) -> FloatArray:
    return special.logit(np.clip(p, CERTAIN, 1 - CERTAIN))


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases of like probability: how many, the mean probability, the share that was positive with its interval."""

    n: int
    predicted: float
    observed: float
    interval: Interval


def reliability_table(probs: ArrayLike, labels: ArrayLike, num_bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """Bins of (nearly) the same number of cases each, from low to high probability; none is empty."""
    p, y = _checked(probs, labels)
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(num_bins, len(order)))
    return tuple(
        ReliabilityBin(len(i), float(p[i].mean()), float(y[i].mean()), wilson(int(y[i].sum()), len(i))) for i in parts
    )


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[FloatArray, FloatArray]:
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if s.ndim != 1 or s.shape != y.shape or not len(s):
        raise InputError(f"scores {s.shape} beside labels {y.shape}", "two vectors of one length, not empty")
    if not np.isfinite(s).all():
        raise InputError("a score that is not finite", "a number for every case")
    if not np.isin(y, (0.0, 1.0)).all():
        raise InputError("labels other than 0 and 1", "0 or 1")
    return s, y
