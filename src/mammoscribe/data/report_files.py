"""Report texts by exam from anybody's file: a table, JSON Lines, a JSON list, LLaVA conversations, or a folder of .txt.

Every entry counts: a row that cannot be read, an exam without an id or an exam that is there twice stops the reading,
since a comparison that silently leaves exams out says nothing about the ones that are left.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mammoscribe.data.dataset import Fault
from mammoscribe.data.exchange.chat_entry import TURN_LISTS, chat_of
from mammoscribe.data.formats.json_lists import json_lines, json_list
from mammoscribe.data.formats.tables import all_rows
from mammoscribe.data.report_json import REPORT, grounded_sentences
from mammoscribe.data.texts.decoding import decoded, text_of_bytes
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.lookup import look_up
from mammoscribe.support.parsing import json_value, kind_of_value

FORMS = "a CSV, TSV or XLSX table, JSON Lines, a JSON list, LLaVA conversations, a folder of .txt files, or the folder of `predict --reports`"
ID_COLUMNS = (
    "exam_id",
    "study_id",
    "report_id",
    "case_id",
    "accession_number",
    "accession",
    "image_id",
    "question_id",
    "id",
)
TEXT_COLUMNS = (
    "report", "report_text", "text", "full_report", "generated_report", "reference_report", "generated", "prediction",
    "candidate", "reference",
)  # fmt: skip
SECTION_COLUMNS = ("findings", "impression")
"""Read one after the other where no column holds the whole report."""
PATIENT_COLUMNS = ("patient_id", "subject_id", "patient")
MAX_REPORT_CHARS = 20_000
_JSON = (".json", ".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".gz")


@dataclass(frozen=True)
class Columns:
    """Names of the columns or keys to read; None where they are to be recognised by their usual names."""

    id: str | None = None
    text: str | None = None
    patient: str | None = None


@dataclass(frozen=True)
class StoredReport:
    """One report.

    Args:
        id: of the exam, as the file has it.
        text: may be empty: a system that wrote nothing wrote an empty report.
        patient: None where the file does not say it.
        sentences: with their boxes, where they are known (a folder of report.json); else none.
    """

    id: str
    text: str
    patient: str | None = None
    sentences: tuple[GroundedSentence, ...] = ()


def read_reports(path: Path, columns: Columns = Columns()) -> Mapping[str, StoredReport]:
    """Reports by the id of their exam, in the order of the file.

    Args:
        path: a file or folder; its ending says what it is.
        columns: of a table or of JSON objects; conversations and folders have none.

    Raises:
        InputError: when there is no report, one cannot be read, or two have one id.
    """
    path = Path(path)
    reports: dict[str, StoredReport] = {}
    for where, report in _entries(path, columns):
        if report.id in reports:
            raise InputError(f"{where}: the exam {report.id} is in {path.name} twice", "one report for each exam")
        reports[report.id] = report
    if not reports:
        raise InputError(f"{path} holds no report", FORMS)
    return reports


def _entries(path: Path, columns: Columns) -> Iterator[tuple[str, StoredReport]]:
    if path.is_dir():
        _check_no_columns(path, columns, "a folder")
        return _of_folder(path)
    if not path.is_file():
        raise InputError(f"{path} is not there", FORMS)
    suffix = path.suffix.lower()
    if suffix in _JSON:
        return _of_json(path, columns)
    if suffix in _TABLES:
        rows = all_rows(path, "a table of reports")
        return _of_rows(path, [(row.where, row.fields) for row in rows], columns)
    raise InputError(f"{path} ends in {suffix or 'nothing'}", FORMS)


def _check_no_columns(path: Path, columns: Columns, what: str) -> None:
    if columns != Columns():
        raise InputError(f"names of columns were given, and {path} is {what}", "no names of columns for it")


def _of_folder(folder: Path) -> Iterator[tuple[str, StoredReport]]:
    """Reports of `predict` with their own ids, else texts: the name of a file without its ending is the id of its exam."""
    reports = sorted(folder.glob(f"*/{REPORT}"))
    for file in reports:
        yield f"{file.parent.name}/{REPORT}", _of_report_json(file)
    for file in () if reports else sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() == ".txt":
            yield file.name, _report(file.name, file.stem, text_of_bytes(file.read_bytes()))


def _of_report_json(file: Path) -> StoredReport:
    where = f"{file.parent.name}/{REPORT}"
    try:
        report = json_value(file.read_bytes())
        sentences, exam = grounded_sentences(report), report["exam"]
        plain = _report(where, exam["id"], "\n".join(s.text for s in sentences), exam["patient_id"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where} cannot be read ({error!r})", "a report as `predict` writes it") from error
    return replace(plain, sentences=sentences)


def _of_json(path: Path, columns: Columns) -> Iterator[tuple[str, StoredReport]]:
    listed = json_list(path) if path.suffix.lower() == ".json" else json_lines(path)
    entries: list[tuple[str, Mapping[str, object]]] = []
    for number, entry in enumerate(listed, start=1):
        if isinstance(entry, Fault):
            raise entry.error
        where = f"{path.name} entry {number}"
        if not isinstance(entry, dict):
            raise InputError(f"{where} is {kind_of_value(entry)}", "an object with an id and a report")
        entries.append((where, entry))
    if any(key in entry for _, entry in entries for key in TURN_LISTS):
        _check_no_columns(path, columns, "a file of conversations")
        return (_of_chat(where, entry) for where, entry in entries)
    return _of_rows(path, [(where, {k: _plain(v) for k, v in e.items()}) for where, e in entries], columns)


def _of_chat(where: str, entry: Mapping[str, object]) -> tuple[str, StoredReport]:
    """The last answer of a conversation is its report."""
    try:
        chat = chat_of(entry)
    except MammoscribeError as error:
        raise InputError(f"{where}: {error.found}", error.expected, error.do) from error
    return where, _report(where, _plain(chat.id), chat.turns[-1].text, _patient_in(entry))


def _patient_in(entry: Mapping[str, object]) -> str | None:
    return next((_plain(entry[name]) for name in PATIENT_COLUMNS if entry.get(name) is not None), None)


def _plain(value: object) -> str:
    """A JSON value as a table would have it: nothing for null, whole numbers without `.0`."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


# --- tables -------------------------------------------------------------------------------------------------------


def _of_rows(
    path: Path, rows: Sequence[tuple[str, Mapping[str, str]]], columns: Columns
) -> Iterator[tuple[str, StoredReport]]:
    if not rows:
        return
    known = {name.strip().lower(): name for _, fields in reversed(rows) for name in fields}
    id_column = _column(path, known, columns.id, ID_COLUMNS, "id")
    texts = _text_columns(path, known, columns.text)
    patient = _column(path, known, columns.patient, PATIENT_COLUMNS, "patient", needed=False)
    for where, fields in rows:
        text = "\n".join(part for name in texts if (part := fields.get(name, "").strip()))
        stated = fields.get(patient, "").strip() if patient else None
        if stated == "":
            raise InputError(f"{where} has no {patient}", "the patient of every exam, or no column of patients")
        yield where, _report(where, fields.get(id_column or "", ""), text, stated)


def _column(
    path: Path, known: Mapping[str, str], named: str | None, usual: Sequence[str], what: str, needed: bool = True
) -> str | None:
    """The column of that name, or the first of the usual ones."""
    if named is not None:
        return known[look_up(named.strip().lower(), {k: k for k in known}, f"column of {path.name}")]
    found = next((known[name] for name in usual if name in known), None)
    if found is None and needed:
        has = ", ".join(list(known.values())[:8])
        raise InputError(
            f"{path} has no column of {what}s (has {has})",
            f"one of {', '.join(usual)}",
            f"name it with --{what}-column",
        )
    return found


def _text_columns(path: Path, known: Mapping[str, str], named: str | None) -> list[str]:
    """The column of the reports, or those of its sections where no column has the whole."""
    usual = [known[name] for name in TEXT_COLUMNS if name in known]
    if named is None and len(usual) > 1:
        raise InputError(f"{path} has the columns {', '.join(usual)}", "one column of reports", "use --text-column")
    sections = [known[name] for name in SECTION_COLUMNS if name in known]
    if named is None and not usual and sections:
        return sections
    return [str(_column(path, known, named, TEXT_COLUMNS, "text"))]


def _report(where: str, exam_id: str, raw: str, patient: str | None = None) -> StoredReport:
    if not exam_id.strip():
        raise InputError(f"{where} has no id of its exam", "an id for every report")
    if len(raw) > MAX_REPORT_CHARS:
        raise InputError(f"{where} has {len(raw)} characters", f"a report of at most {MAX_REPORT_CHARS}")
    try:
        text = decoded(raw)
    except InputError as error:
        raise InputError(f"{where}: {error.found}", error.expected, error.do) from error
    return StoredReport(exam_id.strip(), text.strip(), patient)
