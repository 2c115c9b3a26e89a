"""Breast heads: density, BI-RADS, recall and malignancy of each breast, from all tokens of its views."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mammoscribe.models.batch import SLOTS, ViewBatch
from mammoscribe.models.fusion import FusedTokens

TASKS = ("density", "birads", "recall", "malignant")
ORDINAL = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class BreastOutput:
    """Logits of 2 * B breasts (exam-major, right before left), and the pooled state.

    Args:
        density: [2B, 4]. birads: [2B, 4] cumulative logits of being above 1, 2, 3, 4.
        recall, malignant: [2B]. state: [2B, dim]. imaged: [2B] bool.
    """

    density: Tensor
    birads: Tensor
    recall: Tensor
    malignant: Tensor
    state: Tensor
    imaged: Tensor


class BreastHeads(nn.Module):
    """Attention pooling (one learned query per task) over the tokens of a breast, beside their mean and maximum."""

    def __init__(self, dim: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.score = nn.Linear(dim, len(TASKS))
        self.drop = nn.Dropout(dropout)
        self.mix = nn.ModuleList(nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU()) for _ in TASKS)
        self.density, self.birads = nn.Linear(dim, 4), nn.Linear(dim, len(ORDINAL) - 1)
        self.recall, self.malignant = nn.Linear(dim, 1), nn.Linear(dim, 1)

    def forward(self, fused: FusedTokens, batch: ViewBatch) -> BreastOutput:
        """Fused tokens of B exams -> outputs of 2 * B breasts."""
        b, _, dim = fused.tokens.shape
        tokens = fused.tokens.view(b, len(SLOTS) // 2, 2, -1, dim).transpose(1, 2).reshape(2 * b, -1, dim)
        mask = fused.mask.view(b, len(SLOTS) // 2, 2, -1).transpose(1, 2).reshape(2 * b, -1)
        imaged = mask.any(dim=1)
        visible = mask | ~imaged[:, None]  # an unimaged breast pools over zeros instead of over nothing
        weights = self.score(tokens).float().masked_fill(~visible[..., None], -1e4).softmax(dim=1).to(tokens.dtype)
        attended = torch.einsum("btd,btk->kbd", tokens, weights)
        mean = (tokens * visible[..., None]).sum(1) / visible.sum(1, keepdim=True)
        pooled = [m(self.drop(torch.cat((a, mean), dim=-1))) for m, a in zip(self.mix, attended, strict=True)]
        return BreastOutput(
            self.density(pooled[0]), self.birads(pooled[1]), self.recall(pooled[2]).squeeze(-1),
            self.malignant(pooled[3]).squeeze(-1), torch.stack(pooled).mean(0), imaged,
        )  # fmt: skip
