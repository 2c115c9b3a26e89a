"""Datasets of studies that are a table with one row per picture (chest X-rays): the table decides, this reads it."""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.data.dataset import Fault, Item
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import Join, Value, grouped_rows, joined_labels, only, report_or_fault
from mammoscribe.data.records import ImageText, ListedImage
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.support.errors import InputError, MammoscribeError

Moment = tuple[dt.date | None, dt.time | None]


@dataclass(frozen=True)
class StudyTable:
    """How the rows of a table become studies.

    Args:
        table: its path from the dataset's folder.
        required: columns that must be there.
        study, patient: ids out of a row.
        image: the picture of a row; raises InputError when it cannot be read, and the row becomes a fault.
        labels: label name -> value, of the study; where its rows differ, the values are joined by `|`.
        split: of the study, "" when there is none.
        moment: date and time of a row; the earliest is the study's.
        report: out of a study's id and rows.
        joins: further tables that stand beside the first.
        kept: columns that wait on disk until the study's turn, for wide tables; all of them when empty.
        widened: a row with what its picture's header says, as further columns.
    """

    table: str
    required: tuple[str, ...]
    study: Value
    patient: Value
    image: Callable[[Row], ListedImage]
    labels: Mapping[str, Value] = field(default_factory=dict)
    split: Value = lambda _: ""
    moment: Callable[[Row], Moment] = lambda _: (None, None)
    report: Callable[[str, Sequence[Row]], ReportText | None] = lambda _study, _rows: None
    joins: tuple[Join, ...] = ()
    kept: tuple[str, ...] = ()
    widened: Callable[[Row], Row] = lambda row: row


def read_study_table(root: Path, spec: StudyTable) -> Iterator[Item]:
    """Every study of the table, in the order in which each is first named; memory does not grow with the table."""
    for found in grouped_rows(root, ((spec.table, spec.required),), spec.study, spec.joins, spec.kept):
        if isinstance(found, Fault):
            yield found
        else:
            yield from _study(*found, spec)


def _study(study: str, rows: Sequence[Row], spec: StudyTable) -> Iterator[Item]:
    kept: list[tuple[Row, ListedImage, Moment]] = []
    for narrow in rows:
        try:
            row = spec.widened(narrow)
            kept.append((row, spec.image(row), spec.moment(row)))
        except MammoscribeError as error:
            yield narrow.fault(error.found, error.expected, error.do)
    if not kept:
        return
    good = [row for row, _, _ in kept]
    date, time = min((moment for _, _, moment in kept), key=_order)
    report, fault = report_or_fault(study, lambda: spec.report(study, good))
    if fault is not None:
        yield fault
    try:
        yield ImageText(
            id=study,
            patient_id=only("patient", study, [spec.patient(r) for r in good], "study"),
            images=tuple(image for _, image, _ in kept),
            date=date,
            time=time,
            report=report,
            labels=joined_labels(good, spec.labels),
            split=only("split", study, [spec.split(r) for r in good], "study") or None,
        )
    except MammoscribeError as error:
        yield Fault(study, InputError(error.found, error.expected, error.do))


def _order(moment: Moment) -> tuple[bool, dt.date, bool, dt.time]:
    date, time = moment
    return date is None, date or dt.date.max, time is None, time or dt.time.max


def day(text: str) -> dt.date | None:
    """`20150622` (or `20150622.0`, as spreadsheets write it), None for ""; anything else raises InputError."""
    if not text:
        return None
    try:
        return dt.datetime.strptime(text.removesuffix(".0"), "%Y%m%d").date()
    except ValueError as error:
        raise InputError(f"the study date {text!r}", "year, month and day, such as 20150622") from error


def time_of_day(text: str) -> dt.time | None:
    """DICOM's `213014.531`, also where a table has lost the zeros before it (`4.5` = 00:00:04.5); None for "".

    Raises:
        InputError: when it is no time.
    """
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,6})(?:\.(\d{1,9}))?", text, re.ASCII)
    if match is not None:
        digits, fraction = match[1].zfill(6), (match[2] or "").ljust(6, "0")[:6]
        hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
        if hour < 24 and minute < 60 and second < 60:
            return dt.time(hour, minute, second, int(fraction))
    raise InputError(f"the study time {text!r}", "hours, minutes and seconds, such as 213014.531")
