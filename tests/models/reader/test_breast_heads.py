"""Breast heads: tissue statistics see the breast alone, and one bad place is enough for the worst cells."""

import numpy as np
import torch
import torch.nn.functional as F

from mammoscribe.models.reader.breast_heads import (
    WORST_CELLS,
    LesionPooling,
    PooledMalignancy,
    TissuePooling,
    grey_statistics,
    pooled_maps,
)
from tests.models.tiny import noise_batch


def breast(level: float = 0.5, size: int = 64) -> torch.Tensor:
    """One canvas whose left half is tissue."""
    image = torch.zeros(1, 1, size, size)
    image[..., : size // 2] = level
    return image


def test_grey_statistics_do_not_change_with_the_margin_of_air():
    image = breast()
    torch.testing.assert_close(grey_statistics(F.pad(image, (0, 32, 32, 0))), grey_statistics(image))


def test_a_denser_breast_has_higher_shares_above_every_level():
    thin, dense = grey_statistics(breast(0.15)), grey_statistics(breast(0.95))
    assert (dense[0, 2:] >= thin[0, 2:]).all() and (dense[0, 2:] > thin[0, 2:]).any()


def test_pooled_tissue_does_not_change_with_the_margin_of_air():
    torch.manual_seed(0)
    pool = TissuePooling((3,), 8)
    image, early = breast(), torch.rand(1, 3, 16, 16)
    wider, early_wider = F.pad(image, (0, 32)), F.pad(early, (0, 8))
    torch.testing.assert_close(pool(wider, [early_wider]), pool(image, [early]), atol=1e-5, rtol=1e-4)


def test_one_bad_place_raises_the_view_and_air_never_does():
    pool = LesionPooling(1)
    torch.nn.init.ones_(pool.score.weight)
    torch.nn.init.zeros_(pool.score.bias)
    calm = torch.zeros(1, 1, 8, 8)
    lesion, air = calm.clone(), calm.clone()
    lesion[0, 0, 2:4, 1:3] = 5.0
    air[0, 0, 2:4, 6:8] = 5.0
    quiet, bad, outside = (pool(f, breast())[0, 1].item() for f in (calm, lesion, air))
    assert bad == quiet + 4 * 5.0 / WORST_CELLS
    assert outside == quiet


def test_pooled_maps_are_mean_spread_and_highest_cells_of_the_tissue():
    values = torch.rand(1, 2, 8, 8)
    tissue = values[0, :, :, :4].reshape(2, -1).numpy()  # the left half shows the breast
    highest = np.sort(tissue, axis=1)[:, -8:].mean(axis=1)
    wanted = np.concatenate((tissue.mean(1), tissue.std(1), highest))
    np.testing.assert_allclose(pooled_maps(breast(), [values])[0].numpy(), wanted, rtol=1e-4)


def test_the_rule_over_pooled_maps_is_linear_and_of_the_views_of_a_breast_together():
    rule = PooledMalignancy((2,))
    batch = noise_batch([[0, 2, 1]])  # two views of the right breast, one of the left
    maps = [torch.rand(3, 2, 12, 8)]
    assert rule(batch, maps)[1].tolist() == [0.0, 0.0]
    rule.weight.normal_()
    rule.bias.fill_(0.5)
    each = pooled_maps(batch.images, maps) @ rule.weight + 0.5
    pooled, logits = rule(batch, maps)
    right = batch.breast == 0
    torch.testing.assert_close(logits, torch.stack((each[right].mean(), each[~right].mean())))
    assert pooled.shape == (2, 6)


def test_the_rule_over_pooled_maps_is_a_sum_in_32_bits_also_where_the_network_runs_in_16():
    """Weights of hundreds whose terms cancel: in 16 bits every breast got the same answer."""
    torch.manual_seed(0)
    batch = noise_batch([[0, 1]])
    rule, maps = PooledMalignancy((2,)), [torch.rand(2, 2, 12, 8) + 5]
    rule.weight[:] = torch.tensor([900.0, -900.0, 700.0, -700.0, 500.0, -500.0])
    with torch.autocast("cpu", torch.bfloat16):
        pooled, logit = rule(batch, maps)
    expected = (pooled.double() * rule.weight.double()).sum(dim=1)
    assert (expected.abs() > 1).any()
    torch.testing.assert_close(logit.double(), expected, atol=0.05, rtol=1e-4)
