"""The image files of a lab's folder, one after the other: whose they are, which exam they belong to, what they show."""

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from mammoscribe.data.choice import candidate_of
from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.spool import DiskSet
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.formats.view_table import projection_in
from mammoscribe.data.found import Declared, look_at
from mammoscribe.data.naming import ViewKind, parse_laterality, parse_view
from mammoscribe.data.own_folder.pictures import NamedPictures
from mammoscribe.data.own_folder.spec import FolderSpec, Identity
from mammoscribe.data.own_folder.walk import files_of, suffixes_in
from mammoscribe.data.records import Kind
from mammoscribe.domain.view import Role
from mammoscribe.imaging.damage import named_damage
from mammoscribe.imaging.decode import check_readable, is_dicom, open_dicom
from mammoscribe.imaging.header import check_length, end_of, made_on
from mammoscribe.imaging.plain import is_plain, plain_size
from mammoscribe.support.errors import InputError, MammoscribeError, SetAside

_HOW_TO_SAY = (
    "let (?P<view>...) in the expression of exam name it, name the columns with side and view (laterality, view), or list the"
    " views in a manifest"
)
"""Instead of `--view`, which belongs to other commands."""


@dataclass(frozen=True)
class FoundImage:
    """One image file.

    Args:
        exam: the id of its exam.
        row: its fields: path, patient ("" where nothing says it), date, laterality, view, folder, and for a mammogram
            `about`: what a choice between several pictures of one view looks at, as JSON.
        reports: rows of the table that name this picture.
    """

    exam: str
    row: Row
    reports: Sequence[Row] = ()


@dataclass(frozen=True)
class _Facts:
    """What a file says of itself, "" where it does not; `header` is None for what is no DICOM."""

    header: dict[str, str] | None = None
    date: str = ""
    laterality: str = ""
    view: str = ""
    instance: str = ""
    about: str = ""


@dataclass(frozen=True)
class _File:
    """One file while it is looked at: where it is, what its name says, and the rows that name it."""

    root: Path
    name: str
    captured: dict[str, str] = field(default_factory=dict)
    rows: Sequence[Row] = ()

    @property
    def path(self) -> Path:
        return self.root / self.name

    @property
    def folder(self) -> str:
        return PurePosixPath(self.name).parent.as_posix()


def image_files(spec: FolderSpec, root: Path) -> Iterator[str | Fault]:
    """Paths of the images from the root; the TOML file, the table and the manifest are none, whatever the patterns say."""
    own = spec.path.resolve()
    boxes = spec.boxes.path if spec.boxes is not None else ""
    without = {spec.reports, spec.manifest, boxes, own.relative_to(root).as_posix() if own.is_relative_to(root) else ""}
    yield from files_of(root, spec.images, frozenset(without))


def found_images(spec: FolderSpec, root: Path, named: NamedPictures | None) -> Iterator[FoundImage | Fault]:
    """Every image file, in order; a Fault for each that is of no use.

    Args:
        spec, root: the description and its resolved root.
        named: the table by the pictures that it names, where it does.

    Raises:
        InputError: when no file fits the patterns.
    """
    instances, empty = DiskSet(), True
    for name in image_files(spec, root):
        empty = False
        if isinstance(name, Fault):
            yield name
            continue
        try:
            rows = named.rows_of(name) if named is not None else ()
            yield _image(spec, _File(root, name, _in_name(spec, name), rows), instances)
        except SetAside as error:
            yield Fault(name, error)
        except MammoscribeError as error:
            yield Fault(name, _named(name, error))
    if empty:
        patterns = ", ".join(spec.images)
        found = f"{spec.path}: images: no file in {root} fits {patterns} (there: {suffixes_in(root)})"
        raise InputError(found, "images", "look at root and images")


def _named(name: str, error: MammoscribeError) -> InputError:
    found = error.found if PurePosixPath(name).name in error.found else f"{name}: {error.found}"
    return InputError(found, error.expected, _HOW_TO_SAY if "--view" in error.do else error.do)


def _image(spec: FolderSpec, file: _File, instances: DiskSet) -> FoundImage:
    is_mammogram = spec.kind is Kind.MAMMO_EXAM
    facts = _facts_of_view(file, _declared(spec, file)) if is_mammogram else _facts_of_image(file)
    exam = _exam(spec, file, facts)
    patient = _patient(spec, file, facts)
    if facts.instance and not instances.add(facts.instance):
        raise SetAside(f"{file.name} is the same object as an earlier file (SOP Instance UID)", "each object once")
    view = facts.view if is_mammogram else file.captured.get("view") or facts.view
    fields = {
        "path": file.name, "patient": patient, "date": file.captured.get("date") or facts.date, "laterality": facts.laterality,
        "view": view, "folder": file.folder, "about": facts.about,
    }  # fmt: skip
    return FoundImage(exam, Row(file.name, 1, fields), file.rows)


def _in_name(spec: FolderSpec, name: str) -> dict[str, str]:
    """What the regular expressions find in the path of a file, from the root on."""
    found: dict[str, str] = {}
    for identity in (spec.exam, spec.patient):
        if identity is not None and identity.how == "name" and (match := re.search(identity.what, name)):
            found |= {group: value for group, value in match.groupdict().items() if value}
    if "date" in found:
        found["date"] = _day(found["date"], name)
    return found


def _day(text: str, name: str) -> str:
    try:
        return dt.date.fromisoformat(re.sub(r"[_.]", "-", text)).isoformat()
    except ValueError as error:
        raise InputError(f"the date {text!r} in the name of {name}", "YYYY-MM-DD or YYYYMMDD") from error


def _declared(spec: FolderSpec, file: _File) -> Declared:
    """The view of a file by its name, or by the rows of the table that name it."""
    if "view" in file.captured:
        return Declared(parse_view(file.captured["view"]), "its name")
    kinds = {kind for row in file.rows if (kind := _view_in(spec, row)) is not None} if spec.view else set()
    if len(kinds) > 1:
        listed = ", ".join(sorted(f"{side} {view}" for side, view in kinds))
        raise InputError(f"{spec.reports} says that {file.name} is {listed}", "one view")
    return Declared(kinds.pop(), spec.reports) if kinds else Declared()


def _view_in(spec: FolderSpec, row: Row) -> ViewKind | None:
    """The view in a row: side and projection, or both in one column; None where it is blank."""
    side, view = row.get(spec.laterality), row.get(spec.view)
    if not view:
        return None
    try:
        return (parse_laterality(side), projection_in(view)) if spec.laterality else parse_view(view)
    except InputError as error:
        raise type(error)(f"{row.where}: {error.found}", error.expected, error.do) from error


def _facts_of_view(file: _File, declared: Declared) -> _Facts:
    """A mammography view: its header, its name or the table says what it shows."""
    found = look_at(file.path, Role.CURRENT, declared)
    kind = (found.view.laterality, found.view.projection)
    about = json.dumps(asdict(candidate_of(file.name, found.view.width_px * found.view.height_px, found.header)))
    if (of := found.header) is None:
        return _Facts(None, "", *kind, about=about)
    header = {
        "AccessionNumber": of.accession, "StudyInstanceUID": of.study_uid or "", "PatientID": of.patient_id or "",
    }  # fmt: skip
    return _Facts(header, of.date.isoformat() if of.date else "", *kind, of.sop_instance_uid, about)


def _facts_of_image(file: _File) -> _Facts:
    """Any other image."""
    path = file.path
    check_readable(path)
    if not is_dicom(path):
        if not is_plain(path):
            raise InputError(f"{file.name} is not a picture", "a DICOM, PNG, JPEG, TIFF or PGM file")
        plain_size(path)
        return _Facts()
    with named_damage(path):
        header = open_dicom(path, pixels=False)
        if "Rows" not in header:
            raise SetAside(f"{file.name} is a DICOM object without a picture", "an image")
        check_length(path, header, end_of(header))
        values = {name: str(header.get(name) or "").strip() for name in (*_NEEDED, "ViewPosition", "SOPInstanceUID")}
        day = made_on(header)
    return _Facts(
        {name: values[name] for name in _NEEDED}, day.isoformat() if day else "", "", values["ViewPosition"],
        values["SOPInstanceUID"],
    )  # fmt: skip


_NEEDED = ("AccessionNumber", "StudyInstanceUID", "PatientID")


def _exam(spec: FolderSpec, file: _File, facts: _Facts) -> str:
    """The id of the exam: in a table of pictures without exams, each is one of its own, named by its path."""
    if spec.exam is not None and spec.exam.how != "column":
        return _identity(spec.exam, "exam", file, facts)
    if not spec.report_exam:
        return file.name
    exams = list(dict.fromkeys(exam for row in file.rows if (exam := row.get(spec.report_exam))))
    if len(exams) != 1:
        problem = f"{spec.reports} gives {file.name} the exams {', '.join(exams)}" if exams else ""
        raise InputError(problem or f"no row of {spec.reports} gives the exam of {file.name}", "one exam")
    return exams[0]


def _patient(spec: FolderSpec, file: _File, facts: _Facts) -> str:
    """The patient, "" where nothing but the table of reports can say it."""
    if spec.patient is None:
        return file.captured.get("patient") or (facts.header or {}).get("PatientID", "")
    return "" if spec.patient.how == "column" else _identity(spec.patient, "patient", file, facts)


def _identity(identity: Identity, what: str, file: _File, facts: _Facts) -> str:
    if identity.how == "folder":
        return PurePosixPath(file.folder).name or file.root.name
    if identity.how == "name":
        if what not in file.captured:
            found = f"the name {file.name} does not fit the expression of {what}"
            raise InputError(found, f"(?P<{what}>...) to be found in it")
        return file.captured[what]
    if facts.header is None:
        raise InputError(f"{file.name} has no DICOM header", f"one, for {what} = header:{identity.what}")
    if not (value := facts.header[identity.what]):
        raise InputError(f"the header of {file.name} has no {identity.what}", f"one, as the {what}")
    return value
