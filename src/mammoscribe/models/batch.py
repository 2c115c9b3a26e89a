"""The tensors one forward pass reads: views of a few exams, flattened over exams, and their geometry."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

SLOTS = ("R_CC", "L_CC", "R_MLO", "L_MLO")
"""Order of view slots in an exam (hanging order); slot % 2 is the breast, slot // 2 the projection."""


@dataclass(frozen=True)
class PatchCandidates:
    """Candidates of the 100 um patch path, as extra queries.

    Args:
        view: [P] index into the batch's views.
        box: [P, 4] x0, y0, x1, y1 in canvas pixels.
        embedding: [P, E] from the patch network.
    """

    view: Tensor
    box: Tensor
    embedding: Tensor


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
        candidates: of the patch path, or None.
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
    candidates: PatchCandidates | None = None

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
