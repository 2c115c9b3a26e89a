"""Losses of the calcification network: sums over the cells that teach, and how many labels each is over."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.models.reader.calcifications import BENIGN, SUSPICIOUS, PatchOutput
from mammoscribe.training.calcifications.patches import PatchBatch
from mammoscribe.training.calcifications.views import EITHER, IGNORED, NOTHING

EMPTY_PATCH_COUNT = 1.0
"""What a patch counts for in the mean of the heat loss beside its positive cells, so that patches without any teach."""


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss in the sum that is minimised: of the cells' heat, and of the terms of positive cells."""

    heat: float = 1.0
    morphology: float = 0.3
    distribution: float = 0.3


def losses(out: PatchOutput, batch: PatchBatch) -> dict[str, Tensor]:
    """The sum of every loss over its labels; a missing label adds 0, and every output takes part."""
    return {
        "heat": heat_loss(out.heat.float(), batch.reading),
        "morphology": _terms(out.morphology, batch.morphology),
        "distribution": _terms(out.distribution, batch.distribution),
    }


def heat_loss(logits: Tensor, reading: Tensor) -> Tensor:
    """Focal loss (Lin et al. 2017, gamma 2) of [N, 2, h, w] logits, summed over the cells whose reading is known.

    Where calcifications are known and their kind is not, the likelier of the two readings answers for the cell.
    """
    wanted = torch.stack([reading == SUSPICIOUS, reading == BENIGN], dim=1).float()
    known = (reading != IGNORED) & (reading != EITHER)
    either = _focal(logits.amax(1), torch.ones_like(logits[:, 0])) * (reading == EITHER)
    return (_focal(logits, wanted) * known[:, None]).sum() + either.sum()


def _focal(logits: Tensor, wanted: Tensor) -> Tensor:
    missed = (wanted - logits.sigmoid()).abs()
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * missed**2


def _terms(logits: Tensor, goal: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), goal, ignore_index=NOTHING, reduction="sum")


def counts(batch: PatchBatch) -> dict[str, float]:
    """How many labels each sum of `losses` is over."""
    taught = (batch.reading != IGNORED).flatten(1).any(1).sum()
    return {
        "heat": float((batch.reading >= 0).sum()) + EMPTY_PATCH_COUNT * float(taught),
        "morphology": float((batch.morphology != NOTHING).sum()),
        "distribution": float((batch.distribution != NOTHING).sum()),
    }
