"""Which tensors a forward pass keeps for the backward pass, counted by their bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.hooks import RemovableHandle

from mammoscribe.training.engine.task import Task


class KeptTensors:
    """Counts what forward passes within `counting` keep, each storage once and weights not at all.

    No backward pass can follow: every node of the graph is given nothing to keep. One that kept what it gave itself would
    never go.
    """

    def __init__(self, networks: nn.Module, task: Task) -> None:
        self._networks = networks
        self._blocks = tuple(task.blocks) if task.recomputed else ()
        self._weights = {p.untyped_storage().data_ptr() for p in networks.parameters()}
        self._kept: dict[int, torch.UntypedStorage] = {}
        self._block: nn.Module | None = None
        self._of_block: dict[int, torch.UntypedStorage] = {}
        self._again = 0
        self._largest = 0

    @property
    def total(self) -> float:
        """Bytes that are kept, with those of the block that keeps most when it is computed again."""
        return float(sum(s.nbytes() for s in self._kept.values()) + self._again)

    @property
    def largest(self) -> float:
        """Bytes of the largest tensor that was kept, in a block or outside."""
        return float(self._largest)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Of blocks that are computed again in the backward pass, only what goes in is kept until then.

        torch's checkpoint keeps that itself, outside of the block and so seen here.
        """
        blocks = (m for m in self._networks.modules() if isinstance(m, self._blocks)) if self._blocks else ()
        handles = [handle for block in blocks for handle in self._watch(block)]
        try:
            with saved_tensors_hooks(lambda tensor: self._count(tensor, self._kept), _nothing):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _count(self, tensor: Tensor, kept: dict[int, torch.UntypedStorage]) -> None:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._weights:
            kept[storage.data_ptr()] = storage  # held, so that no other gets its address
            self._largest = max(self._largest, storage.nbytes())

    def _watch(self, block: nn.Module) -> Iterator[RemovableHandle]:
        # entered inside the block, above the hooks by which it throws its own tensors away
        inside = saved_tensors_hooks(lambda tensor: self._count(tensor, self._of_block), _nothing)

        def before(*_: Any) -> None:
            if self._block is None and block.training:
                self._block = block
                inside.__enter__()

        def after(*_: Any) -> None:
            if self._block is block:
                inside.__exit__()
                anew = (s.nbytes() for place, s in self._of_block.items() if place not in self._kept)
                self._again = max(self._again, sum(anew))
                self._block, self._of_block = None, {}

        yield block.register_forward_pre_hook(before)
        yield block.register_forward_hook(after)


def _nothing(_: Any) -> Tensor:
    raise AssertionError("a backward pass after a forward pass that was counted")
