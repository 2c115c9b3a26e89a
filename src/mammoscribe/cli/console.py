"""What the commands print with: results on stdout, progress and errors on stderr."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

out = Console()
errors = Console(stderr=True)


def working(what: str) -> AbstractContextManager[object]:
    """A spinner on stderr while `what` is going on; nothing where stderr is not a terminal."""
    return errors.status(what)


def progress_bar() -> Progress:
    """A bar with counts, elapsed and remaining time, on stderr."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=errors,
    )


def warn(message: str) -> None:
    """One warning line on stderr."""
    errors.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)
