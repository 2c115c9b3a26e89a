"""The reader network: any subset of views, exams kept apart, presets within their budget."""

import pytest
import torch

from mammoscribe.models.reader.network import PRESETS, ReaderConfig, ReaderNet, small_config
from mammoscribe.support.errors import InvalidNoun
from tests.models.tiny import noise_batch, tiny_config


@pytest.fixture(scope="module")
def net() -> ReaderNet:
    torch.manual_seed(0)
    return ReaderNet(tiny_config()).eval()


def test_the_starter_stays_within_its_parameter_budget():
    with torch.device("meta"):
        net = ReaderNet(small_config())
    assert sum(p.numel() for p in net.parameters()) < 5_000_000


def test_every_preset_survives_the_model_card():
    for preset in PRESETS.values():
        assert ReaderConfig.from_dict(preset().as_dict()) == preset()


def test_a_canvas_the_stride_does_not_divide_is_refused():
    with pytest.raises(InvalidNoun, match="multiples of 32"):
        ReaderConfig(canvas_px=(500, 320))


@pytest.mark.parametrize("slots", [[0], [3], [0, 2], [0, 1, 2, 3], [1, 2]])
@torch.no_grad()
def test_any_subset_of_views_is_read(net, slots):
    out = net(noise_batch([slots]))
    imaged = [any(s % 2 == side for s in slots) for side in (0, 1)]
    assert out.breasts.imaged.tolist() == imaged
    assert len(out.queries.type) == len(slots) * net.config.queries_per_view
    assert torch.isfinite(out.breasts.malignant).all()


@torch.no_grad()
def test_exams_of_one_batch_do_not_influence_each_other(net):
    batch = noise_batch([[0, 2], [0, 1, 2, 3]])
    alone = noise_batch([[0, 2]])
    alone.images.copy_(batch.images[:2])
    together, single = net(batch), net(alone)
    torch.testing.assert_close(together.breasts.malignant[:2], single.breasts.malignant, atol=1e-5, rtol=1e-4)
    own = together.queries.anchors.view < 2
    torch.testing.assert_close(together.queries.type[own], single.queries.type, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_prior_reaches_the_findings(net):
    batch = noise_batch([[0, 2]], with_prior=True)
    without = noise_batch([[0, 2]])
    assert (net(batch).queries.change - net(without).queries.change).abs().max() > 1e-6


@torch.no_grad()
def test_link_scores_fall_with_the_difference_of_nipple_distances(net):
    out = net(noise_batch([[0, 2]]))
    q = out.queries
    cc, mlo = torch.tensor([0]), torch.tensor([3])
    near = q.link_logits(cc, mlo)
    q.behind_cm[3] = q.behind_cm[0] + 5.0
    assert q.link_logits(cc, mlo) < near + 1e-6
