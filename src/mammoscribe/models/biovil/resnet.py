"""The ResNet backbone of BioViL-T (bottleneck, stride on the 3x3), with width, depth and normalisation as parameters.

Key names are torchvision's (`conv1`, `bn1`, `layer1.0.conv1`, ...), so the published checkpoints map one to one.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

EXPANSION = 4


@dataclass(frozen=True)
class ResNetConfig:
    """Shape of the backbone; the defaults are the published ResNet-50.

    Args:
        in_channels: 3 in the published files, 1 in the starter.
        stem: channels after the first convolution.
        width: channels of the first stage's 3x3 convolutions.
        depths: bottlenecks per stage.
        norm: `batch` as published; it learns about twice as fast as `group`. Batch statistics of phantoms and films
            must not mix (`models.reader.norm_statistics`).
    """

    in_channels: int = 3
    stem: int = 64
    width: int = 64
    depths: tuple[int, int, int, int] = (3, 4, 6, 3)
    norm: Literal["batch", "group"] = "batch"

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Output channels of the four stages."""
        return tuple(self.width * 2**i * EXPANSION for i in range(4))  # type: ignore[return-value]

    def network(self) -> "ResNet":
        """A network of this shape with random weights."""
        return ResNet(self)


def _norm(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(8, channels)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut (He et al. 2015; stride on the 3x3 as in v1.5).

    Args:
        channels_in: of its input.
        width: channels of the 3x3; it gives `EXPANSION` times as many.
        stride: of the 3x3.
        norm: batch or group.
    """

    def __init__(self, channels_in: int, width: int, stride: int, norm: str) -> None:
        super().__init__()
        out = width * EXPANSION
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = _norm(norm, width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = _norm(norm, width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = _norm(norm, out)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels_in != out:
            shortcut = nn.Conv2d(channels_in, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, _norm(norm, out))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, 4 * width, H / stride, W / stride]."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + shortcut)


class ResNet(nn.Module):
    """Backbone without classifier; returns the maps of all four stages (strides 4, 8, 16, 32)."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(config.in_channels, config.stem, 7, 2, 3, bias=False)
        self.bn1 = _norm(config.norm, config.stem)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels_in = config.stem
        for i, depth in enumerate(config.depths):
            blocks = []
            for j in range(depth):
                stride = 2 if i > 0 and j == 0 else 1
                blocks.append(Bottleneck(channels_in, config.width * 2**i, stride, config.norm))
                channels_in = config.width * 2**i * EXPANSION
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[N, in_channels, H, W] -> maps at strides 4, 8, 16, 32."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(image))))
        maps = []
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
            maps.append(x)
        return tuple(maps)  # type: ignore[return-value]
