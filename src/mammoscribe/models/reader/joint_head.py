"""From what the reader's marks are read from into the joint space: every 4 mm cell, and a weighted mean of them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.reader.batch import ViewBatch, tissue_cells
from mammoscribe.models.reader.detection_head import STRIDE
from mammoscribe.models.reader.network import ReaderNetOutput

AIR = -1e4


@dataclass(frozen=True)
class CellFeatures:
    """What the head reads of N views.

    Args:
        fine: [N, C, h, w] mark features at stride 8.
        tissue: [N, h, w] bool, cells that show the breast.
    """

    fine: Tensor
    tissue: Tensor


def cell_features(out: ReaderNetOutput, batch: ViewBatch) -> CellFeatures:
    """The features of a reader's pass."""
    tissue = tissue_cells(batch.images, STRIDE)[:, 0] > 0.5
    return CellFeatures(out.maps.features.float(), tissue)


def on_grid(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """[C, h, w] maps padded at the bottom and right to a grid of that size."""
    high, wide = maps.shape[1:]
    return F.pad(maps, (0, grid[1] - wide, 0, grid[0] - high))


class JointHead(nn.Module):
    """The published projector's shape (two 1x1 convolutions), group norm in place of batch norm, and a saliency.

    The published models take the plain mean of all projected patches as the image. Here one cell in a thousand may be the
    finding, so the mean is weighted by a learned saliency. Cells are read from the marks' features, which hold what fusion
    tells of the other views.
    """

    def __init__(self, fine: int, joint_dim: int = 128) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, fine)
        self.project = nn.Sequential(
            nn.Conv2d(fine, joint_dim, 1), nn.ReLU(), nn.Conv2d(joint_dim, joint_dim, 1)
        )  # fmt: skip
        self.saliency = nn.Conv2d(fine, 1, 1)

    def forward(self, features: CellFeatures) -> tuple[Tensor, Tensor, Tensor]:
        """Projected cells [N, J, h, w] (zero in air), image [N, J], and weighted features [N, C]."""
        # torch 2.13 ends the process in the gradient of a group norm whose input has channels last and needs none
        fine = self.norm((features.fine * features.tissue[:, None]).contiguous())
        patches = (self.project(fine) * features.tissue[:, None]).float()
        weight = self.saliency(fine)[:, 0].float().masked_fill(~features.tissue, AIR).flatten(1).softmax(dim=1)
        whole, pooled = (torch.einsum("njc,nc->nj", m.flatten(2), weight).float() for m in (patches, features.fine))
        return patches, whole, pooled
