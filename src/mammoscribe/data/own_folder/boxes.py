"""The boxes of a lab's folder: rows of a table or annotations of a COCO file, each put into the picture that it names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.coco import coco_rows
from mammoscribe.data.formats.tables import Row
from mammoscribe.data.own_folder.box_table import BoxTable
from mammoscribe.data.own_folder.files import image_files
from mammoscribe.data.own_folder.manifest import pictures_of_manifest
from mammoscribe.data.own_folder.pictures import NamedPictures
from mammoscribe.data.own_folder.reports import files_named, table_rows
from mammoscribe.data.own_folder.spec import UNPLACED, FolderSpec
from mammoscribe.data.own_folder.values import tidy
from mammoscribe.data.records import ImageText, ListedImage, ListedView, MammoExam, Region
from mammoscribe.data.supervision import Question
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.imaging.damage import named_damage
from mammoscribe.imaging.decode import is_dicom, open_dicom
from mammoscribe.imaging.plain import plain_size
from mammoscribe.support.errors import InputError, MammoscribeError

TOLERANCE_PX = 1.0
"""How far a box may reach beyond its picture: programs round edges, or take the last pixel for the edge."""
_ANY_KIND = "|".join(kind.value for kind in FindingType)
_COMMA = re.compile(r"(-?\d+),(\d+)")


class Boxes:
    """Boxes by picture, on disk; a context, since its files go when it is left.

    Args:
        spec, table, root: the description, what it says of boxes, and its resolved root.
    """

    def __init__(self, spec: FolderSpec, table: BoxTable, root: Path) -> None:
        self._spec, self._table, self._root = spec, table, root
        self._named, self._num_rows = NamedPictures(), 0

    def __enter__(self) -> "Boxes":
        return self

    def __exit__(self, *_: object) -> None:
        self._named.__exit__()

    def read(self) -> Iterator[Fault]:
        """Read all rows; a Fault for each that names no picture.

        Raises:
            InputError: when a table is not there, or lacks a column.
        """
        for item in self._rows():
            if isinstance(item, Fault):
                yield item
            elif not (picture := item.get(self._table.image)):
                yield item.fault(f"no {self._table.image}", "a picture in every row")
            elif not picture.isprintable():
                yield item.fault(f"{self._table.image} is {picture!a}", "letters, digits and marks")
            else:
                self._num_rows += 1
                columns = self._table.columns.values()
                self._named.add(picture, replace(item, fields={column: item.get(column) for column in columns}))
        spec, root = self._spec, self._root
        files = pictures_of_manifest(spec, root) if spec.manifest else image_files(spec, root)
        self._named.count(name for name in files if isinstance(name, str))

    def _rows(self) -> Iterator[Row | Fault]:
        for path in files_named(self._spec, self._root, "boxes", self._table.path):
            if isinstance(path, Fault):
                yield path
                continue
            try:
                if self._table.is_coco:
                    yield from coco_rows(self._root / path)
                else:
                    yield from table_rows(self._root / path, self._table.columns, key="boxes")
            except OSError as error:
                found = f"{self._spec.path}: boxes: {path} cannot be read ({error.strerror})"
                raise InputError(found, "a table of boxes") from error
            except InputError as error:
                found = error.found if error.found.startswith("box") else f"boxes: {error.found}"
                raise InputError(f"{self._spec.path}: {found}", error.expected, error.do) from error

    def added(self, record: MammoExam | ImageText) -> tuple[MammoExam | ImageText, list[Fault]]:
        """The record with the boxes of its pictures, and a Fault for each row that is no box of its picture."""
        faults: list[Fault] = []
        if isinstance(record, MammoExam):
            return replace(record, images=tuple(self._view(view, faults) for view in record.images)), faults
        images = (replace(image, regions=self._regions(image, faults)[0]) for image in record.images)
        return replace(record, images=tuple(images)), faults

    def _view(self, view: ListedView, faults: list[Fault]) -> ListedView:
        regions, refused = self._regions(view, faults)
        if not (refused or self._kind_unknown(regions)):
            return replace(view, regions=regions)
        return replace(view, regions=regions, labels={**view.labels, UNPLACED: _ANY_KIND})

    def _kind_unknown(self, regions: Sequence[Region]) -> bool:
        """Whether a box is of no known kind: it may be one of those of which every view is to have all boxes."""
        known = self._spec.supervision
        return bool(known.boxed_kinds) and any(
            known.answer("region", Question.KIND, region.labels) is None for region in regions
        )

    def _regions(self, image: ListedView | ListedImage, faults: list[Fault]) -> tuple[tuple[Region, ...], bool]:
        """The boxes of a picture, and whether a row of it is none."""
        if image.path is None:
            return (), False
        before = len(faults)
        regions: list[Region] = []
        try:
            rows = self._named.rows_of(image.path)
            size = _size_of(self._root / image.path) if rows else (0, 0)
        except MammoscribeError as error:
            faults.append(Fault(image.path, InputError(error.found, error.expected, error.do)))
            return (), True
        for row in rows:
            region = self._region(row, size)
            if isinstance(region, Fault):
                faults.append(region)
            else:
                regions.append(region)
        return tuple(regions), len(faults) > before

    def _region(self, row: Row, size: tuple[int, int]) -> Region | Fault:
        edges = [_number(row.get(column)) for column in self._table.edges]
        if None in edges:
            given = ", ".join(f"{column} {row.get(column)!r}" for column in self._table.edges)
            return row.fault(f"the edges of the box are {given}", "four numbers, in pixels of the stored picture")
        x0, y0, x1, y1 = (edge for edge in edges if edge is not None)
        width, height = size
        named = f"the box {x0:g}, {y0:g}, {x1:g}, {y1:g}"
        if not (x1 > x0 and y1 > y0):
            return row.fault(
                f"{named} is reversed or empty", "left, top, right, bottom, with right > left and bottom > top"
            )
        if min(x0, y0) < -TOLERANCE_PX or x1 > width + TOLERANCE_PX or y1 > height + TOLERANCE_PX:
            return self._outside(row, named, size)
        box = Box(x0, y0, x1, y1).clipped(width, height)
        if box is None:
            return self._outside(row, named, size)
        labels = {label: tidy(label, row.get(column)) for label, column in self._table.labels.items()}
        return Region(box, {label: value for label, value in labels.items() if value})

    def _outside(self, row: Row, named: str, size: tuple[int, int]) -> Fault:
        found = f"{named} reaches beyond its picture {row.get(self._table.image)} of {size[0]} x {size[1]} pixels"
        return row.fault(found, "edges in pixels of the stored picture", "scale them back to the file's own pixels")

    def left(self) -> Iterator[Fault]:
        """A Fault for each picture that has boxes and was not read.

        Raises:
            InputError: when no box at all is of a picture: every picture would then teach that nothing is there.
        """
        none_joined = self._num_rows and not self._named.num_claimed
        for fault in self._named.orphans("no exam that was read has the picture", "box_image"):
            if none_joined:
                found = f"{self._spec.path}: boxes: {fault.error.found}"
                raise InputError(found, fault.error.expected, fault.error.do)
            yield fault


def _size_of(path: Path) -> tuple[int, int]:
    """(width, height) of the stored picture, by its header."""
    if not is_dicom(path):
        return plain_size(path)
    with named_damage(path):
        header = open_dicom(path, pixels=False)
        return int(header.Columns), int(header.Rows)


def _number(text: str) -> float | None:
    """A finite number, also with a decimal comma; None for anything else."""
    comma = _COMMA.fullmatch(text)
    try:
        number = float(f"{comma[1]}.{comma[2]}" if comma else text)
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None
