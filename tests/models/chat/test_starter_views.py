"""What of a reader's frozen encoder goes into a conversation: maps with either statistics, and the place."""

import numpy as np
import pytest
import torch

from mammoscribe.models.chat.starter_views import PLACE_DIM, ViewEncoder, foremost, grid_of
from tests.models.tiny_space import tiny_space


def encoder_of(shift):
    """The encoder of a reader whose statistics of acquired images were moved."""
    reader = tiny_space(norm="batch").reader
    for value in reader.films.buffers():
        value.add_(shift)
    return ViewEncoder(reader)


def test_a_token_holds_the_maps_with_the_statistics_of_drawn_and_of_acquired_images_and_its_place():
    encoder = encoder_of(0.0)
    canvas = np.random.default_rng(0).integers(0, 255, encoder.size_px).astype(np.uint8)
    same, moved = encoder(canvas), encoder_of(0.5)(canvas)
    half = (encoder.width - PLACE_DIM) // 2
    assert same.shape == (encoder.grid[0] * encoder.grid[1], encoder.width)
    assert torch.equal(same[:, :half], moved[:, :half]) and torch.equal(same[:, :half], same[:, half : 2 * half])
    assert not torch.allclose(same[:, half : 2 * half], moved[:, half : 2 * half])
    assert len(torch.unique(same[:, 2 * half :], dim=0)) == len(same)


def test_a_reader_without_statistics_is_asked_once():
    encoder = ViewEncoder(tiny_space(norm="group").reader)
    canvas = np.random.default_rng(0).integers(0, 255, encoder.size_px).astype(np.uint8)
    tokens = encoder(canvas)
    assert tokens.shape[1] == encoder.width < encoder_of(0.0).width
    assert len(torch.unique(tokens[:, :-PLACE_DIM], dim=0)) > 1


def test_a_token_holds_the_logits_of_the_mark_in_its_part_of_the_view():
    reader = tiny_space(norm="group").reader
    encoder = ViewEncoder(reader)
    canvas = np.random.default_rng(0).integers(1, 255, encoder.size_px).astype(np.uint8)
    before = encoder(canvas)
    with torch.no_grad():
        reader.net.mark_head.heat.bias[1] += 3
    moved = (encoder(canvas) - before).abs().amax(dim=0)
    assert (moved > 2.9).sum() == 1 and (moved > 0).sum() == 1


@pytest.mark.parametrize(("box", "expected"), [((10, 30, 0, 40), (39, 19.5)), (None, (0, 48))])
def test_the_foremost_tissue_is_farthest_from_the_chest_wall(box, expected):
    canvas = np.zeros((96, 64), np.uint8)
    if box is not None:
        canvas[box[0] : box[1], box[2] : box[3]] = 9
    assert foremost(canvas) == expected


def test_an_empty_canvas_has_tokens_of_numbers():
    encoder = ViewEncoder(tiny_space(norm="group").reader)
    assert torch.isfinite(encoder(np.zeros(encoder.size_px, np.uint8))).all()


def test_a_grid_has_the_shape_of_the_canvas_and_at_most_32_tokens():
    assert grid_of((96, 64)) == (3, 2)
    for size in ((1024, 768), (640, 512), (2048, 256)):
        rows, columns = grid_of(size)
        assert 16 <= rows * columns <= 32 and abs(rows / columns / (size[0] / size[1]) - 1) < 0.6
