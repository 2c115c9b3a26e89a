"""An exponential moving average of the weights, and of batch statistics beside them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mammoscribe.training.engine.step import NETWORKS


class Ema:
    """Averages of everything that training moves.

    Args:
        networks: prepared; of what is sharded each process averages its own part.
        decay: share of the old average that is kept; less in the first steps, (1 + n) / (10 + n) after n of them.
    """

    def __init__(self, networks: nn.Module, decay: float) -> None:
        self._decay = decay
        moving = [(n, p) for n, p in networks.named_parameters() if p.requires_grad]
        moving += [(n, b) for n, b in networks.named_buffers() if b.is_floating_point()]
        self._live = {name.removeprefix(NETWORKS): tensor for name, tensor in moving}
        self._average = {name: _own(tensor).detach().clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the weights after step `step` (from 1)."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, live in self._live.items():
            self._average[name].lerp_(_own(live), share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Use the averages as weights for as long as the block lasts."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, live in self._live.items():
            held = _own(live).clone()
            _own(live).copy_(self._average[name])
            self._average[name].copy_(held)

    def full(self) -> dict[str, Tensor]:
        """The averages, whole and on the CPU; every process has to ask."""
        return {name: _whole(self._average[name], live).cpu() for name, live in self._live.items()}

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take averages that `full` gave; KeyError when one is missing."""
        for name, live in self._live.items():
            self._average[name].copy_(_part(tensors[name], live))


def _own(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process holds."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor.detach()  # type: ignore[attr-defined]


def _whole(part: Tensor, live: Tensor) -> Tensor:
    if not hasattr(live, "to_local"):
        return part
    from torch.distributed.tensor import DTensor

    assert isinstance(live, DTensor)
    return DTensor.from_local(
        part, live.device_mesh, live.placements, shape=live.shape, stride=live.stride()
    ).full_tensor()


def _part(whole: Tensor, live: Tensor) -> Tensor:
    if not hasattr(live, "to_local"):
        return whole
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(live, DTensor)
    return distribute_tensor(whole.to(live.device), live.device_mesh, live.placements).to_local()
