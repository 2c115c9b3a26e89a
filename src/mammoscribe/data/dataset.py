"""A dataset as a table of facts and one way to read it: card, editions, and what goes wrong in a row."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from mammoscribe.data.labels.applied import understood
from mammoscribe.data.records import Kind, Record
from mammoscribe.data.supervision import Supervision
from mammoscribe.domain.finding import FindingType
from mammoscribe.support.errors import InputError, InvalidNoun, SetAside
from mammoscribe.support.lookup import look_up


class State(StrEnum):
    """How well an edition's reader is known to fit a real download."""

    TESTED = "tested on the real files"
    TABLES_TESTED = "tested on the real tables, without the images"
    DOCUMENTED = "layout from documentation"


@dataclass(frozen=True)
class Fault:
    """One row or file that could not be used; the others go on.

    Args:
        where: the table and line, or the file.
        error: found, expected, do.
        count: for how many it stands; above 1 where naming each would fill a disk (citations without an abstract).
    """

    where: str
    error: InputError
    count: int = 1

    @property
    def set_aside(self) -> bool:
        """Whether nothing is wrong with it: a picture that is no CC or MLO view, a note that its writer took back."""
        return isinstance(self.error, SetAside)


Item = Record | Fault
Reader = Callable[[Path], Iterator[Item]]


@dataclass(frozen=True)
class Label:
    """What one label means.

    Args:
        name: the key in the labels of a record.
        of: `exam`, `breast`, `view`, `region`, `image` or `document`: what it is said of.
        meaning: its values, and who or what said them.
    """

    name: str
    of: str
    meaning: str

    def __post_init__(self) -> None:
        if self.of not in ("exam", "breast", "view", "region", "image", "document") or not self.meaning:
            raise InvalidNoun(f"label {self.name} of {self.of!r}", "exam, breast, view, region, image or document")


@dataclass(frozen=True)
class Edition:
    """One published layout of a dataset.

    Args:
        name: short, such as `physionet 1.0.0`.
        marks: glob patterns from the dataset's folder; where each finds something, this edition is recognised.
        layout: the files as downloaded, a line or two for a person.
        expected: counts of a whole download by the names of `counts.COUNTED` or `split:train`, `label:NAME=VALUE`.
        state: how well the reader is known to fit.
        reader: everything in the folder, in an order that is the same every time. Paths of records start from the folder.
        boxed_kinds: kinds of finding of which this layout gives all boxes, so that a place without one shows none.
    """

    name: str
    marks: tuple[str, ...]
    layout: str
    expected: Mapping[str, int]
    state: State
    reader: Reader
    boxed_kinds: tuple[FindingType, ...] = ()

    def __post_init__(self) -> None:
        if not self.marks or not self.layout:
            raise InvalidNoun(f"edition {self.name} without marks or layout", "both")

    def recognised(self, root: Path) -> bool:
        """Whether the folder holds this edition."""
        return all(next(root.glob(mark), None) is not None for mark in self.marks)

    def read(self, root: Path) -> Iterator[Item]:
        """Everything in the folder, labels in one spelling; behind a record, a Fault for each value not understood."""
        for item in self.reader(root):
            if isinstance(item, Fault):
                yield item
                continue
            record, errors = understood(item)
            yield record
            yield from (Fault(record.id, error) for error in errors)


@dataclass(frozen=True)
class Dataset:
    """A dataset that mammoscribe knows.

    Args:
        name: as in `mammoscribe data check NAME`.
        title: its full name.
        kind: of all its records.
        language: of its texts, "" when it has none.
        licence: terms in one line.
        obtain: where it is had and what must be signed or asked.
        cite: authors, year, journal or DOI.
        labels: what each label means; no reader gives another one.
        known_faults: what people have found wrong with it.
        editions: layouts, the first that is recognised is read.
        patients: how a patient is known, where this is not simply the dataset's patient id.
        add_reports: what to do where pictures have no reports, "" for a dataset that has none.
        supervision: what the labels teach a reader; nothing by default. Which kinds have all their boxes is said by
            the edition.

    Raises:
        InvalidNoun: when something of it is missing, or a label teaches that the card does not explain.
    """

    name: str
    title: str
    kind: Kind
    language: str
    licence: str
    obtain: str
    cite: str
    labels: tuple[Label, ...]
    known_faults: tuple[str, ...]
    editions: tuple[Edition, ...] = field(default_factory=tuple)
    patients: str = ""
    add_reports: str = ""
    supervision: Supervision = field(default_factory=Supervision)

    def __post_init__(self) -> None:
        needed = (self.name, self.title, self.licence, self.obtain, self.cite)
        if not all(needed) or not self.editions:
            raise InvalidNoun(f"dataset {self.name!r} is not described", "licence, obtain, cite and an edition")
        explained = {(label.of, label.name) for label in self.labels}
        for teaching in self.supervision.teachings:
            if (teaching.of, teaching.label) not in explained:
                raise InvalidNoun(f"the label {teaching.label} of a {teaching.of} teaches and is not on the card")

    def supervision_of(self, edition: Edition) -> Supervision:
        """What the labels of a layout teach."""
        return replace(self.supervision, boxed_kinds=edition.boxed_kinds)

    def edition_in(self, root: Path, name: str | None = None) -> Edition:
        """The edition that a folder holds; the first that is recognised, or the one of that name.

        Raises:
            InputError: when the folder is not there or holds none, naming what each needs; for an unknown name.
        """
        if not root.is_dir():
            raise InputError(f"{root} is {'a file' if root.exists() else 'not there'}", f"the folder of {self.name}")
        editions = {e.name: e for e in self.editions}
        wanted_ones = self.editions if name is None else (look_up(name, editions, f"layout of {self.name}"),)
        for edition in wanted_ones:
            if edition.recognised(root):
                return edition
        wanted = "; or ".join(f"{', '.join(e.marks)} ({e.name})" for e in wanted_ones)
        raise InputError(f"{root} does not hold {self.name}", wanted, f"see `mammoscribe data show {self.name}`")
