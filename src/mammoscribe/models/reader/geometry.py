"""Where a canvas cell lies in the breast: distances from the nipple in centimetres, and their Fourier code."""

import math

import torch
from torch import Tensor, nn

FREQUENCIES = 6


def nipple_offsets(xy_px: Tensor, nipple_px: Tensor, mm_per_px: Tensor) -> Tensor:
    """Offsets from the nipple in cm: depth behind it and height above it.

    Args:
        xy_px: [..., 2] canvas positions (x, y).
        nipple_px: [..., 2] nipple in the same canvas, broadcastable.
        mm_per_px: [...] scale, broadcastable to `xy_px` without its last axis.

    Returns:
        [..., 2]: (behind, above), in cm; the chest wall is at the left of a canvas and its top is outer (CC) or upper (MLO).
    """
    return (nipple_px - xy_px) * (mm_per_px / 10.0)[..., None]


def cell_centres(height: int, width: int, stride: int, device: torch.device | None = None) -> Tensor:
    """Where the cells of a map are on the canvas.

    Args:
        height, width: of the map.
        stride: canvas pixels of a cell.
        device: that the positions are made on.

    Returns:
        [height * width, 2] positions (x, y), row after row.
    """
    y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) * stride
    x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) * stride
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack((grid_x, grid_y), dim=-1).reshape(-1, 2)


class OffsetCode(nn.Module):
    """Learned projection of the Fourier features of nipple offsets: the physical-position code."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(4 * FREQUENCIES, dim)

    def forward(self, offsets_cm: Tensor) -> Tensor:
        """[..., 2] cm -> [..., dim]; wavelengths run from 40 cm down to 1.25 cm."""
        octave = 2.0 ** torch.arange(FREQUENCIES, device=offsets_cm.device)
        angle = offsets_cm[..., None] * octave * (2 * math.pi / 40.0)
        features = torch.cat((angle.sin(), angle.cos()), dim=-1).flatten(-2)
        return self.project(features)
