"""Averages of weights: the recursion by hand, used and given back, saved and loaded."""

import pytest
import torch
from torch import nn

from mammoscribe.training.engine.ema import Ema


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.moving = nn.Parameter(torch.zeros(3))
        self.still = nn.Parameter(torch.ones(2), requires_grad=False)
        self.register_buffer("statistic", torch.zeros(2))
        self.register_buffer("number", torch.zeros((), dtype=torch.long))


def moved(net: Net, ema: Ema, steps: int) -> torch.Tensor:
    """The average of a value that is the number of the step, computed by hand."""
    average = torch.zeros(3)
    for step in range(1, steps + 1):
        with torch.no_grad():
            net.moving.fill_(step)
            net.statistic.fill_(-step)
            net.number.fill_(step)
        ema.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * step
    return average


def test_the_average_follows_the_weights_slowly():
    net = Net()
    ema = Ema(net, 0.9)
    expected = moved(net, ema, 100)
    assert torch.allclose(ema.full()["moving"], expected)
    assert torch.allclose(ema.full()["statistic"], -expected[:2])
    assert set(ema.full()) == {"moving", "statistic"}


def test_the_averages_are_used_within_the_block_only():
    net = Net()
    ema = Ema(net, 0.9)
    average = moved(net, ema, 10)
    with ema.applied():
        assert torch.allclose(net.moving, average)
        assert net.number == 10
    assert net.moving.tolist() == [10.0] * 3
    assert torch.allclose(ema.full()["moving"], average)


def test_the_weights_come_back_when_the_block_fails():
    net = Net()
    ema = Ema(net, 0.9)
    moved(net, ema, 3)
    with pytest.raises(ZeroDivisionError), ema.applied():
        raise ZeroDivisionError
    assert net.moving.tolist() == [3.0] * 3


def test_averages_go_into_a_checkpoint_and_back():
    one, other = Net(), Net()
    ema, again = Ema(one, 0.9), Ema(other, 0.9)
    moved(one, ema, 30)
    again.load(ema.full())
    assert torch.equal(again.full()["moving"], ema.full()["moving"])
    with pytest.raises(KeyError):
        again.load({})
