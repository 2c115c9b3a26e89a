"""The crop refiner: windows centred on the mark, the prior found where it has moved to, and one answer a mark."""

import numpy as np
import pytest
import torch

from mammoscribe.models.reader.crop_refiner import (
    CROP_AXES,
    PLANES,
    CropRefiner,
    CropRefinerConfig,
    crop_planes,
    refine_crops,
    standardised,
)
from mammoscribe.models.reader.queries import AXIS_TERMS

SIZE = 32


def view_with_square(x: int = 100, y: int = 80, half: int = 6, seed: int = 0) -> np.ndarray:
    """Smooth noise with a bright square."""
    pixels = np.random.default_rng(seed).random((200, 180)).astype(np.float32) * 0.1 + 0.2
    pixels[y - half : y + half, x - half : x + half] = 1.0
    return pixels


def planes_at(pixels: np.ndarray, box, prior=None, offset=(0.0, 0.0)) -> np.ndarray:
    return crop_planes(pixels, box, prior, offset, SIZE)


def test_the_mark_fills_half_of_the_near_window_whatever_its_size():
    for half in (12, 40):
        near = planes_at(view_with_square(half=half), (100 - half, 80 - half, 100 + half, 80 + half))[0]
        assert near[SIZE // 4 + 1 : -SIZE // 4 - 1, SIZE // 4 + 1 : -SIZE // 4 - 1].min() > 0.9
        assert near[: SIZE // 4 - 2].max() < 0.5


def test_the_wide_window_keeps_its_scale_and_shows_the_box():
    _, wide, box, *_ = planes_at(view_with_square(half=12), (88, 68, 112, 92))
    assert box.sum() == pytest.approx((24 * SIZE / 192) ** 2)
    assert wide[SIZE // 2, SIZE // 2] > 0.9 and wide[SIZE // 2, SIZE // 2 + 4] < 0.5


@pytest.mark.parametrize("box", [(-4, -4, 6, 6), (175, 195, 185, 205), (-90, 0, -80, 10)])
def test_outside_the_view_there_is_air(box):
    near = planes_at(view_with_square(), box)[0]
    assert np.isfinite(near).all() and (near == 0).any()


def test_without_a_prior_its_planes_are_empty():
    assert not planes_at(view_with_square(), (94, 74, 106, 86))[3:].any()


@pytest.mark.parametrize("moved", [(0, 0), (8, -4), (-12, 8)])
def test_the_place_is_found_again_in_a_prior_that_has_shifted(moved):
    prior = view_with_square(100 + moved[0], 80 + moved[1], half=12, seed=1)
    before = planes_at(view_with_square(half=12), (88, 68, 112, 92), prior)[3]
    assert before[SIZE // 4 + 1 : -SIZE // 4 - 1, SIZE // 4 + 1 : -SIZE // 4 - 1].min() > 0.9


def test_a_known_offset_is_followed_first():
    prior = view_with_square(160, 80, half=12, seed=1)
    before = planes_at(view_with_square(half=12), (88, 68, 112, 92), prior, (60.0, 0.0))[3]
    assert before[SIZE // 2, SIZE // 2] > 0.9


def test_standardised_planes_have_no_level_and_keep_air_at_nothing():
    planes = torch.from_numpy(planes_at(view_with_square(), (175, 195, 185, 205)))[None]
    out = standardised(planes)
    tissue = planes[0, 0] > 0
    assert float(out[0, 0][tissue].mean()) == pytest.approx(0, abs=1e-4)
    assert not out[0, 0][~tissue].any() and not out[0, 3:].any()


def test_an_answer_does_not_depend_on_how_the_windows_are_turned():
    torch.manual_seed(0)
    net = CropRefiner(CropRefinerConfig(size_px=SIZE, width=8)).eval()
    planes = torch.rand(2, PLANES, SIZE, SIZE)
    a, b = (refine_crops(net, p).type for p in (planes, planes.flip(3).transpose(2, 3)))
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_every_mark_gets_one_answer_of_each_kind():
    torch.manual_seed(0)
    net = CropRefiner(CropRefinerConfig(size_px=SIZE, width=8)).eval()
    with torch.no_grad():
        out = net(torch.rand(3, PLANES, SIZE, SIZE))
    assert out.type.shape == (3, 5) and out.suspicion.shape == (3,) and out.change.shape == (3, 4)
    assert {a: tuple(v.shape) for a, v in out.descriptors.items()} == {a: (3, len(AXIS_TERMS[a])) for a in CROP_AXES}


def test_the_shipped_shape_stays_within_its_budget():
    assert sum(p.numel() for p in CropRefiner().parameters()) < 1_500_000
