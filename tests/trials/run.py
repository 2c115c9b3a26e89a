"""`python -m tests.trials.run`: makes the trials, runs the product on each, and ends with 1 when one went wrong."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.trials import chats, dicom, folders, sets, texts
from tests.trials.place import Place, Row

SCRIPTS = Path(os.environ.get("MAMMOSCRIBE_TRIALS", Path(__file__).parents[3] / "shared" / "trials"))
KINDS = {"dicom": dicom.rows, "folders": folders.rows, "chats": chats.rows, "sets": sets.rows, "texts": texts.rows}
_WIDTHS = (34, 72, 72)


def shown(row: Row) -> str:
    """A row as a line of the table; what came of a case that went wrong is whole."""
    cells = [" ".join(cell.split()) for cell in (row.case, row.expected, row.got)]
    cut = [
        cell if not row.ok or len(cell) <= w else f"{cell[: w - 3]}..." for cell, w in zip(cells, _WIDTHS, strict=True)
    ]
    return " | ".join(
        [*(cell.ljust(width) for cell, width in zip(cut, _WIDTHS, strict=True)), "ok" if row.ok else "WRONG"]
    )


def tell(rows: Iterable[Row]) -> tuple[int, int]:
    """Print the table as its rows come; how many there were, and how many went wrong."""
    print(shown(Row("case", "expected", "got", True)).removesuffix("ok").rstrip())
    count = wrong = 0
    for row in rows:
        print(shown(row), flush=True)
        count, wrong = count + 1, wrong + (not row.ok)
    return count, wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=Path, default=SCRIPTS, help="folder of the scripts that make the trials")
    parser.add_argument("--only", choices=KINDS, action="append", help="one kind of trials; may be repeated")
    given = parser.parse_args()
    if not given.scripts.is_dir():
        print(f"skipped: the scripts that make the trials are not in {given.scripts} (MAMMOSCRIBE_TRIALS).")
        return 0
    with tempfile.TemporaryDirectory(prefix="trials-") as folder:
        place = Place(Path(folder).resolve(), given.scripts.resolve())
        place.make()
        count, wrong = tell(row for kind in given.only or KINDS for row in KINDS[kind](place))
    print(f"{count} trials, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
