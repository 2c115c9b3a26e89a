"""The TOML that describes a lab's own folder: which files are images, where exam and patient stand, which table holds reports."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from mammoscribe.data.own_folder.box_table import KEYS as BOX_KEYS
from mammoscribe.data.own_folder.box_table import BoxTable, box_table_in
from mammoscribe.data.own_folder.dates import DateOrder
from mammoscribe.data.own_folder.teaching import REGION, Teaches, teaches_in
from mammoscribe.data.records import Kind
from mammoscribe.data.supervision import REPORT_LANGUAGES, Question, Supervision, Teaching
from mammoscribe.data.texts.report_sections import split_sections
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError, InvalidNoun, MammoscribeError
from mammoscribe.support.lookup import look_up
from mammoscribe.support.parsing import read_toml

HEADER_KEYWORDS = ("AccessionNumber", "StudyInstanceUID", "PatientID")
"""DICOM attributes that exam and patient may be read from."""
UNPLACED = "unplaced"
"""Label of a view: kinds of finding that may be in it without a box, because a box of it could not be read."""
TABLE_SUFFIXES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl", ".gz")
TEXT_SUFFIXES = (".txt", ".docx", ".rtf")
_GROUPS = ("exam", "patient", "date", "view")
_OF_TABLE = (
    "report_sheet", "report_exam", "report_image", "report_text", "report_sections", "report_patient", "report_date",
    "report_date_order", "laterality", "view",
)  # fmt: skip
_WANTED = dict.fromkeys(("images", "box_edges", "boxed_kinds"), "a list of texts") | {
    "labels": "a table", "report_sections": "a table", "box_labels": "a table", "teaches": "a table of questions",
    "reports_teach": "true or false",
}  # fmt: skip
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Identity:
    """Where an id stands.

    Args:
        how: `header` (DICOM), `folder` (the file's own), `name` (its path from the root) or `column` (of the table).
        what: the DICOM keyword, or the regular expression.
    """

    how: str
    what: str = ""

    @staticmethod
    def parsed(text: str, group: str) -> "Identity":
        """`header:AccessionNumber`, `folder`, `column`, or `name:REGEX` in which (?P<exam>...) or (?P<patient>...) is the id."""
        how, _, what = text.partition(":")
        if how in ("folder", "column") and not what:
            return Identity(how)
        if how == "header":
            return Identity(how, look_up(what, {k: k for k in HEADER_KEYWORDS}, f"DICOM attribute for {group}"))
        if how == "name":
            named = _regex(what, group).groupindex
            for name in named:
                look_up(name, {g: g for g in _GROUPS}, f"group in the regular expression of {group}")
            if group not in named:
                raise InputError(f"{group} = {text!r}", f"(?P<{group}>...) in the regular expression")
            return Identity(how, what)
        raise InputError(f"{group} = {text!r}", "header:KEYWORD, folder, column or name:REGEX")


@dataclass(frozen=True)
class FolderSpec:
    """What one TOML file says; every key that is not here is an error, and so is one that nothing would be read with.

    Args:
        name, kind, language, licence: of the dataset.
        path: the TOML file.
        root: folder that everything starts from, itself from the TOML's folder.
        images: glob patterns of the image files; case of letters does not count, hidden files are never read.
        manifest: a CSV with one row per view (`data.manifest`), instead of `images`.
        exam: where the id of an image's exam stands; the table's where it names pictures (`report_image`).
        patient: the same for the patient; by default DICOM PatientID or the group `patient` of exam's expression, else
            the column `report_patient`, else every exam is a patient of its own.
        reports: a table or several (a pattern), or a pattern of text files (.txt, .docx, .rtf) named after their exam.
        report_sheet: of an XLSX; the first by default.
        report_exam: column that names the exam.
        report_image: column that names the picture: its path from the root, or its name where only one file has it.
        report_text: column with the report; `report_sections` (section -> column) instead of it.
        report_patient, report_date: columns with the patient and the day, where the images do not say them.
        report_date_order: `dmy` or `mdy`, where the dates of the column do not show it themselves.
        labels: label -> column of that table, or of the manifest where there is none.
        laterality: column with the breast, where a row is one breast: its labels are that breast's.
        view: column with the projection (CC, MLO) or the whole view (RCC), where a row names a picture (`report_image`).
        split: column with train, val or test.
        boxes: the table or COCO file of boxes, with its columns.
        teaches: which question each label answers, of breasts or exams and of boxes.
        reports_teach: whether the facts that the report parser reads in the reports teach.

    Raises:
        InvalidNoun: for too little, for contradictions, for what would not be used, for a path out of the root.
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
    report_sheet: str = ""
    report_exam: str = ""
    report_image: str = ""
    report_text: str = ""
    report_sections: Mapping[Section, str] = field(default_factory=dict)
    report_patient: str = ""
    report_date: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    report_date_order: str = ""
    laterality: str = ""
    view: str = ""
    split: str = ""
    boxes: BoxTable | None = None
    teaches: Teaches = field(default_factory=Teaches)
    reports_teach: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidNoun("no name", 'name = "..."')
        boxes = () if self.boxes is None else (self.boxes.path,)
        for text in (*self.images, self.manifest, self.reports, *boxes):
            if PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts or text[1:2] == ":":
                raise InvalidNoun(f"{text!r} leads out of the root", "a path inside it", "set root")
        self._check_images()
        self._check_table()
        self._check_columns()
        self._check_teaching()
        if self.reports and not self.report_sections and self.kind is not Kind.TEXT_DOCUMENT:
            split_sections("", self.language)  # a language without headings is told here, and not once for each report

    def _check_images(self) -> None:
        if self.manifest and self.images:
            raise InvalidNoun("both images and manifest", "one of them")
        if self.manifest and self.kind is not Kind.MAMMO_EXAM:
            raise InvalidNoun(f"a manifest for {self.kind}", f"{Kind.MAMMO_EXAM}: a manifest lists mammography views")
        if not (self.images or self.manifest or self.reports):
            raise InvalidNoun("neither images, manifest nor reports", "at least one of them")
        if self.kind is Kind.TEXT_DOCUMENT and (self.images or not self.reports):
            raise InvalidNoun(f"{Kind.TEXT_DOCUMENT} with images or without reports", "reports alone")
        if self.images and self.exam is None and not self.report_image:
            raise InvalidNoun(
                "images without exam", "exam = where the exam's id stands, such as header:AccessionNumber"
            )
        for key in ("exam", "patient", "report_image"):
            if getattr(self, key) and not self.images:
                raise InvalidNoun(f"{key} without images", 'images = "..."', f"leave {key} out")

    def _check_table(self) -> None:
        used = [name for name in _OF_TABLE if getattr(self, name)]
        used += [] if self.manifest else [name for name in ("labels", "split") if getattr(self, name)]
        if not self.has_table:
            suffix = PurePosixPath(self.reports).suffix.lower()
            if self.reports and not (
                is_pattern(self.reports) and (suffix in TEXT_SUFFIXES or not suffix[1:].isalnum())
            ):
                known = f"a table ({', '.join(TABLE_SUFFIXES)}) or a pattern of text files ({', '.join(TEXT_SUFFIXES)})"
                raise InvalidNoun(f'reports = "{self.reports}"', known, "save it as one of them")
            if used:
                raise InvalidNoun(f"{used[0]} without a table of reports", 'reports = "reports.csv"')
            return
        if not (self.report_exam or self.report_image):
            raise InvalidNoun("a table of reports without report_exam", "the column that names the exam")
        if self.report_text and self.report_sections:
            raise InvalidNoun("both report_text and report_sections", "one of them")
        has_text, has_pictures = self.report_text or self.report_sections, self.images or self.manifest
        if not has_text and not (has_pictures and (self.labels or self.split or self.view)):
            raise InvalidNoun("a table from which nothing is taken", "report_text, report_sections or labels")
        if self.report_sheet and not self.reports.lower().endswith(".xlsx"):
            raise InvalidNoun(f"report_sheet for {self.reports}", "an .xlsx file")

    def _check_columns(self) -> None:
        by_column = self.exam is None or self.exam.how == "column"
        if self.exam is not None and by_column and not self.report_image:
            raise InvalidNoun("exam = column without report_image", "the column that names the picture")
        if self.report_image and self.report_exam and not by_column:
            raise InvalidNoun("report_exam beside report_image", "report_image alone, or exam = column")
        if self.patient is not None and self.patient.how == "column" and not self.report_patient:
            raise InvalidNoun("patient = column without report_patient", "the column that names the patient")
        if self.laterality and self.kind is not Kind.MAMMO_EXAM:
            raise InvalidNoun(f"laterality for {self.kind}", f"{Kind.MAMMO_EXAM}: the column with the breast")
        if self.view and not (self.report_image and self.kind is Kind.MAMMO_EXAM):
            raise InvalidNoun("view without report_image", f"report_image, in records of kind {Kind.MAMMO_EXAM}")
        if self.report_date_order and not self.report_date:
            raise InvalidNoun("report_date_order without report_date", 'report_date = "..."')
        if self.report_date_order:
            look_up(self.report_date_order, {str(order): order for order in DateOrder}, "report_date_order")
        for label, column in (*self.labels.items(), *self.box_labels.items()):
            if not _LABEL.fullmatch(label):
                tidy = re.sub(r"\W+", "_", label).strip("_").lower()
                raise InvalidNoun(f"the label {label!r}", "small letters, digits and _", f"call it {tidy or 'label'}")
            if not column:
                raise InvalidNoun(f"the label {label} without a column", f'{label} = "..."')

    def _check_teaching(self) -> None:
        teaches = bool(self.teaches.labels or self.teaches.regions or self.reports_teach)
        if self.kind is not Kind.MAMMO_EXAM and (teaches or (self.boxes is not None and self.boxes.kinds)):
            found = "teaches, reports_teach or boxed_kinds"
            raise InvalidNoun(f"{found} for {self.kind}", f"{Kind.MAMMO_EXAM}: only mammograms train a reader")
        if self.boxes is not None:
            if not (self.images or self.manifest):
                raise InvalidNoun("boxes without pictures", 'images = "..." or manifest = "..."')
            self.boxes.check_kinds(self.teaches.regions)
            if self.teaches.regions and not (self.boxes.kinds or self.teaches.labels or self.reports_teach):
                found = (
                    "[teaches.region] alone: a box teaches where every box of its kind is known, or beside other labels"
                )
                raise InvalidNoun(found, 'boxed_kinds = ["mass"], [teaches] or reports_teach')
        elif self.teaches.regions:
            raise InvalidNoun("[teaches.region] without boxes", 'boxes = "boxes.csv"')
        self.teaches.check(self.labels, self.box_labels)
        if not self.reports_teach:
            return
        has_texts = bool(self.report_text or self.report_sections) if self.has_table else bool(self.reports)
        if not has_texts:
            raise InvalidNoun("reports_teach without texts of reports", 'report_text = "...", the column of the report')
        if self.language not in REPORT_LANGUAGES:
            read = ", ".join(REPORT_LANGUAGES)
            do = "leave reports_teach out, or give what the reports say as columns, as labels"
            raise InvalidNoun(
                f'reports_teach for reports in "{self.language}"', f"a language of the parser: {read}", do
            )

    @property
    def box_labels(self) -> Mapping[str, str]:
        """Label of a box -> column."""
        return {} if self.boxes is None else self.boxes.labels

    @property
    def place_of_labels(self) -> str:
        """What the labels are of: `breast`, `exam` or `document`."""
        if self.kind is Kind.TEXT_DOCUMENT:
            return "document"
        return "breast" if self.laterality or (self.manifest and not self.has_table) else "exam"

    @property
    def supervision(self) -> Supervision:
        """What labels, boxes and reports teach a reader."""
        labels = [lesson.of(self.place_of_labels) for lesson in self.teaches.labels]
        regions = [lesson.of("region") for lesson in self.teaches.regions]
        kinds = () if self.boxes is None else self.boxes.kinds
        unplaced = [Teaching(UNPLACED, "view", Question.UNPLACED)] if kinds else []
        return Supervision((*labels, *regions, *unplaced), kinds, self.reports_teach)

    @property
    def has_table(self) -> bool:
        """Whether the reports are a table, or several, and not one text file per exam."""
        suffix = PurePosixPath(self.reports).suffix.lower()
        return suffix in TABLE_SUFFIXES or (suffix == ".txt" and not is_pattern(self.reports))

    @property
    def folder(self) -> Path:
        """The root, resolved."""
        return (self.path.parent / Path(self.root).expanduser()).resolve()


def is_pattern(text: str) -> bool:
    """Whether a path may stand for several files."""
    return any(mark in text for mark in "*?[")


def read_spec(path: Path) -> FolderSpec:
    """The description in a TOML file; anything that is wrong in it raises InputError naming file and key."""
    path = Path(path)
    found = read_toml(path, "a TOML file that describes a folder", "`mammoscribe data draft FOLDER`")
    try:
        return _spec(found, path)
    except MammoscribeError as error:
        raise InputError(f"{path}: {error.found}", error.expected, error.do) from error


def _spec(found: Mapping[str, Any], path: Path) -> FolderSpec:
    known = dict.fromkeys([*(f.name for f in fields(FolderSpec) if f.name != "path"), *BOX_KEYS])
    for key, value in found.items():
        look_up(key, known, "key of this file")
        _check_type(key, value)
    given = dict(found)
    given["kind"] = look_up(str(given.get("kind", "")), {str(k): k for k in Kind}, "kind of record")
    images = given.get("images", ())
    given["images"] = tuple(map(_slashed, (images,) if isinstance(images, str) else images))
    given |= {key: _slashed(given[key]) for key in ("manifest", "reports") if key in given}
    for group in ("exam", "patient"):
        if group in given:
            given[group] = Identity.parsed(given[group], group)
    sections = given.get("report_sections", {})
    given["report_sections"] = {look_up(k, {str(s): s for s in Section}, "section"): v for k, v in sections.items()}
    _check_order(given, known)
    given["teaches"] = teaches_in(given.get("teaches", {}))
    boxes = box_table_in(given)
    given = {key: value for key, value in given.items() if key not in BOX_KEYS}
    return FolderSpec(path=path, boxes=boxes, **{"name": "", **given})


def _check_order(given: Mapping[str, Any], known: Mapping[str, object]) -> None:
    """InputError for a key that TOML takes for a label of `[teaches]`, because it comes below that line."""
    inside, labels, box_labels = (given.get(key, {}) for key in ("teaches", "labels", "box_labels"))
    regions = inside.get(REGION, {})
    found = {**inside, **(regions if isinstance(regions, dict) else {})}
    for key, value in found.items():
        is_lesson = isinstance(value, dict) or value in list(Question)
        if key in known and not is_lesson and key not in (*labels, *box_labels):
            raise InputError(f"{key} comes below [teaches]", "the tables in square brackets last", f"move {key} up")


def _slashed(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")


def _check_type(key: str, value: object) -> None:
    wanted = _WANTED.get(key, "a text")
    texts = isinstance(value, list) and all(isinstance(v, str) and v for v in value) and bool(value)
    table = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    some = isinstance(value, str) and bool(value)
    fits = {
        "a text": isinstance(value, str), "a list of texts": texts or some, "a table": table,
        "a table of questions": isinstance(value, dict), "true or false": isinstance(value, bool),
    }  # fmt: skip
    if not fits[wanted]:
        raise InputError(f"{key} = {value!r}", wanted)


def _regex(text: str, group: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise InputError(f"the regular expression {text!r} of {group} ({error})", "one that Python reads") from error
