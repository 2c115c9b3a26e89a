"""Tests of the memory order of pictures."""

import pytest
import torch

from mammoscribe.models.memory_layout import channels_last
from mammoscribe.models.reader.network import ReaderNet, debug_config


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_of_a_pixel_are_side_by_side_and_values_stay(channels):
    images = torch.rand(2, channels, 6, 4)
    placed = channels_last(images)
    assert placed.stride() == (6 * 4 * channels, 1, 4 * channels, channels)
    assert torch.equal(placed, images)


def test_a_picture_in_that_order_is_not_copied():
    placed = channels_last(torch.rand(2, 1, 6, 4))
    assert channels_last(placed).data_ptr() == placed.data_ptr()


def test_an_expanded_picture_is_laid_out():
    placed = channels_last(torch.rand(2, 1, 6, 4).expand(-1, 3, -1, -1))
    assert placed.stride() == (72, 1, 12, 3)


def test_a_cut_picture_and_its_copy_give_the_same_features_to_the_last_bit():
    torch.manual_seed(0)
    net = ReaderNet(debug_config()).eval()
    cut = torch.rand(2, 1, 160, 96)[:, :, 16:144]
    with torch.inference_mode():
        of_cut, of_copy = (net.image_encoder(net._channels(x)).patches for x in (cut, cut.clone()))
    assert torch.equal(of_cut, of_copy)
