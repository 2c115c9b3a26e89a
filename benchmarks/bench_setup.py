"""What the benchmarks that read bench exams share: their options, a reader with its cache, the table, the exit code."""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from mammoscribe.evaluation.card import Row, markdown, write_rows
from mammoscribe.evaluation.reading_records import cache_path
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import BENCH_V1, BENCHES, Bench
from mammoscribe.reading import load_reader
from mammoscribe.support.errors import MammoscribeError

RUNS = Path(__file__).parents[1] / "runs"
Measure = Callable[[Reader, Bench, int, Path], tuple[str, list[Row]]]
"""Reader, bench, number of exams and the file of partial results -> a line about the run, and its rows."""


def run_benchmark(
    name: str | None, description: str | None, num_exams: int, cache_suffix: str, measure: Measure
) -> int:
    """Measure a reader as the command line asks; 1 when a bar is missed, 2 when nothing could be measured.

    Args:
        name: of the benchmark, and of the folder in `runs/` that keeps its partial results; None is the bench's own.
        description: for `--help`.
        num_exams: of the bench, unless `--exams` says otherwise.
        cache_suffix: of the file of partial results.
        measure: does the work.
    """
    args = options(description, num_exams)
    torch.set_num_threads(args.threads)
    try:
        reader, bench = load_reader(args.model), BENCHES[args.bench]
        name = name or bench.name
        cache = cache_path(RUNS / name, reader.card, cache_suffix, args.fresh, bench.spec.generator)
        line, rows = measure(reader, bench, args.exams, cache)
    except MammoscribeError as error:
        print(error)
        return 2
    return report(name, args, f"{reader.card.name} {reader.card.version}", line, rows)


def report(name: str, args: argparse.Namespace, model: str, line: str, rows: list[Row]) -> int:
    """Print the table of a run, write it where the options say so, and give the exit code."""
    exams = f"{args.exams} of {len(BENCHES[args.bench].seeds)} exams of {args.bench}"
    print(f"{name}, {exams}, model {model}, {line}\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


def options(
    description: str | None, num_exams: int, add: Callable[[argparse.ArgumentParser], object] = lambda _: None
) -> argparse.Namespace:
    """The options that every benchmark on bench exams takes, and those that `add` puts beside them."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", choices=BENCHES, default=BENCH_V1.name, help="whose exams (default: %(default)s)")
    parser.add_argument("--exams", type=int, default=num_exams, help="how many of the bench's exams")
    parser.add_argument("--model", default="starter", help="model name or folder")
    parser.add_argument("--fresh", action="store_true", help="forget partial results (after a change of code)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    add(parser)
    args = parser.parse_args()
    args.exams = min(args.exams, len(BENCHES[args.bench].seeds))
    return args
