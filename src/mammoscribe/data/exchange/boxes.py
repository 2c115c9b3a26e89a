"""Pictures with their marked places for programs that detect: each box with its category, clipped to the picture."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.dataset import Fault
from mammoscribe.data.exchange.pictures import PictureFolder, ready_picture
from mammoscribe.data.records import SPLITS, ListedImage, ListedView, Record, Region, TextDocument, group_of
from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.lookup import look_up

USUAL_CATEGORIES = ("finding", "abnormality", "kind", "type", "class", "pathology")
"""Labels of a place that name what it shows, the first that a dataset has."""
UNPLACED = "unplaced"
"""Label of a picture with something that has no box: to a detector such a picture would be a false negative."""


@dataclass(frozen=True)
class BoxedPicture:
    """One picture and its boxes.

    Args:
        record_id: of its exam or study.
        path: of the picture, as it is written or in the dataset's folder.
        width_px, height_px: of the stored array, the frame of the boxes.
        boxes: category and box in stored pixels; empty for a picture without marked places.
    """

    record_id: str
    path: str
    width_px: int
    height_px: int
    boxes: tuple[tuple[str, Box], ...]


@dataclass
class Counts:
    """What was written and what was not: pictures, boxes, negatives by part; clipped boxes; pictures left out."""

    pictures: Counter[str]
    boxes: Counter[str]
    negatives: Counter[str]
    faults: list[Fault]
    num_clipped: int = 0
    num_unplaced: int = 0

    @classmethod
    def none(cls) -> "Counts":
        """Nothing yet."""
        return cls(Counter(), Counter(), Counter(), [])

    def check_any(self) -> None:
        """Raise InputError when no picture could be written."""
        if not self.pictures:
            do = f"the first error: {self.faults[0].error.sentence()}" if self.faults else ""
            raise InputError("no picture could be written", "pictures with their files", do)


def categories_of(catalogue: Catalogue, label: str | None) -> tuple[str, list[str]]:
    """The label of marked places that names their category, and its values, sorted.

    Args:
        catalogue: of pictures.
        label: the name of the label; the first of `USUAL_CATEGORIES`, or the only one, when None.

    Raises:
        InputError: when no picture has a marked place, or no label can be chosen.
    """
    values: dict[str, set[str]] = {}
    num_regions = 0
    for record in catalogue.records():
        for region in _regions(record):
            num_regions += 1
            for name in region.labels:
                values.setdefault(name, set()).update(_values(region, name))
    if not num_regions:
        raise InputError(f"no picture of {catalogue.folder} has a marked place", "a dataset with boxes")
    if label is None:
        usual = [name for name in USUAL_CATEGORIES if name in values] or (list(values) if len(values) == 1 else [])
        if not usual:
            raise InputError(
                f"nothing says which label of a box is its category ({', '.join(sorted(values)) or 'they have none'})",
                "--category LABEL",
            )
        label = usual[0]
    look_up(label, dict.fromkeys(values), "label of a box")
    return label, sorted(values[label])


def _regions(record: Record) -> Iterator[Region]:
    if not isinstance(record, TextDocument):
        for image in record.images:
            yield from image.regions


def _values(region: Region, label: str) -> list[str]:
    """The categories of a place; several at one place are joined by `|` in the catalogue."""
    return [value.strip() for value in region.labels.get(label, "").split("|") if value.strip()]


def parts_of(catalogue: Catalogue) -> tuple[tuple[str, ...], Callable[[Record], str]]:
    """The parts of a catalogue (`all` before there are splits), and which one a record belongs to."""
    splits = catalogue.splits()
    if splits is None:
        return ("all",), lambda _: "all"

    def part_of(record: Record) -> str:
        if splits.get(group_of(record)) not in SPLITS:
            raise InputError(
                f"{record.id} is in no split", "a split for every patient", "run `mammoscribe data split` again"
            )
        return splits[group_of(record)]

    return SPLITS, part_of


def boxed_pictures(
    catalogue: Catalogue,
    label: str,
    folders: Mapping[str, PictureFolder | None],
    counts: Counts,
    on_record: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, BoxedPicture]]:
    """Every picture of a catalogue with its boxes, and its part of the data; what cannot be used is counted in `counts`.

    A picture with a place whose category is unknown, or that is outside the picture, is left out as a whole: without
    that box it would teach a detector that nothing is there.

    Args:
        catalogue: of pictures.
        label: see `categories_of`.
        folders: where the pictures of each part are written; None to name the dataset's own files.
        counts: added to.
        on_record: called after each record.
    """
    _, part_of = parts_of(catalogue)
    for record in catalogue.records():
        for image in () if isinstance(record, TextDocument) else record.images:
            try:
                part = part_of(record)
                if image.labels.get(UNPLACED):
                    counts.num_unplaced += 1
                    continue
                picture = _boxed(record.id, image, label, catalogue.root, folders[part], counts)
            except MammoscribeError as error:
                counts.faults.append(Fault(record.id, InputError(error.found, error.expected, error.do)))
                continue
            counts.pictures[part] += 1
            counts.boxes[part] += len(picture.boxes)
            counts.negatives[part] += not picture.boxes
            yield part, picture
        on_record()


def _boxed(
    name: str,
    image: ListedView | ListedImage,
    label: str,
    root: Path,
    folder: PictureFolder | None,
    counts: Counts,
) -> BoxedPicture:
    if image.path is None:
        raise InputError(f"a picture of {name} has no file", "the pictures beside the tables")
    ready = ready_picture(image, root) if folder is None else folder.ready(image)
    width, height = ready.width_px, ready.height_px
    boxes: list[tuple[str, Box]] = []
    for region in image.regions:
        edges = ", ".join(f"{e:g}" for e in (region.box.x0, region.box.y0, region.box.x1, region.box.y1))
        if not (categories := _values(region, label)):
            raise InputError(f"{image.path}: the box {edges} has no {label}", "a category for every box")
        if (box := region.box.clipped(width, height)) is None:
            raise InputError(
                f"{image.path}: the box {edges} is outside the picture", f"a box within {width} x {height} pixels"
            )
        counts.num_clipped += box != region.box
        boxes += [(category, box) for category in categories]
    path = image.path if folder is None else folder.put(image, ready)
    return BoxedPicture(name, path, width, height, tuple(boxes))
