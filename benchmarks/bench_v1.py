"""Reads the exams of `bench_v1`, or of another bench, once and prints what was found, how the breasts were rated and what the text says.

Thresholds are those stored with the weights. Each exam is drawn, read and kept as one line in `runs/bench_v1/`, so a
stopped run goes on where it was; other weights, thresholds or another generator start a new file. After a change of
code say `--fresh`.

    python benchmarks/bench_v1.py                # all 200 exams, about 8 s each on one core
    python benchmarks/bench_v1.py --exams 10     # a quick look; not a figure to quote
    python benchmarks/bench_v1.py --bench bench_v2   # exams of generator version 2: films, folds, metal, implants
"""

import sys
from collections.abc import Callable
from pathlib import Path

from bench_setup import run_benchmark

from mammoscribe.cli.console import progress_bar
from mammoscribe.evaluation.bench import bench_rows
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.reading_records import read_record, read_seeds
from mammoscribe.evaluation.records import ExamRecord
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import BENCH_V1, Bench, PhantomExam


def read_bench(
    reader: Reader, bench: Bench, num_exams: int, cache: Path, read: Callable[[PhantomExam, Reader], ExamRecord] = read_record
) -> list[ExamRecord]:  # fmt: skip
    """Records of the first `num_exams` exams of a bench, read with `read` or taken from the cache."""
    with progress_bar() as progress:
        seeds = progress.track(bench.seeds[:num_exams], description="reading")
        return read_seeds(seeds, bench.spec, cache, lambda drawn: read(drawn, reader))


def measure(reader: Reader, bench: Bench, num_exams: int, cache: Path) -> tuple[str, list[Row]]:
    """How long an exam took, and the rows."""
    records = read_bench(reader, bench, num_exams, cache)
    return f"{sum(r.seconds for r in records) / len(records):.1f} s per exam", bench_rows(records)


if __name__ == "__main__":
    sys.exit(run_benchmark(None, __doc__, len(BENCH_V1.seeds), "jsonl", measure))
