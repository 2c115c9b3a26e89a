"""Losses of the crop refiner: sums over what is labelled, and how many labels each is over."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.domain.lexicon import Axis
from mammoscribe.models.reader.crop_refiner import CropOutput
from mammoscribe.training.crop_refiner.crops import WORD_AXES, CropBatch
from mammoscribe.training.reader.samples import UNKNOWN


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss in the sum that is minimised.

    Args:
        type: kind of finding, or none. shape, margin, density, asymmetry, associated: words. suspicion, change.
    """

    type: float = 1.0
    shape: float = 0.7
    margin: float = 0.7
    density: float = 0.7
    asymmetry: float = 0.4
    associated: float = 0.2
    suspicion: float = 0.4
    change: float = 0.5


def losses(out: CropOutput, batch: CropBatch) -> dict[str, Tensor]:
    """The sum of every loss over its labels; a crop without a label adds 0, and every output takes part."""
    logs = out.type.float().log_softmax(1).masked_fill(~batch.allowed, float("-inf"))
    known = batch.suspicion >= 0
    suspicion = F.binary_cross_entropy_with_logits(
        out.suspicion.float(), batch.suspicion.clamp(min=0), reduction="none"
    )
    associated = F.binary_cross_entropy_with_logits(
        out.descriptors[Axis.ASSOCIATED].float(), batch.associated, reduction="none"
    )
    return {
        "type": -logs.logsumexp(1).sum(),
        **{axis.value: _log_loss(out.descriptors[axis], batch.words[axis.value]) for axis in WORD_AXES},
        "associated": ((associated * batch.named).sum(1) / batch.named.sum(1).clamp(min=1)).sum(),
        "suspicion": (suspicion * known).sum(),
        "change": _log_loss(out.change, batch.change),
    }


def _log_loss(logits: Tensor, goal: Tensor) -> Tensor:
    """Summed log loss of [N, C] logits over the rows whose goal is known."""
    return F.cross_entropy(logits.float(), goal, ignore_index=UNKNOWN, reduction="sum")


def counts(batch: CropBatch) -> dict[str, float]:
    """How many labels each sum of `losses` is over."""
    found = {
        "type": (~batch.allowed).any(1).sum(),
        **{axis.value: (batch.words[axis.value] != UNKNOWN).sum() for axis in WORD_AXES},
        "associated": batch.named.any(1).sum(),
        "suspicion": (batch.suspicion >= 0).sum(),
        "change": (batch.change != UNKNOWN).sum(),
    }
    return {name: float(torch.as_tensor(value)) for name, value in found.items()}
