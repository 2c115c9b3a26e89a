"""Running statistics of batch norms as a thing of their own, so that one network can keep one set for each domain.

Phantoms and films share every weight and no statistic (domain-specific batch normalisation, Chang et al., CVPR 2019).
"""

import copy
from typing import TypeVar

import torch
from torch import nn

Net = TypeVar("Net", bound=nn.Module)

DRAWN, FILMED = "drawn", "filmed"
"""The two domains: phantoms, and images of people."""


class NormStatistics(nn.Module):
    """The running mean and variance of every batch norm of a network.

    Args:
        net: the network whose present statistics are copied.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        for name, norm in _norms(net):
            for kind in ("running_mean", "running_var"):
                self.register_buffer(_flat(name, kind), getattr(norm, kind).detach().clone())

    def lend_to(self, net: nn.Module) -> None:
        """Make `net` use these very tensors: in training mode its batches move them from now on."""
        for name, norm in _norms(net):
            for kind in ("running_mean", "running_var"):
                setattr(norm, kind, getattr(self, _flat(name, kind)))


def with_statistics(net: Net, statistics: NormStatistics) -> Net:
    """The same network with other statistics: parameters are shared, not copied."""
    shared = copy.deepcopy(net, {id(p): p for p in net.parameters()})
    statistics.lend_to(shared)
    return shared


def _norms(net: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, m) for name, m in net.named_modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]


def _flat(name: str, kind: str) -> str:
    """A buffer's name holds no dots."""
    return f"{name.replace('.', '-')}-{kind}"
