"""The patch path at 100 um: proposes patches, scores their cells with a small network, gathers calcification groups.

A cell is 8 x 8 pixels (0.8 mm). The network says of each cell whether a calcification of a suspicious or of a typically
benign group lies in it, and which; cells of all patches of a view are stitched on one grid and cells close together
become one candidate, so a segmental group larger than any patch is still one mark.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from mammoscribe.domain.lexicon import Axis, terms_of
from mammoscribe.domain.view import Box
from mammoscribe.models.devices import device_of, mixed_precision
from mammoscribe.models.reader.tophat import CELL_PX, TopHatConfig, group_map, speck_map

MORPHOLOGIES = tuple(t.id for t in terms_of(Axis.MORPHOLOGY))
DISTRIBUTIONS = tuple(t.id for t in terms_of(Axis.DISTRIBUTION))
SUSPICIOUS, BENIGN = 0, 1


@dataclass(frozen=True)
class PatchConfig:
    """Shape of the patch path.

    Args:
        patch_px: side of a patch, a multiple of 16.
        per_view: most patches looked at in one view.
        width: the stages have 2, 3, 6 and 6 times as many channels.
        member_level: probability above which a cell belongs to a group.
        link_mm: cells closer than this are one group.
        top_cells: a group's score is the mean of this many of its highest cells.
        min_score: candidates below are not returned.
        tophat: scales of the proposal.
    """

    patch_px: int = 192
    per_view: int = 12
    width: int = 16
    member_level: float = 0.3
    link_mm: float = 8.0
    top_cells: int = 4
    min_score: float = 0.1
    tophat: TopHatConfig = field(default_factory=TopHatConfig)

    @property
    def channels(self) -> int:
        """Channels of the feature map."""
        return 6 * self.width


@dataclass(frozen=True)
class PatchOutput:
    """What the network says of P patches, per cell (h = w = patch_px / 8).

    Args:
        heat: [P, 2, h, w] logits that the cell holds a (suspicious, benign) calcification.
        morphology: [P, 14, h, w] logits in the order of `MORPHOLOGIES`.
        distribution: [P, 5, h, w] logits in the order of `DISTRIBUTIONS`.
    """

    heat: Tensor
    morphology: Tensor
    distribution: Tensor


@dataclass(frozen=True)
class CalcCandidate:
    """A group of calcifications, or one large one, in a view.

    Args:
        box: bounding box in pixels of the 100 um canvas.
        score: how sure that it is a suspicious group, 0..1.
        benign_score: how sure that it is a typically benign calcification, 0..1.
        morphology: probability of each term of `MORPHOLOGIES`.
        distribution: probability of each term of `DISTRIBUTIONS`.
    """

    box: Box
    score: float
    benign_score: float
    morphology: dict[str, float]
    distribution: dict[str, float]

    @property
    def suspicious(self) -> bool:
        """Whether the suspicious reading is the likelier one."""
        return self.score >= self.benign_score


class PatchNet(nn.Module):
    """A small residual network with strides 2 to 16 and its features at stride 8; group norm throughout.

    The first layer sees 2 x 2 pixels as channels, so nothing of a one-pixel calcification is averaged away.
    """

    def __init__(self, config: PatchConfig | None = None) -> None:
        super().__init__()
        self.config = config or PatchConfig()
        w, c = self.config.width, self.config.channels
        self.stage1 = _Conv(5, 2 * w)
        self.stage2 = nn.Sequential(_Conv(2 * w, 3 * w, 2), _Residual(3 * w))
        self.stage3 = nn.Sequential(_Conv(3 * w, c, 2), _Residual(c))
        self.stage4 = nn.Sequential(_Conv(c, c, 2), _Conv(c, c))
        self.context = nn.Linear(c, c)
        self.fuse = nn.Sequential(nn.Conv2d(2 * c, c, 1, bias=False), nn.GroupNorm(8, c), nn.SiLU())
        self.heat = nn.Conv2d(c, 2, 1)
        self.terms = nn.Conv2d(c, len(MORPHOLOGIES) + len(DISTRIBUTIONS), 1)
        nn.init.constant_(
            self.heat.get_parameter("bias"), -4.0
        )  # cells are mostly empty; start near their true frequency

    def forward(self, patches: Tensor) -> PatchOutput:
        """[P, 1, s, s] canvas grey 0..1 (background 0) -> per-cell logits and features."""
        x = local_contrast(patches).to(memory_format=torch.channels_last)
        fine = self.stage3(self.stage2(self.stage1(x)))
        wide = self.stage4(fine)
        wide = wide + self.context(wide.amax(dim=(2, 3)))[:, :, None, None]
        wide = F.interpolate(wide, size=fine.shape[2:], mode="nearest")
        features = self.fuse(torch.cat((fine, wide), dim=1))
        morphology, distribution = self.terms(features).split((len(MORPHOLOGIES), len(DISTRIBUTIONS)), dim=1)
        return PatchOutput(self.heat(features), morphology, distribution)


class _Conv(nn.Sequential):
    """3x3 convolution, group norm, SiLU."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        norm = nn.GroupNorm(8, channels)
        super().__init__(nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), norm, nn.SiLU())


class _Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(channels, channels), _Conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape in and out."""
        return x + self.second(self.first(x))


def local_contrast(patches: Tensor) -> Tensor:
    """Each patch in units of its own noise, so that window, vendor and dose shift little.

    [P, 1, s, s] -> [P, 5, s / 2, s / 2].

    Channels 0 to 3 are the pixels of each 2 x 2 block minus their 3 mm mean, over the patch's typical such difference
    and compressed by asinh; channel 4 is the 3 mm mean against the patch's own, which shows skin, muscle and density.
    """
    patches = patches.float()
    half = F.avg_pool2d(patches, 2)
    mean = F.avg_pool2d(F.avg_pool2d(half, 2), 7, 1, 3, count_include_pad=False)
    fine = patches - F.interpolate(mean, scale_factor=4.0, mode="bilinear")
    inside = patches > 0
    typical = torch.where(inside, fine.abs(), torch.nan)[:, :, ::2, ::2].flatten(1).nanmedian(dim=1).values
    typical = typical.nan_to_num(1.0).clamp_min(1e-3)[:, None, None, None]
    level = (patches.sum((2, 3)) / inside.sum((2, 3)).clamp_min(1))[:, :, None, None]
    coarse = F.interpolate(mean - level, scale_factor=2.0, mode="nearest")
    return torch.cat((torch.asinh(F.pixel_unshuffle(fine, 2) / (3 * typical)), 4 * coarse), dim=1)


def propose_patches(pixels: np.ndarray, mask: np.ndarray, config: PatchConfig | None = None) -> list[tuple[int, int]]:
    """Centres (x, y) in pixels of the patches worth looking at, most promising first.

    Args:
        pixels: [H, W] float32 canvas at 100 um, 0..1, background 0.
        mask: [H, W] bool, the breast.
        config: how many patches of which size; the defaults when left out.

    Returns:
        At most `per_view` centres, on the cell grid, whose patches lie inside the picture (where it is large enough).
    """
    config = config or PatchConfig()
    return patches_from(speck_map(pixels, mask, config.tophat), config)


def patches_from(specks: np.ndarray, config: PatchConfig) -> list[tuple[int, int]]:
    """`propose_patches` from the specks of a view (`tophat.speck_map`).

    Shapes: specks [H, W].
    """
    groups = group_map(specks, config.tophat)
    half, inner = config.patch_px // (2 * CELL_PX), config.patch_px * 3 // (8 * CELL_PX)
    high = [max(half, n - half) for n in groups.shape]
    centres: list[tuple[int, int]] = []
    while len(centres) < config.per_view:
        row, col = np.unravel_index(np.argmax(groups), groups.shape)
        if groups[row, col] <= 0:
            break
        row, col = int(np.clip(row, half, high[0])), int(np.clip(col, half, high[1]))
        centres.append((col * CELL_PX, row * CELL_PX))
        top, left = (0 if row == half else row - inner), (0 if col == half else col - inner)
        bottom = groups.shape[0] if row == high[0] else row + inner
        right = groups.shape[1] if col == high[1] else col + inner
        groups[top:bottom, left:right] = 0
    return centres


def cut_patches(pixels: np.ndarray, centres: list[tuple[int, int]], patch_px: int) -> np.ndarray:
    """Patches [P, 1, s, s] float32 around centres (x, y); what lies outside the picture is 0."""
    half = patch_px // 2
    out = np.zeros((len(centres), 1, patch_px, patch_px), np.float32)
    for patch, (x, y) in zip(out[:, 0], centres, strict=True):
        top, left = max(0, y - half), max(0, x - half)
        part = pixels[top : max(top, y + half), left : max(left, x + half)]
        patch[top - y + half :, left - x + half :][: part.shape[0], : part.shape[1]] = part
    return out


@torch.inference_mode()
def find_calcifications(
    net: PatchNet, pixels: np.ndarray, mask: np.ndarray, config: PatchConfig | None = None
) -> list[CalcCandidate]:
    """Groups of calcifications in a view, by falling score (of whichever of the two readings is likelier).

    Args:
        net: trained network.
        pixels: [H, W] float32 canvas at 100 um, 0..1, background 0.
        mask: [H, W] bool, the breast.
        config: of the proposal and the gathering; the network's own when left out.
    """
    config = config or net.config
    centres = propose_patches(pixels, mask, config)
    if not centres:
        return []
    device = device_of(net)
    patches = torch.from_numpy(cut_patches(pixels, centres, config.patch_px)).to(device)
    with mixed_precision(device):
        output = net(patches)
    return gather_candidates(stitch(output, centres, pixels.shape, config), config)


@dataclass(frozen=True)
class CellMaps:
    """The network's answers on one grid of a view's cells; nothing where no patch was looked at.

    Args:
        heat: [2, h, w] probabilities (suspicious, benign).
        morphology, distribution: [14, h, w] and [5, h, w] probabilities.
        picture_px: (height, width) of the view in pixels.
    """

    heat: np.ndarray
    morphology: np.ndarray
    distribution: np.ndarray
    picture_px: tuple[int, int]


def stitch(
    output: PatchOutput, centres: list[tuple[int, int]], picture_px: tuple[int, int], config: PatchConfig
) -> CellMaps:
    """Lay patches on the view's grid; where they overlap, the one that sees more around the cell weighs more.

    Args:
        output: of P patches.
        centres: (x, y) of the P patches in the view.
        picture_px: (height, width) of the view.
        config: of the network.
    """
    answers = torch.cat(
        (
            output.heat.float().sigmoid(),
            output.morphology.float().softmax(1),
            output.distribution.float().softmax(1),
        ),
        dim=1,
    )
    answers = answers.cpu().numpy()
    cells = config.patch_px // CELL_PX
    grid = [max(cells, -(-n // CELL_PX)) for n in picture_px]
    total, weights = np.zeros((answers.shape[1], *grid), np.float32), np.full(grid, 1e-6, np.float32)
    ramp = np.minimum(np.minimum(np.arange(cells) + 1, np.arange(cells, 0, -1)), 5).astype(np.float32)
    weight = np.minimum.outer(ramp, ramp)
    for answer, (x, y) in zip(answers, centres, strict=True):
        row, col = y // CELL_PX - cells // 2, x // CELL_PX - cells // 2
        total[:, row : row + cells, col : col + cells] += answer * weight
        weights[row : row + cells, col : col + cells] += weight
    total /= weights
    heat, morphology, distribution = np.split(total, np.cumsum((2, len(MORPHOLOGIES))), axis=0)
    return CellMaps(heat, morphology, distribution, picture_px)


def gather_candidates(maps: CellMaps, config: PatchConfig) -> list[CalcCandidate]:
    """Cells that lie close together become one candidate; where two readings claim a place, the surer one stays."""
    found = [c for reading in (SUSPICIOUS, BENIGN) for c in _groups_of(maps, reading, config)]
    found.sort(key=lambda c: -max(c.score, c.benign_score))
    kept: list[CalcCandidate] = []
    for candidate in found:
        if not any(_same_place(candidate.box, other.box) for other in kept):
            kept.append(candidate)
    return kept


def _groups_of(maps: CellMaps, reading: int, config: PatchConfig) -> list[CalcCandidate]:
    """Candidates of one reading: connected sets of its member cells after widening each by half the link distance."""
    members = maps.heat[reading] > config.member_level
    if not members.any():
        return []
    reach = max(1, round(config.link_mm * 10 / CELL_PX / 2))
    near = np.asarray(ndimage.distance_transform_edt(~members)) <= reach
    group = np.zeros(members.shape, np.int32)
    count = int(ndimage.label(near, structure=np.ones((3, 3)), output=group))  # type: ignore[arg-type]
    candidates = (_candidate(maps, np.nonzero((group == i) & members), config) for i in range(1, count + 1))
    return [c for c in candidates if (c.score, c.benign_score)[reading] >= config.min_score]


def _candidate(maps: CellMaps, cells: tuple[np.ndarray, ...], config: PatchConfig) -> CalcCandidate:
    """The group that consists of `cells` (rows, columns)."""
    rows, cols = cells
    heat = maps.heat[:, rows, cols]
    score, benign = np.sort(heat, axis=1)[:, ::-1][:, : config.top_cells].mean(axis=1)
    weight = heat.max(axis=0) / heat.max(axis=0).sum()
    height, width = maps.picture_px
    box = Box(
        float(cols.min() * CELL_PX),
        float(rows.min() * CELL_PX),
        float(min(width, (cols.max() + 1) * CELL_PX)),
        float(min(height, (rows.max() + 1) * CELL_PX)),
    )
    return CalcCandidate(
        box=box,
        score=float(score),
        benign_score=float(benign),
        morphology=dict(zip(MORPHOLOGIES, (maps.morphology[:, rows, cols] @ weight).tolist(), strict=True)),
        distribution=dict(zip(DISTRIBUTIONS, (maps.distribution[:, rows, cols] @ weight).tolist(), strict=True)),
    )


def _same_place(a: Box, b: Box) -> bool:
    return a.iou(b) >= 0.2 or a.contains(*b.centre) or b.contains(*a.centre)
