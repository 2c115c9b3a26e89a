"""Watches a run for non-finite steps, divergence and parameters that never get a gradient."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from mammoscribe.support.errors import InputError

WINDOW = 20
"""Losses in the means that are compared, and steps after which every parameter has to have had a gradient."""


class Diverged(InputError):
    """Training got worse than it began, or gives no finite numbers any more."""


@dataclass
class Watch:
    """What was seen so far; it is part of a checkpoint.

    Args:
        skipped: steps whose gradient was not finite.
        in_a_row: of these, the latest ones after each other.
        first, last: losses of the first steps, and of the latest.
    """

    skipped: int = 0
    in_a_row: int = 0
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    def see(self, step: int, loss: float, skipped: bool, skips_in_a_row: int, diverged_at: float) -> None:
        """Take note of a step.

        Args:
            step: number of the step, from 1.
            loss: its weighted sum of losses.
            skipped: whether its gradient was not finite.
            skips_in_a_row: how many such steps after each other are tolerated.
            diverged_at: how many times the first mean of losses the latest may be.

        Raises:
            Diverged: when one of them is exceeded.
        """
        self.skipped += skipped
        self.in_a_row = self.in_a_row + 1 if skipped else 0
        if self.in_a_row > skips_in_a_row:
            raise Diverged(
                f"the gradient was not finite in {self.in_a_row} steps in a row, the last of them step {step}", "",
                "check the data of these steps, or lower the learning rate or use bf16 or fp32",
            )  # fmt: skip
        if skipped or loss - loss != 0:
            return
        if len(self.first) < WINDOW:
            self.first.append(loss)
        self.last = [*self.last, loss][-WINDOW:]
        began, now = (sum(losses) / len(losses) for losses in (self.first, self.last))
        if len(self.last) == WINDOW and began > 0 and now > diverged_at * began:
            raise Diverged(
                f"the loss diverged: its mean over the {WINDOW} steps up to step {step} is {now:.4g}, and was {began:.4g} at first",
                "", "lower the learning rate, or lengthen the warm-up",
            )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


class Reached:
    """Remembers which parameters have had a gradient, and names those that have not.

    Args:
        names: of all that are trained.
        every_step: whether each has to have one in each step, as processes that exchange gradients need it.
    """

    def __init__(self, names: Iterable[str], every_step: bool) -> None:
        self._missing, self._every_step = set(names), every_step

    def see(self, step: int, without: frozenset[str], last: bool) -> None:
        """Take note of the parameters that got no gradient in a step.

        Raises:
            InputError: naming them, in the step itself or when none came in the first 20.
        """
        if self._every_step and without:
            raise InputError(
                f"in step {step}, {_named(without)} took no part in the losses of a process",
                "every parameter in every batch of every process",
                "use it in a sum over nothing, name its module in `frozen`, or set `partial` in the task",
            )
        if self._missing:
            self._missing &= without
        if self._missing and (last or step >= WINDOW):
            raise InputError(
                f"{_named(self._missing)} never got a gradient in {step} steps", "every parameter to take part in a loss",
                "use it in a loss, or name its module in `frozen`",
            )  # fmt: skip


def _named(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more parameters" if len(ordered) > 3 else ""
    return f"{', '.join(ordered[:3])}{more}"
