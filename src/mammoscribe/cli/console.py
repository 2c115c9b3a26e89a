"""What the commands print with: results on stdout, progress and errors on stderr."""

import logging
import warnings
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import Progress

from mammoscribe.support.errors import printable
from mammoscribe.support.progress import bar_on

MAX_LINE_CHARS = 3000
"""More than the three parts of an error together."""
out = Console()
errors = Console(stderr=True)


def working(what: str) -> AbstractContextManager[object]:
    """A spinner on stderr while `what` is going on; nothing where stderr is not a terminal."""
    return errors.status(what)


def progress_bar() -> Progress:
    """A bar with counts, elapsed and remaining time, on stderr."""
    return bar_on(errors)


def quiet_libraries() -> None:
    """Keep what libraries warn of (with their own paths and source lines) from the terminal; ours are printed by `warn`."""
    warnings.simplefilter("ignore")
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())  # else Python prints what no handler takes


def warn(message: str) -> None:
    """One warning line on stderr, whatever characters a file has brought into it."""
    _line(f"warning: {message}", "yellow")


def note(message: str) -> None:
    """One line on stderr of what a run does, which nothing has to be done about."""
    _line(f"note: {message}", "")


def _line(message: str, style: str) -> None:
    errors.print(printable(message, MAX_LINE_CHARS), style=style, markup=False, highlight=False, soft_wrap=True)
