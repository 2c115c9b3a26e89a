"""Training a reader on prepared data: what reading it adds to a step, and memory by the number of exams.

    python benchmarks/prepared_training.py --part steps     # some minutes on one core
    python benchmarks/prepared_training.py --part memory    # some minutes: 10^3, 10^4 and 10^5 exams

Phantoms are drawn, ingested and prepared into a temporary folder. `steps` trains the preset `small` on them in three ways,
by turns, with the same seeds and so on the same batches: on prepared data, on the same exams as arrays in memory, and on
the finished batches in memory. Steps of the same number are compared, in processor time of the training process, since on
a machine that does something else the time on the clock says little.

`memory` trains the preset `debug` for a few steps, in a process of its own for each number of exams. The index really has
so many exams of so many patients, and one shard for each 64 of them; the 64 exams of a shard show the pictures of one
drawn exam, so that 10^5 of them take about a gigabyte of disk. Memory is what the process itself holds (RssAnon), at its
largest; pages of shards that the kernel keeps for it can be taken back at any time, and are a row of their own.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.ingest import ingest
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.preparation import PREPARATIONS
from mammoscribe.data.prepared.prepare import ABOUT, RECORDS_PER_SHARD, ROWS, SPLIT_CODES, prepare
from mammoscribe.data.prepared.shards import ROW, id_number
from mammoscribe.data.records import group_of
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.training.engine.run import Run, TaskSettings
from mammoscribe.training.engine.sources import ItemSource
from mammoscribe.training.engine.task import Feed, Task
from mammoscribe.training.engine.train import train
from mammoscribe.training.reader.recipe import reader
from mammoscribe.training.reader.samples import TrainingExam

FIRST_SEED, DRAWN = 170_000, 4
WAYS = ("prepared", "exams", "batches")
"""Where a step's data comes from: mapped shards; the same exams as arrays in memory; finished batches in memory."""
FEWEST, MOST = 3, 5
"""Powers of ten of exams whose memory is compared."""
VAL = 16
"""Exams of the val split among them."""


def command(*arguments: str) -> str:
    """Run Python with these arguments; gives what it printed."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def drawn(folder: Path, exams: int) -> Path:
    """The prepared folder of so many drawn exams; every fourth is in val."""
    program = "from mammoscribe.cli import main; main()"
    command("-c", program, "phantom", "--exams", str(exams), "--seed", str(FIRST_SEED), "--out", str(folder / "files"))
    catalogue = ingest(PHANTOM, folder / "files", folder / "catalogue").catalogue
    groups = sorted({group_of(record) for record in catalogue.records()})
    write_splits(catalogue.folder, {group: "val" if n % 4 == 3 else "train" for n, group in enumerate(groups)})
    prepare(catalogue, folder / "prepared", PREPARATIONS["reader"])
    return folder / "prepared"


def in_memory(exam: TrainingExam) -> TrainingExam:
    """The exam with its pictures copied out of the shards."""

    def copied(pixels: np.ndarray | None) -> np.ndarray | None:
        return None if pixels is None else np.array(pixels)

    views = tuple(replace(v, canvas=np.array(v.canvas), prior=copied(v.prior)) for v in exam.views)
    return replace(exam, views=views)


@dataclass(frozen=True)
class Finished:
    """The first batches of a source, made before training begins."""

    source: ItemSource
    number: int
    digest: str = "finished batches"

    def batches(self, feed: Feed) -> Iterator[Any]:
        """The batches, once; with that the run ends."""
        return iter(list(itertools.islice(self.source.batches(feed), self.number)))


@dataclass(frozen=True)
class From:
    """The task of a run whose data comes from elsewhere; nothing is validated and no model is written."""

    settings: TaskSettings
    way: str

    def build(self, run: Run) -> Task:
        """The task."""
        task, sources = self.settings.build(run), {}
        for name, source in task.sources.items():
            assert isinstance(source, ItemSource)
            if self.way == "exams":
                source = replace(source, items=[in_memory(exam) for exam in source.items])
            sources[name] = Finished(source, run.steps) if self.way == "batches" else source
        return replace(task, sources=sources, validation=None, export=None)


def trained(run: Run, way: str, on_row: Callable[[dict], None] = lambda _: None) -> None:
    """Train and throw away what it leaves."""
    with tempfile.TemporaryDirectory() as folder:
        train(replace(run, task=From(run.task, way)), Path(folder) / "run", on_row)


def step_times(run: Run, way: str) -> list[tuple[float, float]]:
    """(processor, clock) seconds of every step but the first."""
    times: list[tuple[float, float]] = []
    trained(run, way, lambda _: times.append((time.process_time(), time.perf_counter())))
    return [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(times)]


def steps(folder: Path, args: argparse.Namespace) -> Iterator[Row]:
    """Step times on prepared data against those on data in memory."""
    changes = {"preset": args.preset, "steps": str(args.steps + 1), "device": "cpu", "checkpoint_every": "100000"}
    run = reader([drawn(folder, DRAWN)]).with_set({**changes, "workers": str(args.workers)})
    found: dict[str, list[list[tuple[float, float]]]] = {way: [] for way in WAYS}
    for number in range(args.rounds):
        for way in WAYS[:: 1 if number % 2 else -1]:
            found[way].append(step_times(run, way))
            print(f"round {number + 1}, {way}: {sum(c for _, c in found[way][-1]):.0f} s", file=sys.stderr, flush=True)
    n = f"{args.rounds} rounds of {args.steps} steps, {args.workers} workers, {args.preset}"
    alone = statistics.median(processor for times in found["batches"] for processor, _ in times)
    yield Row("processor time of a step on finished batches, s", alone, n, digits=3)
    for clock, word in ((0, "processor time"), (1, "time on the clock")):
        for way, words in (("exams", "the same exams in memory"), ("batches", "finished batches in memory")):
            pairs = zip(found["prepared"], found[way], strict=True)
            ratios = [a[clock] / b[clock] for ones, others in pairs for a, b in zip(ones, others, strict=True)]
            bar = 1.05 if clock == 0 else None
            what = f"{word} of a step on prepared data against {words}"
            yield Row(what, statistics.median(ratios), n, None, bar, Sense.AT_MOST)


def made(shown: Path, out: Path, exams: int) -> Path:
    """A prepared folder of so many exams; each shard holds the pictures of one exam of `shown`, and its other exams too."""
    about = json.loads((shown / ABOUT).read_text(encoding="utf-8"))
    indexed = json.loads((shown / "shard-000000.json").read_text(encoding="utf-8"))["records"]
    whole = (shown / "shard-000000.tar").read_bytes()
    templates = [json.loads(whole[o : o + size]) for o, size in (r["json"] for r in indexed)]
    out.mkdir(parents=True)
    rows = np.zeros(exams, ROW)
    for shard, first in enumerate(range(0, exams, RECORDS_PER_SHARD)):
        template = templates[shard % len(templates)]
        pixels, pictures = bytearray(), []
        for picture in template["pictures"]:
            start, size = picture["offset"], int(np.prod(picture["shape"])) * np.dtype(picture["dtype"]).itemsize
            pictures.append({**picture, "offset": len(pixels)})
            pixels += whole[start : start + size]
        with (out / f"shard-{shard:06d}.tar").open("wb") as stream:
            stream.write(pixels)
            for number in range(first, min(first + RECORDS_PER_SHARD, exams)):
                prior = f"e{number - 1}" if number % 4 == 1 else None  # one exam in four has one
                names = {"id": f"e{number}", "patient_id": f"p{number // 4}", "prior_id": prior}
                text = json.dumps({"record": {**template["record"], **names}, "pictures": pictures}).encode()
                rows[number] = shard, len(text), stream.tell(), id_number(names["id"])
                stream.write(text)
    codes = np.ones(exams, np.uint8)
    codes[-VAL:] = 2
    rows.tofile(out / ROWS)
    codes.tofile(out / SPLIT_CODES)
    about |= {"num_records": exams, "num_shards": -(-exams // RECORDS_PER_SHARD), "num_pictures": 4 * exams}
    (out / ABOUT).write_text(json.dumps(about))
    return out


def held_mb(name: str) -> float:
    """A line of this process's status, in megabytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(name))) / 1024


def child(folder: Path, args: argparse.Namespace) -> None:
    """In a process of its own: train a little and print memory and times."""
    assert len(PreparedDataset(folder)) == args.child_exams
    torch.set_num_threads(1)
    began, seen = time.perf_counter(), []
    changes = {"preset": "debug", "steps": str(args.steps), "device": "cpu", "checkpoint_every": "100000"}
    trained(
        reader([folder]).with_set(changes), "prepared",
        lambda _: seen.append((time.perf_counter() - began, held_mb("RssAnon"), held_mb("RssFile"))),
    )  # fmt: skip
    print(json.dumps([seen[0][0], max(s[1] for s in seen), max(s[2] for s in seen)]))


def memory(folder: Path, args: argparse.Namespace) -> Iterator[Row]:
    """Memory of training on 10^3 to 10^5 exams."""
    shown, smallest = drawn(folder, 2), None
    for power in range(FEWEST, args.most + 1):
        exams = 10**power
        data = made(shown, folder / f"{exams}", exams)
        told = command(__file__, "--child", str(data), "--child-exams", str(exams), "--steps", str(args.steps))
        began, own, pages = json.loads(told.splitlines()[-1])
        shutil.rmtree(data)
        smallest = own if smallest is None else smallest
        n, bar = f"{exams} exams, {args.steps} steps, debug", None if power == FEWEST else 1.1 * smallest
        yield Row("memory of training, MB", own, n, None, bar, Sense.AT_MOST, 0)
        yield Row("… pages of shards that it had mapped, MB", pages, n, digits=0)
        yield Row("… from the start to the end of the first step, s", began, n, digits=1)
        print(f"{exams} exams are measured", file=sys.stderr, flush=True)


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("steps", "memory"), default="steps")
    parser.add_argument("--rounds", type=int, default=5, help="of steps: how often each way is tried")
    parser.add_argument("--steps", type=int, default=8, help="in one run")
    parser.add_argument("--preset", default="small", help="of steps")
    parser.add_argument("--workers", type=int, default=0, help="of steps: processes that make the batches")
    parser.add_argument("--most", type=int, default=MOST, help="of memory: power of ten of the most exams")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child-exams", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        child(args.child, args)
        return 0
    torch.set_num_threads(1)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        rows = list((steps if args.part == "steps" else memory)(Path(name), args))
    print(f"load {before:.1f} before and {os.getloadavg()[0]:.1f} after\n\n{markdown(rows)}")
    if args.json:
        write_rows(rows, args.json)
    return int(any(r.met is False for r in rows))


if __name__ == "__main__":
    sys.exit(main())
