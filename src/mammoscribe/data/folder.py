"""A lab's own folder as a dataset: images and reports joined by exam, as its TOML file says."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mammoscribe.data.dataset import Dataset, Edition, Fault, Item, Label, State
from mammoscribe.data.folder_files import image_rows
from mammoscribe.data.folder_reports import report_rows, text_of_rows
from mammoscribe.data.folder_spec import FolderSpec, read_spec
from mammoscribe.data.found import FoundView
from mammoscribe.data.manifest import ManifestRow, exam_groups, found_in_rows
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.records import (
    SPLITS,
    ImageText,
    Kind,
    ListedImage,
    ListedView,
    MammoExam,
    Record,
    TextDocument,
)
from mammoscribe.data.spool import DiskSet, Spool
from mammoscribe.data.tables import Row
from mammoscribe.domain.view import Laterality, Projection, Role, SpacingSource
from mammoscribe.support.errors import InputError, MammoscribeError

_SPLIT_WORDS = {
    "training": "train",
    "valid": "val",
    "validate": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}
SHOWN = 3


def folder_dataset(toml: Path) -> tuple[Dataset, Path]:
    """The dataset that a TOML file describes, and its root; anything wrong in the file raises InputError."""
    spec = read_spec(toml)
    of = {Kind.MAMMO_EXAM: "breast" if spec.laterality or spec.manifest else "exam", Kind.IMAGE_TEXT: "exam"}
    labels = tuple(Label(n, of.get(spec.kind, "document"), f"column {c}") for n, c in spec.labels.items())
    edition = Edition(
        "folder", ("*",), f"as {spec.path.name} says", {}, State.TESTED, lambda _: read_folder(spec)
    )  # fmt: skip
    dataset = Dataset(
        spec.name, f"the folder that {spec.path.name} describes", spec.kind, spec.language, spec.licence,
        "your own", "not stated", labels, (), (edition,),
    )  # fmt: skip
    return dataset, spec.folder


def read_folder(spec: FolderSpec) -> Iterator[Item]:
    """Every exam of the folder, in order of its first image, and a Fault for each file, row or report that is of no use."""
    root = spec.folder
    if not root.is_dir():
        raise InputError(f"{spec.path}: the root {root} is {'a file' if root.exists() else 'not there'}", "a folder")
    with ExitStack() as stack:
        reports = stack.enter_context(Spool())
        for item in report_rows(spec):
            if isinstance(item, Fault):
                yield item
            else:
                reports.add_one(*item)
        if spec.manifest:
            yield from _joined(spec, _manifest_exams(spec), reports)
        elif spec.images:
            images = stack.enter_context(Spool())
            for item in image_rows(spec):
                if isinstance(item, Fault):
                    yield item
                else:
                    images.add_one(*item)
            yield from _joined(spec, _image_exams(spec, images), reports)
        else:
            for exam_id, rows in reports.groups():
                yield _guarded(exam_id, lambda e=exam_id, r=rows: _alone(spec, e, r))


def _joined(spec: FolderSpec, exams: Iterator[Item], reports: Spool) -> Iterator[Item]:
    """The exams with their reports and labels; then the reports that belong to none."""
    seen, joined, first = DiskSet(), 0, []
    for item in exams:
        if isinstance(item, Fault | TextDocument):
            yield item
            continue
        seen.add(item.id)
        first += [item.id] if len(first) < SHOWN else []
        rows = reports.rows_of(item.id)
        joined += bool(rows)
        yield _guarded(item.id, lambda i=item, r=rows: _with_report(spec, i, r)) if rows else item
    orphans = ((name, rows) for name, rows in reports.groups() if seen.add(name))
    if not joined and (some := [name for (name, _), _ in zip(orphans, range(SHOWN), strict=False)]):
        found = f"no report belongs to an exam: the reports say {', '.join(some)}, the images {', '.join(first)}"
        do = "look at exam and report_exam; a spreadsheet that lost leading zeros needs that column as text"
        yield Fault(spec.reports, InputError(found, "the same ids in both", do))
        return
    for name, rows in orphans:
        yield rows[0].fault(f"the report of exam {name} belongs to no image", "images of that exam")


def _guarded(where: str, make) -> Item:
    try:
        return make()
    except MammoscribeError as error:
        return Fault(where, InputError(error.found, error.expected, error.do))


def _image_exams(spec: FolderSpec, images: Spool) -> Iterator[Item]:
    for exam_id, rows in images.groups():
        yield _guarded(exam_id, lambda e=exam_id, r=rows: _exam_of_images(spec, e, r))


def _exam_of_images(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> Record:
    patient = _one("patient", exam_id, [r.get("patient") for r in rows])
    days = sorted({r.get("date") for r in rows if r.get("date")})
    date = dt.date.fromisoformat(days[0]) if days else None
    if spec.kind is Kind.MAMMO_EXAM:
        if len(days) > 1:
            raise InputError(
                f"exam {exam_id} has images of {', '.join(days)}", "one day", "look at exam in the TOML file"
            )
        views = tuple(
            ListedView(r.get("path"), Laterality(r.get("laterality")), Projection(r.get("view"))) for r in rows
        )
        return MammoExam(exam_id, patient, views, date)
    return ImageText(exam_id, patient, tuple(ListedImage(r.get("path"), r.get("view")) for r in rows), date)


def _manifest_exams(spec: FolderSpec) -> Iterator[Item]:
    """Exams of a manifest; the views marked as prior become an exam of their own, `ID/prior`, linked as the prior."""
    path = spec.folder / spec.manifest
    for exam_id, rows in exam_groups(path):
        if isinstance(rows, InputError):
            yield Fault(exam_id, rows)
            continue
        try:
            yield from _exams_of_rows(spec, exam_id, rows, path)
        except MammoscribeError as error:
            yield Fault(exam_id, InputError(error.found, error.expected, error.do))


def _exams_of_rows(spec: FolderSpec, exam_id: str, rows: list[ManifestRow], path: Path) -> Iterator[Record]:
    found = found_in_rows(rows, path.parent, path.name, absolute=True)
    patients = [r.patient_id or f.patient_id or exam_id for r, f in zip(rows, found, strict=True)]
    patient = _one("patient", exam_id, patients)
    prior = [f for f in found if f.view.role is Role.PRIOR]
    current = [(f, r) for f, r in zip(found, rows, strict=True) if f.view.role is Role.CURRENT]
    if not current:
        raise InputError(f"exam {exam_id} has priors and no view of its own", "at least one with is_prior 0")
    prior_id = f"{exam_id}/prior" if prior else None
    if prior_id is not None:
        yield MammoExam(prior_id, patient, tuple(_listed(spec, f) for f in prior), prior[0].view.date)
    breasts: dict[Laterality, dict[str, str]] = {}
    for view, row in current if not spec.has_table else ():
        said = {name: v for name, column in spec.labels.items() if (v := row.labels.get(column.lower(), ""))}
        if said:
            breasts.setdefault(view.view.laterality, {}).update(said)
    views = tuple(_listed(spec, f) for f, _ in current)
    yield MammoExam(exam_id, patient, views, current[0][0].view.date, breasts=breasts, prior_id=prior_id)


def _listed(spec: FolderSpec, found: FoundView) -> ListedView:
    path = found.path.resolve()
    if not path.is_relative_to(spec.folder):
        raise InputError(f"{path} is not inside {spec.folder}", "a file inside the root", "set root in the TOML file")
    view = found.view
    spacing = view.spacing_mm if view.spacing_source is SpacingSource.DECLARED else None
    return ListedView(path.relative_to(spec.folder).as_posix(), view.laterality, view.projection, spacing, view.frame)


def _with_report(spec: FolderSpec, record: MammoExam | ImageText, rows: Sequence[Row]) -> Record:
    """The record with what the table says of it."""
    said = {
        "report": text_of_rows(spec, record.id, rows), "split": _split(spec, record.id, rows),
        "patient_id": record.patient_id,
    }  # fmt: skip
    if spec.report_patient and (patient := _one("patient", record.id, [r.get(spec.report_patient) for r in rows])):
        said["patient_id"] = patient
    if spec.report_date and record.date is None:
        said["date"] = _date(_one("date", record.id, [r.get(spec.report_date) for r in rows]))
    if isinstance(record, MammoExam):
        if spec.laterality:
            said["breasts"] = _breasts(spec, record.id, rows)
        else:
            said["labels"] = _labels(spec, record.id, rows)
        return MammoExam(**{**vars(record), **said})
    return ImageText(**{**vars(record), **said, "labels": _labels(spec, record.id, rows)})


def _alone(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> Record:
    """A record of reports without images."""
    patient = _one("patient", exam_id, [r.get(spec.report_patient) for r in rows]) if spec.report_patient else ""
    if spec.kind is not Kind.TEXT_DOCUMENT:
        report = text_of_rows(spec, exam_id, rows)
        if report is None:
            raise InputError(f"exam {exam_id} has no report and no image", "one of them")
        bare = MammoExam if spec.kind is Kind.MAMMO_EXAM else ImageText
        return _with_report(spec, bare(exam_id, patient or exam_id, (), report=report), rows)
    report = text_of_rows(spec, exam_id, rows)
    if report is None:
        raise InputError(f"document {exam_id} has no text", "a text")
    date = _date(_one("date", exam_id, [r.get(spec.report_date) for r in rows])) if spec.report_date else None
    labels, split = _labels(spec, exam_id, rows), _split(spec, exam_id, rows)
    return TextDocument(
        exam_id, report.raw, patient or None, language=spec.language, date=date, labels=labels, split=split
    )


def _labels(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> dict[str, str]:
    found = {name: _one(name, exam_id, [r.get(column) for r in rows]) for name, column in spec.labels.items()}
    return {name: value for name, value in found.items() if value}


def _breasts(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> Mapping[Laterality, Mapping[str, str]]:
    sides: dict[Laterality, list[Row]] = {}
    for row in rows:
        word = row.get(spec.laterality)
        both = word.strip().lower() in ("b", "both", "bilateral", "beide", "ambas")
        for side in Laterality if both else (parse_laterality(word),):
            sides.setdefault(side, []).append(row)
    found = {side: _labels(spec, f"{exam_id}, {side.word} breast,", of) for side, of in sides.items()}
    return {side: labels for side, labels in found.items() if labels}


def _split(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> str | None:
    if not spec.split:
        return None
    word = _one("split", exam_id, [r.get(spec.split).lower() for r in rows])
    split = _SPLIT_WORDS.get(word, word)
    if split and split not in SPLITS:
        raise InputError(f"exam {exam_id} is in split {word!r}", ", ".join(SPLITS))
    return split or None


def _date(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError as error:
        raise InputError(f"date {text!r}", "YYYY-MM-DD") from error


def _one(what: str, exam_id: str, values: Sequence[str]) -> str:
    different = list(dict.fromkeys(v for v in values if v))
    if len(different) > 1:
        raise InputError(f"exam {exam_id} has the {what}s {', '.join(different)}", f"one {what}")
    return different[0] if different else ""
