"""What the rows of a lab's table hold for an exam: labels, breasts and split; rows that contradict each other are an error."""

import re
from collections.abc import Mapping, Sequence

from mammoscribe.data.formats.tables import Row
from mammoscribe.data.labels.values import ValueKind, kind_of, normalised
from mammoscribe.data.naming import parse_laterality
from mammoscribe.data.own_folder.spec import FolderSpec
from mammoscribe.data.records import SPLITS
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InputError

_SPLIT_WORDS = {
    "training": "train", "valid": "val", "validate": "val", "validation": "val", "dev": "val", "testing": "test",
}  # fmt: skip


def one(what: str, exam_id: str, values: Sequence[str]) -> str:
    """The one value that is not blank, "" when there is none; different ones raise InputError."""
    different = list(dict.fromkeys(value for value in values if value))
    if len(different) > 1:
        raise InputError(f"exam {exam_id} has more than one {what}: {', '.join(different)}", "one")
    return different[0] if different else ""


def tidy(label: str, value: str) -> str:
    """A value in the one spelling of its label's kind, whole numbers without `.0`; what is not understood stays as it is.

    So that `4` and `BI-RADS 4` in two rows of an exam are the same; `labels.applied` lists what is not understood.
    """
    kind = kind_of(label)
    if kind is not None:
        try:
            return normalised(kind, value)
        except InputError:
            return value
    return value[:-2] if re.fullmatch(r"-?\d+\.0", value) else value


def labels_of(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> dict[str, str]:
    """Label -> value; a label of which no row says anything is left out."""
    found = {n: one(n, exam_id, [tidy(n, row.get(column)) for row in rows]) for n, column in spec.labels.items()}
    return {name: value for name, value in found.items() if value}


def breasts_of(spec: FolderSpec, exam_id: str, rows: Sequence[Row]) -> Mapping[Laterality, Mapping[str, str]]:
    """Labels of each breast; a row of both breasts is of each."""
    sides: dict[Laterality, list[Row]] = {}
    for row in rows:
        word = row.get(spec.laterality)
        for side in Laterality if is_both(word) else (_side(row, word),):
            sides.setdefault(side, []).append(row)
    found = {side: labels_of(spec, f"{exam_id}, {side.word} breast,", of) for side, of in sides.items()}
    return {side: labels for side, labels in found.items() if labels}


def is_both(word: str) -> bool:
    """Whether a word means both breasts."""
    try:
        return normalised(ValueKind.LATERALITY, word) == "B"
    except InputError:
        return False


def _side(row: Row, word: str) -> Laterality:
    try:
        return parse_laterality(word)
    except InputError as error:
        raise InputError(f"{row.where}: {error.found}", "R, L or both") from error


def split_of(exam_id: str, values: Sequence[str]) -> str | None:
    """train, val or test, in any of the usual words; None where no row says it."""
    word = one("split", exam_id, [_SPLIT_WORDS.get(value.lower(), value.lower()) for value in values])
    if word and word not in SPLITS:
        raise InputError(f"exam {exam_id} is in split {word!r}", ", ".join(SPLITS))
    return word or None
