"""Matrices of a frozen language model in 4 bits (NF4, QLoRA: Dettmers et al. 2023), packed by `bitsandbytes`."""

import importlib
import re
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.chat.lora import TARGETS
from mammoscribe.support.errors import MissingExtra, install_extra

BLOCK = 64
"""Numbers that share one scale, as in the paper. With it a number takes 4.5 bits; the scales are not packed again."""
_SCALES = ".scales"


class FourBitLinear(nn.Linear):
    """A linear layer whose matrix is kept in 4 bits and is unpacked whenever it is used. It has no gradient; its input has.

    Args:
        layer: whose weights are taken. Its bias stays as it is.

    Raises:
        MissingExtra: without `bitsandbytes`.
    """

    def __init__(self, layer: nn.Linear) -> None:
        nn.Module.__init__(self)  # that of nn.Linear would make a matrix
        self.in_features, self.out_features = layer.in_features, layer.out_features
        packed, state = _library().quantize_4bit(layer.weight.detach().flatten(), blocksize=BLOCK, quant_type="nf4")
        self.register_buffer("weight", packed)  # under this name `peft` looks for its device
        self.register_buffer("scales", state.absmax.float())
        self.register_buffer("shape", torch.tensor([self.out_features, self.in_features]))
        self.bias = layer.bias

    def forward(self, input: Tensor) -> Tensor:
        """[..., in] -> [..., out], in the type of a running autocast or else of the input."""
        kind = input.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else input.dtype
        shape = (self.out_features, self.in_features)
        product = _Product.apply(input.to(dtype), self.weight, self.scales, shape)
        return product if self.bias is None else product + self.bias.to(dtype)


class _Product(torch.autograd.Function):
    """x W^T, where only the packed W is kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, packed: Tensor, scales: Tensor, shape: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(packed, scales)
        ctx.shape = shape
        return F.linear(x, unpacked(packed, scales, shape).to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = gradients
        packed, scales = ctx.saved_tensors
        return gradient @ unpacked(packed, scales, ctx.shape).to(gradient.dtype), None, None, None


def unpacked(packed: Tensor, scales: Tensor, shape: tuple[int, int]) -> Tensor:
    """The [out, in] matrix in 32 bits that was packed, as its 4 bits have it."""
    library = _library()
    code = library.get_4bit_type("nf4", device=packed.device)
    state = library.QuantState(
        absmax=scales, shape=torch.Size([shape[0] * shape[1]]), code=code, blocksize=BLOCK, quant_type="nf4",
        dtype=torch.float32,
    )  # fmt: skip
    # in one row: of a matrix whose rows are no multiple of a block long, 0.50.2 takes other scales on the CPU
    return library.dequantize_4bit(packed, state).reshape(shape)


def pack_language_model(network: nn.Module) -> int:
    """Pack every matrix that updates of low rank go beside; gives how many there were.

    Raises:
        MissingExtra: without `bitsandbytes`.
    """
    found = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear) and re.fullmatch(TARGETS, n)]
    for name, layer in found:
        above, _, own = name.rpartition(".")
        setattr(network.get_submodule(above), own, FourBitLinear(layer))
    return len(found)


def full_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a network, those that were packed as the matrices in 32 bits that the network computed with."""
    stems = {name.removesuffix(_SCALES) for name in tensors if name.endswith(_SCALES)}
    own = {f"{stem}.{part}" for stem in stems for part in ("weight", "scales", "shape")}
    full = {name: tensor for name, tensor in tensors.items() if name not in own}
    for stem in stems:
        rows, columns = tensors[f"{stem}.shape"].tolist()
        full[f"{stem}.weight"] = unpacked(tensors[f"{stem}.weight"], tensors[f"{stem}{_SCALES}"], (rows, columns))
    return full


def _library() -> Any:
    try:
        return importlib.import_module("bitsandbytes.functional")
    except ImportError as error:
        raise MissingExtra("weights in 4 bits (QLoRA) need bitsandbytes", "", install_extra("qlora")) from error
