"""Two sets of batch statistics for one network: parameters are shared, statistics are not."""

import torch
from torch import nn

from mammoscribe.models.reader.norm_statistics import NormStatistics, with_statistics


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()


def test_batches_move_only_the_statistics_that_were_lent():
    network = net()
    drawn, filmed = NormStatistics(network), NormStatistics(network)
    before = {k: v.clone() for k, v in drawn.state_dict().items()}
    filmed.lend_to(network)
    network.train()(torch.randn(2, 1, 8, 8) + 3)
    assert all(torch.equal(v, before[k]) for k, v in drawn.state_dict().items())
    assert not torch.equal(filmed.state_dict()["1-running_mean"], before["1-running_mean"])


def test_the_other_network_shares_parameters_and_differs_in_what_it_answers():
    network = net()
    other = NormStatistics(network)
    other.state_dict()["1-running_mean"].add_(1.0)
    shared = with_statistics(network, other)
    image = torch.randn(1, 1, 8, 8)
    assert shared[0].weight is network[0].weight
    assert not torch.allclose(shared(image), network(image))
    with torch.no_grad():
        network[0].weight.zero_()
    assert not shared[0].weight.any()


def test_statistics_survive_their_state():
    network = net()
    first, second = NormStatistics(network), NormStatistics(network)
    first.state_dict()["1-running_var"].fill_(2.5)
    second.load_state_dict(first.state_dict())
    second.lend_to(network)
    assert torch.equal(network[1].running_var, torch.full((4,), 2.5))
