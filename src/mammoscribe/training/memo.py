"""What is worked out once for each item and kept on disk: marks that a frozen network proposes, specks in a view."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mammoscribe.support.files import write_text


@dataclass(frozen=True)
class Memo:
    """Values by number, each worked out when it is first asked for.

    Several processes may share a folder: a file is whole or absent, and all of them would write the same.

    Args:
        make: (number) -> value, as JSON holds it; the same number always gives the same.
        folder: where values are kept; its name has to change when `make` would give others. None keeps them in memory.
    """

    make: Callable[[int], Any]
    folder: Path | None = None
    _held: dict[int, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, number: int) -> Any:
        """The value of an item."""
        if self.folder is None:
            if number not in self._held:
                self._held[number] = self.make(number)
            return self._held[number]
        path = self.folder / f"{number // 1000:04d}" / f"{number % 1000:03d}.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
        value = self.make(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(value))
        return value
