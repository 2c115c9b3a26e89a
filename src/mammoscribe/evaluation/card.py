"""The report card: rows of figure, interval, n and bar, printed as a markdown table or written as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from mammoscribe.evaluation.bootstrap import Interval
from mammoscribe.support.files import write_text


class Sense(StrEnum):
    """Which side of the bar is good."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Row:
    """One figure.

    Args:
        what: what was measured.
        value: the figure, NaN when it is not defined.
        n: on how many of what, in words (`312 masses`).
        interval: 95 % interval, or None.
        bar: what the figure must reach, or None when it is only stated.
        sense: which side of the bar is good.
        digits: decimals printed.
    """

    what: str
    value: float
    n: str
    interval: Interval | None = None
    bar: float | None = None
    sense: Sense = Sense.AT_LEAST
    digits: int = 3

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None without a bar, False for a figure that is not defined."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.sense is Sense.AT_LEAST else self.value <= self.bar

    def cells(self) -> tuple[str, ...]:
        """The row as text: what, figure, interval, n, bar, met."""
        figure = "not defined" if math.isnan(self.value) else f"{self.value:.{self.digits}f}"
        ends = self.interval
        interval = f"{ends.low:.{self.digits}f} to {ends.high:.{self.digits}f}" if ends else ""
        bar = "stated" if self.bar is None else f"{self.sense} {self.bar:g}"
        return self.what, figure, interval, self.n, bar, {None: "", True: "yes", False: "no"}[self.met]


HEAD = ("what", "figure", "95 % interval", "n", "bar", "met")


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a markdown table."""
    return table(HEAD, [r.cells() for r in rows])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Any table as markdown, columns padded so that it reads well as plain text."""
    cells = [[str(c) for c in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def rows_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON values; an undefined figure is null."""
    return [{**asdict(r), "value": None if math.isnan(r.value) else r.value, "met": r.met} for r in rows]


def write_rows(rows: Sequence[Row], path: Path) -> Path:
    """The rows as a JSON file."""
    return write_text(path, json.dumps(rows_json(rows), indent=1, allow_nan=False) + "\n")
