"""The outline of a mask: its boundary in order, the skin line, and the opening that takes bumps away."""

import numpy as np
import pytest

from mammoscribe.imaging.anatomy.outline import SkinLine, boundary, opened, skin_line
from mammoscribe.support.errors import InvalidNoun


def half_disc(radius: float, size: int = 120) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] + 0.5
    return columns**2 + (rows - size / 2) ** 2 < radius**2


def test_the_boundary_goes_once_around_clockwise_without_gaps() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:10, 5:17] = True
    edge = boundary(mask)
    assert edge is not None
    assert len({tuple(p) for p in edge}) == len(edge) == 2 * (6 + 12) - 4
    assert np.abs(np.diff(edge, axis=0)).max() == 1
    assert edge[:3].tolist() == [[5, 4], [6, 4], [7, 4]]


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (1, 7), (2, 2)])
def test_small_and_empty_masks_have_the_boundary_they_can_have(shape: tuple[int, int]) -> None:
    mask = np.zeros((12, 12), bool)
    mask[3 : 3 + shape[0], 3 : 3 + shape[1]] = True
    edge = boundary(mask)
    covered = set() if edge is None else {(int(r), int(c)) for c, r in edge}
    assert covered == {(int(r), int(c)) for r, c in zip(*np.nonzero(mask), strict=True)}


def test_the_largest_piece_counts() -> None:
    mask = half_disc(50)
    mask[2:5, 110:115] = True
    edge = boundary(mask)
    assert edge is not None
    assert edge[:, 0].max() < 60


def test_the_skin_line_leaves_the_chest_wall_out_and_its_normals_lead_outwards() -> None:
    line = skin_line(half_disc(50), 1.0, smoothing_mm=3.0)
    assert line is not None
    middle = line.points[20:-20]
    outwards = middle - np.array([0.0, 60.0])
    assert np.hypot(*outwards.T) == pytest.approx(np.full(len(middle), 50), abs=1.5)
    assert ((outwards / 50) * line.normals[20:-20]).sum(axis=1).min() > 0.97
    assert line.points[0, 1] < line.points[-1, 1]
    assert np.hypot(*np.diff(middle, axis=0).T) == pytest.approx(np.ones(len(middle) - 1), abs=0.15)


def test_what_is_sampled_at_an_offset_lies_outside_or_inside_the_skin() -> None:
    mask = half_disc(50)
    line = skin_line(mask, 1.0, smoothing_mm=3.0)
    assert line is not None
    inside, outside = line.sample(mask.astype(np.float32), np.array([-5.0, 5.0]))[20:-20].T
    assert inside.min() > 0.99
    assert outside.max() < 0.01


def test_no_mask_has_no_skin_line() -> None:
    assert skin_line(np.zeros((50, 50), bool), 1.0, 3.0) is None
    assert skin_line(np.ones((50, 1), bool), 1.0, 3.0) is None


@pytest.mark.parametrize("radius", [6.0, 18.0])
def test_opening_takes_a_narrow_bump_away_and_keeps_the_breast(radius: float) -> None:
    mask = half_disc(80, 200)
    bumpy = mask.copy()
    bumpy[97:103, 70:92] = True
    result = opened(bumpy, radius)
    assert not result[98:102, 86:].any()
    assert (result ^ mask).mean() < 0.01


def test_a_skin_line_of_other_shapes_cannot_be_built() -> None:
    with pytest.raises(InvalidNoun, match="normals"):
        SkinLine(np.zeros((4, 2)), np.zeros((3, 2)), 1.0)
