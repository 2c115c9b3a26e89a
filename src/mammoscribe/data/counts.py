"""Counting what was read, and holding it against what a whole download has."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.data.dataset import Edition, Fault, Item
from mammoscribe.data.formats.spool import DiskSet
from mammoscribe.data.labels.applied import NotUnderstood
from mammoscribe.data.records import MammoExam, Record, TextDocument, group_of

COUNTED = ("records", "patients", "images", "files", "unnamed", "reports", "regions", "set_aside", "faults")
"""What is counted of every dataset: records; distinct patients (or documents without one); pictures that the tables
list; those of them that are there as files, and those for which the tables give no path; records with a text; places marked; rows
that are left out on purpose (pictures that are no CC or MLO view); rows that could not be read."""
NAMED = 20
"""Missing files and faults that are named one by one."""
DISTINCT = 1000
"""Different values that are counted one by one."""


@dataclass(frozen=True)
class Difference:
    """One count that is not as expected."""

    name: str
    found: int
    expected: int


@dataclass
class Tally:
    """Counts of records as they come by, with the first missing files and faults.

    `not_understood` counts, by label and value, the values of labels that were left out; their faults are not in `faults`.

    Args:
        root: folder that paths start from.
        labels: `NAME=VALUE` -> count is kept for label names given here.
    """

    root: Path
    labels: frozenset[str] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    not_understood: Counter[tuple[str, str]] = field(default_factory=Counter)
    _groups: DiskSet = field(default_factory=DiskSet)

    def passing(self, items: Iterator[Item]) -> Iterator[Item]:
        """The same items, counted."""
        for item in items:
            self.add(item)
            yield item

    def add(self, item: Item) -> None:
        """Count one item."""
        if isinstance(item, Fault):
            if item.set_aside:
                self.counts["set_aside"] += item.count
                return
            self.counts["faults"] += item.count
            if isinstance(item.error, NotUnderstood):
                self._count_value(item.error)
            elif len(self.faults) < NAMED:
                self.faults.append(item)
            return
        self._groups.add(group_of(item))
        self.counts["patients"] = len(self._groups)
        self.counts["records"] += 1
        if item.split is not None:
            self.counts[f"split:{item.split}"] += 1
        if isinstance(item, TextDocument) or item.report is not None:
            self.counts["reports"] += 1
        self._count_labels(item)
        for image in () if isinstance(item, TextDocument) else item.images:
            self.counts["images"] += 1
            self.counts["regions"] += len(image.regions)
            self._count_file(image.path)

    def _count_value(self, error: NotUnderstood) -> None:
        key = (error.label, error.value)
        if key in self.not_understood or len(self.not_understood) < DISTINCT:
            self.not_understood[key] += 1

    def _count_file(self, path: str | None) -> None:
        if path is None:
            self.counts["unnamed"] += 1
        elif (self.root / path).is_file():
            self.counts["files"] += 1
        elif len(self.missing) < NAMED:
            self.missing.append(path)

    def _count_labels(self, record: Record) -> None:
        held = [record.labels]
        if isinstance(record, MammoExam):
            held += record.breasts.values()
        if not isinstance(record, TextDocument):
            held += [image.labels for image in record.images]
            held += [region.labels for image in record.images for region in image.regions]
        for labels in held:
            for name in self.labels & labels.keys():
                self.counts[f"label:{name}={labels[name]}"] += 1

    def differences(self, expected: Mapping[str, int]) -> tuple[Difference, ...]:
        """The counts that are not as expected."""
        return tuple(
            Difference(n, self.counts[n], wanted) for n, wanted in expected.items() if self.counts[n] != wanted
        )

    @property
    def num_missing(self) -> int:
        """Pictures that the tables name and that are not there as files."""
        return self.counts["images"] - self.counts["files"] - self.counts["unnamed"]


def tally_for(edition: Edition, root: Path) -> Tally:
    """A tally that keeps the label counts which the edition expects."""
    names = {key.removeprefix("label:").split("=")[0] for key in edition.expected if key.startswith("label:")}
    return Tally(root, frozenset(names))
