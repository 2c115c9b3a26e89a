"""Losses that leave out labels that are not there, and the numbers that the losses of the reader share."""

import torch.nn.functional as F
from torch import Tensor

from mammoscribe.models.reader.batch import ViewBatch
from mammoscribe.training.reader.samples import UNKNOWN

EMPTY_VIEW_COUNT = 0.25
"""What a view without a box counts for in the mean of the heat loss, so that views without lesions teach by themselves."""
CELLS_OF_A_MARK = 9
"""Cells that are positive for one mark, at most: they share its weight."""
SURE = 0.9
"""Labels of 0 and 1 are softened to 0.05 and 0.95 where they are of a whole breast, or of every cell of a box."""


def masked_ce(logits: Tensor, goal: Tensor) -> Tensor:
    """Summed cross-entropy of [N, C] logits over the rows whose goal is known."""
    if not len(goal):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, goal, ignore_index=UNKNOWN, reduction="sum")


def masked_bce(logits: Tensor, goal: Tensor) -> Tensor:
    """Summed log loss of [N] logits over the rows whose goal is known."""
    known = goal >= 0
    per_row = F.binary_cross_entropy_with_logits(logits, goal.clamp(min=0.0), reduction="none")
    return (per_row * known).sum()


def imaged(batch: ViewBatch) -> list[bool]:
    """Which of the 2 * B breasts of a batch have a view in it."""
    shown = set(batch.breast.tolist())
    return [b in shown for b in range(2 * batch.num_exams)]
