"""Tables of results: printed with aligned columns, and written as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from mammoscribe.cli.console import out as console
from mammoscribe.cli.options import file_for
from mammoscribe.support.files import write_text

Row = Mapping[str, object]


def csv_for(out: Path | None) -> Path | None:
    """`out` as a file to write, where it is given; checked before the work, not after it."""
    return None if out is None else file_for(out, "a CSV file")


def show_table(rows: Sequence[Row], out: Path | None = None, by: str | None = None) -> None:
    """Print rows that have the same columns, one table for each value of `by`; with `out`, write them there as CSV.

    Lines are never cut or wrapped: what is piped on is whole.
    """
    if by is None:
        _print(rows)
    else:
        for value, group in groupby(rows, key=lambda row: row[by]):
            _line(str(value))
            _print([{name: cell for name, cell in row.items() if name != by} for row in group], indent="  ")
    if out is not None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        write_text(out, text.getvalue())
        _line(f"wrote {out}")


def _print(rows: Sequence[Row], indent: str = "") -> None:
    """Numbers to the right, words to the left."""
    names = list(rows[0])
    right = [isinstance(rows[0][name], int | float) for name in names]
    cells = [names, *([" ".join(_cell(value).split()) for value in row.values()] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    for row in cells:
        padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        _line(indent + "  ".join(padded).rstrip())


def _line(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
