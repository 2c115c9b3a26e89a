"""The clinical notes of MIMIC-III: one table, NOTEEVENTS, with the notes of a patient's stays by category."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.tables import Row, read_rows
from mammoscribe.data.formats.view_table import whole
from mammoscribe.data.records import Kind, TextDocument
from mammoscribe.support.errors import InputError, InvalidNoun, SetAside

_TABLE = "NOTEEVENTS.csv"
_COLUMNS = (
    "ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME", "CATEGORY", "DESCRIPTION", "CGID", "ISERROR",
    "TEXT",
)  # fmt: skip


def _read(root: Path) -> Iterator[Item]:
    path = root / _TABLE if (root / _TABLE).is_file() else root / f"{_TABLE}.gz"
    for row in read_rows(path, _COLUMNS):
        yield row if isinstance(row, Fault) else _note(row)


def _note(row: Row) -> Item:
    flag = whole("ISERROR")(row)
    if flag == "1":
        return Fault(row.where, SetAside(f"{row.where}: a note that its writer marked as an error", "ISERROR blank"))
    try:
        if flag not in ("", "0"):
            raise InputError(f"ISERROR {flag!r}", "1 or blank")
        moment = _moment(row, "CHARTTIME")
        day = _moment(row, "CHARTDATE") or moment
        labels = {"category": row.get("CATEGORY"), "admission": whole("HADM_ID")(row)}
        return TextDocument(
            id=whole("ROW_ID")(row),
            text=row.get("TEXT"),
            patient_id=_patient(row),
            title=row.get("DESCRIPTION"),
            date=day.date() if day else None,
            time=moment.time() if moment else None,
            labels={name: value for name, value in labels.items() if value},
        )
    except (InputError, InvalidNoun) as error:
        return row.fault(error.found, error.expected, error.do)


def _patient(row: Row) -> str:
    """The patient; a note without one could not be kept away from the other notes of that patient."""
    if patient := whole("SUBJECT_ID")(row):
        return patient
    raise InputError("no SUBJECT_ID", "a patient in every row")


def _moment(row: Row, column: str) -> dt.datetime | None:
    """`2151-08-04` or `2151-08-04 13:00:00`, None where it is blank."""
    text = row.get(column)
    try:
        return dt.datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(f"{column} {text!r}", "a date such as 2151-08-04 13:00:00") from error


MIMIC_III = Dataset(
    name="mimic-iii",
    title="MIMIC-III Clinical Database: the notes of intensive care (NOTEEVENTS)",
    kind=Kind.TEXT_DOCUMENT,
    language="en",
    licence="PhysioNet Credentialed Health Data License: no sharing, also not with online services; research only",
    obtain="PhysioNet, mimiciii 1.4: credentialing, the CITI course and the data use agreement; NOTEEVENTS.csv.gz is enough",
    cite="Johnson et al., MIMIC-III 1.4, PhysioNet 2016, doi 10.13026/C2XW26; Sci. Data 3 (2016) 160035",
    labels=(
        Label("category", "document", "Nursing/other, Radiology, ECG, Physician, Discharge summary, Echo and others, as in CATEGORY"),
        Label("admission", "document", "HADM_ID of the stay, not there for outpatients"),
    ),
    known_faults=(
        "ISERROR 1: the note was marked as an error; such rows are set aside, since what they say is not true of that patient",
        "no CHARTTIME for discharge summaries, ECG and echo reports: they have a day only",
        "names, dates and places are replaced by [**...**]; dates are moved into the years 2100 to 2200, per patient",
        "echo reports come from templates and may contradict themselves (mild, then severe)",
        "many notes are copied forward: the same text again, of the same patient; split by patient",
        "the text of row 639042 is unreadable characters, and a few more may be",
    ),
    editions=(
        Edition(
            "physionet 1.4", ("NOTEEVENTS.csv*",), "NOTEEVENTS.csv.gz, as it is or unpacked; no other table is read",
            # 2,083,180 rows (mimic-code, postgres_checks.sql), but how many of them have ISERROR 1 is nowhere published
            {}, State.DOCUMENTED, _read,
        ),
    ),
    patients="SUBJECT_ID",
)  # fmt: skip
