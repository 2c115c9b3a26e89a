"""The patch path: patches land on groups, cells become candidates, and what the network sees ignores the window."""

import numpy as np
import pytest
import torch

from mammoscribe.domain.view import Box
from mammoscribe.models.reader.calcifications import (
    DISTRIBUTIONS,
    MORPHOLOGIES,
    CalcCandidate,
    PatchConfig,
    PatchNet,
    PatchOutput,
    cut_patches,
    find_calcifications,
    gather_candidates,
    local_contrast,
    propose_patches,
    stitch,
)

SMALL = PatchConfig(patch_px=64, width=8, per_view=6)


def _view(groups: list[tuple[int, int]], shape: tuple[int, int] = (1200, 800), seed: int = 0):
    """A noisy half-disc breast with groups of twelve specks within 6 mm at the given (x, y)."""
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[: shape[0], : shape[1]]
    mask = np.hypot(row - shape[0] / 2, col) < min(shape[0] / 2, shape[1]) * 0.95
    pixels = 0.4 + 0.01 * rng.standard_normal(shape)
    for x, y in groups:
        for dx, dy in rng.integers(-30, 30, (12, 2)):
            pixels[y + dy : y + dy + 2, x + dx : x + dx + 2] += 0.12
    return (pixels * mask).astype(np.float32), mask


def _output(patches: int, cells: int) -> PatchOutput:
    """An answer that sees nothing anywhere."""
    heat = torch.full((patches, 2, cells, cells), -8.0)
    terms = (torch.zeros(patches, n, cells, cells) for n in (len(MORPHOLOGIES), len(DISTRIBUTIONS)))
    return PatchOutput(heat, *terms)


def test_every_group_gets_a_patch():
    groups = [(150, 300), (400, 600), (250, 900)]
    centres = propose_patches(*_view(groups), PatchConfig(per_view=4))
    for x, y in groups:
        assert any(abs(cx - x) < 96 and abs(cy - y) < 96 for cx, cy in centres[:3])


def test_proposals_lie_on_the_cell_grid_inside_the_picture():
    pixels, mask = _view([(20, 580), (700, 600)])
    centres = propose_patches(pixels, mask)
    assert 0 < len(centres) <= 12
    assert len(set(centres)) == len(centres)
    for x, y in centres:
        assert x % 8 == y % 8 == 0
        assert 96 <= x <= 800 - 96
        assert 96 <= y <= 1200 - 96


def test_a_picture_without_breast_gets_no_patch_and_no_candidate():
    pixels, mask = np.zeros((400, 400), np.float32), np.zeros((400, 400), bool)
    assert propose_patches(pixels, mask) == []
    assert find_calcifications(PatchNet(SMALL), pixels, mask) == []


def test_a_picture_smaller_than_a_patch_is_read():
    pixels, mask = _view([(40, 60)], (120, 90))
    found = find_calcifications(PatchNet(PatchConfig(width=8, member_level=0.0, min_score=0.0)), pixels, mask)
    assert found
    for candidate in found:
        assert candidate.box.clipped(90, 120) == candidate.box


def test_patches_are_cut_where_asked_and_zero_outside():
    pixels = np.arange(100 * 80, dtype=np.float32).reshape(100, 80) + 1
    inside, corner = cut_patches(pixels, [(40, 48), (8, 96)], 32)[:, 0]
    np.testing.assert_array_equal(inside, pixels[32:64, 24:56])
    np.testing.assert_array_equal(corner[:20, 8:], pixels[80:100, 0:24])
    assert not corner[20:].any()
    assert not corner[:, :8].any()


def test_what_the_network_sees_does_not_depend_on_gain_and_window():
    patch = torch.rand(2, 1, 64, 64) * 0.3 + 0.3
    seen, again = local_contrast(patch), local_contrast(1.4 * patch + 0.1)
    torch.testing.assert_close(seen[:, :4], again[:, :4], atol=1e-3, rtol=1e-3)
    assert seen.shape == (2, 5, 32, 32)


def test_an_all_air_patch_is_finite():
    assert local_contrast(torch.zeros(1, 1, 64, 64)).isfinite().all()


def test_the_network_is_small_and_answers_per_cell():
    net = PatchNet()
    assert sum(p.numel() for p in net.parameters()) <= 600_000
    out = net(torch.rand(2, 1, 192, 192))
    assert out.heat.shape == (2, 2, 24, 24)
    assert out.morphology.shape == (2, len(MORPHOLOGIES), 24, 24)
    assert out.distribution.shape == (2, len(DISTRIBUTIONS), 24, 24)


def test_one_patch_does_not_change_another():
    torch.manual_seed(0)
    net, patches = PatchNet(SMALL).eval(), torch.rand(3, 1, 64, 64)
    torch.testing.assert_close(net(patches).heat[:1], net(patches[:1]).heat, atol=1e-4, rtol=1e-4)


def _candidates(lit: dict[tuple[int, int, int, int], float], config: PatchConfig = SMALL) -> list[CalcCandidate]:
    """Candidates of four 64-pixel patches tiling 128 x 128 px; `lit` maps (patch, reading, row, col) to a logit."""
    output = _output(4, 8)
    for (patch, reading, row, col), logit in lit.items():
        output.heat[patch, reading, row, col] = logit
    centres = [(32, 32), (96, 32), (32, 96), (96, 96)]
    return gather_candidates(stitch(output, centres, (128, 128), config), config)


def test_cells_of_neighbouring_patches_become_one_candidate():
    (found,) = _candidates({(0, 0, 2, 6): 4.0, (0, 0, 3, 7): 4.0, (1, 0, 2, 1): 4.0, (1, 0, 5, 0): 4.0})
    assert found.box == Box(48, 16, 80, 48)
    assert found.suspicious
    assert found.score == pytest.approx(0.982, abs=0.01)
    assert sum(found.morphology.values()) == pytest.approx(1, abs=1e-4)


def test_cells_far_apart_are_two_candidates():
    near = PatchConfig(patch_px=64, width=8, link_mm=3.2)
    assert len(_candidates({(0, 0, 0, 0): 4.0, (3, 0, 7, 7): 4.0}, near)) == 2


def test_where_two_readings_claim_a_place_the_surer_one_stays():
    lit = {(0, 0, 2, 2): 1.0, (0, 0, 2, 3): 1.0, (0, 1, 2, 2): 4.0, (0, 1, 2, 3): 4.0}
    (found,) = _candidates(lit)
    assert not found.suspicious
    assert found.benign_score > 0.9


def test_more_certain_cells_give_a_higher_score():
    (one,) = _candidates({(0, 0, 2, 2): 4.0, (0, 0, 2, 3): 0.0})
    (two,) = _candidates({(0, 0, 2, 2): 4.0, (0, 0, 2, 3): 4.0})
    assert two.score > one.score


def test_the_likelier_term_comes_out_on_top():
    output = _output(1, 8)
    output.heat[0, 0, 3:5, 3:5] = 4.0
    output.morphology[0, MORPHOLOGIES.index("morphology.fine_linear"), 3:5, 3:5] = 5.0
    output.distribution[0, DISTRIBUTIONS.index("distribution.linear"), 3:5, 3:5] = 5.0
    (found,) = gather_candidates(stitch(output, [(32, 32)], (64, 64), SMALL), SMALL)
    assert max(found.morphology, key=found.morphology.__getitem__) == "morphology.fine_linear"
    assert max(found.distribution, key=found.distribution.__getitem__) == "distribution.linear"


def test_finding_leaves_the_network_as_it_was_and_repeats_itself():
    torch.manual_seed(0)
    net = PatchNet(PatchConfig(patch_px=64, width=8, per_view=4, member_level=0.0, min_score=0.0))
    pixels, mask = _view([(200, 600)])
    before = {k: v.clone() for k, v in net.state_dict().items()}
    first, second = find_calcifications(net, pixels, mask), find_calcifications(net, pixels, mask)
    assert [(c.box, c.score) for c in first] == [(c.box, c.score) for c in second] != []
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
