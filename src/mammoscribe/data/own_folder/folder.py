"""A lab's own folder as a dataset: images and reports joined by exam, as its TOML file says."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mammoscribe.data.choice import Candidate, one_for_each
from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.formats.spool import DiskSet, Spool
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.own_folder.boxes import Boxes
from mammoscribe.data.own_folder.dates import DateOrder, OrderFound, date_of
from mammoscribe.data.own_folder.files import found_images, image_files
from mammoscribe.data.own_folder.ids import KnownIds, why_unlike
from mammoscribe.data.own_folder.manifest import manifest_exams
from mammoscribe.data.own_folder.pictures import NamedPictures
from mammoscribe.data.own_folder.reports import report_rows, text_of_rows
from mammoscribe.data.own_folder.spec import UNPLACED, FolderSpec, read_spec
from mammoscribe.data.own_folder.taught import Taught
from mammoscribe.data.own_folder.values import breasts_of, labels_of, one, split_of
from mammoscribe.data.records import ImageText, Kind, ListedImage, ListedView, MammoExam, Record, TextDocument
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InputError, MammoscribeError, SetAside

SHOWN = 3
"""Ids of either side that are shown when nothing joins."""


def folder_dataset(toml: Path) -> tuple[Dataset, Path]:
    """The dataset that a TOML file describes, and its root; anything wrong in the file raises InputError."""
    spec = read_spec(toml)
    root = _root_of(spec)
    edition = Edition(
        "folder", ("*",), f"as {spec.path.name} says", {}, State.TESTED, lambda _: read_folder(spec),
        spec.supervision.boxed_kinds,
    )  # fmt: skip
    dataset = Dataset(
        spec.name, f"the folder that {spec.path.name} describes", spec.kind, spec.language, spec.licence or "not stated",
        "your own", "not stated", _labels_of_card(spec), (), (edition,),
        add_reports=_add_reports(spec), supervision=spec.supervision,
    )  # fmt: skip
    return dataset, root


def _add_reports(spec: FolderSpec) -> str:
    """What to do where no picture has a report."""
    if spec.reports:
        return f"correct {spec.reports}, which {spec.path.name} names: it gave none"
    return f'name them in {spec.path.name}: reports = "reports.csv", report_exam = "...", report_text = "..."'


def _labels_of_card(spec: FolderSpec) -> tuple[Label, ...]:
    table = spec.reports if spec.has_table else spec.manifest
    of = spec.place_of_labels
    labels = [Label(name, of, f"column {column} of {table}") for name, column in spec.labels.items()]
    if spec.boxes is not None:
        where = spec.boxes.path
        labels += [Label(name, "region", f"column {column} of {where}") for name, column in spec.box_labels.items()]
        labels.append(Label(UNPLACED, "view", f"kinds that may be there without a box: a row of {where} was not used"))
    return tuple(labels)


def _root_of(spec: FolderSpec) -> Path:
    root = spec.folder
    if not root.is_dir():
        raise InputError(f"{spec.path}: root: {root} is {'a file' if root.exists() else 'not there'}", "a folder")
    if not any(root.iterdir()):
        raise InputError(f"{spec.path}: root: {root} is empty", "a folder of images and reports")
    return root


def read_folder(spec: FolderSpec) -> Iterator[Item]:
    """Every exam of the folder, in order of its first image, and a Fault for each file, row or report that is of no use.

    An image without a report is an exam without a report: the counts of `data check` show how many those are. At the end
    comes a Fault for each label that is to teach and teaches nothing.

    Raises:
        InputError: when a table is not there or lacks a column, or none of the boxes is of a picture.
    """
    root = _root_of(spec)
    taught = Taught(spec)
    for item in _with_boxes(spec, root):
        if not isinstance(item, Fault):
            taught.note(item)
        yield item
    yield from taught.faults()


def _with_boxes(spec: FolderSpec, root: Path) -> Iterator[Item]:
    if spec.boxes is None:
        yield from _without_boxes(spec, root)
        return
    with Boxes(spec, spec.boxes, root) as boxes:
        yield from boxes.read()
        for item in _without_boxes(spec, root):
            if isinstance(item, Fault | TextDocument):
                yield item
                continue
            record, faults = boxes.added(item)
            yield record
            yield from faults
        yield from boxes.left()


def _without_boxes(spec: FolderSpec, root: Path) -> Iterator[Item]:
    with ExitStack() as stack:
        reports = stack.enter_context(Spool())
        named = stack.enter_context(NamedPictures()) if spec.report_image else None
        order = OrderFound()
        for item in report_rows(spec, root):
            if isinstance(item, Fault):
                yield item
                continue
            if spec.report_date:
                order.note(item[1].get(spec.report_date))
            if named is not None:
                named.add(*item)
            else:
                reports.add_one(*item)
        spec = _with_order(spec, order)
        if spec.manifest:
            yield from _joined(spec, manifest_exams(spec, root), reports)
        elif spec.images:
            images = stack.enter_context(Spool())
            yield from _spooled(spec, root, named, images, reports)
            yield from _joined(spec, _exams_of_images(spec, images), reports)
        else:
            for exam_id, rows in reports.groups():
                yield _guarded(exam_id, lambda e=exam_id, r=rows: _alone(spec, e, r))


def _with_order(spec: FolderSpec, found: OrderFound) -> FolderSpec:
    """The description with the order of its dates: as it says, or as the whole column shows."""
    if spec.report_date_order or not spec.report_date:
        return spec
    try:
        order = found.order(spec.report_date)
    except InputError as error:
        raise InputError(f"{spec.path}: report_date: {error.found}", error.expected, error.do) from error
    return replace(spec, report_date_order=str(order or ""))


def _day_of(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> dt.date | None:
    """The one day that the rows of an exam say."""
    order = DateOrder(spec.report_date_order) if spec.report_date_order else None
    days = [date_of(text, order) for row in rows if (text := row.get(spec.report_date))]
    text = one("date", exam_id, [day.isoformat() for day in days if day is not None])
    return dt.date.fromisoformat(text) if text else None


def _spooled(
    spec: FolderSpec, root: Path, named: NamedPictures | None, images: Spool, reports: Spool
) -> Iterator[Fault]:
    """Put the images, and the rows that name them, into their spools by exam."""
    if named is not None:
        named.count(name for name in image_files(spec, root) if isinstance(name, str))
    for found in found_images(spec, root, named):
        if isinstance(found, Fault):
            yield found
            continue
        images.add_one(found.exam, found.row)
        for row in found.reports:
            reports.add_one(found.exam, row)
    if named is not None:
        yield from named.orphans()


def _exams_of_images(spec: FolderSpec, images: Spool) -> Iterator[tuple[str, Item]]:
    for exam_id, rows in images.groups():
        item = _guarded(exam_id, lambda e=exam_id, r=rows: _exam_of_images(spec, e, r))
        if isinstance(item, MammoExam):
            kinds = [(view.laterality, view.projection) for view in item.images]
            left_out = one_for_each(kinds, [Candidate(**json.loads(row.get("about"))) for row in rows])
            for number, reason in left_out.items():
                path = rows[number].get("path")
                yield exam_id, Fault(path, SetAside(f"{path}: {reason}", "one picture of each view"))
            item = replace(item, images=tuple(v for n, v in enumerate(item.images) if n not in left_out))
        yield exam_id, item


def _guarded(where: str, make: Callable[[], Record]) -> Item:
    try:
        return make()
    except MammoscribeError as error:
        return Fault(where, InputError(error.found, error.expected, error.do))


def _exam_of_images(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> Record:
    folders = list(dict.fromkeys(row.get("folder") for row in rows))
    if spec.exam is not None and spec.exam.how == "folder" and len(folders) > 1:
        do = "tell them apart with exam = 'name:(?P<exam>...)', which sees the whole path"
        raise InputError(f"exam {exam_id} is {len(folders)} folders ({', '.join(folders[:SHOWN])})", "one folder", do)
    days = sorted({day for row in rows if (day := row.get("date"))})
    if len(days) > 1:
        do = "look at exam in the TOML file: several exams may have come under one id"
        raise InputError(f"exam {exam_id} has images of {', '.join(days)}", "one day", do)
    date = dt.date.fromisoformat(days[0]) if days else None
    patient = one("patient", exam_id, [row.get("patient") for row in rows]) or exam_id
    if spec.kind is Kind.MAMMO_EXAM:
        views = tuple(
            ListedView(row.get("path"), Laterality(row.get("laterality")), Projection(row.get("view"))) for row in rows
        )
        return MammoExam(exam_id, patient, views, date)
    return ImageText(exam_id, patient, tuple(ListedImage(row.get("path"), row.get("view")) for row in rows), date)


def _joined(spec: FolderSpec, exams: Iterator[tuple[str, Item]], reports: Spool) -> Iterator[Item]:
    """The exams with their reports and labels; then the reports that belong to none."""
    seen, joined = DiskSet(), 0
    with KnownIds() as known:
        for exam_id, item in exams:
            seen.add(exam_id)
            rows = reports.rows_of(exam_id)
            joined += bool(rows)
            if isinstance(item, Fault):
                yield item
                continue
            known.add(exam_id)
            yield _guarded(exam_id, lambda i=item, r=rows: _with_report(spec, i, r))
        orphans = ((name, rows) for name, rows in reports.groups() if seen.add(name))
        if not joined:
            yield from _none_joined(spec, known, orphans)
            return
        for name, rows in orphans:
            where = rows[0].where if spec.has_table else rows[0].table
            found = f"{where}: the report of exam {name} belongs to no image that was read"
            yield Fault(where, InputError(found, "images of that exam", why_unlike(name, known.alike(name))))


def _none_joined(spec: FolderSpec, known: KnownIds, orphans: Iterator[tuple[str, list[Row]]]) -> Iterator[Fault]:
    """One Fault instead of one for each report, with examples of both sides, where the ids are written differently."""
    names = [name for name, _ in islice(orphans, 1000)]
    if not names:
        return
    exams = known.first(SHOWN)
    found = f"no report belongs to an exam: the reports say {', '.join(names[:SHOWN])}"
    found += f", the images {', '.join(exams)}" if exams else ", and no exam was read"
    pairs = ((name, alike) for name in names if (alike := known.alike(name)))
    do = "look at exam and report_exam"
    if (pair := next(pairs, None)) is not None:
        do = f"{pair[1]} became {pair[0]}: keep that column as text in the spreadsheet, or correct it there"
    yield Fault(spec.reports, InputError(found, "the same ids in both", do))


def _with_report(spec: FolderSpec, record: Record, rows: Sequence[Row]) -> Record:
    """The record with what the table says of it."""
    assert not isinstance(record, TextDocument)
    patient = _patient(spec, record, rows)
    if not rows:
        return record if patient == record.patient_id else replace(record, patient_id=patient)
    date = record.date
    if spec.report_date and date is None:
        date = _day_of(spec, record.id, rows)
    values = {"report": text_of_rows(spec, record.id, rows), "patient_id": patient, "date": date}
    if spec.has_table:
        values["split"] = split_of(record.id, [row.get(spec.split) for row in rows])
    if isinstance(record, ImageText):
        return replace(record, **values, labels=labels_of(spec, record.id, rows))
    if not spec.has_table:
        return replace(record, **values)
    if spec.laterality:
        return replace(record, **values, breasts=breasts_of(spec, record.id, rows))
    return replace(record, **values, labels=labels_of(spec, record.id, rows))


def _patient(spec: FolderSpec, record: MammoExam | ImageText, rows: Sequence[Row]) -> str:
    """The patient of images and table, who must be the same; of the table alone where the TOML file says so."""
    patient = one("patient", record.id, [row.get(spec.report_patient) for row in rows]) if spec.report_patient else ""
    by_table = spec.patient is not None and spec.patient.how == "column"
    if by_table and not patient:
        raise InputError(f"no row of {spec.reports} says the patient of exam {record.id}", "one, as patient = column")
    known = "" if record.patient_id == record.id else record.patient_id
    if known and patient and known != patient:
        found = f"exam {record.id} is of patient {known} by its images, of {patient} by {spec.reports}"
        raise InputError(found, "the same patient", 'say patient = "column" to go by the table alone')
    return patient or record.patient_id


def _alone(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> Record:
    """A record of reports without images."""
    report = text_of_rows(spec, exam_id, rows)
    if report is None:
        raise InputError(f"{'document' if spec.kind is Kind.TEXT_DOCUMENT else 'exam'} {exam_id} has no text", "a text")
    if spec.kind is not Kind.TEXT_DOCUMENT:
        bare = MammoExam if spec.kind is Kind.MAMMO_EXAM else ImageText
        return _with_report(spec, bare(exam_id, exam_id, (), report=report), rows)
    patient = one("patient", exam_id, [row.get(spec.report_patient) for row in rows]) if spec.report_patient else ""
    date = _day_of(spec, exam_id, rows) if spec.report_date else None
    split = split_of(exam_id, [row.get(spec.split) for row in rows])
    return TextDocument(
        exam_id, report.raw, patient or None, language=spec.language, date=date, labels=labels_of(spec, exam_id, rows),
        split=split,
    )  # fmt: skip
