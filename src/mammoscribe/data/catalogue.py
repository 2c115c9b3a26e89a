"""A catalogue: a dataset as it was read once, in one folder: records, what could not be read, and where the files lie."""

import csv
import glob
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.spool import DiskSet
from mammoscribe.data.record_json import from_json, to_json
from mammoscribe.data.records import Kind, Record
from mammoscribe.data.supervision import Supervision, supervision_json
from mammoscribe.support.errors import InputError, printable
from mammoscribe.support.files import working_folder, write_text
from mammoscribe.support.parsing import json_value
from mammoscribe.support.words import with_article

ABOUT, RECORDS, ERRORS, SPLITS_CSV = "dataset.json", "records.jsonl", "errors.csv", "splits.csv"
SCHEMA = "mammoscribe.catalogue/1"


@dataclass(frozen=True)
class About:
    """What dataset.json says.

    Args:
        name, edition, kind, licence: of the dataset.
        root: folder that the paths of the records start from.
        num_records, num_faults, num_set_aside: records, rows that could not be read, rows left out on purpose.
        comparisons: what was done with sentences that compare with another exam: `keep`, `drop` or `rewrite`.
        package: version that wrote it.
        supervision: what the labels teach a reader, as `supervision.supervision_json` writes it.
        pseudonymous: whether ids, dates and paths are pseudonyms (`data.pseudonyms`).
    """

    name: str
    edition: str
    kind: Kind
    licence: str
    root: str
    num_records: int
    num_faults: int
    num_set_aside: int
    comparisons: str
    package: str
    supervision: Mapping[str, Any] = field(default_factory=lambda: supervision_json(Supervision()))
    pseudonymous: bool = False


@dataclass(frozen=True)
class Catalogue:
    """An ingested dataset; its records are read from disk each time, one after the other."""

    folder: Path
    about: About

    @property
    def root(self) -> Path:
        """Folder that the paths of the records start from."""
        return Path(self.about.root)

    @property
    def records_path(self) -> Path:
        """The file with one record a line."""
        return self.folder / RECORDS

    def records(self) -> Iterator[Record]:
        """Every record in order; a line that is not one raises InputError naming it."""
        with self.records_path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield record_of_line(line, f"{RECORDS} line {number}")

    def splits(self) -> dict[str, str] | None:
        """Group (see `records.group_of`) -> split as splits.csv has it, None before there is one."""
        return read_splits(self.folder)


def record_of_line(line: str, where: str) -> Record:
    """The record in one line of records.jsonl; `where` is for the error."""
    try:
        value = json_value(line)
    except ValueError as error:
        raise InputError(f"{where} is not JSON ({error})", "a record") from error
    try:
        return from_json(value)
    except InputError as error:
        raise InputError(f"{where}: {error.found}", error.expected, error.do) from error


def open_catalogue(folder: Path) -> Catalogue:
    """The catalogue in a folder; InputError when there is none, or it is not whole."""
    folder = Path(folder)
    about = folder / ABOUT
    if not about.is_file() or not (folder / RECORDS).is_file():
        raise InputError(
            f"{folder} is not a catalogue", f"{ABOUT} and {RECORDS}", "make one: `mammoscribe data ingest`"
        )
    try:
        found = json_value(about.read_text(encoding="utf-8"))
        if found.pop("schema", None) != SCHEMA:
            raise InputError(f"{about} is of another schema", SCHEMA)
        return Catalogue(folder, About(**found | {"kind": Kind(found["kind"])}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{about} cannot be read ({error})", SCHEMA, "ingest the dataset again") from error


class CatalogueWriter:
    """Writes a catalogue beside its final place and moves it there when all is well; a context.

    Nothing is seen under the final name before `finish`. A record whose id was written before becomes a fault.

    Raises:
        InputError: when another run writes this catalogue, the folder cannot be made, or the disk is full.
    """

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.folder, self.kind = Path(folder), kind
        self.num_records = self.num_faults = self.num_set_aside = 0

    def __enter__(self) -> "CatalogueWriter":
        with ExitStack() as stack:
            _remove_left_behind(self.folder)
            self.part = stack.enter_context(working_folder(self.folder, "writing the catalogue"))
            self._begin()
            self._stack = stack.pop_all()
        return self

    def _begin(self) -> None:
        self._records: TextIO = (self.part / RECORDS).open("w", encoding="utf-8", newline="\n")
        self._errors: TextIO = (self.part / ERRORS).open("w", encoding="utf-8", newline="")
        self._error_rows = csv.writer(self._errors, lineterminator="\n")
        self._error_rows.writerow(["what", "where", "found", "expected", "do"])
        self._ids = DiskSet()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for opened in (self._records, self._errors, self._ids):
            with suppress(OSError):  # a full disk is reported by what came first
                opened.close()
        self._stack.__exit__(kind, error, trace)

    def add(self, item: Record | Fault) -> Record | None:
        """Write a record, or note a fault; gives the record when it was written."""
        if isinstance(item, Fault):
            self.num_set_aside += item.count if item.set_aside else 0
            self.num_faults += 0 if item.set_aside else item.count
            what = "set aside" if item.set_aside else "error"
            self._error_rows.writerow(
                [what, printable(item.where), item.error.found, item.error.expected, item.error.do]
            )
            return None
        if item.kind is not self.kind:
            raise InputError(f"record {item.id} is {with_article(item.kind)}", with_article(self.kind))
        if not self._ids.add(item.id):
            self.add(Fault(item.id, InputError(f"the id {item.id} comes twice", "each id once; the first is kept")))
            return None
        try:
            self._records.write(_line(item))
        except UnicodeEncodeError:
            return self.add(Fault(item.id, InputError(f"{item.id} holds text that is no Unicode", "whole characters")))
        self.num_records += 1
        return item

    def rewrite(self, change: Callable[[Record], Record]) -> None:
        """Pass every record written so far through `change`, in order."""
        self._records.flush()
        with (
            (self.part / RECORDS).open(encoding="utf-8") as lines,
            (self.part / "again").open("w", encoding="utf-8") as new,
        ):
            for number, line in enumerate(lines, start=1):
                record = record_of_line(line, f"{RECORDS} line {number}")
                changed = change(record)
                new.write(line if changed is record else _line(changed))
        self._records.close()
        os.replace(self.part / "again", self.part / RECORDS)
        self._records = (self.part / RECORDS).open("a", encoding="utf-8", newline="\n")

    def finish(self, about: Mapping[str, Any]) -> Catalogue:
        """Move everything to its place; `about` holds the fields of About that are not counted here."""
        self._close()
        whole = About(
            kind=self.kind, num_records=self.num_records, num_faults=self.num_faults,
            num_set_aside=self.num_set_aside, **about,
        )  # fmt: skip
        write_text(self.part / ABOUT, json.dumps({"schema": SCHEMA, **asdict(whole)}, indent=1) + "\n")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / ABOUT).unlink(missing_ok=True)  # until the new one is there, this is no catalogue
        for name in (RECORDS, ERRORS, ABOUT):
            os.replace(self.part / name, self.folder / name)
        return Catalogue(self.folder, whole)

    def _close(self) -> None:
        for opened in (self._records, self._errors, self._ids):
            opened.close()


def _remove_left_behind(folder: Path) -> None:
    """Remove what killed runs of releases up to 0.1 left beside the catalogue; later ones use one name (`working_folder`)."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.????????"):
        if (left / RECORDS).is_file() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)


def _line(record: Record) -> str:
    return json.dumps(to_json(record), ensure_ascii=False) + "\n"


def read_splits(folder: Path) -> dict[str, str] | None:
    """Group -> split as the folder's splits.csv has it, None when there is none.

    Raises:
        InputError: when the file is none, or puts a group into two splits.
    """
    path = folder / SPLITS_CSV
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        if rows.fieldnames != ["group", "split"]:
            raise InputError(f"{path} has the columns {rows.fieldnames}", "group,split", "split the catalogue again")
        found: dict[str, str] = {}
        for row in rows:
            group, split = row["group"], row["split"]
            if found.setdefault(group, split) != split:
                conflict = (
                    f"{path} line {rows.line_num} puts {group} into {split}, and a line before it into {found[group]}"
                )
                raise InputError(conflict, "each patient in one split", "split the catalogue again")
        return found


def write_splits(folder: Path, splits: Mapping[str, str]) -> Path:
    """Write splits.csv, `group,split`, sorted by group."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["group", "split"])
    writer.writerows(sorted(splits.items()))
    return write_text(folder / SPLITS_CSV, text.getvalue())
