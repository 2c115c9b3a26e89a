"""Time and memory of exact search over random unit vectors of 128 dimensions, each size in a fresh process.

An index is written to a temporary folder (0.5 GB for a million), then searched from disk, block by block. `rise` is the
peak of resident memory during the queries over what the process held before them.

    python benchmarks/retrieval.py                       # 100,000 and 1,000,000 vectors
    python benchmarks/retrieval.py --sizes 100000 --faiss   # FAISS beside it (extra `faiss`)
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.explain.retrieval import Index, search
from mammoscribe.explain.store import STATE, VECTORS, Item, Kind, State, VectorStore, item_lines, write_items

DIM, TOP, SINGLE, BATCH = 128, 10, 11, 64
RISE_BAR_MB = 128.0
MEGABYTE = 1e6


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    """Random directions, float32 [count, DIM]."""
    rows = rng.standard_normal((count, DIM), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def write_index(folder: Path, count: int) -> Path:
    """An index of random vectors, as `mammoscribe search` leaves one behind."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    array = np.lib.format.open_memmap(folder / VECTORS, mode="w+", dtype=np.float32, shape=(count, DIM))
    for start in range(0, count, 1 << 16):
        rows = min(1 << 16, count - start)
        array[start : start + rows] = unit(rng, rows)
    array.flush()
    del array
    write_items(item_lines(Item(str(i), f"text {i}") for i in range(count)), folder)
    state = State(Kind.TEXTS, "random", [], "", count, DIM, done=count)
    (folder / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")
    return folder


def peak_bytes() -> int:
    """Peak resident memory of this process, mapped files included (Linux; `ru_maxrss` would count the parent's too)."""
    (line,) = (v for v in Path("/proc/self/status").read_text().splitlines() if v.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def measure_once(folder: Path, index: Index) -> dict[str, float]:
    """In a fresh process: seconds of a single query (median) and of a batch, and the rise of the peak memory."""
    store, queries = VectorStore(folder), unit(np.random.default_rng(1), SINGLE + BATCH)
    before = peak_bytes()
    times = []
    for query in queries[:SINGLE]:
        start = time.perf_counter()
        search(store, query[None], TOP, index)
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    search(store, queries[SINGLE:], TOP, index)
    batch = time.perf_counter() - start
    peak = peak_bytes()
    return {"one": statistics.median(times), "first": times[0], "batch": batch, "rise": peak - before, "peak": peak}


def rows_of(count: int, index: Index, folder: Path) -> list[Row]:
    """The figures of one size."""
    command = [sys.executable, __file__, "--child", str(folder), *(["--faiss"] if index is Index.FAISS else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise SystemExit(f"the search failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    what, bar = f"{count:,} vectors, {index}", RISE_BAR_MB if index is Index.EXACT else None
    return [
        Row(f"{what}: seconds per query", found["one"], f"median of {SINGLE}"),
        Row(f"{what}: seconds of the first", found["first"], "1 query"),
        Row(f"{what}: seconds per query of a batch", found["batch"] / BATCH, f"{BATCH} at once"),
        Row(f"{what}: rise of peak memory, MB", found["rise"] / MEGABYTE, "1 process", None, bar, Sense.AT_MOST, 0),
        Row(f"{what}: peak memory, MB", found["peak"] / MEGABYTE, "1 process", digits=0),
    ]


def main() -> int:
    """Print the table; 1 when memory does not stay flat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], help="numbers of vectors")
    parser.add_argument("--faiss", action="store_true", help="also with FAISS")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure_once(args.child, Index.FAISS if args.faiss else Index.EXACT)))
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in args.sizes:
            place = write_index(Path(folder) / str(count), count)
            rows += [r for i in ([*Index] if args.faiss else [Index.EXACT]) for r in rows_of(count, i, place)]
    print(f"retrieval, {DIM} dimensions, the nearest {TOP}\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
