"""The labels of a record in one spelling; a value that is not understood is left out of it, and is an error of the user's."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mammoscribe.data.formats.table_layout import spreadsheet_error
from mammoscribe.data.labels.values import EXPECTED, kind_of, normalised
from mammoscribe.data.records import Labels, ListedImage, ListedView, MammoExam, Record, TextDocument
from mammoscribe.support.errors import InputError


class NotUnderstood(InputError):
    """A value of a label that is of no spelling that is known.

    Args:
        where: the record, and the part of it.
        label, value: as the table has them.
    """

    def __init__(self, where: str, label: str, value: str) -> None:
        self.label, self.value = label, value
        kind = kind_of(label)
        super().__init__(
            f"{where}: {label} is {spreadsheet_error(value) or repr(value)}",
            EXPECTED[kind] if kind is not None else "a value",
            "correct it in the table, or leave it blank; it is left out here",
        )


Reject = Callable[[str, str], None]
"""Told the label and the value that was not understood."""


def understood(record: Record) -> tuple[Record, list[NotUnderstood]]:
    """The record with its labels in one spelling, and an error for each value that was left out of it."""
    errors: list[NotUnderstood] = []

    def of(part: str) -> Reject:
        where = f"{record.id}, {part}" if part else record.id
        return lambda label, value: errors.append(NotUnderstood(where, label, value))

    changed: dict[str, object] = {"labels": _tidy(record.labels, of(""))}
    if isinstance(record, MammoExam):
        sides = {side: _tidy(labels, of(f"{side.word} breast")) for side, labels in record.breasts.items()}
        changed["breasts"] = {side: labels for side, labels in sides.items() if labels}
    if not isinstance(record, TextDocument):
        changed["images"] = tuple(_image(image, of(f"picture {n}")) for n, image in enumerate(record.images, 1))
    return replace(record, **changed), errors  # type: ignore[arg-type]  # the fields of each kind, by name


def _image(image: ListedView | ListedImage, reject: Reject) -> ListedView | ListedImage:
    regions = tuple(replace(region, labels=_tidy(region.labels, reject)) for region in image.regions)
    return replace(image, labels=_tidy(image.labels, reject), regions=regions)


def _tidy(labels: Labels, reject: Reject) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for label, value in labels.items():
        try:
            tidy = _spelled(label, value)
        except InputError:
            reject(label, value)
            continue
        if tidy:
            found[label] = tidy
    return found


def _spelled(label: str, value: str) -> str:
    """The value in the spelling of its label's kind, "" for none; InputError for one that is not understood."""
    if value.strip() == "#N/A":  # a look-up of the spreadsheet that found nothing
        return ""
    if error := spreadsheet_error(value):
        raise InputError(error)
    kind = kind_of(label)
    return value if kind is None else normalised(kind, value)
