"""The image files of a lab's folder, one after the other: whose they are, which exam they belong to, what they show."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.data.dataset import Fault
from mammoscribe.data.folder_spec import FolderSpec, Identity
from mammoscribe.data.found import Declared, look_at
from mammoscribe.data.naming import parse_view
from mammoscribe.data.records import Kind
from mammoscribe.data.spool import DiskSet
from mammoscribe.data.tables import Row
from mammoscribe.domain.view import Role
from mammoscribe.imaging.decode import check_readable, is_dicom, open_dicom
from mammoscribe.imaging.plain import is_plain, plain_size
from mammoscribe.support.errors import InputError, MammoscribeError, NotAMammogram


@dataclass(frozen=True)
class _Facts:
    """What a file says of itself, "" where it does not."""

    header: dict[str, str]
    laterality: str = ""
    view: str = ""
    instance: str = ""


def listed_files(spec: FolderSpec) -> Iterator[Path | Fault]:
    """Files of the patterns by name, hidden ones left out; a link that leads out of the root is a Fault."""
    root = spec.folder
    found = {path for pattern in spec.images for path in root.glob(pattern)}
    for path in sorted(found):
        inside = path.relative_to(root)
        if any(part.startswith(".") for part in inside.parts) or path.is_dir():
            continue
        if not path.resolve().is_relative_to(root):
            yield Fault(
                inside.as_posix(), InputError(f"{inside} is a link that leads out of {root.name}", "a file inside")
            )
        else:
            yield path


def image_rows(spec: FolderSpec) -> Iterator[tuple[str, Row] | Fault]:
    """(exam, row) of every image file; fields: path, patient, date, laterality, view."""
    instances = DiskSet()
    empty = True
    for path in listed_files(spec):
        empty = False
        if isinstance(path, Fault):
            yield path
            continue
        name = path.relative_to(spec.folder).as_posix()
        try:
            yield _row(spec, path, name, instances)
        except NotAMammogram as error:
            yield Fault(name, error)
        except MammoscribeError as error:
            yield Fault(name, InputError(error.found, error.expected, error.do))
    if empty:
        patterns = ", ".join(spec.images)
        raise InputError(f"{spec.path}: no file in {spec.folder} fits {patterns}", "images", "look at root and images")


def _row(spec: FolderSpec, path: Path, name: str, instances: DiskSet) -> tuple[str, Row]:
    said = _in_name(spec, name)
    facts = _facts_of_view(path, said) if spec.kind is Kind.MAMMO_EXAM else _facts_of_image(path)
    if facts.instance and not instances.add(facts.instance):
        raise InputError(f"{name} holds the same object as an earlier file (SOP Instance UID)", "each object once")
    assert spec.exam is not None
    exam = _identity(spec.exam, "exam", path, name, facts, said)
    patient = _patient(spec, path, name, facts, said) or exam
    date = said.get("date") or facts.header.get("StudyDate", "")
    view = facts.view if spec.kind is Kind.MAMMO_EXAM else said.get("view") or facts.view
    fields = {"path": name, "patient": patient, "date": date, "laterality": facts.laterality, "view": view}
    return exam, Row(name, 1, fields)


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
        return dt.date.fromisoformat(text.replace("_", "-") if "-" in text or "_" in text else text).isoformat()
    except ValueError as error:
        raise InputError(f"the date {text!r} in the name of {name}", "YYYY-MM-DD or YYYYMMDD") from error


def _facts_of_view(path: Path, said: dict[str, str]) -> _Facts:
    """A mammography view: its header, or its name, says what it shows."""
    declared = Declared(parse_view(said["view"]), "its name") if "view" in said else Declared()
    found = look_at(path, Role.CURRENT, declared)
    header: dict[str, str] = {}
    instance = ""
    if found.header is not None:
        header = {
            "AccessionNumber": found.header.accession, "StudyInstanceUID": found.header.study_uid or "",
            "PatientID": found.header.patient_id or "",
            "StudyDate": found.header.date.isoformat() if found.header.date else "",
        }  # fmt: skip
        instance = found.header.sop_instance_uid
    return _Facts(header, found.view.laterality, found.view.projection, instance)


def _facts_of_image(path: Path) -> _Facts:
    """Any other image."""
    check_readable(path)
    if not is_dicom(path):
        if not is_plain(path):
            raise InputError(f"{path.name} is not a picture", "a DICOM, PNG, JPEG, TIFF or PGM file")
        plain_size(path)
        return _Facts({})
    header = open_dicom(path, pixels=False)
    if "Rows" not in header:
        raise InputError(f"{path.name} is a DICOM object without a picture", "an image")
    said = {
        k: str(header.get(k) or "").strip() for k in ("AccessionNumber", "StudyInstanceUID", "PatientID", "StudyDate")
    }
    day = said["StudyDate"]
    said["StudyDate"] = f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 and day.isdecimal() else ""
    return _Facts(said, "", str(header.get("ViewPosition") or ""), str(header.get("SOPInstanceUID") or ""))


def _identity(identity: Identity, what: str, path: Path, name: str, facts: _Facts, said: dict[str, str]) -> str:
    if identity.how == "folder":
        return path.parent.name
    if identity.how == "name":
        if what not in said:
            raise InputError(
                f"the name {name} does not fit the expression of {what}", f"(?P<{what}>...) to be found in it"
            )
        return said[what]
    if not facts.header:
        raise InputError(f"{name} has no DICOM header", f"one, for {what} = header:{identity.what}")
    if not (value := facts.header[identity.what]):
        raise InputError(f"the header of {name} has no {identity.what}", f"one, as the {what}")
    return value


def _patient(spec: FolderSpec, path: Path, name: str, facts: _Facts, said: dict[str, str]) -> str:
    if spec.patient is not None:
        return _identity(spec.patient, "patient", path, name, facts, said)
    return said.get("patient") or facts.header.get("PatientID", "")
