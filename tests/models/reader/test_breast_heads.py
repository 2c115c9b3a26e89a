"""Breast heads: tissue statistics see the breast alone, and one bad place is enough for the worst cells."""

import torch
import torch.nn.functional as F

from mammoscribe.models.reader.breast_heads import WORST_CELLS, LesionPooling, TissuePooling, grey_statistics


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
