"""What boxed calcifications teach: readings, cells with specks, and which views are left out."""

import numpy as np
import pytest

from mammoscribe.domain.view import Box
from mammoscribe.models.reader.calcifications import BENIGN, DISTRIBUTIONS, MORPHOLOGIES, SUSPICIOUS, PatchConfig
from mammoscribe.support.errors import InputError
from mammoscribe.training.calcifications.views import (
    CALCIFICATION,
    EITHER,
    GROUP,
    IGNORED,
    FineViews,
    cells_of,
    reading_of,
)
from mammoscribe.training.reader.samples import LabelledFinding
from tests.training.fine_lab import SPECKS_BOX, fine_lab, speck_places
from tests.training.reader.lab import labelled_lab

SMALL = PatchConfig(patch_px=64, per_view=4, width=8)


@pytest.mark.parametrize(
    ("label", "reading"),
    [
        (LabelledFinding(CALCIFICATION, ("morphology.fine_pleomorphic",), 0.1), SUSPICIOUS),
        (LabelledFinding(CALCIFICATION, ("distribution.grouped", "morphology.vascular"), 0.9), BENIGN),
        (LabelledFinding(CALCIFICATION, ("distribution.grouped",), 0.9), SUSPICIOUS),
        (LabelledFinding(CALCIFICATION, (), 1.0), SUSPICIOUS),
        (LabelledFinding(CALCIFICATION, (), 0.0), EITHER),
        (LabelledFinding(CALCIFICATION), EITHER),
        (LabelledFinding(0, ("associated.calcifications",), 1.0), IGNORED),
    ],
)
def test_morphology_decides_the_reading_then_suspicion_and_a_benign_biopsy_does_not(label, reading):
    assert reading_of(label) == reading


def test_a_box_touches_the_cells_that_it_reaches_into_and_none_outside_the_view():
    rows, columns = cells_of(Box(7, 16, 17, 32), (10, 10))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (2, 4, 0, 3)
    rows, columns = cells_of(Box(-20, 70, 5, 200), (10, 10))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (8, 10, 0, 1)
    rows, columns = cells_of(Box(-20, -30, -5, -2), (10, 10))
    assert rows.start == rows.stop and columns.start == columns.stop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fine_lab(tmp_path_factory.mktemp("fine"), 4)


def test_the_cells_of_a_group_are_those_in_which_its_specks_are(folder):
    views = FineViews(folder, "train", SMALL, None)
    spot = next(s for s in views.spots if s.kind == GROUP)
    view = views.view(spot.record, spot.picture)
    (group,) = view.groups
    record = views.dataset[spot.record]
    seed = 10 * int(record.record.id.split("-")[1]) + (
        1 if record.pictures[spot.picture].path.endswith("L_CC.png") else 3
    )
    left, top = record.pictures[spot.picture].at(100.0).placement.to_canvas_point(0, 0)
    there = {((row + int(top)) // 8, (column + int(left)) // 8) for row, column in speck_places(seed)}
    found = {tuple(cell) for cell in group.cells.tolist()}
    assert len(found & there) >= 0.7 * len(there)
    assert all(min(abs(r - a) + abs(c - b) for a, b in there) <= 2 for r, c in found)
    assert (group.reading, MORPHOLOGIES[group.morphology], DISTRIBUTIONS[group.distribution]) == (
        SUSPICIOUS, "morphology.fine_pleomorphic", "distribution.grouped",
    )  # fmt: skip
    assert group.box.x1 - group.box.x0 == pytest.approx(SPECKS_BOX[2] - SPECKS_BOX[0])
    assert view.boxed and view.pixels.dtype == np.uint16


def test_specks_are_worked_out_once_and_kept(folder, tmp_path, monkeypatch):
    def view():
        views = FineViews(folder, "train", SMALL, tmp_path)
        return views.view(views.spots[0].record, views.spots[0].picture)

    before = view()
    monkeypatch.setattr("mammoscribe.training.calcifications.views.speck_map", None)  # would fail when called
    after = view()
    assert after.centres == before.centres
    assert all(np.array_equal(a.cells, b.cells) for a, b in zip(after.groups, before.groups, strict=True))


def test_a_dataset_without_fine_pixels_or_boxes_is_refused(tmp_path):
    with pytest.raises(InputError, match="no view in train that teaches calcifications"):
        FineViews(labelled_lab(tmp_path), "train", SMALL, None)
