"""The mark head: a dense map per view of where a finding of each type is centred, and how large it is.

Peaks of the map are the anchors of the finding queries (a two-stage set prediction: dense proposals converge in
minutes on two cores where free queries need days).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.domain.finding import FindingType

TYPES = tuple(FindingType)
STRIDE = 8
MAX_SIDE_PX = 512.0
USUAL_SIDE = 3.0
"""Sides of a box before any box has taught them, in cells."""
SOFT_OFFSET = 4.6
"""The soft maximum of a map that is 1 % everywhere, as it begins, becomes 0."""


@dataclass(frozen=True)
class MarkMaps:
    """Dense predictions at stride 8.

    Args:
        heat: [N, 4, h, w] logits per finding type.
        size: [N, 2, h, w] log of box width and height in units of the stride.
        shift: [N, 2, h, w] offset of the box centre from the cell centre, in units of the stride.
        features: [N, C, h, w] that the maps were read from.
        suspicion: [N, h, w] logits that a finding at a place is malignant; None where the reader has no such map.
    """

    heat: Tensor
    size: Tensor
    shift: Tensor
    features: Tensor
    suspicion: Tensor | None = None

    def boxes(self, view: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """[P, 4] canvas boxes predicted at the given cells."""
        size = self.size[view, :, row, column].float().clamp(-3, 5).exp() * STRIDE
        shift = self.shift[view, :, row, column].float().clamp(-4, 4)
        centre = (torch.stack((column, row), dim=1) + 0.5 + shift) * STRIDE
        size = size.clamp(4.0, MAX_SIDE_PX)
        return torch.cat((centre - size / 2, centre + size / 2), dim=1)

    def suspicion_in(self, view: int, box: Tensor) -> Tensor | None:
        """Mean logit of the suspicion map over the middle half of a canvas box [4]; None where there is no such map."""
        if self.suspicion is None:
            return None
        of_view = self.suspicion[view].float()
        x, y, wide, high = (
            float(v) / STRIDE for v in ((box[:2] + box[2:]) / 2).tolist() + (box[2:] - box[:2]).tolist()
        )
        rows, columns = (
            slice(*_cells(middle, extent, limit))
            for middle, extent, limit in ((y, high, of_view.shape[0]), (x, wide, of_view.shape[1]))
        )
        return of_view[rows, columns].mean()


def _cells(middle: float, extent: float, limit: int) -> tuple[int, int]:
    """First cell and end of the middle half of an extent, at least one cell."""
    first = min(max(int(middle - extent / 4), 0), limit - 1)
    return first, min(max(math.ceil(middle + extent / 4), first + 1), limit)


class MarkHead(nn.Module):
    """Feature pyramid from strides 32, 16 and 8 (Lin et al. 2017), then centre heat and box size (Zhou et al. 2019).

    Args:
        stage_channels: of the backbone maps at strides 4, 8, 16 and 32.
        dim: channels of the fused map.
        channels: of the map that marks are read from.
        suspicion: whether there is a map of how suspicious each place is.
    """

    def __init__(
        self, stage_channels: tuple[int, int, int, int], dim: int, channels: int, suspicion: bool = False,
        normed: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.from_fused = nn.Conv2d(dim, channels, 1)
        self.from_stage4 = nn.Conv2d(stage_channels[3], channels, 1)
        self.from_stage3 = nn.Conv2d(stage_channels[2], channels, 1)
        self.from_stage2 = nn.Conv2d(stage_channels[1], channels, 1)
        self.smooth16 = nn.Sequential(*_smoothing(channels, normed))
        self.smooth8 = nn.Sequential(*_smoothing(channels, normed), *_smoothing(channels, normed))
        self.heat = nn.Conv2d(channels, len(TYPES), 1)
        self.size = nn.Conv2d(channels, 2, 1)
        self.shift = nn.Conv2d(channels, 2, 1)
        for place, start in (
            (self.size, USUAL_SIDE),
            (self.shift, 1.0),
        ):  # a reader that no box taught marks the cell itself
            nn.init.zeros_(place.weight)
            place.bias = nn.Parameter(torch.full((2,), math.log(start)))
        self.suspicion = SuspicionHead(stage_channels[2], channels, normed) if suspicion else None
        self.heat.bias = nn.Parameter(torch.full((len(TYPES),), -4.6))  # focal loss starts from 1 % everywhere

    def forward(self, stages: tuple[Tensor, ...], fused: Tensor) -> MarkMaps:
        """Backbone maps and the fused map [N, dim, h, w] at stride 32 -> maps at stride 8."""
        top = self.from_fused(fused) + self.from_stage4(stages[3])
        middle = self.smooth16(self.from_stage3(stages[2]) + F.interpolate(top, size=stages[2].shape[2:]))
        features = self.smooth8(self.from_stage2(stages[1]) + F.interpolate(middle, size=stages[1].shape[2:]))
        suspicion = None if self.suspicion is None else self.suspicion(features, stages[2])
        return MarkMaps(self.heat(features), self.size(features), self.shift(features), features, suspicion)


class SuspicionHead(nn.Module):
    """How suspicious each place is, by layers that `heat` does not share, since it asks them for what all masses share.

    It sees the backbone at stride 16 beside the map that marks are read from: a linear rule on that stage tells malignant from
    benign masses (AUC 0.75 on 204 boxes of patients left out) where the shared map alone does not (0.68).

    Args:
        stage_channels: of the backbone at stride 16.
        channels: of the map that marks are read from.
        normed: whether there is a group norm, as in `_smoothing`.
    """

    def __init__(self, stage_channels: int, channels: int, normed: bool) -> None:
        super().__init__()
        self.from_stage3 = nn.Conv2d(stage_channels, channels, 1)
        nn.init.kaiming_normal_(self.from_stage3.weight, nonlinearity="linear")
        self.layers = nn.Sequential(*_smoothing(channels, normed), nn.Conv2d(channels, 1, 1))

    def forward(self, features: Tensor, stage3: Tensor) -> Tensor:
        """[N, C, h, w] shared map at stride 8 and [N, C3, h / 2, w / 2] backbone at stride 16 -> [N, h, w] logits."""
        beside = F.interpolate(self.from_stage3(stage3), size=features.shape[2:])
        return self.layers(features + beside)[:, 0]


def _smoothing(channels: int, normed: bool) -> list[nn.Module]:
    """A 3 x 3 convolution, with or without a group norm behind it.

    A norm takes its statistics over the whole picture: a window of tissue in training and a canvas with half of it air in
    reading are then not seen alike.
    """
    convolution = nn.Conv2d(channels, channels, 3, 1, 1)
    if normed:
        return [convolution, nn.GroupNorm(8, channels), nn.ReLU()]
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return [convolution, nn.ReLU()]


def peaks(maps: MarkMaps, per_view: int) -> tuple[Tensor, Tensor, Tensor]:
    """The strongest local maxima of each view over all types: (view, row, column), [N * per_view] each."""
    heat = maps.heat.float().amax(dim=1, keepdim=True)
    local = heat == F.max_pool2d(heat, 3, 1, 1)
    scores = heat.masked_fill(~local, -1e4).flatten(1)
    best = scores.topk(per_view, dim=1).indices
    view = torch.arange(len(heat), device=heat.device)[:, None].expand_as(best)
    width = heat.shape[3]
    return view.flatten(), torch.div(best, width, rounding_mode="floor").flatten(), (best % width).flatten()


def soft_maximum(maps: MarkMaps, tissue: Tensor) -> Tensor:
    """[N] logit that a view shows something malignant: the soft maximum over its places of heat and half the suspicion.

    Args:
        maps: of N views.
        tissue: [N, 1, h, w] bool, cells that show the breast.

    A breast is malignant because of one place in it, and the soft maximum lets a label of the whole breast teach the few
    places that could be that one.
    """
    logits = maps.heat.float().amax(dim=1)
    if maps.suspicion is not None:
        logits = logits + 0.5 * maps.suspicion.float()
    inside = logits.masked_fill(~tissue[:, 0], -20.0).flatten(1)
    return inside.logsumexp(dim=1) - tissue.flatten(1).sum(1).clamp(min=1).float().log() + SOFT_OFFSET
