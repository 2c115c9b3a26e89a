"""Tables of pictures with labels: a CSV of path, prior, split, patient and one column per class, of any data set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isnan, nan
from pathlib import Path

from mammoscribe.data.formats.tables import all_rows, columns_of
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up

CHANGES = ("improving", "stable", "worsening")
"""Change of a finding since the prior, in the order of its codes 0, 1, 2 (the classes of MS-CXR-T)."""
SPLITS: Mapping[str, str] = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test",
}  # fmt: skip
UNKNOWN = ("", "nan", "na", "u", "unknown", "uncertain", "-1", "-1.0")
_POSITIVE, _NEGATIVE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")
_FIXED = ("path", "prior_path", "split", "patient_id", "id")


class LabelKind(StrEnum):
    """What the labels of a class say."""

    PRESENCE = "presence"
    CHANGE = "change"


LARGEST_CODE = {LabelKind.PRESENCE: 1, LabelKind.CHANGE: len(CHANGES) - 1}
"""Labels are whole numbers from 0 to this, or NaN where nobody knows."""


@dataclass(frozen=True)
class LabelledPicture:
    """One row.

    Args:
        id: unique in its table.
        path, prior: the picture, and the earlier one it is compared with.
        patient_id: rows of one patient stay together in folds and bootstraps.
        split: `train`, `val` or `test`.
        labels: one per class: 0 or 1 for presence, 0, 1, 2 for improving, stable, worsening; NaN = unknown.
    """

    id: str
    path: Path
    prior: Path | None
    patient_id: str
    split: str
    labels: tuple[float, ...]


@dataclass(frozen=True)
class LabelTable:
    """Rows with their classes.

    Raises:
        InvalidNoun: without rows or classes, on an id or class that comes twice, on a change without a prior.
    """

    classes: tuple[str, ...]
    kinds: tuple[LabelKind, ...]
    rows: tuple[LabelledPicture, ...]

    def __post_init__(self) -> None:
        if not self.rows or not self.classes or len(self.kinds) != len(self.classes):
            raise InvalidNoun(f"a table of {len(self.rows)} pictures and {len(self.classes)} classes", "some of both")
        for what, names in (("class", self.classes), ("id", tuple(r.id for r in self.rows))):
            twice, times = Counter(names).most_common(1)[0]
            if times > 1:
                raise InvalidNoun(f"{what} {twice!r} comes twice", f"each {what} once", _twice_do(what))
        for row in self.rows:
            if row.prior is None and any(k is LabelKind.CHANGE and not isnan(v) for k, v in self._labels_of(row)):
                raise InvalidNoun(f"{row.id} has a change and no prior", "a prior_path beside every change")

    def _labels_of(self, row: LabelledPicture) -> list[tuple[LabelKind, float]]:
        return list(zip(self.kinds, row.labels, strict=True))


def _twice_do(what: str) -> str:
    return "give the rows an id column" if what == "id" else ""


def read_labels(path: Path, classes: Sequence[str] | None = None, root: Path | None = None) -> LabelTable:
    """Read a CSV `path[,prior_path],split[,patient_id][,id],<class columns>`; UTF-8, with commas, semicolons or tabs.

    A class column holds 0, 1, or improving, stable, worsening; blank, -1, nan, `uncertain` are unknown. Without
    `patient_id` every row is a patient of its own; without `id` the path is the id.

    Args:
        path: the CSV.
        classes: columns to use, in this order; None takes all but the fixed ones.
        root: folder that relative paths start from; the CSV's own by default.

    Raises:
        InputError: naming file and line of the first thing that cannot be read.
    """
    path = Path(path)
    table = all_rows(path, "a CSV of pictures with labels")
    named = columns_of(path)
    header = [name.lower() if name.lower() in _FIXED else name for name in named]
    missing = [name for name in ("path", "split") if name not in header]
    if missing or len(set(header)) != len(header):
        found = f"{path} has the columns {', '.join(header[:12])}"
        raise InputError(found, "path[,prior_path],split[,patient_id][,id] and one column per class, each once")
    names = _chosen(header, classes, path)
    rows = [(row.line, {new: row.fields[old] for old, new in zip(named, header, strict=True)}) for row in table]
    kinds = [_kind(path, name, rows) for name in names]
    try:
        pictures = tuple(_picture(path, line, row, names, kinds, root or path.parent) for line, row in rows)
        return LabelTable(tuple(names), tuple(kinds), pictures)
    except InvalidNoun as error:
        raise InputError(f"{path}: {error.found}", error.expected, error.do) from error


def _chosen(header: Sequence[str], classes: Sequence[str] | None, path: Path) -> list[str]:
    columns = {name: name for name in header if name not in _FIXED}
    if classes is not None:
        return [look_up(name, columns, f"class column of {path.name}") for name in classes]
    if not columns:
        raise InputError(f"{path} has no class column", "one column per class beside path and split")
    return list(columns)


def _kind(path: Path, name: str, rows: Sequence[tuple[int, dict[str, str]]]) -> LabelKind:
    """What a column holds; a word that is no label, or both kinds in one column, raises InputError."""
    kinds: set[LabelKind] = set()
    for line, row in rows:
        word = row[name].lower()
        if word in UNKNOWN:
            continue
        if word not in (*_POSITIVE, *_NEGATIVE, *CHANGES):
            expected = "1, 0, blank, or improving, stable, worsening"
            raise InputError(f"{path} line {line}: {name} is {row[name]!r}", expected, "choose columns with --classes")
        kinds.add(LabelKind.CHANGE if word in CHANGES else LabelKind.PRESENCE)
    if len(kinds) > 1:
        raise InputError(f"{path}: {name} mixes 0 and 1 with changes", "one kind of label in a column")
    return kinds.pop() if kinds else LabelKind.PRESENCE


def _picture(
    path: Path, line: int, row: Mapping[str, str], names: Sequence[str], kinds: Sequence[LabelKind], root: Path
) -> LabelledPicture:
    if not row["path"]:
        raise InputError(f"{path} line {line} has no path", "a picture in every row")
    split = SPLITS.get(row["split"].lower())
    if split is None:
        raise InputError(f"{path} line {line}: split {row['split']!r}", "train, val or test")
    name = row.get("id") or row["path"]
    prior = row.get("prior_path")
    labels = tuple(_code(row[name].lower(), kind) for name, kind in zip(names, kinds, strict=True))
    return LabelledPicture(
        name, root / row["path"], root / prior if prior else None, row.get("patient_id") or name, split, labels
    )


def _code(word: str, kind: LabelKind) -> float:
    if word in UNKNOWN:
        return nan
    return float(CHANGES.index(word)) if kind is LabelKind.CHANGE else float(word in _POSITIVE)
