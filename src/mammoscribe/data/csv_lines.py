"""CSV files as people have them: UTF-8 with or without a byte-order mark, with commas, semicolons or tabs."""

import csv
import io
from pathlib import Path

from mammoscribe.support.errors import InputError


def read_csv_lines(path: Path, what: str) -> list[tuple[int, list[str]]]:
    """(line number, fields) of every line that is not blank, the header first; the header says what stands between.

    Args:
        path: the CSV.
        what: what it should be, for the errors, such as `a CSV of sentence pairs`.

    Raises:
        InputError: when the file is not there, not UTF-8 text, not CSV, or has no line but the header.
    """
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", what)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text", what) from error
    first = text.lstrip("\r\n").split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    try:
        lines = [(reader.line_num, fields) for fields in reader if any(f.strip() for f in fields)]
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num} is not CSV ({error})") from error
    if len(lines) < 2:
        raise InputError(f"{path} has no rows", what)
    return lines


def fields_by_name(path: Path, line: int, header: list[str], fields: list[str]) -> dict[str, str]:
    """The fields of one line, stripped, by the names of the header; another number of fields raises InputError."""
    if len(fields) != len(header):
        raise InputError(f"{path} line {line} has {len(fields)} fields", f"{len(header)}, as in the first line")
    return {name: value.strip() for name, value in zip(header, fields, strict=True)}
