"""Necessity and locality on `bench_v1`, or on another bench: every true-positive claim is read again without its lesion.

Claims, not exams, are counted; one exam gives none, one or several.

    python benchmarks/twins.py                 # first 60 exams of the bench
    python benchmarks/twins.py --exams 5       # a quick look
    python benchmarks/twins.py --bench bench_v2
"""

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from bench_setup import run_benchmark

from mammoscribe.cli.console import progress_bar
from mammoscribe.domain.report import Report
from mammoscribe.evaluation.bootstrap import interval_or_none
from mammoscribe.evaluation.card import Row
from mammoscribe.evaluation.reading_records import read_phantom
from mammoscribe.evaluation.twins import TwinCase, TwinResult, twin_cases
from mammoscribe.models.reader.reader import Reader
from mammoscribe.phantom import Bench, PhantomExam, draw_exam
from mammoscribe.support.files import write_text

NECESSITY_BAR, LOCALITY_BAR = 0.85, 0.9


def read_twins(reader: Reader, bench: Bench, num_exams: int, cache: Path) -> TwinResult:
    """Cases of the first `num_exams` bench exams; those in the cache are not read again."""
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}

    def read(drawn: PhantomExam) -> Report:
        return read_phantom(drawn, reader).report

    seeds = bench.seeds[:num_exams]
    with progress_bar() as progress:
        for seed in progress.track(seeds, description="twins"):
            if str(seed) not in known:
                known[str(seed)] = [asdict(c) for c in twin_cases(read, draw_exam(seed, bench.spec))]
                write_text(cache, json.dumps(known))
    return TwinResult(tuple(TwinCase(**case) for seed in seeds for case in known[str(seed)]))


def twin_rows(result: TwinResult) -> list[Row]:
    """Necessity, overall and per kind, and locality."""
    cases = result.cases
    n, sentences = f"{len(cases)} true-positive claims", sum(c.untouched for c in cases)
    rows = [Row("necessity", result.necessity, n, result.necessity_interval, NECESSITY_BAR)]
    for kind, count in sorted(Counter(c.type for c in cases).items()):
        own = TwinResult(tuple(c for c in cases if c.type == kind))
        rows.append(Row(f"… {kind.replace('_', ' ')}", own.necessity, f"{count} claims", own.necessity_interval))
    interval = interval_or_none(lambda: result.locality_interval)
    rows.append(Row("locality", result.locality, f"{sentences} untouched fact sentences", interval, LOCALITY_BAR))
    added = sum(c.added for c in cases) / len(cases) if cases else float("nan")
    rows.append(Row("fact sentences elsewhere that only the twin has, per claim", added, n))
    return rows


def measure(reader: Reader, bench: Bench, num_exams: int, cache: Path) -> tuple[str, list[Row]]:
    """How many claims there were, and the rows."""
    result = read_twins(reader, bench, num_exams, cache)
    return f"{len(result.cases)} claims", twin_rows(result)


if __name__ == "__main__":
    sys.exit(run_benchmark("twins", __doc__, 60, "json", measure))
