"""Tests of the detection maps: how suspicious a marked place is."""

import pytest
import torch

from mammoscribe.models.reader.detection_head import STRIDE, TYPES, MarkHead, MarkMaps


def maps_with(suspicion: torch.Tensor | None) -> MarkMaps:
    heat = torch.zeros(1, len(TYPES), 10, 8)
    return MarkMaps(heat, torch.zeros(1, 2, 10, 8), torch.zeros(1, 2, 10, 8), torch.zeros(1, 4, 10, 8), suspicion)


def test_the_suspicion_of_a_box_is_the_mean_over_its_middle_half():
    suspicion = torch.zeros(1, 10, 8)
    suspicion[0, 4:6, 3:5] = 2.0  # the middle half of a box of 4 x 4 cells
    box = torch.tensor([2.0, 3.0, 6.0, 7.0]) * STRIDE
    assert maps_with(suspicion).suspicion_in(0, box) == 2.0


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 3.0, 3.0), (60.0, 76.0, 64.0, 80.0), (70.0, 90.0, 80.0, 95.0), (-9.0, -9.0, -3.0, -3.0)]
)
def test_a_small_box_and_one_beyond_the_edge_take_the_nearest_cell(box):
    suspicion = torch.arange(80.0).view(1, 10, 8)
    found = maps_with(suspicion).suspicion_in(0, torch.tensor(box))
    assert found is not None and float(found) in (0.0, 79.0)


def test_without_a_map_there_is_no_answer():
    assert maps_with(None).suspicion_in(0, torch.tensor([8.0, 8.0, 16.0, 16.0])) is None


def test_suspicion_has_a_layer_that_heat_does_not_share():
    torch.manual_seed(0)
    head = MarkHead((4, 4, 4, 4), dim=8, channels=8, suspicion=True)
    stages = tuple(torch.rand(1, 4, 32 // 2**i, 32 // 2**i) for i in range(4))
    maps = head(stages, torch.rand(1, 8, 4, 4))
    assert maps.suspicion is not None and head.suspicion is not None
    maps.heat.sum().backward(retain_graph=True)
    assert all(p.grad is None for p in head.suspicion.parameters())
    maps.suspicion.sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in head.suspicion.parameters())
    assert sum(p.numel() for p in head.suspicion.parameters()) > 8 * 8 * 9
