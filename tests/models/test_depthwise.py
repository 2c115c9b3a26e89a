"""The quick depthwise convolution against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from mammoscribe.models.depthwise import depthwise_convolution


def both(images: int, stride: int, kernel: int, padding: int):
    """(values, gradients of input, kernels and bias) of ours under autocast and of torch in 32 bits."""
    torch.manual_seed(1)
    x = torch.randn(images, 6, 16, 18).to(torch.bfloat16).float()
    weight = torch.randn(6, 1, kernel, kernel).to(torch.bfloat16).float()
    found = []
    for quick in (True, False):
        leaves = [v.clone().requires_grad_() for v in (x, weight, torch.zeros(6))]
        with torch.autocast("cpu", torch.bfloat16, enabled=quick):
            y = depthwise_convolution(*leaves, stride, padding) if quick else F.conv2d(*leaves, stride, padding, 1, 6)
        torch.manual_seed(2)
        (y.float() * torch.randn(y.shape)).sum().backward()
        found.append((y.detach().float(), *(v.grad for v in leaves)))
    return found


@pytest.mark.parametrize("images", [1, 5])
@pytest.mark.parametrize(
    ("stride", "kernel", "padding"), [(1, 3, 1), (1, 5, 2), (1, 7, 3), (2, 3, 0), (2, 5, 0), (2, 5, 2)]
)
def test_values_and_gradients_are_those_of_torch_up_to_rounding(images, stride, kernel, padding):
    ours, theirs = both(images, stride, kernel, padding)
    for one, other in zip(ours, theirs, strict=True):
        assert float((one - other).abs().max()) < 0.02 * float(other.abs().max())


def test_outside_half_precision_it_is_torch_s_own():
    x, weight = torch.randn(16, 3, 8, 8), torch.randn(3, 1, 3, 3)
    ours, theirs = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    depthwise_convolution(x, ours, None, 1, 1).sum().backward()
    F.conv2d(x, theirs, None, 1, 1, 1, 3).sum().backward()
    assert torch.equal(ours.grad, theirs.grad)
