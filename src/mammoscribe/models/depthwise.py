"""Depthwise convolution whose gradient is quick on a processor in half precision, where torch's own takes most of a step."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

WEIGHT_SHARE = 8
"""The gradient of the kernels is taken from one in so many images of a batch, drawn anew each time."""


def depthwise_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """Convolve channel by channel.

    In half precision on a processor the gradient of the kernels is an estimate without bias from a part of the batch
    (`WEIGHT_SHARE`); values, gradients of the input and everything on other devices are those of torch.

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
        of_bias = grad.sum((0, 2, 3), dtype=torch.float32) if ctx.with_bias else None
        return of_input, _of_kernel(grad, x, kernel, ctx.stride, ctx.padding), of_bias, None, None


def _of_input(grad: Tensor, x: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """The convolution of the gradient with the turned kernel; a stride is undone by spreading the gradient."""
    spread = grad
    side = kernel.shape[2]
    if stride > 1:
        high, wide = (x.shape[i] + 2 * padding - side + 1 for i in (2, 3))
        spread = grad.new_zeros((*grad.shape[:2], high, wide)).contiguous(memory_format=torch.channels_last)
        spread[:, :, ::stride, ::stride] = grad
    return F.conv2d(spread, kernel.flip(2, 3), None, 1, side - 1 - padding, 1, len(kernel))


def _of_kernel(grad: Tensor, x: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    size = max(1, len(x) // WEIGHT_SHARE)
    first = int(torch.randint(0, len(x) - size + 1, ()))
    part = slice(first, first + size)
    found = torch.ops.aten.convolution_backward(
        grad[part], x[part], kernel, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], len(kernel), [False, True, False]
    )[1]  # fmt: skip
    return found.float() * (len(x) / size)
