"""How unlike the images of a population a view is: a distance in the reader's own features, with stored statistics.

A Mahalanobis distance (Lee et al., NeurIPS 2018) with a diagonal covariance, which a few dozen views can fix and a model card
can hold: the features of a view are standardised by their mean and spread over the views of a population, and the distance is the
root of their mean square.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mammoscribe.models.reader.breast_heads import grey_statistics
from mammoscribe.support.errors import InvalidNoun

Features = NDArray[np.float64]
FURTHER = 0.01
"""Share of the views of the population itself that may be farther than the limit."""
MOST = 8.0
"""Standard deviations at which one feature is cut off, so that it cannot decide alone."""


@dataclass(frozen=True)
class Familiar:
    """The views that a reader is used to.

    Args:
        population: what they are, in words. num_views: how many fixed the numbers.
        mean, spread: of every feature. limit: distance from which a view is called unlike.

    Raises:
        InvalidNoun: for numbers that cannot be.
    """

    population: str
    num_views: int
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    limit: float

    def __post_init__(self) -> None:
        numbers = (*self.mean, *self.spread, self.limit)
        sound = (
            all(isinstance(v, (int, float)) and isfinite(v) for v in numbers)
            and min((*self.spread, self.limit), default=0) > 0
        )
        if not sound or len(self.mean) != len(self.spread) or not self.mean:
            raise InvalidNoun("statistics of familiar views that are no means and spreads", "as many of both, finite")
        if type(self.num_views) is not int or self.num_views < 1 or not self.population:
            raise InvalidNoun("familiar views without their population and number", "words, and at least one")

    def distance(self, features: Features) -> float:
        """Of one view, [k]; about 1 for a view of the population.

        Raises:
            InvalidNoun: for features of another network.
        """
        if features.shape != (len(self.mean),):
            raise InvalidNoun(f"{features.shape} features of a view", f"{len(self.mean)}")
        return float(_distances(features[None], np.array(self.mean), np.array(self.spread))[0])


def _distances(features: Features, mean: Features, spread: Features) -> Features:
    return np.sqrt(np.mean(np.clip((features - mean) / spread, -MOST, MOST) ** 2, axis=1))


def fit_familiar(features: Features, patients: Sequence[str], population: str) -> Familiar:
    """Statistics of the views of a population, and the limit that one in a hundred further views of it passes.

    The limit is fixed on distances of views to statistics of the other patients, in five parts.

    Args:
        features: [n, k]. patients: whose each view is, [n]. population: in words.
    """
    part = {p: i % 5 for i, p in enumerate(dict.fromkeys(patients))}
    parts = np.array([part[p] for p in patients])
    apart = np.concatenate([_apart(features, parts == k) for k in range(5)])
    k = min(len(apart), int(np.ceil((len(apart) + 1) * (1 - FURTHER))))
    limit = float(np.sort(apart)[k - 1])
    mean, spread = _statistics(features)
    return Familiar(population, len(features), _rounded(mean), _rounded(spread), round(limit, 4))


def _apart(features: Features, own: NDArray[np.bool_]) -> Features:
    if not own.any() or own.all():
        return np.zeros(0)
    return _distances(features[own], *_statistics(features[~own]))


def _statistics(features: Features) -> tuple[Features, Features]:
    spread = features.std(axis=0)
    return features.mean(axis=0), np.maximum(spread, 1e-3 * max(float(np.median(spread)), 1e-6))


def _rounded(values: Features) -> tuple[float, ...]:
    return tuple(float(f"{v:.5g}") for v in values)


@torch.inference_mode()
def view_features(features: Tensor, images: Tensor) -> Features:
    """What views look like to a reader: mean and spread of its mark features over the tissue, and grey-level statistics.

    Args:
        features: [N, C, h, w] that the marks are read from. images: [N, 1, H, W] canvases.

    Returns:
        [N, 2 C + 10].
    """
    values = features.float()
    share = F.adaptive_avg_pool2d((images[:, :1] > 0).float(), (values.shape[2], values.shape[3]))
    weight = share / share.sum((2, 3), keepdim=True).clamp(min=1e-6)
    mean = (values * weight).sum((2, 3))
    spread = ((values.square() * weight).sum((2, 3)) - mean.square()).clamp(min=0).sqrt()
    return torch.cat((mean, spread, grey_statistics(images)), dim=1).double().cpu().numpy()
