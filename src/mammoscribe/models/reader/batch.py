"""The tensors one forward pass reads: views of a few exams, flattened over exams, and their geometry."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

ENCODER_STRIDE = 32
T = TypeVar("T")

SLOTS = ("R_CC", "L_CC", "R_MLO", "L_MLO")
"""Order of view slots in an exam (hanging order); slot % 2 is the breast, slot // 2 the projection."""


@dataclass(frozen=True)
class ViewBatch:
    """N views of B exams.

    Args:
        images: [N, 1, H, W], tissue-normalised canvas, chest wall at the left.
        exam: [N] index of the view's exam, 0..B-1.
        slot: [N] index into SLOTS.
        nipple: [N, 2] nipple (x, y) in canvas pixels.
        mm_per_px: [N] canvas scale.
        previous: [M, 1, H, W] prior images of the rows named in `has_prior`, in order, or None.
        has_prior: [N] bool.
        num_exams: B.
    """

    images: Tensor
    exam: Tensor
    slot: Tensor
    nipple: Tensor
    mm_per_px: Tensor
    previous: Tensor | None
    has_prior: Tensor
    num_exams: int

    @property
    def side(self) -> Tensor:
        """[N] 0 = right breast, 1 = left."""
        return self.slot % 2

    @property
    def breast(self) -> Tensor:
        """[N] index of the view's breast among the 2 * B of the batch."""
        return self.exam * 2 + self.side

    @property
    def device(self) -> torch.device:
        """Device of the images."""
        return self.images.device


def tissue_cells(images: Tensor, stride: int) -> Tensor:
    """[N, 1, H, W] canvases -> [N, 1, H / stride, W / stride], the share of each cell that shows the breast."""
    return F.avg_pool2d((images[:, :1] > 0).float(), stride)


def trimmed(batch: ViewBatch) -> tuple[ViewBatch, int]:
    """The batch without the margins that no view fills, and how many rows went from the top.

    Sides stay multiples of the encoder's stride. About a third of a canvas is air; the networks mask it out, so what is
    cut off changes only the time taken and the statistics of the normalisation.
    """
    shown = batch.images if batch.previous is None else torch.cat((batch.images, batch.previous))
    height, width = shown.shape[2:]
    rows = torch.nonzero((shown > 0).any(dim=3).flatten(0, 1).any(dim=0))[:, 0].tolist() or [0]
    columns = torch.nonzero((shown > 0).any(dim=2).flatten(0, 1).any(dim=0))[:, 0].tolist() or [0]
    high, wide = _whole_cells(rows[-1] + 1 - rows[0]), _whole_cells(columns[-1] + 1)
    top = min(rows[0], height - high)
    part = (slice(None), slice(None), slice(top, top + high), slice(0, min(wide, width)))
    nipple = batch.nipple - batch.nipple.new_tensor([0.0, float(top)])
    previous = None if batch.previous is None else batch.previous[part]
    return replace(batch, images=batch.images[part], previous=previous, nipple=nipple), top


def _whole_cells(length: int) -> int:
    return -(-length // ENCODER_STRIDE) * ENCODER_STRIDE


def moved(value: T, device: torch.device | str) -> T:
    """The same tensors, dataclasses, tuples and dicts of them, on another device; gradients flow through the move."""
    if isinstance(value, Tensor):
        return value.to(device)  # type: ignore[return-value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: moved(getattr(value, f.name), device) for f in fields(value)})
    if isinstance(value, tuple):
        return tuple(moved(v, device) for v in value)  # type: ignore[return-value]
    if isinstance(value, dict):
        return {k: moved(v, device) for k, v in value.items()}  # type: ignore[return-value]
    return value
