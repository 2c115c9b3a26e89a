"""The crop refiner: a small network sees a crop of each mark at 200 um, beside its surroundings and the prior of the place.

The first pass sees whole views at half a millimetre a pixel, enough to propose places; shape, margin and what changed
are judged here. Two windows share a centre: one scaled to the mark, so that a small mass and a large one of a
kind look alike, and one of 38 mm for the surroundings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from mammoscribe.domain.lexicon import Axis
from mammoscribe.models.devices import device_of, mixed_precision
from mammoscribe.models.reader.queries import AXIS_TERMS, CHANGES, NO_FINDING

PLANES = 5
"""Near and wide window now, the mark's box in the wide one, near and wide window of the prior."""
GREY_PLANES, PRIOR_PLANES = (0, 1, 3, 4), (3, 4)
NEAR_SIDES, NEAREST_PX, FARTHEST_PX = 2.0, 48, 400
"""Side of the near window in sides of the mark, and its bounds in pixels of 200 um."""
WIDE_PX = 192
SEARCH_PX, SEARCH_STEP = 16, 4
"""How far, and in which steps, the place is looked for in the prior, in pixels of 200 um."""
LEAST_SPREAD = 0.02
CROP_AXES = (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.ASYMMETRY, Axis.ASSOCIATED)
"""What it says words about; those of calcifications come from the 100 um patch path."""


@dataclass(frozen=True)
class CropRefinerConfig:
    """Shape of the crop refiner.

    Args:
        size_px: side to which both windows are resampled; a multiple of 16.
        width: channels of the first stage; the later ones have 2, 3 and 4 times as many.
        acquired_statistics: whether acquired images have batch statistics of their own; those of the network itself are
            then for synthetic images.
    """

    size_px: int = 64
    width: int = 40
    acquired_statistics: bool = False


@dataclass(frozen=True)
class CropOutput:
    """What is seen in L crops.

    Args:
        type: [L, 5] logits in the order of marks.TYPES, the last is `no finding`.
        descriptors: axis -> [L, terms] logits (independent ones for `associated`).
        suspicion: [L] logits. change: [L, 4] logits, meaningful only with a prior.
    """

    type: Tensor
    descriptors: dict[Axis, Tensor]
    suspicion: Tensor
    change: Tensor


class CropRefiner(nn.Module):
    """A residual network; the first layer sees 2 x 2 pixels as channels.

    Batch norm, with which it learns several times faster; synthetic and acquired images never share statistics.
    """

    def __init__(self, config: CropRefinerConfig | None = None) -> None:
        super().__init__()
        self.config = config or CropRefinerConfig()
        w = self.config.width
        self.unshuffle = nn.PixelUnshuffle(2)
        self.stem = _conv(4 * PLANES, w)
        self.stages = nn.Sequential(
            _Residual(w, w, stride=1), _Residual(w, 2 * w), _Residual(2 * w, 3 * w), _Residual(3 * w, 4 * w)
        )
        self.mix = nn.Sequential(nn.Linear(8 * w, 4 * w), nn.GELU(), nn.Dropout(0.2))
        self.kind = nn.Linear(4 * w, NO_FINDING + 1)
        self.descriptors = nn.ModuleDict({a.value: nn.Linear(4 * w, len(AXIS_TERMS[a])) for a in CROP_AXES})
        self.suspicion = nn.Linear(4 * w, 1)
        self.change = nn.Linear(4 * w, len(CHANGES))

    def forward(self, planes: Tensor) -> CropOutput:
        """[L, PLANES, size, size] from `crop_planes` -> what is seen there."""
        planes = standardised(planes).contiguous(memory_format=torch.channels_last)
        maps = self.stages(self.stem(self.unshuffle(planes)))
        state = self.mix(torch.cat((maps.mean((2, 3)), maps.amax((2, 3))), dim=1))
        words = {a: self.descriptors[a.value](state) for a in CROP_AXES}
        return CropOutput(self.kind(state), words, self.suspicion(state).squeeze(1), self.change(state))


@torch.inference_mode()
def refine_crops(net: CropRefiner, planes: Tensor) -> CropOutput:
    """Mean logits, on the CPU, over the eight ways of turning and mirroring the windows; no word depends on them.

    Shapes: planes [L, PLANES, size, size].
    """
    device = device_of(net)
    with mixed_precision(device):
        outs = [net(turned) for turned in _all_sides(planes.to(device))]
    words = {a: _mean([o.descriptors[a] for o in outs]) for a in CROP_AXES}
    return CropOutput(
        _mean([o.type for o in outs]), words, _mean([o.suspicion for o in outs]), _mean([o.change for o in outs])
    )


def _all_sides(planes: Tensor) -> list[Tensor]:
    mirrored = [planes, planes.flip(2), planes.flip(3), planes.flip((2, 3))]
    return mirrored + [m.transpose(2, 3) for m in mirrored]


def _mean(logits: list[Tensor]) -> Tensor:
    return torch.stack(logits).float().mean(0).cpu()


def standardised(planes: Tensor) -> Tensor:
    """Grey planes with the mean and spread of their own tissue taken out; air, and a prior that is not there, become 0.

    Shapes: planes [L, PLANES, size, size] -> the same.

    A mass stands out by a tenth of the grey scale: without this a network spends its time on the level of the tissue.
    """
    grey = planes[:, list(GREY_PLANES)].float()
    tissue = (grey > 0).float()
    count = tissue.sum((2, 3), keepdim=True).clamp(min=1)
    mean = grey.sum((2, 3), keepdim=True) / count
    spread = (((grey - mean).square() * tissue).sum((2, 3), keepdim=True) / count).sqrt()
    out = planes.float().clone()
    out[:, list(GREY_PLANES)] = ((grey - mean) / (spread + LEAST_SPREAD)).clamp(-4, 4) * tissue
    return out


def _conv(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
    )


class _Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int = 2) -> None:
        super().__init__()
        self.first = _conv(channels_in, channels, stride)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        self.shortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


def crop_planes(
    pixels: np.ndarray, box: Sequence[float], prior: np.ndarray | None, prior_offset: tuple[float, float], size_px: int
) -> np.ndarray:
    """What the network sees of one mark.

    Args:
        pixels: [H, W] the view at 200 um, chest wall at the left, air 0.
        box: of the mark, (x0, y0, x1, y1) in those pixels.
        prior: the prior view at the same scale, or None.
        prior_offset: (x, y) from a place in the view to the same place in the prior, to first order.
        size_px: side of the windows.

    Returns:
        [PLANES, size, size] float32, grey as in `pixels`; the prior's planes are 0 without one.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    near = min(max(NEAR_SIDES * max(box[2] - box[0], box[3] - box[1]), NEAREST_PX), FARTHEST_PX)
    planes = np.zeros((PLANES, size_px, size_px), np.float32)
    planes[0], planes[1] = _window(pixels, x, y, near, size_px), _window(pixels, x, y, WIDE_PX, size_px)
    zoom = size_px / WIDE_PX
    planes[2] = _rectangle((box[2] - box[0]) / 2 * zoom, (box[3] - box[1]) / 2 * zoom, size_px)
    if prior is not None:
        px, py = _same_place(pixels, (x, y), prior, (x + prior_offset[0], y + prior_offset[1]))
        planes[3], planes[4] = _window(prior, px, py, near, size_px), _window(prior, px, py, WIDE_PX, size_px)
    return planes


def _window(pixels: np.ndarray, x: float, y: float, side: float, size_px: int) -> np.ndarray:
    """A square around (x, y), resampled to `size_px`; air where it reaches outside."""
    whole = round(side)
    part = _cut(pixels, round(x) - whole // 2, round(y) - whole // 2, whole)
    resized = Image.fromarray(part).resize((size_px, size_px), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)


def _cut(pixels: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """A square of `pixels` as float32, zero where it reaches outside."""
    out = np.zeros((side, side), np.float32)
    high, wide = pixels.shape
    x0, y0, x1, y1 = max(0, left), max(0, top), min(wide, left + side), min(high, top + side)
    if x1 > x0 and y1 > y0:
        out[y0 - top : y1 - top, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
    return out


def _rectangle(half_w: float, half_h: float, size_px: int) -> np.ndarray:
    """1 inside the mark's box, 0 elsewhere."""
    place = np.abs(np.arange(size_px) + 0.5 - size_px / 2)
    return np.outer(place <= max(half_h, 1), place <= max(half_w, 1)).astype(np.float32)


def _same_place(
    pixels: np.ndarray, here: tuple[float, float], prior: np.ndarray, there: tuple[float, float]
) -> tuple[float, float]:
    """The point of the prior near `there` whose surroundings look most like those of `here`.

    Compression differs between visits by some millimetres; the best correlation within 3 mm takes most of that out.
    """
    side = WIDE_PX + 2 * SEARCH_PX
    around = _reduced(_cut(prior, round(there[0]) - side // 2, round(there[1]) - side // 2, side))
    wanted = _reduced(_cut(pixels, round(here[0]) - WIDE_PX // 2, round(here[1]) - WIDE_PX // 2, WIDE_PX))
    wanted = (wanted - wanted.mean()) / (wanted.std() + 1e-6)
    parts = np.lib.stride_tricks.sliding_window_view(around, wanted.shape)
    likeness = np.einsum("abij,ij->ab", parts, wanted) / (parts.std(axis=(2, 3)) + 1e-3)
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    return there[0] + int(column) * SEARCH_STEP - SEARCH_PX, there[1] + int(row) * SEARCH_STEP - SEARCH_PX


def _reduced(pixels: np.ndarray) -> np.ndarray:
    high, wide = pixels.shape[0] // SEARCH_STEP, pixels.shape[1] // SEARCH_STEP
    return pixels.reshape(high, SEARCH_STEP, wide, SEARCH_STEP).mean(axis=(1, 3))
