"""The speck detector: small bright things count, long ones and the skin do not."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mammoscribe.models.reader import tophat
from mammoscribe.models.reader.tophat import CELL_PX, group_map, speck_map


def _noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.4 + 0.01 * rng.standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(480, 400), (475, 391), (200, 200)])
def test_a_speck_stands_out_in_its_cell_alone(shape):
    pixels = _noise(shape)
    pixels[100:103, 60:63] += 0.15
    specks = speck_map(pixels, np.ones(shape, bool))
    assert specks.shape == (-(-shape[0] // CELL_PX), -(-shape[1] // CELL_PX))
    assert np.unravel_index(np.argmax(specks), specks.shape) == (12, 7)
    far = np.ones_like(specks, bool)
    far[11:14, 6:9] = False
    assert specks[12, 7] > 2 * specks[far].max()


def test_long_lines_in_four_directions_do_not_count():
    pixels = _noise((480, 480))
    quiet = speck_map(pixels, np.ones(pixels.shape, bool)).sum()
    for k in range(300):
        for row, col in ((60, 40 + k), (80 + k, 20), (90 + k, 90 + k), (440 - k, 120 + k)):
            pixels[row : row + 2, col : col + 2] = 0.6
    added = speck_map(pixels, np.ones(pixels.shape, bool)).sum() - quiet
    assert added < 0.1 * 150 * 8.0  # the lines cross 150 cells, each of which could add the cap of 8


def test_a_large_calcification_is_a_speck_too():
    pixels = _noise((480, 480))
    row, col = np.mgrid[:480, :480]
    pixels[np.hypot(row - 240, col - 240) < 6] += 0.3
    specks = speck_map(pixels, np.ones(pixels.shape, bool))
    assert specks[29:31, 29:31].max() == specks.max() > 1


def test_the_skin_edge_is_no_speck():
    pixels = _noise((480, 480))
    row, col = np.mgrid[:480, :480]
    mask = np.hypot(row - 240, col) < 300
    pixels[~mask] = 0
    specks = speck_map(pixels, mask)
    outside = ~mask.reshape(60, 8, 60, 8).all(axis=(1, 3))
    assert not specks[outside].any()


def test_window_and_gain_do_not_move_what_stands_out():
    pixels = _noise((480, 480))
    pixels[100:103, 60:63] += 0.15
    mask = np.ones(pixels.shape, bool)
    np.testing.assert_allclose(speck_map(0.5 * pixels + 0.2, mask), speck_map(pixels, mask), atol=0.35)


def test_an_empty_mask_gives_an_empty_map():
    assert not speck_map(_noise((160, 160)), np.zeros((160, 160), bool)).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 13), st.sampled_from([(0, 1), (1, 0), (1, 1), (1, -1)]), st.integers(0, 1000))
def test_openings_by_lines_are_those_of_scipy(count, step, seed):
    codes = np.random.default_rng(seed).integers(0, 1000, (40, 50)).astype(np.uint16)
    line = np.zeros((count, count), bool)
    at = np.arange(count)
    line[at * abs(step[0]), (at if step[1] >= 0 else count - 1 - at) * abs(step[1])] = True
    line = line[np.ix_(line.any(1), line.any(0))]
    expected = ndimage.grey_opening(codes, footprint=line, mode="reflect")
    inner = slice(count, -count)
    np.testing.assert_array_equal(tophat._opening(codes, step, count)[inner, inner], expected[inner, inner])


def test_specks_close_together_outweigh_one_alone():
    specks = np.zeros((60, 60), np.float32)
    specks[10, 10] = 3.0
    specks[40:46:2, 40:46:2] = 1.5
    groups = group_map(specks)
    row, col = np.unravel_index(np.argmax(groups), groups.shape)
    assert 39 <= row <= 46
    assert 39 <= col <= 46


def test_a_full_view_takes_little_time():
    pixels, mask = _noise((2000, 1100)), np.ones((2000, 1100), bool)
    speck_map(pixels, mask)
    start = time.perf_counter()
    speck_map(pixels, mask)
    assert time.perf_counter() - start < 0.6  # 0.04 s on a quiet core
