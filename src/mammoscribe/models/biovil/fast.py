"""Image and text models of the joint space made quick on a CPU, without gradients: in float32, or in bfloat16.

In float32 they give the same numbers within 1e-4. In bfloat16, on a processor that multiplies it in hardware, they are about
twice as quick again, and an embedding keeps a cosine above 0.9995 with the exact one.

Image: batch norms are folded into their convolutions, and convolution, addition and ReLU run as one oneDNN operation with
weights laid out beforehand. That is what `torch.compile` with freezing makes of it too, but without a compiler and without
the half minute it takes. Text: padding is left out, queries of the last layer are `[CLS]` only, and no logits are made.
Measured in `benchmarks/biovil`.
"""

import copy
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mammoscribe.models.biovil.image_model import JointImageModel
from mammoscribe.models.biovil.resnet import Bottleneck, ResNet
from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.models.memory_layout import channels_last
from mammoscribe.support.errors import InputError

CHANNELS_LAST = torch.channels_last
Quick = Literal["float32", "bfloat16"]
"""What a quick copy computes in."""


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware (AMX, or AVX-512 BF16); others only emulate it, slowly."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _dtype(quick: Quick) -> torch.dtype:
    if quick == "bfloat16" and not has_bfloat16():
        expected = "a processor with AMX or AVX-512 BF16"
        raise InputError(
            "bfloat16 on a processor that has no such products", expected, "leave it out: float32 is quicker here"
        )
    return torch.bfloat16 if quick == "bfloat16" else torch.float32


def has_fused_convolutions() -> bool:
    """Whether this torch was built with oneDNN's fused convolutions; without them the folded ones run one by one."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def for_inference(model: JointImageModel, size_px: int = 448, quick: Quick = "float32") -> JointImageModel:
    """A quick copy of an image model, for the CPU, without gradients and without a state dict to save.

    Args:
        model: a model with batch norms; it is left as it is.
        size_px: the side of the images it will mostly see; others are as right, and hardly slower.
        quick: what the backbone computes in; the rest is float32, and takes a few hundredths of the time.

    Raises:
        InputError: for a model with group norms, which cannot be folded, one that is not on the CPU, or bfloat16 on a
            processor that has no such products.
    """
    dtype = _dtype(quick)
    if model.config.encoder.backbone.norm != "batch":
        raise InputError("a model with group norms", "batch norms, which can be folded into convolutions")
    _on_cpu(model)
    fast = copy.deepcopy(model).float().eval().requires_grad_(False)
    backbone = fast.encoder.encoder
    assert isinstance(backbone, ResNet)
    fast.encoder.encoder = FusedResNet(backbone, size_px, dtype)  # type: ignore[assignment]  # the same maps, another class
    reduce, norm, relu, project = fast.projector.model
    assert isinstance(reduce, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    fast.projector.model = nn.Sequential(fuse_conv_bn_eval(reduce, norm), relu, project)
    return fast


def _on_cpu(model: nn.Module) -> None:
    device = next(model.parameters()).device
    if device.type != "cpu":
        raise InputError(f"a quick copy of a model on {device}", "a model on the CPU")


class FusedResNet(nn.Module):
    """A ResNet whose convolutions carry their batch norm, ReLU and shortcut; maps come in channels-last layout, in float32."""

    def __init__(self, net: ResNet, size_px: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        side = size_px // 2
        self.stem = _FusedConv(net.conv1, net.bn1, size_px, dtype)
        self.maxpool = net.maxpool
        side //= 2
        self.stages: list[list[_FusedBottleneck]] = []
        for i in range(1, 5):
            stage = []
            for block in getattr(net, f"layer{i}"):
                stage.append(_FusedBottleneck(block, side, dtype))
                side = -(-side // block.conv2.stride[0])
            self.stages.append(stage)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[N, in_channels, H, W] -> maps at strides 4, 8, 16, 32."""
        x = self.maxpool(self.stem(channels_last(image.to(self.dtype)), relu=True))
        maps = []
        for stage in self.stages:
            for block in stage:
                x = block(x)
            maps.append(x.float())
        return tuple(maps)  # type: ignore[return-value]


class _FusedBottleneck:
    def __init__(self, block: Bottleneck, side: int, dtype: torch.dtype) -> None:
        inner = -(-side // block.conv2.stride[0])
        self.first = _FusedConv(block.conv1, block.bn1, side, dtype)
        self.second = _FusedConv(block.conv2, block.bn2, side, dtype)
        self.third = _FusedConv(block.conv3, block.bn3, inner, dtype)
        self.shortcut: _FusedConv | None = None
        if isinstance(block.downsample, nn.Sequential):
            self.shortcut = _FusedConv(block.downsample[0], block.downsample[1], side, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        inner = self.second(self.first(x, relu=True), relu=True)
        return self.third.added_to(x if self.shortcut is None else self.shortcut(x, relu=False), inner)


class _FusedConv:
    """A convolution with its batch norm folded in; its weights lie as oneDNN wants them."""

    def __init__(self, conv: Any, norm: Any, side: int, dtype: torch.dtype) -> None:
        folded = fuse_conv_bn_eval(conv, norm)
        weight = folded.weight.detach().to(dtype).contiguous(memory_format=CHANNELS_LAST)
        assert folded.bias is not None
        self.bias = folded.bias.detach().to(dtype)
        self.how = (folded.padding, folded.stride, folded.dilation)
        self.fused = has_fused_convolutions()
        if self.fused:
            shape = (1, weight.shape[1], side, side)
            weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.how, 1, shape)
        self.weight = weight

    def __call__(self, x: Tensor, relu: bool) -> Tensor:
        if self.fused:
            kind = "relu" if relu else "none"
            return torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *self.how, 1, kind, [], "")
        y = self._plain(x)
        return y.relu_() if relu else y

    def added_to(self, shortcut: Tensor, x: Tensor) -> Tensor:
        """relu(shortcut + convolution of x), written over `shortcut`, which nobody needs afterwards.

        Shapes: shortcut and result [N, C, h, w]; x as the convolution takes it.
        """
        if self.fused:
            return torch.ops.mkldnn._convolution_pointwise_.binary(
                shortcut, x, self.weight, self.bias, *self.how, 1, "add", 1.0, "relu", [], ""
            )
        return self._plain(x).add_(shortcut).relu_()

    def _plain(self, x: Tensor) -> Tensor:
        padding, stride, dilation = self.how
        return F.conv2d(x, self.weight, self.bias, stride, padding, dilation)


class FastTextModel(nn.Module):
    """A quick stand-in for a `JointTextModel` with a projection head: it gives the projected `[CLS]`, and nothing else.

    In float32 it shares its tensors with that model, but for those of the attention's projections; in bfloat16 it has its
    own, of half the size, and the projection head alone computes in float32.
    Hidden states of all tokens live as one list without padding; they are padded only for the attention itself.

    Raises:
        InputError: for a text model without projection head, of another activation, not on the CPU, or bfloat16 on a
            processor that has no such products.
    """

    def __init__(self, model: JointTextModel, quick: Quick = "float32") -> None:
        super().__init__()
        dtype = _dtype(quick)
        if model.cls_projection_head is None or model.joint_dim is None:
            raise InputError("a text model without projection head", "one of the joint space")
        if model.bert.config.hidden_act != "gelu":
            raise InputError(f"a text model with {model.bert.config.hidden_act}", "gelu")
        _on_cpu(model)
        bert = model.bert if dtype is torch.float32 else copy.deepcopy(model.bert).to(dtype)
        self.embeddings = bert.embeddings
        layers = [_FastLayer(layer) for layer in bert.encoder.layer]
        self.layers, self.last = nn.ModuleList(layers[:-1]), layers[-1]
        self.head = model.cls_projection_head
        self.eval()

    @torch.no_grad()
    def project(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids [N, T] and attention mask [N, T] -> [N, J], not normalised; a row begins with its `[CLS]`."""
        n, length = ids.shape
        real = mask.bool()
        rows = torch.nonzero(real.flatten()).squeeze(1)
        seen = real[:, None, None, :] if len(rows) < n * length else None
        x = self.embeddings(input_ids=ids).flatten(0, 1)[rows]
        first = torch.cat((rows.new_zeros(1), real.sum(1).cumsum(0)[:-1]))
        for layer in self.layers:
            x = layer(x, rows, n, length, seen)
        return self.head(self.last.first_only(x, first, rows, n, length, seen).float())


class _FastLayer(nn.Module):
    """One layer of BERT on a list of tokens; the three projections of the attention run as one product."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        attention = layer.attention.self
        parts = (attention.query, attention.key, attention.value)
        dim = attention.query.in_features
        self.qkv = nn.Linear(dim, 3 * dim)
        self.qkv.weight = nn.Parameter(torch.cat([part.weight.detach() for part in parts]))
        self.qkv.bias = nn.Parameter(torch.cat([part.bias.detach() for part in parts]))
        self.heads = attention.num_attention_heads
        self.out, self.norm = layer.attention.output.dense, layer.attention.output.LayerNorm
        self.up, self.down = layer.intermediate.dense, layer.output.dense
        self.last_norm = layer.output.LayerNorm

    def forward(self, x: Tensor, rows: Tensor, n: int, length: int, seen: Tensor | None) -> Tensor:
        """Tokens [R, D], at the flat places `rows` of [n, length] -> [R, D]."""
        q, k, v = self._padded(self.qkv(x), rows, n, length)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(n * length, -1)
        return self._rest(x, y if len(rows) == n * length else y[rows])

    def first_only(self, x: Tensor, first: Tensor, rows: Tensor, n: int, length: int, seen: Tensor | None) -> Tensor:
        """[n, D], the output at the first token of each row, for which alone the queries and the rest are computed."""
        dim = x.shape[1]
        start, weight, bias = x[first], self.qkv.weight, self.qkv.bias
        q = F.linear(start, weight[:dim], bias[:dim]).view(n, 1, self.heads, -1).transpose(1, 2)
        k, v = self._padded(F.linear(x, weight[dim:], bias[dim:]), rows, n, length)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(n, dim)
        return self._rest(start, y)

    def _padded(self, tokens: Tensor, rows: Tensor, n: int, length: int) -> tuple[Tensor, ...]:
        """[R, P * D] -> P tensors [n, heads, length, D / heads], zero where there is no token."""
        full, dim = tokens, self.out.in_features
        if len(rows) < n * length:
            full = tokens.new_zeros(n * length, tokens.shape[1]).index_copy_(0, rows, tokens)
        parts = full.view(n, length, -1, self.heads, dim // self.heads)
        return tuple(part.transpose(1, 2) for part in parts.unbind(2))

    def _rest(self, x: Tensor, attended: Tensor) -> Tensor:
        x = self.norm(self.out(attended).add_(x))
        return self.last_norm(self.down(F.gelu(self.up(x))).add_(x))
