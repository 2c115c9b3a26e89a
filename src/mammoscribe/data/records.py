"""What a dataset holds, one noun per kind of record: a mammography exam, images with a text, a text alone."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InvalidNoun

Labels = Mapping[str, str]
"""Name -> value as text; the card of the dataset says what each name means."""

SPLITS = ("train", "val", "test")
"""Parts of a dataset, by the names used in every file written here."""


class Kind(StrEnum):
    """Kinds of record."""

    MAMMO_EXAM = "mammo-exam"
    IMAGE_TEXT = "image-text"
    TEXT_DOCUMENT = "text-document"


@dataclass(frozen=True)
class Region:
    """A place that somebody marked in one picture.

    Args:
        box: in stored pixels of that picture.
        labels: what was said about the place.
    """

    box: Box
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True)
class ListedView:
    """A mammography view as its dataset lists it; the file is not opened.

    Args:
        path: relative to the dataset's folder, with forward slashes; None where the download has no such picture.
        laterality, projection: what it shows.
        spacing_mm: (row, column), where the dataset says it and the file does not.
        frame: index in a multi-frame file.
        labels, regions: what was said about this picture, and about places in it.
        height_to_width: shape of the picture before its export stretched or squashed it, where that is known; its
            spacing is then assumed in this proportion and no millimetres are given.

    Raises:
        InvalidNoun: for a path that is absolute or climbs out of the dataset's folder, or a shape beside a spacing.
    """

    path: str | None
    laterality: Laterality
    projection: Projection
    spacing_mm: tuple[float, float] | None = None
    frame: int = 0
    labels: Labels = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    height_to_width: float | None = None

    def __post_init__(self) -> None:
        _check_path(self.path)
        if self.height_to_width is not None and (self.spacing_mm or not 0.2 <= self.height_to_width <= 5):
            found = f"height : width {self.height_to_width} beside a spacing of {self.spacing_mm}"
            raise InvalidNoun(found, "0.2 to 5, and no spacing")


@dataclass(frozen=True)
class ListedImage:
    """Any other picture as its dataset lists it; `view` is the dataset's own word (`PA`, `LATERAL`, ""), the rest as above."""

    path: str | None
    view: str = ""
    labels: Labels = field(default_factory=dict)
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        _check_path(self.path)


@dataclass(frozen=True)
class MammoExam:
    """One mammography exam.

    Args:
        id: unique in its dataset.
        patient_id: records of one patient stay together in every split; the exam's own id where nobody published it.
        images: its views; several of one kind are allowed here, and one is chosen when the exam is opened.
        date, time: of the exam, None when unknown.
        report: its text, None when there is none.
        breasts: labels of each breast.
        labels: labels of the whole exam.
        split: the official one, None when the dataset has none.
        prior_id: the exam before this one, of the same patient.

    Raises:
        InvalidNoun: without an id or patient, with neither a view nor a report, or with itself as prior.
    """

    id: str
    patient_id: str
    images: tuple[ListedView, ...]
    date: dt.date | None = None
    time: dt.time | None = None
    report: ReportText | None = None
    breasts: Mapping[Laterality, Labels] = field(default_factory=dict)
    labels: Labels = field(default_factory=dict)
    split: str | None = None
    prior_id: str | None = None

    kind = Kind.MAMMO_EXAM

    def __post_init__(self) -> None:
        _check_identity(self.id, self.patient_id, self.split, self.prior_id)
        if not self.images and self.report is None:
            raise InvalidNoun(f"exam {self.id} has neither a view nor a report", "one of them")


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation about the images: who (`human` or `gpt`, as LLaVA names them) and what."""

    speaker: str
    text: str

    def __post_init__(self) -> None:
        if self.speaker not in ("human", "gpt", "system"):
            raise InvalidNoun(f"a turn of {self.speaker!r}", "human, gpt or system")


@dataclass(frozen=True)
class ImageText:
    """Images that are not mammograms, with their text or labels: a chest X-ray study, an OCT slice.

    Args:
        conversation: turns as a LLaVA file has them; empty for everything else.
        The others: as in `MammoExam`.

    Raises:
        InvalidNoun: without an id or patient, with neither image nor text, or with itself as prior.
    """

    id: str
    patient_id: str
    images: tuple[ListedImage, ...]
    date: dt.date | None = None
    time: dt.time | None = None
    report: ReportText | None = None
    labels: Labels = field(default_factory=dict)
    split: str | None = None
    prior_id: str | None = None
    conversation: tuple[Turn, ...] = ()

    kind = Kind.IMAGE_TEXT

    def __post_init__(self) -> None:
        _check_identity(self.id, self.patient_id, self.split, self.prior_id)
        if not self.images and self.report is None and not self.conversation:
            raise InvalidNoun(f"record {self.id} has neither an image nor a text", "one of them")


@dataclass(frozen=True)
class TextDocument:
    """A text without pictures: an abstract, a clinical note.

    Args:
        patient_id: None where the text is about nobody in particular (an abstract).
        language: ISO 639-1, `en`, `es`.

    Raises:
        InvalidNoun: without an id or text.
    """

    id: str
    text: str
    patient_id: str | None = None
    title: str = ""
    language: str = "en"
    date: dt.date | None = None
    time: dt.time | None = None
    labels: Labels = field(default_factory=dict)
    split: str | None = None

    kind = Kind.TEXT_DOCUMENT

    def __post_init__(self) -> None:
        _check_identity(self.id, self.patient_id or self.id, self.split, None)
        if not self.text.strip():
            raise InvalidNoun(f"document {self.id} has no text", "a text")


Record = MammoExam | ImageText | TextDocument


def group_of(record: Record) -> str:
    """What stays together in a split: the patient, or the document itself where there is none."""
    return record.patient_id or record.id


def text_of(record: Record) -> str:
    """The whole text of a record, "" when it has none."""
    if isinstance(record, TextDocument):
        return record.text
    return record.report.raw if record.report is not None else ""


def _check_identity(name: str, patient: str, split: str | None, prior: str | None) -> None:
    if not name.strip() or not patient.strip():
        raise InvalidNoun(f"record {name!r} of patient {patient!r}", "an id and a patient id")
    if split is not None and split not in SPLITS:
        raise InvalidNoun(f"record {name} is in split {split!r}", ", ".join(SPLITS))
    if prior == name:
        raise InvalidNoun(f"record {name} is its own prior", "an earlier one")


def _check_path(path: str | None) -> None:
    if path is None:
        return
    parts = PurePosixPath(path)
    if not path or "\\" in path or "\0" in path or parts.is_absolute() or ".." in parts.parts or path[1:2] == ":":
        raise InvalidNoun(f"the path {path!r}", "a path inside the dataset's folder, with forward slashes")
