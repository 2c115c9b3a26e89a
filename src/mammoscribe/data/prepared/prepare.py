"""Preparing a catalogue: every picture decoded and resampled once, in parallel, into shards; a run that was stopped goes on."""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from mammoscribe import __version__
from mammoscribe.data.catalogue import ABOUT as CATALOGUE
from mammoscribe.data.catalogue import SPLITS_CSV, Catalogue
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.formats.spool import temporary_database
from mammoscribe.data.prepared.preparation import Preparation
from mammoscribe.data.prepared.processes import spread
from mammoscribe.data.prepared.shards import ROW, ShardDone, ShardTask, make_shard
from mammoscribe.data.records import SPLITS, Kind
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import held_folder, sha256_of, text_writer, write_text
from mammoscribe.support.parsing import json_value

ABOUT, ERRORS, ROWS, SPLIT_CODES = "prepared.json", "errors.csv", "rows.bin", "splits.bin"
SCHEMA = "mammoscribe.prepared/3"
RECORDS_PER_SHARD = 64


@dataclass(frozen=True)
class Prepared:
    """What came of it; `num_kept` shards were there before."""

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
    on_pictures: Callable[[int], None] = lambda _: None,
) -> Prepared:
    """Write every record and its prepared pictures into `out`; shards that are there and still right are kept.

    `out` then holds the shards, `rows.bin` (where each record lies), `splits.bin` (its split by the catalogue's
    splits.csv; a new splits.csv and a second run change nothing but this), `errors.csv` with a sentence for every picture
    that could not be prepared, and `prepared.json`, written last. Memory does not grow with the number of records.

    Args:
        catalogue: what to prepare.
        out: folder of the shards.
        preparation: what is done to a picture.
        workers: processes.
        on_records: told the number of records done so far, kept ones too, several times a second.
        records_per_shard: how many go into one file.
        on_pictures: told the number of pictures done so far in the same way, those that could not be prepared too.

    Raises:
        InputError: when the catalogue is not for this preparation, or damaged; the folder is not for this, or another run
            writes to it; the disk is full; a worker died. What is finished stays, and the next run goes on.
    """
    _check(catalogue, out, preparation, workers, records_per_shard)
    counts = _Counts(on_records, on_pictures)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with held_folder(out, "preparing into"), _SplitCodes(catalogue.folder) as codes, _tables(out) as (rows, splits):
            tasks = _tasks(catalogue, out, preparation, records_per_shard, codes, splits)
            # closed at once when something goes wrong: until then the workers go on writing
            with closing(spread(make_shard, tasks, workers, counts.add)) as results:
                for task, done in results:
                    rows.seek(task.first * ROW.itemsize)
                    rows.write(done.rows)
                    counts.finished(done)
            rows.flush()
            splits.flush()
            return _finish(catalogue, out, preparation, counts, codes.digest)
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror or error})", "", "make room; what is finished is kept"
        ) from error


def _check(catalogue: Catalogue, out: Path, preparation: Preparation, workers: int, records_per_shard: int) -> None:
    if workers < 1 or records_per_shard < 1:
        raise InputError(f"{workers} workers and {records_per_shard} records a shard", "at least one of each")
    if preparation.um_per_px is not None and catalogue.about.kind is Kind.IMAGE_TEXT:
        raise InputError(
            f"{catalogue.about.name} has no mammograms", f"mammography exams, for the preparation {preparation.name}"
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file", "a folder, for the shards")
    if (out / CATALOGUE).exists():
        raise InputError(f"{out} holds a catalogue", "another folder, for the shards")


class _Counts:
    """What was done so far, and what is to be told of it."""

    def __init__(self, on_records: Callable[[int], None], on_pictures: Callable[[int], None]) -> None:
        self._on_records, self._on_pictures = on_records, on_pictures
        self._records = self._pictures = 0
        self.shards = self.records = self.pictures = self.errors = self.kept = 0
        self.faulty: list[int] = []
        self.indexes: dict[int, str] = {}

    def add(self, records: int, pictures: int) -> None:
        """So many more records and pictures were done."""
        self._records += records
        self._pictures += pictures
        self._on_records(self._records)
        self._on_pictures(self._pictures)

    def finished(self, done: ShardDone) -> None:
        """A shard is there."""
        self.shards += 1
        self.records += done.num_records
        self.pictures += done.num_pictures
        self.errors += done.num_errors
        self.kept += done.kept
        self.indexes[done.number] = done.index_sha256
        if done.num_errors:
            self.faulty.append(done.number)

    def index_digest(self) -> str:
        """SHA-256 over the digests of all indexes in order."""
        return hashlib.sha256("".join(self.indexes[n] for n in range(self.shards)).encode()).hexdigest()


@contextmanager
def _tables(out: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Rows and splits under temporary names; what a killed run left, and what says that all is there, is removed first."""
    (out / ABOUT).unlink(missing_ok=True)
    for name in ("shard-", ABOUT, ERRORS, ROWS, SPLIT_CODES):
        for left in out.glob(f".{name}*"):
            left.unlink()
    paths = out / f".{ROWS}", out / f".{SPLIT_CODES}"
    try:
        with paths[0].open("wb") as rows, paths[1].open("wb") as splits:
            yield rows, splits
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _tasks(
    catalogue: Catalogue, out: Path, preparation: Preparation, size: int, codes: "_SplitCodes", splits: BinaryIO
) -> Iterator[ShardTask]:
    """The slices of the catalogue, as many as are asked for; the split of every record is written on the way."""
    with catalogue.records_path.open(encoding="utf-8") as lines:
        number = 0
        while chunk := tuple(line.rstrip("\n") for line in islice(lines, size)):
            splits.write(bytes(codes.code(line) for line in chunk))
            yield ShardTask(number, number * size, chunk, catalogue.root, out, preparation)
            number += 1


class _SplitCodes:
    """The split of a record by its group, as a number: 0 for none, else its place in SPLITS from 1; waits on disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SPLITS_CSV
        self.digest: str | None = None

    def __enter__(self) -> "_SplitCodes":
        self._db = temporary_database("CREATE TABLE split (grp TEXT PRIMARY KEY, code INTEGER) WITHOUT ROWID;")
        if self._path.is_file():
            self.digest = sha256_of(self._path)
            with self._path.open(newline="", encoding="utf-8") as stream:
                self._db.executemany("INSERT OR REPLACE INTO split VALUES (?, ?)", self._rows(csv.DictReader(stream)))
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _rows(self, rows: "csv.DictReader[str]") -> Iterator[tuple[str, int]]:
        if rows.fieldnames != ["group", "split"]:
            raise InputError(f"{self._path} has the columns {rows.fieldnames}", "group,split", "split again")
        for row in rows:
            if row["split"] not in SPLITS:
                raise InputError(f"{self._path} has the split {row['split']!r}", ", ".join(SPLITS), "split again")
            yield row["group"], SPLITS.index(row["split"]) + 1

    def code(self, line: str) -> int:
        """Of the record in a line of the catalogue."""
        if self.digest is None:
            return 0
        try:
            record: Mapping[str, Any] = json_value(line)
            group = record.get("patient_id") or record["id"]
        except (ValueError, KeyError, AttributeError):
            return 0  # no record; who prepares it says so
        found = self._db.execute("SELECT code FROM split WHERE grp = ?", (str(group),)).fetchone()
        return found[0] if found else 0


def _finish(
    catalogue: Catalogue, out: Path, preparation: Preparation, counts: _Counts, splits_sha256: str | None
) -> Prepared:
    """List the errors, remove shards of an earlier, longer run, and say what is here."""
    if counts.records != catalogue.about.num_records:
        raise InputError(
            f"{catalogue.records_path} holds {counts.records} records",
            f"{catalogue.about.num_records}, as {CATALOGUE} says",
            "ingest the dataset again",
        )
    _write_errors(out, counts)
    for path in out.glob("shard-*"):
        if not path.stem[6:].isdecimal() or int(path.stem[6:]) >= counts.shards:
            path.unlink()
    for name in (ROWS, SPLIT_CODES):
        os.replace(out / f".{name}", out / name)
    about = {
        "schema": SCHEMA, "dataset": catalogue.about.name, "kind": str(catalogue.about.kind),
        "licence": catalogue.about.licence, "supervision": catalogue.about.supervision,
        "synthetic": catalogue.about.name == PHANTOM.name, "preparation": asdict(preparation),
        "preparation_sha256": preparation.digest, "root": str(catalogue.root), "num_shards": counts.shards, "num_records": counts.records,
        "num_pictures": counts.pictures, "num_errors": counts.errors, "splits_sha256": splits_sha256,
        "index_sha256": counts.index_digest(), "tables_sha256": {n: sha256_of(out / n) for n in (ROWS, SPLIT_CODES)},
        "package": __version__,
    }  # fmt: skip
    write_text(out / ABOUT, json.dumps(about, indent=1) + "\n")
    return Prepared(out, counts.shards, counts.records, counts.pictures, counts.errors, counts.kept)


def _write_errors(out: Path, counts: _Counts) -> None:
    """errors.csv, in the order of the catalogue whatever the order in which shards were finished."""
    with text_writer(out / ERRORS) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["record", "path", "error"])
        for number in sorted(counts.faulty):
            index = json.loads((out / f"shard-{number:06d}.json").read_text(encoding="utf-8"))
            writer.writerows(index["errors"])
