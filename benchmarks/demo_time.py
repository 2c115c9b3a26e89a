"""Wall time of `make demo` on a fresh clone: virtual environment, installation, and the demo exam read to its report.

The last commit is cloned into a temporary folder, so what is not committed is not measured. Packages come from pip's
cache as far as it has them; cloning is not counted. What `make` prints goes to stderr.

    python benchmarks/demo_time.py
    PIP_NO_CACHE_DIR=1 python benchmarks/demo_time.py     # every package downloaded again
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.support.errors import InputError, MammoscribeError

ROOT = Path(__file__).parents[1]
BAR_S = 180.0


def demo_seconds(repository: Path, folder: Path) -> float:
    """Seconds that `make demo` takes in a clone of `repository` made in `folder`.

    Raises:
        InputError: when the repository cannot be cloned, or the demo ends with an error.
    """
    clone = folder / "clone"
    run(["git", "clone", "--quiet", str(repository), str(clone)], folder)
    start = time.perf_counter()
    run(["make", "demo"], clone)
    return time.perf_counter() - start


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder, its output on stderr; a failure raises InputError."""
    done = subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False)  # noqa: S603
    if done.returncode:
        raise InputError(f"`{' '.join(command)}` ended with {done.returncode}", "0", "see its output above")


def main() -> int:
    """Print the table; 1 when the bar is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            seconds = demo_seconds(ROOT, Path(folder))
    except MammoscribeError as error:
        print(error)
        return 2
    rows = [Row("`make demo` on a fresh clone: seconds", seconds, "1 run", None, BAR_S, Sense.AT_MOST, 1)]
    print(markdown(rows))
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
