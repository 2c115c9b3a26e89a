"""Mammography datasets that are a table with one row per picture (or per place in one): the table decides, this reads it."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from mammoscribe.data.dataset import Fault, Item
from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.tables import Row, read_rows
from mammoscribe.data.naming import parse_projection
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InputError, MammoscribeError, NotAMammogram
from mammoscribe.support.words import with_article

Value = Callable[[Row], str]
"""One label out of a row, "" where the row does not say."""
Reshape = Callable[[Row], Mapping[str, str]]
"""The columns of a row that wait on disk."""


@dataclass(frozen=True)
class Join:
    """A further table laid beside the first: what its rows say becomes columns of the first table's rows (a left join).

    Args:
        table, required: as of the first table.
        key: out of a row of this table.
        to: the same key out of a row of the first table.
        values: column -> value out of a row of this table. It hides a column of that name in the first table; where
            several rows fit, their values are joined by `|`, where none fits, the column is blank.
        fits: whether a row of this table, with `values` as its columns, belongs to one of the first, beyond the key.
        twice: columns that the file has twice; the first of them is read.
    """

    table: str
    required: tuple[str, ...]
    key: Value
    to: Value
    values: Mapping[str, Value]
    fits: Callable[[Row, Row], bool] = lambda _beside, _row: True
    twice: tuple[str, ...] = ()


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
        more: further tables (path, required columns) whose rows are read like those of the first.
        joins: further tables that stand beside them.
        kept: columns that wait on disk until the exam's turn, for very wide tables; all of them when empty.
        rank: views of a lower rank stand first in the exam.
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
    more: tuple[tuple[str, tuple[str, ...]], ...] = ()
    joins: tuple[Join, ...] = ()
    kept: tuple[str, ...] = ()
    rank: Callable[[ListedView], int] = lambda _: 0


def read_view_table(root: Path, spec: ViewTable) -> Iterator[Item]:
    """Every exam of the table, in the order in which each is first named; memory does not grow with the table."""
    tables = ((spec.table, spec.required), *spec.more)
    for found in grouped_rows(root, tables, spec.exam, spec.joins, spec.kept):
        if isinstance(found, Fault):
            yield found
        else:
            yield from _exam(*found, spec)


def grouped_rows(
    root: Path,
    tables: Sequence[tuple[str, tuple[str, ...]]],
    group: Value,
    joins: Sequence[Join] = (),
    kept: Sequence[str] = (),
) -> Iterator[Fault | tuple[str, list[Row]]]:
    """The rows of tables (path, required columns), group by group, with what the joins lay beside them.

    Groups come in the order in which each is first named, after the faults of the tables; they wait on disk.
    """
    with ExitStack() as stack:
        spool = stack.enter_context(Spool())
        keep: Reshape = (lambda row: {name: row.get(name) for name in kept}) if kept else (lambda row: row.fields)
        for table, required in tables:
            yield from spooled(root / table, required, group, spool, keep)
        beside = [(join, stack.enter_context(Spool())) for join in joins]
        for join, rows in beside:
            yield from spooled(root / join.table, join.required, join.key, rows, _values_of(join), join.twice)
        for name, rows in spool.groups():
            yield name, [_laid_beside(row, beside) for row in rows]


def spooled(
    path: Path,
    required: Sequence[str],
    group: Value,
    spool: Spool,
    kept: Reshape = lambda row: row.fields,
    twice: Sequence[str] = (),
) -> Iterator[Fault]:
    """Put the rows of a table into a spool by group; gives the rows that could not be read."""
    for row in read_rows(path, required, twice=twice):
        if isinstance(row, Fault):
            yield row
        elif name := group(row):
            spool.add_one(name, replace(row, fields=kept(row)))
        else:
            yield row.fault("no id", "an id in every row")


def _values_of(join: Join) -> Reshape:
    return lambda row: {name: value(row) for name, value in join.values.items()}


def _laid_beside(row: Row, joins: Sequence[tuple[Join, Spool]]) -> Row:
    found = dict(row.fields)
    for join, spool in joins:
        rows = [beside for beside in spool.rows_of(join.to(row)) if join.fits(beside, row)]
        found |= {name: "|".join(dict.fromkeys(v for r in rows if (v := r.get(name)))) for name in join.values}
    return replace(row, fields=found) if joins else row


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
    report, fault = report_or_fault(exam_id, lambda: spec.report(good))
    if fault is not None:
        yield fault
    try:
        yield MammoExam(
            id=exam_id,
            patient_id=only("patient", exam_id, [spec.patient(r) for r in good]),
            images=tuple(sorted(merged([view for _, view in kept]), key=spec.rank)),
            date=next((day for r in good if (day := spec.date(r)) is not None), None),
            report=report,
            breasts=_breasts(kept, spec.breast_labels),
            labels=joined_labels(good, spec.exam_labels),
            split=only("split", exam_id, [spec.split(r) for r in good]) or None,
        )
    except MammoscribeError as error:
        yield Fault(exam_id, InputError(error.found, error.expected, error.do))


def report_or_fault(name: str, read: Callable[[], ReportText | None]) -> tuple[ReportText | None, Fault | None]:
    """A report, or what is wrong with it: the pictures of its exam are read all the same."""
    try:
        return read(), None
    except MammoscribeError as error:
        return None, Fault(name, InputError(f"the report of {name}: {error.found}", error.expected, error.do))


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
    found = {side: joined_labels([row for row, view in kept if view.laterality is side], labels) for side in sides}
    return {side: values for side, values in found.items() if values}


def joined_labels(rows: Sequence[Row], labels: Mapping[str, Value]) -> dict[str, str]:
    """Label -> what the rows say of it, joined by `|` where they differ; a label of which none says anything is left out."""
    found = {name: "|".join(dict.fromkeys(v for row in rows if (v := value(row)))) for name, value in labels.items()}
    return {name: value for name, value in found.items() if value}


def only(what: str, exam_id: str, values: Sequence[str], kind: str = "exam") -> str:
    """The one value of all rows of an exam; InputError when they differ."""
    different = list(dict.fromkeys(values))
    if len(different) > 1:
        raise InputError(f"{kind} {exam_id} has the {what}s {', '.join(v or 'none' for v in different)}", f"one {what}")
    return different[0]


def projection_in(word: str) -> Projection:
    """CC or MLO; another view (`ML`, `XCCL`, ...) raises NotAMammogram, no word at all InputError."""
    if not word.strip():
        raise InputError("no view", "CC or MLO")
    try:
        return parse_projection(word)
    except InputError as error:
        raise NotAMammogram(f"{with_article(word.strip().upper())} view", "CC or MLO") from error


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


def worded(name: str, words: Mapping[str, str]) -> Value:
    """What a code of a column stands for (`2.0` is looked up as `2`); an unknown code is kept as it is."""
    code = whole(name)
    return lambda row: words.get(code(row), code(row))


def box_of(edges: Sequence[str | float], width_px: str | float = "", height_px: str | float = "") -> Box:
    """A box in stored pixels, cut off at the edges of its picture.

    Args:
        edges: x0, y0, x1, y1, as numbers or as a table writes them.
        width_px, height_px: of the picture; "" where nobody says them, and the box may then reach beyond.

    Raises:
        InputError: when they are no numbers, or nothing of the box lies in the picture.
    """
    listed = ", ".join(str(edge) for edge in edges)
    try:
        x0, y0, x1, y1 = (float(edge) for edge in edges)
        size = [int(float(side)) if side != "" else _UNBOUNDED_PX for side in (width_px, height_px)]
    except (ValueError, OverflowError) as error:
        raise InputError(f"a box with the edges {listed or 'none'}", "four numbers") from error
    inside = Box(x0, y0, x1, y1).clipped(*size)
    if inside is None:
        raise InputError(f"the box {listed} lies outside its picture", "a box in the picture")
    return inside


_UNBOUNDED_PX = 10**8
