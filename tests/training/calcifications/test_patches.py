"""Patches: cells of what is boxed, turned together with their pixels, and where patches are taken."""

import numpy as np
import pytest

from mammoscribe.domain.view import Box
from mammoscribe.models.reader.calcifications import BENIGN, SUSPICIOUS
from mammoscribe.training.calcifications.patches import PatchMaker, Variation, cell_targets, collate, exposed
from mammoscribe.training.calcifications.views import EITHER, IGNORED, NOTHING, FineView, Group

NONE = Variation(0, 0, 0, 0, 0, 0, False)
TURNED = Variation(3, 0, 0, 0, 0, 0, True)


def group(reading, cells, box=(80, 80, 120, 120), name="c") -> Group:
    return Group(name, Box(*box), reading, 3, 2, np.array(cells, np.int64).reshape(-1, 2))


def view(*groups, boxed=True, centres=((160, 160),)) -> FineView:
    """40 x 30 cells of mid grey, 20,000 of 65,535; the cells of the groups at 50,000."""
    pixels = np.full((320, 240), 20000, np.uint16)
    for own in groups:
        for row, column in own.cells:
            pixels[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = 50000
    return FineView(pixels, groups, boxed, centres)


def test_a_cell_with_specks_is_positive_the_rest_of_its_box_is_ignored_and_what_is_outside_is_empty():
    reading, morphology, distribution = cell_targets(view(group(SUSPICIOUS, [(11, 12)])), 8, 8, 8)
    assert reading[3, 4] == SUSPICIOUS and (morphology[3, 4], distribution[3, 4]) == (3, 2)
    assert set(reading[2:7, 2:7].ravel()) == {SUSPICIOUS, IGNORED}
    outside = np.ones((8, 8), bool)
    outside[2:7, 2:7] = False
    assert set(reading[outside]) == {NOTHING} and (morphology != NOTHING).sum() == 1


def test_where_not_every_calcification_is_boxed_no_cell_is_empty():
    reading = cell_targets(view(group(BENIGN, [(11, 12)]), boxed=False), -4, -4, 24)[0]
    assert set(reading.ravel()) == {BENIGN, IGNORED}


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (BENIGN, SUSPICIOUS, SUSPICIOUS),
        (SUSPICIOUS, EITHER, SUSPICIOUS),
        (EITHER, BENIGN, BENIGN),
        (BENIGN, IGNORED, BENIGN),
    ],
)
def test_of_two_groups_in_a_cell_the_more_important_one_wins(first, second, winner):
    for pair in ((first, second), (second, first)):
        reading = cell_targets(view(*(group(r, [(11, 12)]) for r in pair)), 8, 8, 8)[0]
        assert reading[3, 4] == winner


def test_calcifications_of_another_finding_teach_nothing():
    reading, morphology, _ = cell_targets(view(group(IGNORED, [(11, 12)])), 8, 8, 8)
    assert set(reading[2:7, 2:7].ravel()) == {IGNORED} and set(morphology.ravel()) == {NOTHING}


def test_pixels_and_cells_are_turned_together():
    own = group(SUSPICIOUS, [(11, 12), (12, 12), (13, 14)])
    outs = [PatchMaker(64, TURNED)((view(own), 0), np.random.default_rng(s)) for s in range(12)]
    batch = collate(outs)
    bright = batch.pixels[:, 0].unflatten(1, (8, 8)).unflatten(3, (8, 8)).mean(dim=(2, 4))
    lit = batch.reading == SUSPICIOUS
    assert lit.flatten(1).any(1).all()
    assert bright[lit].min() > bright[~lit].max() * 1.3
    assert len({cells.tobytes() for _, cells in outs}) > 4


def test_an_unvaried_patch_has_the_grey_of_its_view_and_its_speck_in_the_middle():
    pixels, cells = PatchMaker(64, NONE)((view(group(SUSPICIOUS, [(11, 12)])), 0), np.random.default_rng(0))
    assert cells[0, 4, 4] == SUSPICIOUS
    np.testing.assert_allclose(np.unique(pixels), np.array([20000, 50000]) * 1.2 / 65535, rtol=1e-5)


def test_a_group_without_specks_is_taken_by_the_middle_of_its_box():
    _, cells = PatchMaker(64, NONE)((view(group(SUSPICIOUS, [])), 0), np.random.default_rng(0))
    assert cells[0, 4, 4] == IGNORED and not (cells[0] == SUSPICIOUS).any()


def test_patches_beside_are_mostly_where_a_reading_looks_and_never_in_the_air():
    half = view(centres=((80, 80),))
    half.pixels[:, 120:] = 0
    made = [PatchMaker(64, NONE)((half, None), np.random.default_rng(s))[0] for s in range(30)]
    there = np.zeros((64, 64), np.float32)
    there[:, : 120 - 48] = made[0].max()
    assert sum(np.allclose(pixels, there) for pixels in made) > 15
    assert all(pixels[32, 32] > 0 for pixels in made)


def test_what_is_exposed_keeps_its_air_and_its_range():
    pixels = np.random.default_rng(0).random((64, 64), np.float32)
    pixels[:, :10] = 0
    for seed in range(5):
        out = exposed(pixels, np.random.default_rng(seed), Variation())
        assert not out[:, :10].any() and out[:, 10:].min() > 0 and out.max() <= 1.2
    np.testing.assert_allclose(
        exposed(pixels, np.random.default_rng(0), NONE)[:, 10:], pixels[:, 10:].clip(1e-4), rtol=1e-6
    )
