"""Checking a download: everything in it is read and counted, held against a whole one, and what is missing is named."""

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.data.counts import Difference, Tally, tally_for
from mammoscribe.data.dataset import Dataset, Edition, Fault, Item
from mammoscribe.data.records import TextDocument
from mammoscribe.imaging.decode import decode
from mammoscribe.support.errors import InputError, printable
from mammoscribe.support.files import text_writer


@dataclass(frozen=True)
class Checked:
    """What a download holds.

    Args:
        edition: the layout it has.
        tally: what was counted, with the first missing pictures and errors.
        differences: counts that are not those of a whole download.
    """

    edition: Edition
    tally: Tally
    differences: tuple[Difference, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, wrong or different."""
        return not self.differences and not self.tally.num_missing and not self.tally.counts["faults"]


def check_download(
    dataset: Dataset,
    root: Path,
    edition: str | None = None,
    open_all: bool = False,
    errors: Path | None = None,
    on_item: Callable[[int], None] = lambda _: None,
) -> Checked:
    """Read all of a download and count it.

    Args:
        dataset: what the folder should hold.
        root: the folder.
        edition: the layout by name; the first that is recognised when None.
        open_all: decode every picture too, and take one that cannot be decoded as an error.
        errors: a CSV that gets every error, every picture set aside and every missing one.
        on_item: told the number of items so far.

    Raises:
        InputError: when the folder holds no edition of the dataset, or its table cannot be read at all.
    """
    root = Path(root).resolve()
    layout = dataset.edition_in(root, edition)
    tally = tally_for(layout, root)
    with ExitStack() as files:
        note = _noting(files, errors)
        items = layout.read(root)
        for number, item in enumerate(_opened(items, root) if open_all else items, start=1):
            tally.add(item)
            for line in _lines(item, root):
                note(line)
            on_item(number)
    return Checked(layout, tally, tally.differences(layout.expected))


def _noting(files: ExitStack, path: Path | None) -> Callable[[list[str]], object]:
    if path is None:
        return lambda _: None
    writer = csv.writer(files.enter_context(text_writer(path)), lineterminator="\n")
    writer.writerow(["what", "where", "found", "expected", "do"])
    return writer.writerow


def _lines(item: Item, root: Path) -> Iterator[list[str]]:
    if isinstance(item, Fault):
        what = "set aside" if item.set_aside else "error"
        yield [what, printable(item.where), item.error.found, item.error.expected, item.error.do]
    elif not isinstance(item, TextDocument):
        for image in item.images:
            if image.path is not None and not (root / image.path).is_file():
                yield ["missing", image.path, f"{image.path} is not there", "the picture", "fetch it again"]


def _opened(items: Iterator[Item], root: Path) -> Iterator[Item]:
    """The items, and an error after each record for every picture of it that is there and cannot be decoded."""
    for item in items:
        yield item
        if isinstance(item, Fault | TextDocument):
            continue
        for image in item.images:
            if image.path is None or not (root / image.path).is_file():
                continue
            try:
                decode(root / image.path, getattr(image, "frame", 0))
            except InputError as error:
                yield Fault(image.path, error)
