"""Sheets of XLSX files, row by row as text, as a person sees them: zeros in front, days, and cells that hold no value."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammoscribe.data.formats.table_layout import NOT_COMPUTED
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from openpyxl import Workbook

Line = tuple[int, list[str] | str]
"""The number of a row, and its fields or what is wrong with it."""
MAX_XLSX_BYTES = 512 << 20
_DAMAGED = (
    EOFError, OSError, zlib.error, zipfile.BadZipFile, SyntaxError, KeyError, IndexError, ValueError, TypeError, AttributeError,
)  # fmt: skip
"""What openpyxl raises for a damaged file (an XML error is a SyntaxError)."""


def sheet_lines(path: Path, sheet: str | None) -> Iterator[Line]:
    """(line, fields) of each row of a sheet, the first one when None.

    Rows have different lengths: a sheet leaves out blank cells at the end of a row. A formula whose value is not in the
    file (a program wrote it that computes none) is `table_layout.NOT_COMPUTED`, so that it is never taken for a blank.

    Raises:
        InputError: when it is no spreadsheet, is damaged or too large, or has no such sheet.
    """
    _check_size(path)
    with _book(path, values=True) as book:
        page = _page(book, path, sheet)
        formulas = _formulas(path, page.title)
        try:
            for number, cells in enumerate(page.iter_rows(), start=1):
                fields = [_cell(cell) for cell in cells]
                for at in formulas.get(number, ()):
                    fields += [""] * (at + 1 - len(fields))
                    fields[at] = fields[at] or NOT_COMPUTED
                if any(f.strip() for f in fields):
                    yield number, fields
        except _DAMAGED as error:
            raise InputError(f"{path} cannot be read to its end ({error})", "a whole file", "save it again") from error


def sheet_names(path: Path) -> list[str]:
    """The names of all sheets; InputError as `sheet_lines`."""
    with _book(path, values=True) as book:
        return [page.title for page in book.worksheets]


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except _DAMAGED as error:
        raise InputError(f"{path} is not a spreadsheet ({error})", "an XLSX file") from error
    if size > MAX_XLSX_BYTES:
        raise InputError(f"{path} unpacks to {size >> 20} MB", f"at most {MAX_XLSX_BYTES >> 20} MB", "save it as CSV")


@contextmanager
def _book(path: Path, values: bool) -> "Iterator[Workbook]":
    import openpyxl  # slow to import, and only spreadsheets need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts of the file that hold no data: styles, extensions, print areas
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=values)
        except _DAMAGED as error:
            raise InputError(f"{path} is not a spreadsheet ({error})", "an XLSX file") from error
        try:
            yield book
        finally:
            book.close()


def _page(book: "Workbook", path: Path, sheet: str | None) -> Any:
    names = [page.title for page in book.worksheets]
    if not names or (sheet is not None and sheet not in names):
        raise InputError(f"{path} has the sheets {', '.join(names) or 'none'}", f"a sheet called {sheet or '...'}")
    page = book[sheet or names[0]]
    page.reset_dimensions()  # type: ignore[union-attr]  # some programs write a wrong size, and it would be believed
    return page


def _formulas(path: Path, sheet: str) -> dict[int, list[int]]:
    """Line -> columns (from 0) with a formula; {} at once where the file has none, which is nearly always."""
    try:
        with zipfile.ZipFile(path) as archive:
            pages = [name for name in archive.namelist() if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name)]
            if not any(_holds_formula(archive, name) for name in pages):
                return {}
    except _DAMAGED as error:
        raise InputError(f"{path} is not a spreadsheet ({error})", "an XLSX file") from error
    found: dict[int, list[int]] = {}
    with _book(path, values=False) as book:
        try:
            for number, cells in enumerate(_page(book, path, sheet).iter_rows(), start=1):
                if columns := [at for at, cell in enumerate(cells) if getattr(cell, "data_type", "") == "f"]:
                    found[number] = columns
        except _DAMAGED as error:
            raise InputError(f"{path} cannot be read to its end ({error})", "a whole file", "save it again") from error
    return found


def _holds_formula(archive: zipfile.ZipFile, name: str) -> bool:
    before = b""
    with archive.open(name) as stream:
        while block := stream.read(1 << 20):
            if re.search(rb"<(?:\w+:)?f[ >/]", before + block):
                return True
            before = block[-16:]
    return False


def _cell(cell: Any) -> str:
    """A cell as text: whole numbers without `.0` and with the zeros that its format puts before them, dates as ISO days."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and re.fullmatch("0{2,}", cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    text = str(value)
    return text.removesuffix(" 00:00:00") if hasattr(value, "isoformat") else text
