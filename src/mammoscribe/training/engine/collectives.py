"""What processes exchange: rows of all of them with the right gradient, sums of numbers, the buffers of the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Gathered:
    """Rows of all processes.

    Args:
        rows: [sum of N_r, ...], process after process.
        start: where this process's rows begin.
    """

    rows: Tensor
    start: int


def gather_rows(rows: Tensor) -> Gathered:
    """[N_r, ...] of every process -> those of all, for in-batch negatives; N_r may differ, the other sizes may not.

    The gradient of a row is the sum of what all processes' losses send to it. With losses that are sums over a process's
    own rows, training is that of one process with all rows. Every process has to call this, with gradients or without.
    """
    if not _several():
        return Gathered(rows, 0)
    lengths = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(dist.get_world_size())]
    dist.all_gather(lengths, torch.tensor([len(rows)], device=rows.device))
    sizes = [int(length) for length in lengths]
    start = sum(sizes[: dist.get_rank()])
    gathered = _Gather.apply(rows, sizes, start)
    assert isinstance(gathered, Tensor)
    return Gathered(gathered, start)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: Sequence[int], start: int) -> Tensor:  # type: ignore[override]
        ctx.start, ctx.length = start, len(rows)
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows
        pieces = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(pieces, padded)
        return torch.cat([piece[:size] for piece, size in zip(pieces, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.start : ctx.start + ctx.length], None, None


def summed(numbers: Sequence[float], device: torch.device) -> list[float]:
    """The sums of `numbers` over all processes."""
    if not _several():
        return list(numbers)
    wide = torch.float32 if device.type == "mps" else torch.float64
    total = torch.tensor(numbers, dtype=wide, device=device)
    dist.all_reduce(total)
    return total.tolist()


def from_first(value: Any) -> Any:
    """What the first process holds."""
    if not _several():
        return value
    held = [value]
    dist.broadcast_object_list(held)
    return held[0]


def of_all(values: list[Any]) -> list[list[Any]]:
    """The lists of all processes, in their order."""
    if not _several():
        return [values]
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, values)
    return gathered


@torch.no_grad()
def share_buffers(module: nn.Module) -> None:
    """Give every process the first one's buffers (batch statistics), as DDP does before each forward pass."""
    if _several():
        for buffer in module.buffers():
            if buffer.numel():
                dist.broadcast(buffer, 0)


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
