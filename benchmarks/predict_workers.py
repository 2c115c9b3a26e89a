"""How much faster `predict` reads with two workers than with one, and the memory that a worker takes.

Phantom exams are drawn as DICOM into a temporary folder. The whole command is timed, start of Python and loading of the
model included, with one worker and with two by turns, and the tables are compared byte for byte. On a machine that does
something else meanwhile the ratio says little: its load before and after is printed.

    python benchmarks/predict_workers.py                           # 24 exams, three rounds
    python benchmarks/predict_workers.py --exams 4 --rounds 1      # a quick look
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.support.workers import available_cores

COMMAND = (sys.executable, "-c", "from mammoscribe.cli import main; main()")
WORKERS = (1, 2)
LEAST_RATIO = 1.6


def mammoscribe(*arguments: str) -> None:
    """Run a command of the package; one that fails ends the benchmark with its last line."""
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=env, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{arguments[0]} failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def seconds_with(workers: int, manifest: Path, out: Path, model: str) -> float:
    """Seconds of one run from nothing to a finished table."""
    began = time.perf_counter()
    mammoscribe("predict", str(manifest), "--out", str(out), "--model", model, "--workers", str(workers))
    return time.perf_counter() - began


def measure(folder: Path, args: argparse.Namespace) -> list[Row]:
    """The rows of the table."""
    mammoscribe("phantom", "--exams", str(args.exams), "--seed", "150000", "--format", "dicom", "--out", str(folder))
    times: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    tables = set()
    for number in range(args.rounds):
        for workers in WORKERS:
            out = folder / f"{number}-{workers}.csv"
            times[workers].append(seconds_with(workers, folder / "manifest.csv", out, args.model))
            tables.add(out.read_bytes())
    n = f"{args.exams} exams, {args.rounds} rounds"
    one, two = (args.exams / statistics.median(times[workers]) for workers in WORKERS)
    ratios = [before / after for before, after in zip(*times.values(), strict=True)]
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    return [
        Row("predict --workers 1: exams per second", one, n, None, None, Sense.AT_LEAST, 3),
        Row("predict --workers 2: exams per second", two, n, None, None, Sense.AT_LEAST, 3),
        Row("… ratio, median of rounds", statistics.median(ratios), n, None, LEAST_RATIO, Sense.AT_LEAST, 2),
        Row("… different tables among all runs", len(tables), n, None, 1.0, Sense.AT_MOST, 0),
        Row("… memory of the largest process, GB", memory, n, None, None, Sense.AT_MOST, 2),
    ]


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exams", type=int, default=24, help="how many exams each run reads")
    parser.add_argument("--rounds", type=int, default=3, help="how often each number of workers is tried")
    parser.add_argument("--model", default="starter", help="model name or folder")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), args)
    load = f"load {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    print(f"predict with workers, {available_cores()} cores, {load}\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
