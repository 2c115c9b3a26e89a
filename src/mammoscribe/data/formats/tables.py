"""Tables as people have them, read row by row: CSV or TSV, plain or gzipped, of any usual encoding, or a sheet of XLSX.

A row that cannot be read is a Fault and the next ones go on; memory does not grow with the number of rows.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats import table_layout as layout
from mammoscribe.data.formats.sheets import Line, sheet_lines
from mammoscribe.support.errors import InputError

MAX_ROW_LINES, MAX_ROW_CHARS = 2_000, 4_000_000
"""A quoted field that runs on for longer is taken as a quotation mark that was never closed."""
_DAMAGED = (EOFError, OSError, zlib.error)
_OTHER_FILES = {
    b"PK\x03\x04": ("a ZIP or XLSX file", "give its name the ending it should have"),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", "save it as XLSX or CSV"),
}
_BLOCK = 1 << 16
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Row:
    """One row: the line on which it begins, and its fields, stripped, by the names of the header."""

    table: str
    line: int
    fields: Mapping[str, str]

    @property
    def where(self) -> str:
        """`train.csv line 7`."""
        return f"{self.table} line {self.line}"

    def get(self, *names: str) -> str:
        """The first of these columns that is there and not blank, else ""."""
        return next((value for name in names if (value := self.fields.get(name, ""))), "")

    def fault(self, found: str, expected: str = "", do: str = "") -> Fault:
        """A Fault at this row."""
        return Fault(self.where, InputError(f"{self.where}: {found}", expected, do))


def read_rows(
    path: Path,
    required: Sequence[str] = (),
    sheet: str | None = None,
    twice: Sequence[str] = (),
    wanted: Sequence[str] = (),
) -> Iterator[Row | Fault]:
    """Rows of a table, in order; blank rows are passed over, and so are rows above the header (a title).

    Args:
        path: `.csv`, `.tsv`, `.txt` (the header says what stands between fields: comma, semicolon, tab or bar), each
            also as `.gz`; or `.xlsx`.
        required: columns that must be there.
        sheet: of an XLSX; the first when None.
        twice: columns that the file is known to have twice; the first of them is read.
        wanted: columns by which the header is known, besides the required ones.

    Raises:
        InputError: on the first row, when the file is not there, not a table, or lacks a required column.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "a table (CSV, TSV or XLSX)")
    header: list[str] | None = None
    for number, fields in _lines_from_header(path, sheet, (*required, *wanted)):
        if isinstance(fields, str):
            yield Fault(f"{path.name} line {number}", InputError(f"{path.name} line {number}: {fields}", "a whole row"))
        elif header is None:
            header = _header(path, fields, required, twice)
        elif any(f.strip() for f in fields):
            yield _row(path.name, number, header, fields)
    if header is None:
        raise InputError(f"{path} is empty", f"a table with the columns {', '.join(required) or 'of its data'}")


def _lines_from_header(path: Path, sheet: str | None, names: Sequence[str]) -> Iterator[Line]:
    """The lines of a table, the header first; lines above it are left out."""
    if path.suffix.lower() == ".xlsx":
        yield from _sheet_from_header(sheet_lines(path, sheet), names)
    else:
        yield from _text_lines(path, names)


def _sheet_from_header(lines: Iterator[Line], names: Sequence[str]) -> Iterator[Line]:
    preview: list[Line] = []
    damage: InputError | None = None
    try:
        for line in islice(lines, layout.PREVIEW):
            preview.append(line)  # noqa: PERF402  # what came before an error stays
    except InputError as error:  # the rows before the damage are read first
        damage = error
    at = layout.header_at([[] if isinstance(fields, str) else fields for _, fields in preview], names)
    width = 0
    for number, fields in chain(preview[at:], _raising(damage), lines):
        if isinstance(fields, list):  # a sheet leaves out trailing blank cells
            width = width or len(fields)
            fields = fields + [""] * (width - len(fields))
        yield number, fields


def _raising(error: InputError | None) -> Iterator[Line]:
    if error is not None:
        raise error
    yield from ()


def all_rows(path: Path, what: str) -> list[Row]:
    """Every row of a table that must be whole: a row that cannot be read, or no row, raises InputError.

    Args:
        path: as for `read_rows`.
        what: what it should be, for the errors, such as `a CSV of sentence pairs`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", what)
    rows: list[Row] = []
    for row in read_rows(path):
        if isinstance(row, Fault):
            raise row.error
        rows.append(row)
    if not rows:
        raise InputError(f"{path} has no rows", what)
    return rows


def headless_rows(
    path: Path, names: Sequence[str], begins: Callable[[str], bool], sheet: str | None = None
) -> Iterator[Row | Fault]:
    """Rows of a table without a header, under these names; a short row is filled with blanks.

    Args:
        path: as for `read_rows`.
        names: of the columns, in their order.
        begins: whether a row whose first field is this one is a row of the table. What stands above the first of them
            (a text for people) is passed over; a row behind it that is none is a Fault.
        sheet: of an XLSX; the first when None.

    Raises:
        InputError: on the first row, when the file is not there, or no row begins like one.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "a table (CSV, TSV or XLSX)")
    lines = sheet_lines(path, sheet) if path.suffix.lower() == ".xlsx" else _text_lines(path, None)
    begun = False
    for number, fields in lines:
        where = f"{path.name} line {number}"
        if isinstance(fields, str):
            yield Fault(where, InputError(f"{where}: {fields}", "a whole row"))
        elif not any(f.strip() for f in fields) or not (begun or begins(fields[0].strip())):
            continue
        elif not begins(fields[0].strip()) or any(f.strip() for f in fields[len(names) :]):
            words = " ".join(f.strip() for f in fields if f.strip())[:80]
            yield Fault(where, InputError(f"{where} is {words!r}", f"a row with {', '.join(names)}"))
        else:
            begun = True
            filled = [f.strip() for f in fields] + [""] * len(names)
            yield Row(path.name, number, dict(zip(names, filled, strict=False)))
    if not begun:
        raise InputError(f"no row of {path} is one of the table", f"rows with {', '.join(names)}")


def columns_of(path: Path, sheet: str | None = None, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The names in the header of a table, or of a sheet of an XLSX; InputError when there is none.

    Args:
        path, sheet, wanted: as for `read_rows`.
    """
    for _, fields in _lines_from_header(path, sheet, wanted):
        if not isinstance(fields, str):
            return tuple(_header(path, fields, ()))
    raise InputError(f"{path} is empty", "a table with a header")


def _header(path: Path, fields: list[str], required: Sequence[str], twice: Sequence[str] = ()) -> list[str]:
    header = [" ".join(layout.clean(name).split()) for name in fields]
    while header and not header[-1]:
        header.pop()
    header = ["" if name in twice and name in header[:at] else name for at, name in enumerate(header)]
    missing = [name for name in required if name not in header]
    if missing:
        has = ", ".join(header[:12]) + (", ..." if len(header) > 12 else "")
        raise InputError(f"{path} lacks {'columns' if len(missing) > 1 else 'column'} {', '.join(missing)} (has {has})")
    named = [name for name in header if name]
    if len(set(named)) != len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise InputError(f"{path} has the column {twice} twice", "each column once")
    return header


def _row(table: str, line: int, header: list[str], fields: list[str]) -> Row | Fault:
    if len(fields) < len(header) or any(f.strip() for f in fields[len(header) :]):
        words = f"{table} line {line} has {len(fields)} fields"
        return Fault(f"{table} line {line}", InputError(words, f"{len(header)}, as in the first line"))
    if any("\0" in f for f in fields):
        return Fault(f"{table} line {line}", InputError(f"{table} line {line} holds a NUL character", "text"))
    return Row(table, line, {name: layout.clean(value) for name, value in zip(header, fields, strict=False) if name})


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked where they are gzipped; browsers unpack a .gz and may leave its name."""
    with path.open("rb") as packed:
        is_gzip = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        if is_gzip:
            with gzip.GzipFile(fileobj=packed) as stream:
                yield stream  # type: ignore[misc]  # a GzipFile reads like any binary file
        else:
            yield packed


def encoding_of(path: Path) -> str:
    """UTF-16 by its mark, UTF-8 where all of it is, else Windows-1252 (a superset of Latin-1's printable part)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _opened(path) as stream:
        first = stream.read1(_BLOCK)  # what comes before damage, too, which `read` would lose
        for bom, name in _BOMS.items():
            if first.startswith(bom):
                return name
        _check_text(path, first)
        block = first
        while block:
            try:
                decoder.decode(block)
                block = stream.read1(_BLOCK)
            except UnicodeDecodeError:
                return "cp1252"
            except _DAMAGED:
                break  # the rows before the damage are read, and then it is told
    return "utf-8"


def _check_text(path: Path, first: bytes) -> None:
    """InputError for a file that begins as no text does: by its mark, or with more than one NUL in twenty bytes."""
    for mark, (kind, do) in _OTHER_FILES.items():
        if first.startswith(mark):
            raise InputError(f"{path} is {kind}", "a table (CSV, TSV or XLSX)", do)
    if first.count(0, 0, 4096) * 20 > min(len(first), 4096):
        raise InputError(f"{path} is not a text file", "a table (CSV, TSV or XLSX)")


def _text_lines(path: Path, names: Sequence[str] | None) -> Iterator[Line]:
    """(line, fields) of each row, or (line, what is wrong with it).

    Args:
        path: the table.
        names: columns by which its header is known; None for a table without a header.
    """
    try:
        with _opened(path) as stream:
            text = io.TextIOWrapper(stream, encoding=encoding_of(path), errors="replace", newline="")
            yield from _split_rows(_numbered(text), names)
    except _DAMAGED as error:
        raise InputError(f"{path} cannot be read to its end ({error})", "a whole file", "fetch it again") from error


_Line = tuple[int, str | None]
"""Its number and text; None for the text of a line that is too long."""


def _numbered(text: TextIO) -> Iterator[_Line]:
    """Every line; of one that is too long, only so much is in memory at a time."""
    number = 0
    while line := text.readline(MAX_ROW_CHARS + 1):
        number += 1
        short = len(line) <= MAX_ROW_CHARS
        yield number, line if short else None
        while not short and line and line[-1] not in "\r\n":
            line = text.readline(MAX_ROW_CHARS)


def _split_rows(lines: Iterator[_Line], names: Sequence[str] | None) -> Iterator[Line]:
    """Rows of the lines; where a quotation mark is never closed, that line is a fault and the next ones stand again."""
    given_back = deque(islice(lines, layout.PREVIEW))
    begin, delimiter = layout.beginning([line or "" for _, line in given_back], names)
    for _ in range(begin):
        given_back.popleft()
    width = 0

    def following() -> _Line | None:
        return given_back.popleft() if given_back else next(lines, None)

    while (first := following()) is not None:
        number, line = first
        if line is None:
            yield number, f"a line of more than {MAX_ROW_CHARS:,} characters"
            continue
        if not line.strip(None if width else "\r\n\ufeff \t,;"):
            continue
        fields, taken = _one_row(line, delimiter, following)
        if fields is None or (taken and width and not _fits(fields, width)):
            given_back.extendleft(reversed(taken))
            yield number, "a quotation mark is never closed"
        else:
            width = width or len(fields)
            yield number, fields


def _fits(fields: list[str], width: int) -> bool:
    return len(fields) >= width and not any(f.strip() for f in fields[width:])


def _one_row(line: str, delimiter: str, following: Callable[[], _Line | None]) -> tuple[list[str] | None, list[_Line]]:
    """The fields of a row that may run over several lines, None when it never ends; and the further lines it took."""
    taken: list[_Line] = []
    parts, length = [line], len(line)
    fields, is_open = _parsed(line, delimiter)
    if fields is None and not is_open:  # a mark inside a field is forgiven where it stands on one line
        fields = _csv_row([line], delimiter, strict=False)
    while is_open and len(taken) < MAX_ROW_LINES and length < MAX_ROW_CHARS:
        more = following()
        if more is None:
            break
        taken.append(more)
        if more[1] is None:
            break
        parts.append(more[1])
        length += len(more[1])
        if more[1].count('"') % 2:  # only an odd number of marks can close what is open
            fields, is_open = _parsed("".join(parts), delimiter)
    return fields, taken


def _parsed(text: str, delimiter: str) -> tuple[list[str] | None, bool]:
    """The fields of one row, None when it is none yet; and whether a quotation mark is open, so that more may help."""
    if '"' not in text:
        return text.rstrip("\r\n").split(delimiter), False
    try:
        return _csv_row(io.StringIO(text, newline=""), delimiter, strict=True), False
    except csv.Error as error:
        return None, "unexpected end" in str(error)


def _csv_row(lines: Iterable[str], delimiter: str, strict: bool) -> list[str]:
    """The first row; csv's own limit on a field, which is one for the whole process, is put back afterwards."""
    limit = csv.field_size_limit(MAX_ROW_CHARS * 2)
    try:
        return next(csv.reader(lines, delimiter=delimiter, strict=strict))
    finally:
        csv.field_size_limit(limit)
