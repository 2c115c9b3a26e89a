"""Losses of the text stage: masked tokens, and findings against impressions with the negatives of all processes.

Both are sums over a process's own rows, so training in several processes is that of one with the whole batch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.models.biovil.text_model import JointTextModel
from mammoscribe.training.contrastive import matched_sum
from mammoscribe.training.text.batches import MaskedBatch, PairBatch
from mammoscribe.training.text.masking import IGNORED


def masked_token_sum(model: JointTextModel, batch: MaskedBatch) -> Tensor:
    """The cross-entropy of the masked tokens, summed; 0 with a gradient of zeros where no token is masked.

    Shapes: a scalar.
    """
    chosen = batch.labels != IGNORED
    return masked_sum(model.logits_at(batch.ids, batch.mask, chosen), batch.labels)


def masked_sum(logits: Tensor, labels: Tensor) -> Tensor:
    """The same from the logits [K, V] of the K positions of `labels`, [N, T], that are asked for."""
    return F.cross_entropy(at_least_32_bits(logits), labels[labels != IGNORED], reduction="sum")


def at_least_32_bits(values: Tensor) -> Tensor:
    """The values, wider where autocast left them in 16 bits.

    Shapes: values of any shape -> the same shape.
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))


def projected_pairs(model: JointTextModel, batch: PairBatch) -> tuple[Tensor, Tensor]:
    """[B, J] each: findings and impressions in the joint space, of unit length."""
    return (
        F.normalize(at_least_32_bits(model.project(batch.findings, batch.findings_mask)), dim=1),
        F.normalize(at_least_32_bits(model.project(batch.impressions, batch.impressions_mask)), dim=1),
    )


def section_matching_sum(findings: Tensor, impressions: Tensor, batch: PairBatch, temperature: float) -> Tensor:
    """InfoNCE of findings against impressions and back (`contrastive.matched_sum`), summed over pairs.

    Where two reports have the same findings or the same impression, neither is a negative of the other. Every process has
    to call this at the same time.

    Args:
        findings, impressions: [B, J] of unit length.
        batch: with the keys of the texts.
        temperature: what cosines are divided by.
    """
    keys = torch.stack([batch.findings_key, batch.impressions_key], dim=1)
    return matched_sum(findings, impressions, keys, temperature)
