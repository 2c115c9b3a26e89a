"""Depthwise convolution whose gradient is quick on a processor in half precision, where torch's own takes most of a step."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

QUICK_SIDE = 3
"""The kernel side for which torch has a quick gradient in half precision; that of 5 takes up to a hundred times as long."""


def depthwise_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """Convolve channel by channel.

    In half precision on a processor the gradients are computed by quicker ways that give the same up to rounding; the
    values, and everything on other devices, are those of torch. Kernels have an odd side of at least 3.

    Args:
        x: [N, C, H, W].
        weight: [C, 1, k, k].
        bias: [C] or None.
        stride, padding: along both sides.
    """
    if x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled() and weight.requires_grad:
        dtype = torch.get_autocast_dtype("cpu")
        return _Depthwise.apply(x.to(dtype), weight, bias, stride, padding)
    return F.conv2d(x, weight, bias, stride, padding, 1, len(weight))


class _Depthwise(torch.autograd.Function):
    """See `depthwise_convolution`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        kernel = weight.to(x.dtype).contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, kernel)
        ctx.stride, ctx.padding, ctx.with_bias = stride, padding, bias is not None
        return F.conv2d(x, kernel, None if bias is None else bias.to(x.dtype), stride, padding, 1, len(kernel))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        of_input = _of_input(grad, x, kernel, ctx.stride, ctx.padding) if ctx.needs_input_grad[0] else None
        of_bias = grad.sum((0, 2, 3)).float() if ctx.with_bias else None
        return of_input, _of_kernel(grad, x, kernel, ctx.stride, ctx.padding), of_bias, None, None


def _of_input(grad: Tensor, x: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """The convolution of the gradient with the turned kernel; a stride is undone by spreading the gradient."""
    spread = grad
    side = kernel.shape[2]
    if stride > 1:
        high, wide = (x.shape[i] + 2 * padding - side + 1 for i in (2, 3))
        shape = (*grad.shape[:2], high, wide)
        spread = torch.empty(shape, dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last).zero_()
        spread[:, :, ::stride, ::stride] = grad
    return F.conv2d(spread, kernel.flip(2, 3), None, 1, side - 1 - padding, 1, len(kernel))


def _of_kernel(grad: Tensor, x: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """[C, 1, k, k], put together from pieces of 3 x 3: each is the gradient of a kernel of that size, over a shifted input."""
    side = kernel.shape[2]
    if side == QUICK_SIDE:
        return _of_quick_kernel(grad, x, stride, padding).float()
    padded = F.pad(x, (padding,) * 4)
    high, wide = ((length - 1) * stride + QUICK_SIDE for length in grad.shape[2:])
    found = torch.zeros(kernel.shape, device=x.device)
    for row in range(0, side - 1, QUICK_SIDE - 1):
        for column in range(0, side - 1, QUICK_SIDE - 1):
            shifted = padded[:, :, row : row + high, column : column + wide].contiguous(
                memory_format=torch.channels_last
            )
            piece = (slice(None), slice(None), slice(row, row + QUICK_SIDE), slice(column, column + QUICK_SIDE))
            found[piece] = _of_quick_kernel(grad, shifted, stride, 0).float()
    return found


def _of_quick_kernel(grad: Tensor, x: Tensor, stride: int, padding: int) -> Tensor:
    """The gradient of a kernel of 3 x 3, in the precision of `x`."""
    unused = x.new_zeros((x.shape[1], 1, QUICK_SIDE, QUICK_SIDE))
    return torch.ops.aten.convolution_backward(
        grad, x, unused, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], x.shape[1], [False, True, False]
    )[1]  # fmt: skip
