"""Learning rates as a pure function of the step: warm-up, then constant, linear, cosine or one-cycle."""

import math
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.support.errors import InvalidNoun

START_SHARE, END_SHARE = 1 / 25, 1 / 250_000
"""One-cycle: the first and the last rate as shares of the highest one (Smith & Topin 2017, as in torch's OneCycleLR)."""


class Shape(StrEnum):
    """What the learning rate does after the warm-up."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"
    ONE_CYCLE = "one-cycle"


@dataclass(frozen=True)
class Schedule:
    """How the learning rate follows the step.

    Args:
        learning_rate: the highest rate.
        shape: linear and cosine fall to `floor`; one-cycle rises and falls by half a cosine each and has a fixed end.
        warm_up: share of the steps in which the rate rises, 0 to below 1; linearly, except in one-cycle.
        floor: share of `learning_rate` at the last step of linear and cosine.

    Raises:
        InvalidNoun: for values outside these ranges, or a floor that the shape does not use.
    """

    learning_rate: float = 1e-3
    shape: Shape = Shape.COSINE
    warm_up: float = 0.05
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < math.inf:
            raise InvalidNoun(f"learning_rate {self.learning_rate}", "a finite number above 0")
        if not 0 <= self.warm_up < 1:
            raise InvalidNoun(f"warm_up {self.warm_up}", "a share of the steps from 0 to below 1")
        if not 0 <= self.floor <= 1:
            raise InvalidNoun(f"floor {self.floor}", "a share of the learning rate from 0 to 1")
        if self.floor and self.shape not in (Shape.LINEAR, Shape.COSINE):
            raise InvalidNoun(f"floor {self.floor}, which the shape {self.shape} does not use", "linear or cosine")
        if self.shape is Shape.ONE_CYCLE and not self.warm_up:
            raise InvalidNoun("one-cycle without a warm-up", "warm_up above 0, usually 0.3")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step `step` (0, 1, ...) of a run of `steps`; always above 0 before the last one."""
        return self.learning_rate * self._share(step, steps)

    def _share(self, step: int, steps: int) -> float:
        if self.shape is Shape.ONE_CYCLE:
            return _one_cycle(step, steps, self.warm_up)
        rising = round(self.warm_up * steps)
        if step < rising:
            return (step + 1) / (rising + 1)
        progress = min((step - rising) / max(1, steps - rising), 1.0)
        if self.shape is Shape.LINEAR:
            return self.floor + (1 - self.floor) * (1 - progress)
        if self.shape is Shape.COSINE:
            return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2
        return 1.0


def _one_cycle(step: int, steps: int, warm_up: float) -> float:
    top = warm_up * steps - 1
    if step <= top:
        return _between(START_SHARE, 1.0, step / top if top > 0 else 1.0)
    return _between(1.0, END_SHARE, (step - top) / max(1e-9, steps - 1 - top))


def _between(first: float, last: float, progress: float) -> float:
    """Half a cosine from `first` to `last`."""
    return last + (first - last) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
