"""Choosing among wordings, and finding every wording that a writer has by leading it through each of its choices."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Pick = Callable[[Sequence[str]], str]
"""Chooses one of several wordings."""

Written = TypeVar("Written")


def every(write: Callable[[Pick], Written]) -> Iterator[Written]:
    """What `write` gives for each sequence of choices that it can be led through, the first options first.

    Args:
        write: makes all its choices through the `Pick` that it is handed; it may meet other choices after other ones.
    """
    pending: list[tuple[int, ...]] = [()]
    while pending:
        yield write(_led_through(pending.pop(), pending))


def _led_through(script: tuple[int, ...], pending: list[tuple[int, ...]]) -> Pick:
    """Takes the options of `script`, then the first of every further choice, and leaves the others in `pending`."""
    taken: list[int] = []

    def pick(options: Sequence[str]) -> str:
        step = len(taken)
        if step >= len(script):
            pending.extend((*taken, other) for other in range(len(options) - 1, 0, -1))
        taken.append(script[step] if step < len(script) else 0)
        return options[taken[-1]]

    return pick
