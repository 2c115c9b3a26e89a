"""Preparing a catalogue: every picture decoded and resampled once, in parallel, into shards; a run that was stopped goes on."""

import csv
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from mammoscribe import __version__
from mammoscribe.data.catalogue import Catalogue, write_splits
from mammoscribe.data.preparation import Preparation
from mammoscribe.data.shards import ShardDone, ShardTask, finished, write_shard
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import text_writer, write_text

ABOUT, ERRORS = "prepared.json", "errors.csv"
SCHEMA = "mammoscribe.prepared/1"
RECORDS_PER_SHARD = 64


@dataclass(frozen=True)
class Prepared:
    """What came of it."""

    folder: Path
    num_shards: int
    num_records: int
    num_pictures: int
    num_errors: int
    num_kept: int


def prepare(
    catalogue: Catalogue,
    out: Path,
    preparation: Preparation,
    workers: int = 1,
    on_records: Callable[[int], None] = lambda _: None,
    records_per_shard: int = RECORDS_PER_SHARD,
) -> Prepared:
    """Write every record and its prepared pictures into `out`; shards that are there and still right are kept.

    Args:
        catalogue: what to prepare; its splits.csv goes along.
        out: folder of the shards.
        preparation: what is done to a picture.
        workers: processes.
        on_records: told the number of records done so far, kept ones too.
        records_per_shard: how many go into one file.

    Raises:
        InputError: when the disk is full, or a worker died. What is finished stays, and the next run goes on.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / ABOUT).unlink(missing_ok=True)  # until all is done, this is no prepared dataset
    for left in (*out.glob(".shard-*"), *out.glob(f".{ERRORS}.*")):  # of a run that was killed
        left.unlink()
    totals = {"shards": 0, "records": 0, "pictures": 0, "errors": 0, "kept": 0}
    with text_writer(out / ERRORS) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["where", "found", "expected", "do"])
        for done, kept in _done_shards(_tasks(catalogue, out, preparation, records_per_shard), workers):
            totals["shards"] += 1
            totals["records"] += done.num_records
            totals["pictures"] += done.num_pictures
            totals["errors"] += len(done.errors)
            totals["kept"] += kept
            writer.writerows(done.errors)
            on_records(totals["records"])
    _finish(catalogue, out, preparation, totals)
    return Prepared(out, *(totals[n] for n in ("shards", "records", "pictures", "errors", "kept")))


def _tasks(catalogue: Catalogue, out: Path, preparation: Preparation, size: int) -> Iterator[ShardTask]:
    with catalogue.records_path.open(encoding="utf-8") as lines:
        number = 0
        while chunk := tuple(line.rstrip("\n") for line in islice(lines, size)):
            yield ShardTask(number, number * size, chunk, catalogue.root, out, preparation)
            number += 1


def _done_shards(tasks: Iterable[ShardTask], workers: int) -> Iterator[tuple[ShardDone, bool]]:
    """Every shard when it is done, and whether it was there before; at most two tasks a worker wait in memory."""
    if workers == 1:
        for task in tasks:
            kept = finished(task)
            yield (kept, True) if kept is not None else (write_shard(task), False)
        return
    context = multiprocessing.get_context("spawn")  # forking a process that has threads can lock
    with ProcessPoolExecutor(workers, context) as pool:
        waiting: set[Future[ShardDone]] = set()
        try:
            for task in tasks:
                if (kept := finished(task)) is not None:
                    yield kept, True
                    continue
                waiting.add(pool.submit(write_shard, task))
                if len(waiting) >= 2 * workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from ((future.result(), False) for future in done)
            yield from ((future.result(), False) for future in waiting)
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process died, most likely for want of memory",
                "",
                "run it again with fewer --workers; it goes on",
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _finish(catalogue: Catalogue, out: Path, preparation: Preparation, totals: dict[str, int]) -> None:
    """Remove shards of an earlier, longer run, bring the splits along, and say what is here."""
    for path in out.glob("shard-*"):
        if not path.stem[6:].isdecimal() or int(path.stem[6:]) >= totals["shards"]:
            path.unlink()
    if (splits := catalogue.splits()) is not None:
        write_splits(out, splits)
    about = {
        "schema": SCHEMA, "dataset": catalogue.about.name, "kind": str(catalogue.about.kind),
        "licence": catalogue.about.licence, "preparation": asdict(preparation),
        "preparation_sha256": preparation.digest, "num_shards": totals["shards"], "num_records": totals["records"],
        "num_pictures": totals["pictures"], "num_errors": totals["errors"], "package": __version__,
    }  # fmt: skip
    write_text(out / ABOUT, json.dumps(about, indent=1) + "\n")
