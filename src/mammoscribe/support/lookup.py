"""Finding a name in a table, with the nearest names when it is not there."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from mammoscribe.support.errors import InputError

T = TypeVar("T")


def look_up(name: str, table: Mapping[str, T], what: str) -> T:
    """Return `table[name]`; an unknown name raises InputError naming the nearest known ones."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, list(table), n=3) or sorted(table)[:8]
    raise InputError(f"no {what} is called {name!r}", "", f"did you mean {', '.join(near)}?")
