"""Batches: margins of air go, and every coordinate knows how far."""

import pytest
import torch

from mammoscribe.models.reader.batch import tissue_cells, trimmed
from tests.models.tiny import noise_batch


@pytest.fixture
def small_breast():
    """Two 96 x 64 canvases whose breasts fill rows 40..70 and columns 0..20."""
    batch = noise_batch([[0, 2]])
    shown = batch.images[:, :, 40:70, :20].clone()
    batch.images.zero_()
    batch.images[:, :, 40:70, :20] = shown + 0.1
    return batch


def test_trimming_keeps_every_pixel_of_the_breast_at_its_place(small_breast):
    cut, top = trimmed(small_breast)
    assert tuple(cut.images.shape[2:]) == (32, 32)
    torch.testing.assert_close(cut.images[:, :, 40 - top : 70 - top, :20], small_breast.images[:, :, 40:70, :20])
    assert (cut.images > 0).sum() == (small_breast.images > 0).sum()


def test_the_nipple_moves_with_the_rows(small_breast):
    cut, top = trimmed(small_breast)
    assert top == 40
    torch.testing.assert_close(cut.nipple[:, 1] + top, small_breast.nipple[:, 1])
    torch.testing.assert_close(cut.nipple[:, 0], small_breast.nipple[:, 0])


def test_a_prior_that_is_larger_than_its_view_is_kept_whole():
    batch = noise_batch([[0, 2]], with_prior=True)
    batch.images[:, :, 30:] = 0
    cut, _ = trimmed(batch)
    assert cut.previous is not None and cut.previous.shape[2:] == batch.previous.shape[2:]


def test_a_batch_without_any_tissue_stays_readable():
    batch = noise_batch([[0]])
    batch.images.zero_()
    assert trimmed(batch)[0].images.numel() > 0


def test_tissue_cells_give_the_share_of_breast(small_breast):
    cells = tissue_cells(small_breast.images, 32)[0, 0]
    assert cells.shape == (3, 2)
    assert float(cells[1, 0]) == pytest.approx(24 * 20 / 1024)
    assert float(cells[0].sum()) == 0
