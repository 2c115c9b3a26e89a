"""A catalogue as the CSV files that other commands take: a manifest for `predict`, a table of labels for `features`."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.labels.classes import ClassCounts, ClassRule
from mammoscribe.data.manifest import COLUMNS
from mammoscribe.data.records import ImageText, Kind, ListedView, MammoExam, Record, TextDocument, group_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import text_writer
from mammoscribe.support.lookup import look_up

LABEL_COLUMNS = ("id", "path", "prior_path", "split", "patient_id")


def export_manifest(catalogue: Catalogue, out: Path, on_record: Callable[[], None] = lambda: None) -> int:
    """Write a manifest (`data.manifest`): a row per view, the prior's views beside the exam's; gives the rows.

    Paths are whole, since a manifest may lie anywhere. Of several pictures of one view the first is taken, as nothing
    says which is the better one. Labels of breast and exam are further columns.

    Raises:
        InputError: when the dataset is not of mammography exams, or no view of it has a file.
    """
    if catalogue.about.kind is not Kind.MAMMO_EXAM:
        raise InputError(f"{catalogue.folder} holds {catalogue.about.kind}", f"{Kind.MAMMO_EXAM}")
    names = _label_names(catalogue)
    priors = _priors(catalogue)

    def rows() -> Iterator[list[str]]:
        for record in catalogue.records():
            if isinstance(record, MammoExam):
                yield from _exam_rows(record, record, "0", catalogue.root, names)
                if record.prior_id in priors:
                    yield from _exam_rows(record, priors[record.prior_id], "1", catalogue.root, names)
            on_record()

    return _write(out, (*COLUMNS, *names), rows())


def _label_names(catalogue: Catalogue) -> list[str]:
    names: dict[str, None] = {}
    for record in catalogue.records():
        names |= dict.fromkeys(record.labels)
        if isinstance(record, MammoExam):
            names |= dict.fromkeys(name for labels in record.breasts.values() for name in labels)
    return sorted(f"label_{name}" if name in COLUMNS else name for name in names)


def _priors(catalogue: Catalogue) -> dict[str, MammoExam]:
    """The exams that are somebody's prior, by id."""
    wanted = {r.prior_id for r in catalogue.records() if isinstance(r, MammoExam) and r.prior_id}
    return {r.id: r for r in catalogue.records() if isinstance(r, MammoExam) and r.id in wanted} if wanted else {}


def _exam_rows(
    exam: MammoExam, shown: MammoExam, is_prior: str, root: Path, names: Sequence[str]
) -> Iterator[list[str]]:
    """Rows of the views of `shown` (the exam itself, or its prior) under the exam's id."""
    taken: set[tuple[str, str]] = set()
    indication = "" if exam.report is None else " ".join(exam.report.sections.get("indication", "").split())  # type: ignore[call-overload]
    for view in shown.images:
        kind = (view.laterality, view.projection)
        if view.path is None or kind in taken:
            continue
        taken.add(kind)
        labels = {**exam.labels, **exam.breasts.get(view.laterality, {})} if is_prior == "0" else {}
        spacing = " ".join(f"{s:g}" for s in view.spacing_mm) if view.spacing_mm else ""
        date = shown.date.isoformat() if shown.date else ""
        yield [
            exam.id, exam.patient_id, view.laterality, view.projection, str(root / view.path), date, is_prior, spacing,
            str(view.frame) if view.frame else "", indication, f"{view.height_to_width:g}" if view.height_to_width else "",
            *(labels.get(name, labels.get(name.removeprefix("label_"), "")) for name in names),
        ]  # fmt: skip


@dataclass(frozen=True)
class LabelsWritten:
    """What a table of labels holds: its rows, and values of labels that were not understood, with how often each came."""

    num_rows: int
    not_understood: Mapping[str, int]


def export_labels(
    catalogue: Catalogue,
    out: Path,
    classes: Mapping[str, str],
    on_record: Callable[[], None] = lambda: None,
) -> LabelsWritten:
    """Write a table of labelled pictures (`data.labelled`): a row per picture, 1 or 0 per class.

    Args:
        catalogue: with splits.
        out: the CSV.
        classes: class name -> `LABEL=VALUE` or `LABEL=VALUE|VALUE` (`labels.classes`): the class is 1 where the label has
            one of the values, 0 where it has another, blank where it has none, one that does not tell, or one that is not
            understood.

    Raises:
        InputError: before there are splits, for a label that no record has, for a class that no picture is of, or when no
            picture has a file.
    """
    splits = catalogue.splits()
    if splits is None:
        raise InputError(f"{catalogue.folder} has no splits", "splits.csv", "run `mammoscribe data split` first")
    counts = ClassCounts({name: ClassRule.parsed(text) for name, text in classes.items()})
    known = {name for record in catalogue.records() for name in _labels_anywhere(record)}
    for rule in counts.rules.values():
        look_up(rule.label, dict.fromkeys(known), "label of this dataset")
    first = {r.id: _first_path(r) for r in catalogue.records()} if _has_priors(catalogue) else {}

    def rows() -> Iterator[list[str]]:
        for record in catalogue.records():
            yield from _label_rows(record, splits, counts, catalogue.root, first)
            on_record()

    written = _write(out, (*LABEL_COLUMNS, *counts.rules), rows(), counts.check)
    return LabelsWritten(written, {f"{label} {value!r}": n for (label, value), n in counts.not_understood.items()})


def _labels_anywhere(record: Record) -> Iterator[str]:
    yield from record.labels
    if isinstance(record, MammoExam):
        yield from (name for labels in record.breasts.values() for name in labels)
    if not isinstance(record, TextDocument):
        yield from (name for image in record.images for name in image.labels)


def _has_priors(catalogue: Catalogue) -> bool:
    return any(not isinstance(r, TextDocument) and r.prior_id for r in catalogue.records())


def _first_path(record: Record) -> str | None:
    if isinstance(record, TextDocument):
        return None
    return next((image.path for image in record.images if image.path is not None), None)


def _label_rows(
    record: Record,
    splits: Mapping[str, str],
    counts: ClassCounts,
    root: Path,
    first: Mapping[str, str | None],
) -> Iterator[list[str]]:
    if isinstance(record, TextDocument):
        return
    prior = first.get(record.prior_id or "")
    for number, image in enumerate(record.images):
        if image.path is None:
            continue
        labels = {**record.labels, **image.labels}
        if isinstance(record, MammoExam) and isinstance(image, ListedView):
            labels |= record.breasts.get(image.laterality, {})
        name = record.id if len(record.images) == 1 else f"{record.id}/{number}"
        # a picture of another view is no prior of this one, so only records of one picture each are paired
        paired = prior is not None and isinstance(record, ImageText) and len(record.images) == 1
        yield [
            name, str(root / image.path), str(root / str(prior)) if paired else "", splits.get(group_of(record), ""),
            record.patient_id, *counts.codes(labels),
        ]  # fmt: skip


def _write(
    out: Path, header: Sequence[str], rows: Iterator[list[str]], check: Callable[[], None] = lambda: None
) -> int:
    """Write rows as they come, under a temporary name until all are there and `check` is content with them."""
    written = 0
    with text_writer(out) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            written += 1
        if not written:
            raise InputError("no picture of this dataset has a file", "the pictures beside the tables")
        check()
    return written
