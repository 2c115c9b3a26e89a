"""A bar on stderr with counts, elapsed and remaining time, for what takes more than two seconds."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def bar_on(console: Console) -> Progress:
    """The bar, to be opened on a console; only one can be open on a console at a time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


def counted(items: Iterable[Any], total: int, what: str) -> Iterator[Any]:
    """The items, with a bar for as long as they last; of several processes of one run the first shows it.

    Args:
        items: to go through.
        total: how many there are.
        what: is done with them, the words before the bar.
    """
    if os.environ.get("RANK", "0") != "0":
        yield from items
        return
    with bar_on(Console(stderr=True)) as progress:
        yield from progress.track(items, total=total, description=what)
