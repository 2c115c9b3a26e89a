"""Reads the exams of `bench_v1` once and prints what was found, how the breasts were rated and what the text says.

Thresholds are those stored with the weights. Each exam is drawn, read and kept as one line in `runs/bench_v1/`, so a
stopped run goes on where it was; other weights, thresholds or another generator start a new file. After a change of
code say `--fresh`.

    python benchmarks/bench_v1.py                # all 200 exams, about 8 s each on one core
    python benchmarks/bench_v1.py --exams 10     # a quick look; not a figure to quote
"""

import argparse
import sys
from pathlib import Path

import torch

from mammoscribe.cli.console import progress_bar
from mammoscribe.evaluation.bench import bench_rows
from mammoscribe.evaluation.card import markdown, write_rows
from mammoscribe.evaluation.reading_records import cache_path, read_record
from mammoscribe.evaluation.records import ExamRecord, read_records, write_records
from mammoscribe.models.reader import Reader
from mammoscribe.phantom import BENCH_V1, draw_exam
from mammoscribe.reading import load_reader
from mammoscribe.support.errors import MammoscribeError

RUNS = Path(__file__).parents[1] / "runs" / "bench_v1"


def read_bench(reader: Reader, num_exams: int, cache: Path) -> list[ExamRecord]:
    """Records of the first `num_exams` bench exams, read or taken from the cache."""
    records = read_records(cache)
    seeds = BENCH_V1.seeds[:num_exams]
    with progress_bar() as progress:
        for seed in progress.track(seeds, description="reading"):
            if f"phantom-{seed}" not in records:
                record = read_record(draw_exam(seed, BENCH_V1.spec), reader)
                records[record.exam_id] = record
                write_records(records.values(), cache)
    return [records[f"phantom-{seed}"] for seed in seeds]


def main() -> int:
    """Print the table; 1 when a bar is missed, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exams", type=int, default=len(BENCH_V1.seeds), help="how many of the bench's exams")
    parser.add_argument("--model", default="starter", help="model name or folder")
    parser.add_argument("--fresh", action="store_true", help="forget partial results (after a change of code)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    try:
        reader = load_reader(args.model)
        cache = cache_path(RUNS, reader.card, "jsonl", args.fresh)
        records = read_bench(reader, args.exams, cache)
        rows = bench_rows(records)
    except MammoscribeError as error:
        print(error)
        return 2
    print(f"bench_v1, {len(records)} of {len(BENCH_V1.seeds)} exams, model {reader.card.name} {reader.card.version}\n")
    print(markdown(rows))
    print(f"\nseconds per exam: {sum(r.seconds for r in records) / len(records):.1f}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
