"""The reports of a lab's folder: rows of CSV, TSV, XLSX, JSON or JSON Lines tables, or one text file per exam."""

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.docx import docx_text
from mammoscribe.data.formats.json_lists import json_lines, json_list
from mammoscribe.data.formats.sheets import sheet_names
from mammoscribe.data.formats.table_layout import clean
from mammoscribe.data.formats.tables import Row, columns_of, read_rows
from mammoscribe.data.own_folder.ids import lost_by_a_spreadsheet
from mammoscribe.data.own_folder.spec import FolderSpec, is_pattern
from mammoscribe.data.own_folder.walk import files_of, suffixes_in
from mammoscribe.data.texts.decoding import decoded, text_of_bytes
from mammoscribe.data.texts.report_sections import sectioned
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up
from mammoscribe.support.parsing import kind_of_value

MAX_TEXT_BYTES = 4 << 20
TEXT = "text"
_JSON = (".json", ".jsonl")
_NO_TEXT = {b"%PDF": "a PDF", b"\xd0\xcf\x11\xe0": "an old Word document"}
_ENCRYPTED = b"\xd0\xcf\x11\xe0"
"""How an old Excel file begins, and also an XLSX with a password (MS-OFFCRYPTO 2.3: both are compound files)."""


def report_rows(spec: FolderSpec, root: Path) -> Iterator[tuple[str, Row] | Fault]:
    """(key, row) of every report; the key is its exam, or the picture where `report_image` names one.

    A text file is a row with its text; the rows of a table have only the columns that the description names.

    Raises:
        InputError: when a table is not there or lacks a column that the TOML file names, or no file fits the pattern.
    """
    if not spec.reports:
        return
    for path in files_named(spec, root, "reports", spec.reports):
        if isinstance(path, Fault):
            yield path
        elif not spec.has_table:
            yield _text_file(root, path)
        else:
            yield from _keyed(spec, root / path)


def files_named(spec: FolderSpec, root: Path, key: str, path: str) -> Iterator[str | Fault]:
    """The file of a path, or those of a pattern, under a key of the TOML file; none, or a link outside, raises InputError."""
    if not is_pattern(path):
        target = (root / path).resolve()
        if target.exists() and not target.is_relative_to(root):
            raise InputError(f"{spec.path}: {key}: {path} is a link that leads out of {root}", "a file inside it")
        yield path
        return
    empty = True
    for found in files_of(root, [path]):
        empty = False
        yield found
    if empty:
        what = "text files" if key == "reports" and not spec.has_table else "tables"
        there = suffixes_in(root)
        raise InputError(f"{spec.path}: {key}: no file in {root} fits {path} (there: {there})", what)


def _keyed(spec: FolderSpec, table: Path) -> Iterator[tuple[str, Row] | Fault]:
    """(key, row) of a table, its texts decoded; a row whose text cannot be decoded is a Fault, and keeps its other columns."""
    columns = columns_wanted(spec)
    texts = frozenset(filter(None, (spec.report_text, *spec.report_sections.values())))
    try:
        for row in table_rows(table, columns, spec.report_sheet or None):
            if isinstance(row, Fault):
                yield row
            elif (fault := _fault_of_key(spec, row)) is not None:
                yield fault
            else:
                narrow = replace(row, fields={column: row.get(column) for column in columns.values()})
                decoded_row, faults = _with_texts_decoded(narrow, texts)
                yield from faults
                if not faults or spec.images or spec.manifest:
                    yield row.get(spec.report_image or spec.report_exam), decoded_row
    except InputError as error:
        raise InputError(f"{spec.path}: {error.found}", error.expected, error.do) from error
    except OSError as error:
        raise InputError(f"{spec.path}: reports: {table} cannot be read ({error.strerror})", "a table") from error


def _fault_of_key(spec: FolderSpec, row: Row) -> Fault | None:
    """What is wrong with the id or picture that a row names, None when nothing is."""
    key = spec.report_image or spec.report_exam
    name = row.get(key)
    if not name:
        return row.fault(f"no {key}", f"{'a picture' if spec.report_image else 'an exam'} in every row")
    if not name.isprintable():
        return row.fault(f"{key} is {name!a}", "letters, digits and marks")
    if spoiled := lost_by_a_spreadsheet(name):
        return row.fault(f"{key}: {spoiled}", "the whole id", "give the column the format Text and fill it anew")
    return None


def _with_texts_decoded(row: Row, texts: frozenset[str]) -> tuple[Row, list[Fault]]:
    fields, faults = dict(row.fields), []
    for column in texts:
        try:
            fields[column] = decoded(fields[column])
        except InputError as error:
            fields[column] = ""
            faults.append(row.fault(f"{column}: {error.found}", error.expected, error.do))
    return replace(row, fields=fields), faults


def columns_wanted(spec: FolderSpec) -> Mapping[str, str]:
    """Key of the TOML file -> column, of every column that it names."""
    keys = ("report_exam", "report_image", "report_text", "report_patient", "report_date", "laterality", "view")
    named = {key: getattr(spec, key) for key in keys}
    named |= {f"report_sections.{section}": column for section, column in spec.report_sections.items()}
    if spec.has_table:
        named |= {f"labels.{label}": column for label, column in spec.labels.items()} | {"split": spec.split}
    return {key: column for key, column in named.items() if column}


def table_rows(
    path: Path, columns: Mapping[str, str], sheet: str | None = None, key: str = "reports"
) -> Iterator[Row | Fault]:
    """Rows of a table of any of the formats.

    Args:
        path: the table.
        columns: key of the TOML file -> column that must be there.
        sheet: of an XLSX.
        key: of the TOML file, for messages.

    Raises:
        InputError: when there is no such table, or a column is not there, with the nearest ones.
    """
    if not path.is_file():
        raise InputError(f"{key}: {path} is {'a folder' if path.is_dir() else 'not there'}", f"a table of {key}")
    suffixes = [s.lower() for s in path.suffixes[-2:]]
    if suffixes[-1] == ".gz" and suffixes[0] in _JSON:
        raise InputError(f"{key}: {path} is packed", "JSON as it is", f"gunzip {path.name}")
    if suffixes[-1] in _JSON:
        yield from _json_rows(path, columns)
        return
    if suffixes[-1] == ".xlsx":
        with path.open("rb") as stream:
            if stream.read(4) == _ENCRYPTED:
                found = f"{key}: {path} has a password, or is an old Excel file with a new name"
                raise InputError(found, "an XLSX file without a password", "save it as XLSX or CSV")
    wanted = tuple(columns.values())
    checked = False
    try:
        for row in read_rows(path, sheet=sheet, wanted=wanted):
            if not checked and isinstance(row, Row):
                _check_columns(path, columns, row.fields)
                checked = True
            yield row
        if not checked:
            _check_columns(path, columns, dict.fromkeys(columns_of(path, sheet, wanted)))
    except InputError as error:
        raise InputError(error.found, error.expected, _other_sheet(path, sheet, wanted, key) or error.do) from error


def _other_sheet(path: Path, sheet: str | None, wanted: tuple[str, ...], key: str) -> str:
    """What to do where the columns are in another sheet than the first."""
    if sheet is not None or path.suffix.lower() != ".xlsx":
        return ""
    for name in sheet_names(path)[1:]:
        try:
            if set(wanted) <= set(columns_of(path, name, wanted)):
                shown = json.dumps(name, ensure_ascii=False)
                own = f"write report_sheet = {shown}, which has them"
                return own if key == "reports" else f"make {shown}, which has them, the first sheet"
        except InputError:
            continue
    return ""


def _json_rows(path: Path, columns: Mapping[str, str]) -> Iterator[Row | Fault]:
    """Entries need not have every key; one that no entry has is an error."""
    entries = json_list(path) if path.suffix.lower() == ".json" else json_lines(path)
    known: dict[str, None] = {}
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, Fault):
            yield entry
        elif not isinstance(entry, dict):
            where = f"{path.name} entry {number}"
            yield Fault(where, InputError(f"{where} is {kind_of_value(entry)}", "an object with the columns as keys"))
        else:
            known |= dict.fromkeys(entry)
            try:
                yield Row(path.name, number, {str(key): _plain(value) for key, value in entry.items()})
            except RecursionError:
                where = f"{path.name} entry {number}"
                yield Fault(where, InputError(f"{where} is nested too deeply", "an object with the columns as keys"))
    if known:
        _check_columns(path, columns, known)


def _check_columns(path: Path, columns: Mapping[str, str], known: Mapping[str, object]) -> None:
    for key, column in columns.items():
        try:
            look_up(column, known, f"column of {path.name}")
        except InputError as error:
            raise InputError(f"{key}: {error.found}", error.expected, error.do) from error


def _plain(value: object) -> str:
    """A JSON value as text, as a table would have it: whole numbers without `.0`."""
    if value is None or value != value:  # NaN, as pandas writes what is missing
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text_file(root: Path, name: str) -> tuple[str, Row] | Fault:
    try:
        text = decoded(_text_of(root / name, name))
    except OSError as error:
        return Fault(name, InputError(f"{name} cannot be read ({error.strerror})"))
    except InputError as error:
        found = error.found if name in error.found else f"{name}: {error.found}"
        return Fault(name, InputError(found, error.expected, error.do))
    if not text.strip():
        return Fault(name, InputError(f"{name} is empty", "a report"))
    return PurePosixPath(name).stem, Row(name, 1, {TEXT: text})


def _text_of(path: Path, name: str) -> str:
    if path.suffix.lower() == ".docx":
        return docx_text(path)
    if (size := path.stat().st_size) > MAX_TEXT_BYTES:
        raise InputError(f"{name} has {size >> 20} MB", "a report of less than 4 MB")
    raw = path.read_bytes()
    if kind := next((kind for mark, kind in _NO_TEXT.items() if raw.startswith(mark)), ""):
        raise InputError(f"{name} is {kind}", "plain text (.txt), .rtf or .docx", "save it as one of them")
    if b"\0" in raw and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{name} is not a text file", "a report as plain text")
    return text_of_bytes(raw)


def text_of_rows(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> ReportText | None:
    """The report in the rows of one exam, None where they have none; two different ones raise InputError."""
    found = {report.raw: report for row in rows if (report := _report(spec, row)) is not None}
    if len(found) > 1 and not spec.laterality:
        listed = ", ".join(row.where for row in rows)
        do = "put an addendum into the report's row; where a row is one breast, name the column with laterality"
        raise InputError(f"exam {exam_id} has {len(found)} reports ({listed})", "one", do)
    if len(found) > 1:
        return sectioned("\n\n".join(found), spec.language)
    return next(iter(found.values()), None)


def _report(spec: FolderSpec, row: Row) -> ReportText | None:
    if not spec.has_table:
        return sectioned(row.get(TEXT), spec.language)
    if spec.report_text:
        return sectioned(row.get(spec.report_text), spec.language)
    sections = {section: text for section, column in spec.report_sections.items() if (text := row.get(column))}
    if not sections:
        return None
    raw = "\n".join(f"{section.upper()}: {text}" for section, text in sections.items())
    return ReportText(raw, sections, spec.language)
