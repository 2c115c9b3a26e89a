"""Mammography datasets that are a table with one row per picture (or per place in one): the table decides, this reads it."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mammoscribe.data.dataset import Fault, Item
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.report_text import ReportText
from mammoscribe.data.spool import Spool
from mammoscribe.data.tables import Row, read_rows
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InputError, MammoscribeError, NotAMammogram

Value = Callable[[Row], str]
"""One label out of a row, "" where the row does not say."""


@dataclass(frozen=True)
class ViewTable:
    """How the rows of a table become exams.

    Args:
        table: its path from the dataset's folder.
        required: columns that must be there.
        exam, patient: ids out of a row.
        view: the picture of a row, with its labels and regions; raises InputError when it cannot be read,
            and the row becomes a fault (NotAMammogram for a spot view or another modality: set aside). Rows of one picture are merged: their
            regions are put together.
        exam_labels, breast_labels: label name -> value. Where the rows of one exam or breast differ, the values are
            joined by `|` in order of appearance.
        split, date, report: of the exam, from its rows.
    """

    table: str
    required: tuple[str, ...]
    exam: Value
    patient: Value
    view: Callable[[Row], ListedView]
    exam_labels: Mapping[str, Value] = field(default_factory=dict)
    breast_labels: Mapping[str, Value] = field(default_factory=dict)
    split: Value = lambda _: ""
    date: Callable[[Row], dt.date | None] = lambda _: None
    report: Callable[[Sequence[Row]], ReportText | None] = lambda _: None


def read_view_table(root: Path, spec: ViewTable) -> Iterator[Item]:
    """Every exam of the table, in the order in which each is first named; memory does not grow with the table."""
    with Spool() as spool:
        yield from spooled(root / spec.table, spec.required, spec.exam, spool)
        for exam_id, rows in spool.groups():
            yield from _exam(exam_id, rows, spec)


def spooled(path: Path, required: Sequence[str], group: Value, spool: Spool) -> Iterator[Fault]:
    """Put the rows of a table into a spool by group; gives the rows that could not be read."""
    for row in read_rows(path, required):
        if isinstance(row, Fault):
            yield row
        elif name := group(row):
            spool.add_one(name, row)
        else:
            yield row.fault("no id", "an id in every row")


def _exam(exam_id: str, rows: Sequence[Row], spec: ViewTable) -> Iterator[Item]:
    kept: list[tuple[Row, ListedView]] = []
    for row in rows:
        try:
            kept.append((row, spec.view(row)))
        except NotAMammogram as error:
            yield Fault(row.where, NotAMammogram(f"{row.where}: {error.found}", error.expected, error.do))
        except MammoscribeError as error:
            yield row.fault(error.found, error.expected, error.do)
    if not kept:
        return
    good = [row for row, _ in kept]
    try:
        yield MammoExam(
            id=exam_id,
            patient_id=_one("patient", exam_id, [spec.patient(r) for r in good]),
            images=merged([view for _, view in kept]),
            date=next((day for r in good if (day := spec.date(r)) is not None), None),
            report=spec.report(good),
            breasts=_breasts(kept, spec.breast_labels),
            labels=_labels(good, spec.exam_labels),
            split=_one("split", exam_id, [spec.split(r) for r in good]) or None,
        )
    except MammoscribeError as error:
        yield Fault(exam_id, InputError(error.found, error.expected, error.do))


def merged(views: Sequence[ListedView]) -> tuple[ListedView, ...]:
    """One view per path, with the regions of all its rows; views without a path stay as they are."""
    found: dict[object, ListedView] = {}
    for number, view in enumerate(views):
        key = view.path or number
        if key in found:
            found[key] = replace(found[key], regions=found[key].regions + view.regions)
        else:
            found[key] = view
    return tuple(found.values())


def _breasts(kept: Sequence[tuple[Row, ListedView]], labels: Mapping[str, Value]) -> dict[Laterality, dict[str, str]]:
    sides = [side for side in Laterality if any(view.laterality is side for _, view in kept)]
    found = {side: _labels([row for row, view in kept if view.laterality is side], labels) for side in sides}
    return {side: said for side, said in found.items() if said}


def _labels(rows: Sequence[Row], labels: Mapping[str, Value]) -> dict[str, str]:
    found = {name: "|".join(dict.fromkeys(v for row in rows if (v := value(row)))) for name, value in labels.items()}
    return {name: value for name, value in found.items() if value}


def _one(what: str, exam_id: str, values: Sequence[str]) -> str:
    different = list(dict.fromkeys(values))
    if len(different) > 1:
        raise InputError(f"exam {exam_id} has the {what}s {', '.join(v or 'none' for v in different)}", f"one {what}")
    return different[0]


def projection_in(word: str) -> Projection:
    """CC or MLO; another view (`ML`, `XCCL`, ...) raises NotAMammogram, no word at all InputError."""
    name = word.strip().upper()
    if name in Projection.__members__:
        return Projection(name)
    if name:
        raise NotAMammogram(f"a {name} view", "CC or MLO")
    raise InputError("no view", "CC or MLO")


def column(*names: str) -> Value:
    """The first of these columns that is not blank."""
    return lambda row: row.get(*names)


def flag(name: str) -> Value:
    """`1` or `0` out of a column of 1/0, True/False, yes/no; anything else is kept as it is."""
    words = {"1": "1", "1.0": "1", "true": "1", "yes": "1", "0": "0", "0.0": "0", "false": "0", "no": "0"}
    return lambda row: words.get(row.get(name).lower(), row.get(name))


def whole(name: str) -> Value:
    """A whole number that a spreadsheet may have written as `4.0`."""
    return lambda row: row.get(name).removesuffix(".0")
