"""When a decision is left to a person: split conformal prediction for malignant or not, with its guarantee for each class.

A breast gets a set of answers: malignant, not malignant, both or neither. It is decided where the set holds one answer, and
left to a person otherwise. Thresholds are fixed on labelled breasts of the same population, for each class by itself, so
that of the malignant breasts, and of the others, at least 1 - alpha on average get a set that holds the truth, whatever the
model and whatever the prevalence. Sources: Vovk, Conditional validity of inductive conformal predictors, Machine Learning
2013; Sadinle, Lei and Wasserman, Least ambiguous set-valued classifiers, JASA 2019. Breasts of one patient are not
independent, so one breast of a class is taken from each patient, as Dunn, Wasserman and Ramdas, JASA 2023, take one of a group.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammoscribe.evaluation.bootstrap import FloatArray
from mammoscribe.support.errors import InputError

OTHER, MALIGNANT = 0, 1


@dataclass(frozen=True)
class Abstention:
    """Thresholds for sets of answers.

    Args:
        strange: how ill each breast of calibration fits its own class, 1 minus the probability of that class, rising; of
            other breasts and of malignant ones.
    """

    strange: tuple[FloatArray, FloatArray]

    def __post_init__(self) -> None:
        if not all(len(s) for s in self.strange):
            raise InputError("abstention fixed on breasts of one class", "malignant breasts and others")

    def limits(self, alpha: float) -> tuple[float, float]:
        """For each class the strangeness up to which it is in a set; infinite where so few breasts guarantee nothing less.

        Raises:
            InputError: for an alpha that is not between 0 and 1.
        """
        if not 0 < alpha < 1:
            raise InputError(f"an error rate of {alpha:g}", "a share between 0 and 1, such as 0.1")
        other, malignant = (_limit(s, alpha) for s in self.strange)
        return other, malignant

    def sets(self, probs: ArrayLike, alpha: float) -> NDArray[np.bool_]:
        """Whether each class is in the set of each breast.

        Args:
            probs: of malignancy, [n]. alpha: error rate that is allowed in each class.

        Returns:
            [n, 2] of not malignant, malignant.
        """
        p = np.asarray(probs, dtype=np.float64)
        other, malignant = self.limits(alpha)
        return np.stack((p <= other, 1 - p <= malignant), axis=1)


def _limit(strange: FloatArray, alpha: float) -> float:
    """The k-th smallest of n with k = ceil((n + 1) (1 - alpha)); infinite where k is more than n."""
    k = ceil((len(strange) + 1) * (1 - alpha) - 1e-9)
    return float("inf") if k > len(strange) else float(strange[k - 1])


def fit_abstention(probs: ArrayLike, labels: ArrayLike, patients: Sequence[str], names: Sequence[str]) -> Abstention:
    """Fix abstention on labelled breasts.

    Args:
        probs: of malignancy, [n]. labels: 0 or 1, [n].
        patients: of each breast, [n]. names: of each breast, [n]; a hash of them chooses one of a patient's breasts of a class.

    Raises:
        InputError: without breasts of both classes.
    """
    p, y = np.asarray(probs, dtype=np.float64), np.asarray(labels)
    found = []
    for label in (OTHER, MALIGNANT):
        chosen: dict[str, int] = {}
        for i in sorted(np.flatnonzero(y == label).tolist(), key=lambda i: _hash(names[i])):
            chosen.setdefault(patients[i], i)
        own = p[list(chosen.values())]
        found.append(np.sort(own if label == OTHER else 1 - own))
    return Abstention((found[0], found[1]))


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def decided(sets: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Breasts whose set holds one answer.

    Shapes: [n, 2] -> [n].
    """
    return sets.sum(axis=1) == 1
