"""The reports of a lab's folder: rows of a CSV, TSV, XLSX, JSON or JSON Lines table, or one text file per exam."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from mammoscribe.data.dataset import Fault
from mammoscribe.data.folder_spec import FolderSpec
from mammoscribe.data.json_lists import json_lines, json_list
from mammoscribe.data.report_sections import report_of
from mammoscribe.data.report_text import ReportText
from mammoscribe.data.tables import Row, columns_of, read_rows
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

MAX_TEXT_BYTES = 4 << 20
TEXT = "text"


def report_rows(spec: FolderSpec) -> Iterator[tuple[str, Row] | Fault]:
    """(exam, row) of every report; a text file is a row with its text.

    Raises:
        InputError: when the table is not there or lacks a column that the TOML file names, or no text file is found.
    """
    if not spec.reports:
        return
    if not spec.has_table:
        yield from _text_files(spec)
        return
    for row in table_rows(spec.folder / spec.reports, _columns(spec)):
        if isinstance(row, Fault):
            yield row
        elif exam := row.get(spec.report_exam):
            yield exam, row
        else:
            yield row.fault(f"no {spec.report_exam}", "an exam in every row")


def _columns(spec: FolderSpec) -> list[str]:
    named = [
        spec.report_exam, spec.report_text, *spec.report_sections.values(), spec.report_patient, spec.report_date,
        *spec.labels.values(), spec.laterality, spec.split,
    ]  # fmt: skip
    return [name for name in dict.fromkeys(named) if name]


def table_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | Fault]:
    """Rows of a table of any of the formats; a column that is not there raises InputError with the nearest ones."""
    if path.suffix.lower() not in (".json", ".jsonl"):
        if path.is_file():
            known = columns_of(path)
            for name in columns:
                look_up(name, dict.fromkeys(known), f"column of {path.name}")
        yield from read_rows(path, columns)
        return
    if not path.is_file():
        raise InputError(f"{path} is not there", "a table of reports")
    entries = json_list(path) if path.suffix.lower() == ".json" else json_lines(path)
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, Fault):
            yield entry
        elif not isinstance(entry, dict):
            where = f"{path.name} entry {number}"
            yield Fault(where, InputError(f"{where} is a {type(entry).__name__}", "an object with the columns as keys"))
        else:
            if number == 1:
                for name in columns:
                    look_up(name, entry, f"key of {path.name}")
            yield Row(path.name, number, {str(key): _plain(value) for key, value in entry.items()})


def _plain(value: object) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text_files(spec: FolderSpec) -> Iterator[tuple[str, Row] | Fault]:
    empty = True
    for path in sorted(spec.folder.glob(spec.reports)):
        if not path.is_file() or path.name.startswith("."):
            continue
        empty = False
        name = path.relative_to(spec.folder).as_posix()
        if not path.resolve().is_relative_to(spec.folder):
            yield Fault(name, InputError(f"{name} is a link that leads out of the root", "a file inside it"))
        elif path.stat().st_size > MAX_TEXT_BYTES:
            yield Fault(name, InputError(f"{name} has {path.stat().st_size >> 20} MB", "a report of less than 4 MB"))
        elif b"\0" in (raw := path.read_bytes()):
            yield Fault(name, InputError(f"{name} is not a text file", "a report as plain text"))
        elif not (text := _decoded(raw)).strip():
            yield Fault(name, InputError(f"{name} is empty", "a report"))
        else:
            yield path.stem, Row(name, 1, {TEXT: text})
    if empty:
        raise InputError(f"{spec.path}: no file in {spec.folder} fits {spec.reports}", "text files of reports")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def text_of_rows(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> ReportText | None:
    """The report in the rows of one exam, None where they have none; two different ones raise InputError."""
    found = {report.raw: report for row in rows if (report := _report(spec, row)) is not None}
    if len(found) > 1 and not spec.laterality:
        listed = ", ".join(row.where for row in rows)
        raise InputError(f"exam {exam_id} has {len(found)} reports ({listed})", "one", "name the column of the breast")
    if len(found) > 1:
        return report_of("\n\n".join(found), spec.language)
    return next(iter(found.values()), None)


def _report(spec: FolderSpec, row: Row) -> ReportText | None:
    if not spec.has_table:
        return report_of(row.get(TEXT), spec.language)
    if spec.report_text:
        return report_of(row.get(spec.report_text), spec.language)
    said = {section: text for section, column in spec.report_sections.items() if (text := row.get(column))}
    if not said:
        return None
    raw = "\n".join(f"{section.upper()}: {text}" for section, text in said.items())
    return ReportText(raw, said, spec.language)
