"""Likeness: copies lie over each other, pictures with the same outline do not."""

import numpy as np
import pytest

from mammoscribe.data.leakage.pictures import LIKENESS
from mammoscribe.imaging.likeness import likeness, small_picture
from tests.imaging.drawn import half_disc


def breast(seed, height=400, width=300):
    """The same outline with tissue of its own."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.random((50, 38)), np.ones((8, 8)))[:height, :width]
    return np.where(half_disc(height, width) > 0, 0.4 + 0.5 * coarse, 0.0)


def test_a_picture_is_like_itself():
    assert likeness(small_picture(breast(1)), small_picture(breast(1) * 900 + 7)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("cut", [(8, 8, 6, 6), (16, 0, 0, 12), (0, 16, 12, 0), (0, 0, 12, 0)])
def test_a_crop_of_a_few_per_cent_is_undone(cut):
    top, bottom, left, right = cut
    whole = breast(1)
    cropped = whole[top : whole.shape[0] - bottom, left : whole.shape[1] - right]
    assert likeness(small_picture(whole), small_picture(cropped)) > LIKENESS


def test_a_shift_is_undone_and_a_large_one_is_not():
    small = small_picture(breast(1))
    assert likeness(small, np.roll(small, (6, -5), (0, 1))) > 0.8
    assert likeness(small, np.roll(small, (20, 20), (0, 1))) < LIKENESS


def test_the_same_outline_with_other_tissue_is_not_like():
    assert max(likeness(small_picture(breast(1)), small_picture(breast(n))) for n in range(2, 8)) < LIKENESS


def test_an_even_picture_is_like_nothing():
    even = small_picture(np.full((9, 9), 3.0))
    assert likeness(even, even) == likeness(even, small_picture(breast(1))) == 0
