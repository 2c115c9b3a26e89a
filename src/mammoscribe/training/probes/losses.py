"""The loss of present-or-absent labels of which some are unknown."""

import torch
import torch.nn.functional as F
from torch import Tensor


def known_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Sum of the binary cross-entropy over the known labels [N, C]; a NaN label counts for nothing."""
    known = ~torch.isnan(labels)
    each = F.binary_cross_entropy_with_logits(logits.float(), labels.nan_to_num(0.0), reduction="none")
    return torch.where(known, each, 0.0).sum()
