"""The texts of prepared records: whole ones for masked tokens, findings with their impression for section matching."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import Kind, Record, TextDocument
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.data.texts.sentences import sentences
from mammoscribe.support.errors import InputError


def report_text(report: ReportText) -> str:
    """The sections of a report without their headings, in the order of the report, as edited since it was read."""
    if report.sections or report.edits:
        return "\n".join(text for text in report.sections.values() if text.strip())
    return report.raw


def record_text(record: Record) -> str:
    """The text of a record that is learned from, "" where there is none."""
    if isinstance(record, TextDocument):
        return record.text
    return "" if record.report is None else report_text(record.report).strip()


@dataclass(frozen=True)
class SectionPair:
    """Findings and impression of one report."""

    findings: str
    impression: str


def section_pair(record: Record) -> SectionPair | None:
    """Findings and impression of a record's report, None where it has not both."""
    if isinstance(record, TextDocument) or record.report is None:
        return None
    found = [record.report.sections.get(section, "").strip() for section in (Section.FINDINGS, Section.IMPRESSION)]
    return SectionPair(*found) if all(found) else None


def reordered(text: str, rng: np.random.Generator) -> str:
    """The sentences of a text in a random order."""
    parts = sentences(text)
    return " ".join(parts[number] for number in rng.permutation(len(parts)))


def text_key(text: str) -> int:
    """A number of 63 bits that texts share when they differ in case and white space at most."""
    same = re.sub(r"\s+", " ", text).strip().casefold()
    return int.from_bytes(hashlib.sha256(same.encode()).digest()[:8], "big") >> 1


class Texts(Protocol):
    """Texts by number."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, number: int) -> str:
        """One of them."""
        ...


@dataclass(frozen=True)
class PreparedTexts:
    """The texts of a prepared split, by number.

    Args:
        dataset: the split.
        numbers: of the records that have a text.
    """

    dataset: PreparedDataset
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> str:
        return record_text(self.dataset[int(self.numbers[number])].record)


@dataclass(frozen=True)
class PreparedPairs:
    """The pairs of findings and impression of a prepared split, by number."""

    dataset: PreparedDataset
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: int) -> SectionPair:
        pair = section_pair(self.dataset[int(self.numbers[number])].record)
        assert pair is not None
        return pair


def prepared_texts(folder: Path, split: str) -> PreparedTexts:
    """The texts of a split.

    Raises:
        InputError: when no record of it has one.
    """
    dataset = PreparedDataset(folder, split)
    if dataset.about["kind"] == Kind.TEXT_DOCUMENT:  # each has a text: they need not all be read to know that
        return PreparedTexts(dataset, np.arange(len(dataset)))
    numbers = _numbers(dataset, lambda record: bool(record_text(record)))
    if not len(numbers):
        raise InputError(f"no record of {folder} in {split} has a text", "reports or documents")
    return PreparedTexts(dataset, numbers)


def prepared_pairs(folder: Path, split: str) -> PreparedPairs:
    """The pairs of a split.

    Raises:
        InputError: when no report of it has both sections.
    """
    dataset = PreparedDataset(folder, split)
    numbers = _numbers(dataset, lambda record: section_pair(record) is not None)
    if not len(numbers):
        found = f"no report of {folder} in {split} has findings and an impression"
        raise InputError(found, "reports with both sections", "leave it out here, and use it in text-mlm")
    return PreparedPairs(dataset, numbers)


def _numbers(dataset: PreparedDataset, wanted: Callable[[Record], bool]) -> np.ndarray:
    return np.flatnonzero([wanted(stored.record) for stored in dataset])


def evenly(length: int, number: int) -> np.ndarray:
    """At most `number` places of `length`, evenly spaced.

    Shapes: [at most number].
    """
    return np.unique(np.linspace(0, length - 1, min(number, length)).astype(np.int64))
