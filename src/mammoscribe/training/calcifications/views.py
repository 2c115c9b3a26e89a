"""Views at 100 um with their boxed calcifications, and the cells that teach: where the top-hat sees a speck in a box."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredRecord
from mammoscribe.data.records import MammoExam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import SUSPICIOUS_MORPHOLOGY
from mammoscribe.domain.view import Box, Origin, Role
from mammoscribe.evaluation.stored_views import at_scale, stored_view
from mammoscribe.imaging.prepare import FINE_UM
from mammoscribe.models.reader.calcifications import (
    BENIGN,
    DISTRIBUTIONS,
    MORPHOLOGIES,
    SUSPICIOUS,
    PatchConfig,
    patches_from,
)
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.tophat import CELL_PX, speck_map
from mammoscribe.support.errors import InputError
from mammoscribe.training.memo import Memo
from mammoscribe.training.reader.exams import boxed_exam
from mammoscribe.training.reader.samples import UNKNOWN, LabelledFinding, TrainingExam
from mammoscribe.training.spots import Spot

EITHER, NOTHING, IGNORED = 2, -1, -2
"""Readings of a cell beside SUSPICIOUS and BENIGN: calcifications of an unknown kind, none, and a cell that teaches nothing."""
GROUP, EMPTY = 0, 1
"""Kinds of spots: around boxed calcifications, and anywhere else."""
CALCIFICATION = TYPES.index(FindingType.CALCIFICATION)


@dataclass(frozen=True)
class Group:
    """Calcifications that a box shows in one view.

    Args:
        name: of the finding, the same in every view that shows it.
        box: in pixels of 100 um.
        reading: SUSPICIOUS, BENIGN, EITHER, or IGNORED for those that belong to another finding.
        morphology, distribution: indices into MORPHOLOGIES and DISTRIBUTIONS, or NOTHING.
        cells: [N, 2] (row, column) of the cells in the box in which the top-hat sees a speck.
    """

    name: str
    box: Box
    reading: int
    morphology: int
    distribution: int
    cells: np.ndarray


@dataclass(frozen=True)
class FineView:
    """One view at 100 um.

    Args:
        pixels: [H, W] uint16, chest wall at the left, air 0.
        groups: its boxed calcifications.
        boxed: whether these are all that it has.
        centres: (x, y) of the patches that a reading would look at, on the grid of cells.
    """

    pixels: np.ndarray
    groups: tuple[Group, ...]
    boxed: bool
    centres: tuple[tuple[int, int], ...]


def reading_of(label: LabelledFinding) -> int:
    """SUSPICIOUS or BENIGN by its morphology, else suspicious where that is labelled or proven by pathology, else EITHER.

    Calcifications that a biopsy found benign were suspicious enough for one: their pathology says nothing of their kind.
    """
    if label.type != CALCIFICATION:
        return IGNORED
    shapes = [word for word in label.descriptors if word in MORPHOLOGIES]
    if shapes:
        return SUSPICIOUS if any(word in SUSPICIOUS_MORPHOLOGY for word in shapes) else BENIGN
    return SUSPICIOUS if label.suspicion >= 0.5 else EITHER


class FineViews:
    """The views of a split that teach where calcifications are, and the spots in them.

    Args:
        folder: prepared with pictures of 100 um.
        split: of the folder.
        config: of the network whose patches are taken.
        cache: folder of what is worked out once; None keeps it in memory.

    Raises:
        InputError: when no view of the split teaches it.
    """

    def __init__(self, folder: Path, split: str, config: PatchConfig, cache: Path | None) -> None:
        self.dataset, self.config, self._cache = PreparedDataset(folder, split), config, cache
        self.spots = tuple(spot for number in range(len(self.dataset)) for spot in self._spots(number))
        if not self.spots:
            raise InputError(
                f"{folder} has no view in {split} that teaches calcifications",
                "boxes of calcifications, or views that are known to show none, with pixels of 0.15 mm or less",
            )

    def _spots(self, number: int) -> Iterator[Spot]:
        stored = self.dataset[number]
        exam = boxed_exam(stored, self.dataset)
        for picture, view in enumerate(exam.views):
            if stored.pictures[picture].at(FINE_UM) is not None:
                found = _calcifications(exam, picture)
                kinds = [reading_of(label) for _, label, _ in found]
                yield from (Spot(number, picture, i, GROUP) for i, kind in enumerate(kinds) if kind != IGNORED)
                if CALCIFICATION in view.boxed:
                    yield Spot(number, picture, None, EMPTY)

    @cached_property
    def _memo(self) -> Memo:
        shape = hashlib.sha256(json.dumps(asdict(self.config), sort_keys=True).encode()).hexdigest()
        name = f"specks-{shape[:8]}-{self.dataset.about['index_sha256'][:12]}-{self.dataset.split}"
        return Memo(self._specks, None if self._cache is None else self._cache / name)

    def _specks(self, number: int) -> dict[str, Any]:
        """Of every picture of a record: centres of patches, and the cells with specks in the box of every group."""
        stored = self.dataset[number]
        exam, found = boxed_exam(stored, self.dataset), {}
        assert isinstance(stored.record, MammoExam)
        for picture, kept in enumerate(stored.pictures):
            finer = kept.at(FINE_UM)
            if finer is not None:
                listed = stored.record.images[kept.image]
                fine = at_scale(stored_view(kept, listed, Role.CURRENT, Origin.ACQUIRED), finer)
                specks = speck_map(fine.pixels, fine.mask, self.config.tophat)
                boxes = [_fine_box(stored, picture, box) for box, _, _ in _calcifications(exam, picture)]
                cells = [_speck_cells(specks, box) for box in boxes]
                found[str(picture)] = {"centres": patches_from(specks, self.config), "cells": cells}
        return found

    def view(self, record: int, picture: int) -> FineView:
        """One view with its groups."""
        stored = self.dataset[record]
        exam, finer = boxed_exam(stored, self.dataset), stored.pictures[picture].at(FINE_UM)
        assert finer is not None
        known: Mapping[str, Any] = self._memo(record)[str(picture)]
        found = _calcifications(exam, picture)
        groups = tuple(
            Group(
                name, _fine_box(stored, picture, box), reading_of(label), _index(label, MORPHOLOGIES),
                _index(label, DISTRIBUTIONS), np.array(cells, np.int64).reshape(-1, 2),
            )
            for (box, label, name), cells in zip(found, known["cells"], strict=True)
        )  # fmt: skip
        centres = tuple((int(x), int(y)) for x, y in known["centres"])
        return FineView(finer.pixels, groups, CALCIFICATION in exam.views[picture].boxed, centres)


def _calcifications(exam: TrainingExam, picture: int) -> list[tuple[Box, LabelledFinding, str]]:
    """Boxes on the first-pass canvas of findings that are or hold calcifications, with label and name of each."""
    found = []
    for mark in exam.views[picture].marks:
        label = exam.findings[mark.finding]
        if label.type == CALCIFICATION or "associated.calcifications" in label.descriptors:
            found.append((Box(*mark.box), label, f"{exam.id}/{mark.finding}"))
    return found


def _fine_box(stored: StoredRecord, picture: int, box: Box) -> Box:
    """A box on the first-pass canvas of a picture, in its pixels of 100 um."""
    kept = stored.pictures[picture]
    finer, on_file = kept.at(FINE_UM), kept.placement.to_stored_box(box, clip=False)
    assert finer is not None and on_file is not None
    return finer.placement.to_canvas_box(on_file)


def cells_of(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the cells that a box touches, inside a grid of that shape."""
    edges = ((box.y0, box.y1, shape[0]), (box.x0, box.x1, shape[1]))
    rows, columns = (
        slice(min(n, max(0, int(low // CELL_PX))), min(n, max(0, -int(-high // CELL_PX)))) for low, high, n in edges
    )
    return rows, columns


def _speck_cells(specks: np.ndarray, box: Box) -> list[list[int]]:
    rows, columns = cells_of(box, specks.shape)
    inside = np.argwhere(specks[rows, columns] > 0)
    return (inside + np.array([rows.start, columns.start])).tolist()


def _index(label: LabelledFinding, terms: tuple[str, ...]) -> int:
    return next((terms.index(word) for word in label.descriptors if word in terms), UNKNOWN)
