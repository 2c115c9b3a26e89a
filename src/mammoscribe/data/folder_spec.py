"""The TOML that describes a lab's own folder: which files are images, where exam and patient stand, which table holds reports."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mammoscribe.data.records import Kind
from mammoscribe.data.report_text import Section
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.lookup import look_up

HEADER_KEYWORDS = ("AccessionNumber", "StudyInstanceUID", "PatientID", "StudyDate")
"""DICOM attributes that exam and patient may be read from."""
TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl", ".gz")
_GROUPS = ("exam", "patient", "date", "view")


@dataclass(frozen=True)
class Identity:
    """Where an id stands: `header` with a DICOM keyword, `folder` (the file's own), or `name` with a regular expression."""

    how: str
    what: str = ""

    @staticmethod
    def parsed(text: str, group: str) -> "Identity":
        """`header:AccessionNumber`, `folder` or `name:REGEX` in which (?P<exam>...) or (?P<patient>...) is the id."""
        how, _, what = text.partition(":")
        if how == "folder" and not what:
            return Identity(how)
        if how == "header":
            return Identity(how, look_up(what, {k: k for k in HEADER_KEYWORDS}, "DICOM attribute for this"))
        if how == "name":
            named = _regex(what).groupindex
            if group not in named:
                raise InputError(f"{group} = {text!r}", f"(?P<{group}>...) in the regular expression")
            look_up(
                next((g for g in named if g not in _GROUPS), group), {g: g for g in _GROUPS}, "group in a file name"
            )
            return Identity(how, what)
        raise InputError(f"{group} = {text!r}", "header:KEYWORD, folder or name:REGEX")


@dataclass(frozen=True)
class FolderSpec:
    """What one TOML file says; every key that is not here is an error.

    Args:
        name, kind, language, licence: of the dataset.
        root: folder that everything starts from, itself from the TOML's folder.
        images: glob patterns of the image files.
        manifest: a CSV with one row per view, instead of `images`.
        exam, patient: where the ids stand; patient defaults to the DICOM PatientID, or to the exam for plain images.
        reports: a table (CSV, TSV, XLSX, JSON, JSON Lines), or a glob of text files named after the exam.
        report_exam, report_text: columns of the table; `report_sections` (section -> column) instead of the text.
        report_patient, report_date: further columns of it, for datasets without images in DICOM.
        labels: label -> column of that table, or of the manifest where there is none; `laterality` names the column with the breast, where a row is one breast.
        split: its column with train, val or test.
    """

    name: str
    kind: Kind
    path: Path
    language: str = "en"
    licence: str = "not stated"
    root: str = "."
    images: tuple[str, ...] = ()
    manifest: str = ""
    exam: Identity | None = None
    patient: Identity | None = None
    reports: str = ""
    report_exam: str = ""
    report_text: str = ""
    report_sections: Mapping[Section, str] = field(default_factory=dict)
    report_patient: str = ""
    report_date: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    laterality: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InputError("no name", 'name = "..."')
        if self.manifest and self.images:
            raise InputError("both images and manifest", "one of them")
        if self.manifest and self.kind is not Kind.MAMMO_EXAM:
            raise InputError(f"a manifest for {self.kind}", f"{Kind.MAMMO_EXAM}: a manifest lists mammography views")
        if not (self.images or self.manifest or self.reports):
            raise InputError("neither images, manifest nor reports", "at least one of them")
        if self.kind is Kind.TEXT_DOCUMENT and (self.images or not self.reports):
            raise InputError(f"{Kind.TEXT_DOCUMENT} with images or without reports", "reports alone")
        if self.images and self.exam is None:
            raise InputError("images without exam", "exam = where the exam's id stands, such as header:AccessionNumber")
        self._check_table()

    def _check_table(self) -> None:
        of_table = {
            "report_exam": self.report_exam, "report_text": self.report_text, "report_sections": self.report_sections,
            "report_patient": self.report_patient, "report_date": self.report_date, "labels": self.labels,
            "laterality": self.laterality, "split": self.split,
        }  # fmt: skip
        used = [name for name, value in of_table.items() if value]
        if used and not self.has_table and not (self.manifest and used == ["labels"]):
            raise InputError(f"{used[0]} without a table of reports", 'reports = "reports.csv"')
        if self.has_table and not self.report_exam:
            raise InputError("a table of reports without report_exam", "the column that names the exam")
        if self.report_text and self.report_sections:
            raise InputError("both report_text and report_sections", "one of them")
        if self.has_table and not (self.report_text or self.report_sections or self.labels):
            raise InputError("a table from which nothing is taken", "report_text, report_sections or labels")

    @property
    def has_table(self) -> bool:
        """Whether the reports are a table, and not one text file per exam."""
        return bool(self.reports) and Path(self.reports).suffix.lower() in TABLE_SUFFIXES and "*" not in self.reports

    @property
    def folder(self) -> Path:
        """The root, resolved."""
        return (self.path.parent / self.root).resolve()


def read_spec(path: Path) -> FolderSpec:
    """The description in a TOML file; anything that is wrong in it raises InputError naming file and key."""
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path} is not there", "a TOML file that describes a folder", "`mammoscribe data draft FOLDER`"
        )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return _spec(found, path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML ({error})") from error
    except MammoscribeError as error:
        raise InputError(f"{path}: {error.found}", error.expected, error.do) from error


def _spec(found: Mapping[str, Any], path: Path) -> FolderSpec:
    known = {f.name: f for f in fields(FolderSpec) if f.name != "path"}
    for key, value in found.items():
        look_up(key, known, "key of this file")
        _check_type(key, value)
    given = dict(found)
    given["kind"] = look_up(str(given.get("kind", "")), {str(k): k for k in Kind}, "kind of record")
    images = given.get("images", ())
    given["images"] = (images,) if isinstance(images, str) else tuple(images)
    for group in ("exam", "patient"):
        if group in given:
            given[group] = Identity.parsed(given[group], group)
    sections = given.get("report_sections", {})
    given["report_sections"] = {look_up(k, {str(s): s for s in Section}, "section"): v for k, v in sections.items()}
    for name in ("root", "manifest", "reports", *given["images"]):
        text = given.get(name, "") if name in ("root", "manifest", "reports") else name
        if name != "root" and (Path(text).is_absolute() or ".." in Path(text).parts):
            raise InputError(f"{text!r} leads out of the root", "a path inside it", "set root")
    return FolderSpec(path=path, **{"name": "", **given})


def _check_type(key: str, value: object) -> None:
    wanted = "a list of texts" if key == "images" else "a table" if key in ("labels", "report_sections") else "a text"
    texts = isinstance(value, list) and all(isinstance(v, str) for v in value)
    table = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    fits = {"a text": isinstance(value, str), "a list of texts": texts or isinstance(value, str), "a table": table}
    if not fits[wanted]:
        raise InputError(f"{key} = {value!r}", wanted)


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise InputError(f"the regular expression {text!r} ({error})", "one that Python reads") from error
