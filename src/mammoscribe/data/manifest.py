"""Manifests: a CSV with one row per view of many exams, and exam.json for one exam."""

import csv
import datetime as dt
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.spool import Spool
from mammoscribe.data.formats.tables import Row, columns_of, read_rows
from mammoscribe.data.found import Declared, FoundView, assemble, look_at, one_of_each
from mammoscribe.data.naming import ViewKind, parse_laterality, parse_projection
from mammoscribe.data.pseudonyms import is_pseudonym
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.view import Role, View
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.files import write_text
from mammoscribe.support.parsing import json_value

EXAM_JSON = "exam.json"
COLUMNS = (
    "exam_id", "patient_id", "laterality", "view", "path", "date", "is_prior", "spacing_mm", "frame", "indication",
    "height_to_width",
)  # fmt: skip
_REQUIRED, _BOTH = ("exam_id", "path"), "exam_id and path in every row"
_TRUE, _FALSE = ("1", "true", "yes", "y", "x"), ("", "0", "false", "no", "n")


@dataclass(frozen=True)
class ManifestRow:
    """One view as a manifest names it; values are text as written, and checked when the exam is opened.

    Args:
        line: where it stands, for messages.
        labels: every further column.
        view_id: id wanted for the view, "" for the standard one.
        indication: why the exam was made.
        height_to_width: shape of the picture before an export stretched or squashed it.
    """

    line: int
    exam_id: str
    path: str
    patient_id: str = ""
    laterality: str = ""
    view: str = ""
    date: str = ""
    is_prior: str = ""
    spacing_mm: str = ""
    frame: str = ""
    view_id: str = ""
    indication: str = ""
    height_to_width: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        """Current or prior; an unreadable `is_prior` raises InputError."""
        word = self.is_prior.strip().lower()
        if word not in _TRUE + _FALSE:
            raise InputError(f"line {self.line}: is_prior {self.is_prior!r}", "1 or 0")
        return Role.PRIOR if word in _TRUE else Role.CURRENT

    def declared(self) -> Declared:
        """What the row says about its file; an unreadable value raises InputError naming the line."""
        try:
            return Declared(
                self._kind(), "the manifest", _spacing(self.spacing_mm), _date(self.date), _frame(self.frame),
                self.view_id or None, _ratio(self.height_to_width),
            )  # fmt: skip
        except InputError as error:
            raise InputError(f"line {self.line}: {error.found}", error.expected, error.do) from error

    def _kind(self) -> ViewKind | None:
        if not self.laterality.strip() and not self.view.strip():
            return None
        return parse_laterality(self.laterality), parse_projection(self.view)


def read_manifest(path: Path) -> list[ManifestRow]:
    """All rows of a manifest CSV that must be whole; any encoding and separator that `data.tables` reads.

    Raises:
        InputError: when the file is missing, no table or without rows, lacks `exam_id` or `path`, or for the first row
            that cannot be read.
    """
    rows: list[ManifestRow] = []
    for row in _rows(Path(path)):
        if isinstance(row, Fault):
            raise row.error
        if error := _lacking(row):
            raise error
        rows.append(_manifest_row(row))
    if not rows:
        raise InputError(f"{path} has no rows", "one row per view")
    return rows


def exam_groups(path: Path) -> Iterator[tuple[str, list[ManifestRow] | InputError]]:
    """The rows of every exam of a manifest, in order of its first row; memory does not grow with the manifest.

    An exam with a row that cannot be read is an error as a whole, so that it is not read with a view missing; a row
    that names no exam is an error of its own, by its line.

    Raises:
        InputError: when the manifest itself cannot be read, or has no rows.
    """
    empty = True
    with Spool() as spool:
        for row in _rows(Path(path)):
            empty = False
            if isinstance(row, Fault):
                yield row.where, row.error
            elif exam_id := row.get("exam_id"):
                spool.add_one(exam_id, row)
            else:
                yield row.where, row.fault("no exam_id", _BOTH).error
        if empty:
            raise InputError(f"{path} has no rows", "one row per view")
        for exam_id, rows in spool.groups():
            error = next((e for row in rows if (e := _lacking(row))), None)
            yield exam_id, error or [_manifest_row(row) for row in rows]


def _rows(path: Path) -> Iterator[Row | Fault]:
    """Rows by column names in lower case; a manifest without `exam_id` or `path` raises InputError."""
    if not path.is_file():
        raise InputError(f"{path} is {'a folder' if path.is_dir() else 'not there'}", "a manifest file")
    names = [name.lower() for name in columns_of(path)]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise InputError(
            f"{path} lacks {'columns' if len(missing) > 1 else 'column'} {', '.join(missing)} (has {', '.join(names[:12])})",
            "exam_id,patient_id,laterality,view,path[,date,is_prior,spacing_mm,...]",
        )
    if len(set(names)) != len(names):
        raise InputError(f"{path} has a column twice ({', '.join(names)})", "each column once")
    for row in read_rows(path):
        if isinstance(row, Fault):
            yield row
        else:
            yield Row(row.table, row.line, {name.lower(): value for name, value in row.fields.items()})


def _lacking(row: Row) -> InputError | None:
    name = next((n for n in _REQUIRED if not row.get(n)), None)
    return row.fault(f"no {name}", _BOTH).error if name else None


def _manifest_row(row: Row) -> ManifestRow:
    exam_id, patient, laterality, view, file, date, is_prior, spacing, frame, reason, shape = (
        row.get(c) for c in COLUMNS
    )
    labels = {name: value for name, value in row.fields.items() if name not in COLUMNS}
    return ManifestRow(
        row.line, exam_id, file, patient, laterality, view, date, is_prior, spacing, frame, indication=reason,
        height_to_width=shape, labels=labels,
    )  # fmt: skip


def read_exam_json(path: Path) -> tuple[list[ManifestRow], str, str | None]:
    """(rows, exam id, patient id) of an exam.json; anything malformed raises InputError."""
    try:
        content = json_value(path.read_bytes())
    except (ValueError, OSError) as error:
        raise InputError(f"{path} is not JSON ({error})") from error
    views = content.get("views") if isinstance(content, dict) else None
    if not isinstance(views, list) or not views or not all(isinstance(v, dict) and v.get("path") for v in views):
        raise InputError(f"{path} names no views", '{"exam_id": ..., "views": [{"path", "laterality", "view"}, ...]}')
    name, patient = str(content.get("exam_id") or path.parent.resolve().name), content.get("patient_id")
    given = (name, str(patient or ""), str(content.get("indication") or ""))
    rows = [_json_row(number, view, *given) for number, view in enumerate(views, start=1)]
    return rows, name, str(patient) if patient else None


def _json_row(number: int, view: Mapping[str, object], exam_id: str, patient_id: str, indication: str) -> ManifestRow:
    def text(name: str) -> str:
        return "" if view.get(name) is None else str(view[name])

    return ManifestRow(
        number, exam_id, text("path"), patient_id, text("laterality"), text("view"), text("date"), text("is_prior"),
        _joined(view.get("spacing_mm")), text("frame"), text("id"), indication, text("height_to_width"),
    )  # fmt: skip


def _joined(spacing: object) -> str:
    if isinstance(spacing, list):
        return " ".join(str(v) for v in spacing)
    return "" if spacing is None else str(spacing)


def exam_rows(rows: Sequence[ManifestRow], exam_id: str | None, manifest: Path) -> list[ManifestRow]:
    """The rows of one exam; without an id the manifest must hold only one."""
    ids = list(dict.fromkeys(r.exam_id for r in rows))
    wanted = exam_id if exam_id is not None or len(ids) > 1 else ids[0]
    if wanted not in ids:
        listed = ", ".join(ids[:8]) + (f", ... ({len(ids)} in all)" if len(ids) > 8 else "")
        found = f"{manifest} has no exam {exam_id}" if exam_id is not None else f"{manifest} holds {len(ids)} exams"
        raise InputError(found, f"one of {listed}", "name one with --exam")
    return [r for r in rows if r.exam_id == wanted]


def indication_of(rows: Sequence[ManifestRow]) -> str | None:
    """Why the exam of these rows was made, None when no row says; rows that disagree raise InputError."""
    given = {text for r in rows if (text := " ".join(r.indication.split()))}
    if len(given) > 1:
        listed = ", ".join(repr(text) for text in sorted(given))
        raise InputError(f"exam {rows[0].exam_id} has {len(given)} indications ({listed})", "one, or none")
    return next(iter(given), None)


def found_in_rows(
    rows: Sequence[ManifestRow], root: Path, manifest_name: str, absolute: bool = False
) -> list[FoundView]:
    """The views that rows of one exam name, each file looked at.

    Args:
        rows: rows of one exam.
        root: folder that relative paths start from, and may not leave.
        manifest_name: for messages.
        absolute: whether whole paths are allowed (a user's own CSV) or not (an exam.json that came with its pictures).
    """
    found = []
    for row in rows:
        try:
            item = look_at(_inside(root, row.path, absolute), row.role, row.declared())
        except InputError as error:
            raise type(error)(f"{manifest_name}: {error.found}", error.expected, error.do) from error
        if item.patient_id and is_pseudonym(row.patient_id):
            raise InputError(
                f"{manifest_name} has pseudonyms, and the headers of its files have the patient's own id",
                "the key with which the pseudonyms were made", "give `mammoscribe predict` --pseudonymous KEYFILE",
            )  # fmt: skip
        if item.patient_id and row.patient_id and item.patient_id != row.patient_id:
            words = f"the header of {item.path} says patient {item.patient_id}, {manifest_name} says {row.patient_id}"
            raise InputError(words, "the same patient")
        found.append(item)
    return found


def exams_in_manifest(path: Path, root: Path | None = None) -> Iterator[tuple[str, Exam | InputError]]:
    """Every exam of a manifest in order of its first row; an exam that cannot be opened is its error.

    Args:
        path: the CSV.
        root: folder that relative paths start from; the manifest's own by default.

    Raises:
        InputError: when the manifest itself cannot be read.
    """
    path = Path(path)
    for exam_id, rows in exam_groups(path):
        yield exam_id, rows if isinstance(rows, InputError) else _opened(exam_id, rows, root or path.parent, path.name)


def _opened(exam_id: str, rows: list[ManifestRow], root: Path, name: str) -> Exam | InputError:
    try:
        patients = {r.patient_id for r in rows if r.patient_id}
        if len(patients) > 1:
            raise InputError(f"exam {exam_id} belongs to patients {', '.join(sorted(patients))}", "one patient")
        chosen, aside = one_of_each(found_in_rows(rows, root, name, absolute=True))
        return assemble(chosen, exam_id, next(iter(patients), None), indication_of(rows), aside)
    except InputError as error:
        return error
    except MammoscribeError as error:
        return InputError(error.found, error.expected, error.do)


def _inside(root: Path, named: str, absolute: bool) -> Path:
    """The file that a manifest names; a path that climbs out of `root` is refused."""
    name = named.replace("\\", "/")
    if "\0" in name:
        raise InputError(f"path {named!r}", "a file name")
    if os.path.isabs(name):
        if absolute:
            return Path(name)
        raise InputError(f"the path {named} is absolute", "a path relative to the manifest's folder")
    relative = os.path.normpath(name)
    if relative.split(os.sep)[0] == os.pardir:
        raise InputError(f"the path {named} leads out of the manifest's folder", "a path inside it")
    return root / relative


def _date(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"date {text!r}", "YYYY-MM-DD") from error


def _spacing(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        values = [
            float(v) for v in text.replace("[", " ").replace("]", " ").replace("x", " ").replace(",", " ").split()
        ]
    except ValueError as error:
        raise InputError(f"spacing_mm {text!r}", "one number, or row and column, in mm") from error
    if len(values) not in (1, 2) or not all(0.01 <= v <= 2.0 for v in values):
        raise InputError(f"spacing_mm {text!r}", "0.01 to 2 mm: one number, or row and column")
    return values[0], values[-1]


def _ratio(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise InputError(f"height_to_width {text!r}", "a number such as 1.72") from error


def _frame(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal():
        raise InputError(f"frame {text!r}", "a whole number from 0")
    return int(text)


def rows_of(exam: Exam, labels: Mapping[str, str] | None = None) -> list[ManifestRow]:
    """Manifest rows of an exam's views, with the same label columns in each."""
    return [
        ManifestRow(
            line=0, exam_id=exam.id, path=view.source, patient_id=exam.patient_id or "", laterality=view.laterality,
            view=view.projection, date=view.date.isoformat() if view.date else "",
            is_prior="1" if view.role is Role.PRIOR else "0",
            spacing_mm=" ".join(f"{s:g}" for s in view.spacing_mm) if view.spacing_mm and view.millimetres_known else "",
            frame=str(view.frame) if view.frame else "", indication=exam.indication or "",
            height_to_width=_shape(view), labels=dict(labels or {}),
        )
        for view in exam.views
    ]  # fmt: skip


def _shape(view: View) -> str:
    """Height : width of the breast as it was, for a view of unknown spacing whose picture was stretched; else ""."""
    if view.spacing_mm is None or view.millimetres_known:
        return ""
    row, column = view.spacing_mm
    return f"{view.height_px * row / (view.width_px * column):g}"


def write_manifest(rows: Iterable[ManifestRow], path: Path) -> Path:
    """Write rows as a manifest CSV; files under its folder are named relative to it, others by whole path."""
    path, rows = Path(path), list(rows)
    label_names = list(dict.fromkeys(name for row in rows for name in row.labels))
    folder = path.parent.resolve()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *label_names])
    for row in rows:
        file = Path(row.path).resolve() if os.path.isabs(row.path) or Path(row.path).exists() else Path(row.path)
        named = file.relative_to(folder) if file.is_relative_to(folder) else file
        values = [named.as_posix() if c == "path" else str(getattr(row, c)) for c in COLUMNS]
        writer.writerow([*values, *(row.labels.get(name, "") for name in label_names)])
    return write_text(path, text.getvalue())
