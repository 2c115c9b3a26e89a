"""Weights in 4 bits, held against the levels of the paper and against gradients by differences."""

import pytest
import torch
from torch import nn

from mammoscribe.models.chat.four_bits import BLOCK, FourBitLinear, full_weights, pack_language_model

pytest.importorskip("bitsandbytes")
LEVELS = torch.tensor([
    -1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0,
    0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0,
])  # fmt: skip
"""NF4 (Dettmers et al. 2023, appendix E)."""


def layer(bias: bool = False) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(96, 32, bias=bias)


def nearest(weight: torch.Tensor) -> torch.Tensor:
    """Each number as the nearest level times the largest magnitude of its block."""
    blocks = weight.reshape(-1, BLOCK)
    scales = blocks.abs().amax(dim=1, keepdim=True)
    level = (blocks[..., None] / scales[..., None] - LEVELS).abs().argmin(dim=-1)
    return (LEVELS[level] * scales).reshape(weight.shape)


@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_computes_with_the_nearest_levels_and_keeps_its_bias(bias):
    full, x = layer(bias), torch.randn(3, 5, 96)
    expected = x @ nearest(full.weight.detach()).T + (full.bias if bias else 0.0)
    assert torch.allclose(FourBitLinear(full)(x), expected, atol=1e-5)


def test_the_gradient_goes_to_the_input_alone():
    packed, x = FourBitLinear(layer()), torch.randn(2, 96, requires_grad=True)
    packed(x).square().sum().backward()
    matrix = nearest(layer().weight.detach())
    expected = 2 * (x.detach() @ matrix.T) @ matrix
    assert torch.allclose(x.grad, expected, atol=1e-4)
    assert not list(packed.parameters())


def test_a_number_takes_four_and_a_half_bits():
    packed = FourBitLinear(layer())
    stored = sum(b.numel() * b.element_size() for b in (packed.weight, packed.scales))
    assert stored * 8 == pytest.approx(4.5 * 96 * 32)


def test_an_autocast_computes_in_its_type():
    packed = FourBitLinear(layer())
    with torch.autocast("cpu", torch.bfloat16):
        assert packed(torch.randn(2, 96)).dtype is torch.bfloat16


def test_only_matrices_of_the_language_model_are_packed_and_come_back_in_full():
    attention = nn.Module()
    attention.q_proj, attention.norm = layer(), nn.LayerNorm(96)
    block, language, inside, network = nn.Module(), nn.Module(), nn.Module(), nn.Module()
    block.self_attn = attention
    language.layers, language.embed = nn.ModuleList([block]), nn.Embedding(4, 96)
    inside.language_model, network.model, network.head = language, inside, layer()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert pack_language_model(network) == 1
    after = full_weights(network.state_dict())
    assert after.keys() == before.keys()
    (changed,) = (name for name in before if not torch.equal(after[name], before[name]))
    assert changed == "model.language_model.layers.0.self_attn.q_proj.weight"
    assert torch.allclose(after[changed], nearest(before[changed]), atol=1e-6)
