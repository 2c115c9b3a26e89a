"""Breast heads: density, recall and malignancy of each breast, from all tokens of its views and from its pooled maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.reader.batch import SLOTS, ViewBatch, tissue_cells
from mammoscribe.models.reader.fusion import FusedTokens

TASKS = ("density", "recall", "malignant")
WORST_CELLS = 8
LOWEST_LOGIT = -8.0
LEAST_TISSUE = 0.3
"""Share of a cell that shows tissue, from which it can be among the highest of a map."""
LOWEST_VALUE = -1e4
GREY_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)


LETTERS = 4
"""Categories of density."""
LEAST_PROBABILITY = 1e-4
"""Of a letter by the rules over pooled maps, so that its logarithm is a number."""


@dataclass(frozen=True)
class BreastOutput:
    """Logits of 2 * B breasts (exam-major, right before left).

    Args:
        density: [2B, 4]. recall, malignant: [2B]. imaged: [2B] bool.
        pooled: [2B, 3 C] `pooled_maps` of its views on average; None in training, and where the reader has no such rule.
        pooled_malignant: [2B] what the rule over these gives; None as before.
        pooled_density: [2B, 4] log probabilities of the letters by another such rule, for acquired images; None as before.
    """

    density: Tensor
    recall: Tensor
    malignant: Tensor
    imaged: Tensor
    pooled: Tensor | None = None
    pooled_malignant: Tensor | None = None
    pooled_density: Tensor | None = None


def grey_statistics(images: Tensor) -> Tensor:
    """[N, 1, H, W] canvases -> [N, 10] level, spread and shares of the tissue above fixed levels, of about unit spread.

    A linear rule on these alone gives the density letter of 85 % of synthetic breasts.
    """
    grey = images[:, :1].float()
    tissue = grey > 0
    count = tissue.sum((1, 2, 3)).clamp(min=1)
    mean = grey.sum((1, 2, 3)) / count
    spread = (((grey - mean[:, None, None, None]) ** 2 * tissue).sum((1, 2, 3)) / count).sqrt()
    above = [(grey > level).sum((1, 2, 3)) / count for level in GREY_LEVELS]
    return (torch.stack((mean, 4 * spread, *above), dim=1) - 0.5) * 8


class TissuePooling(nn.Module):
    """What a view looks like as a whole: grey-level statistics of its tissue, and mean and spread of the early maps.

    Group normalisation takes the overall contrast out of the deep features, and with it most of what density is; these
    statistics bring it back by a short path.
    """

    def __init__(self, channels: Sequence[int], dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(2 * sum(channels) + len(GREY_LEVELS) + 2, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, images: Tensor, stages: Sequence[Tensor]) -> Tensor:
        """[N, 1, H, W] canvases and their early maps -> [N, dim]."""
        tissue = (images[:, :1] > 0).float()
        statistics = [grey_statistics(images)]
        for stage in stages:
            share = F.adaptive_avg_pool2d(tissue, (stage.shape[2], stage.shape[3]))
            share = share / share.sum((2, 3), keepdim=True).clamp(min=1e-6)
            of_tissue = (stage.float() * share).sum((2, 3))
            square = (stage.float().square() * share).sum((2, 3))
            statistics += [of_tissue, (square - of_tissue.square()).clamp(min=1e-6).sqrt()]
        return self.norm(self.project(torch.cat(statistics, dim=1)))


class LesionPooling(nn.Module):
    """Recall and malignancy of each place, and of a view its worst places: multiple-instance learning.

    A breast is malignant because of one place in it. Scores of single cells (4 mm) of the map that the marks are read
    from, averaged over the highest few, let a breast label teach that place alone (Shen et al. 2021, GMIC).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 2, 1)

    def forward(self, features: Tensor, images: Tensor) -> Tensor:
        """[N, C, h, w] mark features and their canvases -> [N, 2] logits (recall, malignant)."""
        inside = tissue_cells(images, images.shape[2] // features.shape[2]) > 0.5
        scores = self.score(features).float().masked_fill(~inside, LOWEST_LOGIT).flatten(2)
        return scores.topk(min(WORST_CELLS, scores.shape[2]), dim=2).values.mean(dim=2)


def pooled_maps(images: Tensor, maps: Sequence[Tensor]) -> Tensor:
    """[N, 3 C] over the tissue of a view, for all C channels of its maps: mean, spread, and mean of the highest cells.

    Args:
        images: [N, 1, H, W] canvases, 0 outside the breast.
        maps: [N, C_i, h_i, w_i].
    """
    tissue = (images[:, :1] > 0).float()
    pooled = []
    for values in maps:
        share = F.adaptive_avg_pool2d(tissue, (values.shape[2], values.shape[3]))
        weight = share / share.sum((2, 3), keepdim=True).clamp(min=1e-6)
        mean = (values.float() * weight).sum((2, 3))
        spread = ((values.float().square() * weight).sum((2, 3)) - mean.square()).clamp(min=1e-6).sqrt()
        inside = values.float().masked_fill(share < LEAST_TISSUE, LOWEST_VALUE).flatten(2)
        highest = inside.topk(min(WORST_CELLS, inside.shape[2]), dim=2).values.mean(2)
        pooled += [mean, spread, highest.clamp(min=mean)]
    return torch.cat(pooled, dim=1)


class PooledMalignancy(nn.Module):
    """A linear rule from the pooled maps of a breast to the logit that it is malignant.

    A few hundred labelled breasts are enough to fit it with a strong penalty, where heads that are trained with the
    network learn the training patients by heart. It is fitted once the network is trained
    (`training.calibration.pooled`), so its numbers are buffers; before that it gives 0.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(3 * sum(channels)))
        self.register_buffer("bias", torch.zeros(()))

    def forward(self, batch: ViewBatch, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The pooled maps [2B, 3 C] of every breast, and its logit [2B]; a breast without views has zeros."""
        pooled = _mean_by_breast(pooled_maps(batch.images, maps), batch.breast, 2 * batch.num_exams)
        # a sum and no matrix product: that would be made in 16 bits where the network is, and large terms cancel here
        return pooled, (pooled.float() * self.weight.float()).sum(dim=1) + self.bias.float()


class PooledDensity(nn.Module):
    """Linear rules from the pooled maps of a breast to its density: at least b, at least c, d. Fitted as `PooledMalignancy`."""

    weight: Tensor
    bias: Tensor

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(LETTERS - 1, 3 * sum(channels)))
        self.register_buffer("bias", torch.zeros(LETTERS - 1))

    def forward(self, pooled: Tensor) -> Tensor:
        """[2B, 3 C] pooled maps -> [2B, 4] log probabilities of a, b, c, d."""
        logits = (pooled.float()[:, None] * self.weight.float()).sum(dim=2) + self.bias.float()
        # each rule was fitted alone: what is at least c is at least b, too
        at_least = logits.sigmoid().cummin(dim=1).values
        steps = F.pad(F.pad(at_least, (1, 0), value=1.0), (0, 1))
        return (steps[:, :-1] - steps[:, 1:]).clamp(min=LEAST_PROBABILITY).log()


class BreastHeads(nn.Module):
    """Attention pooling (one learned query per task) over the tokens of a breast, beside their mean and its tissue.

    Args:
        dim: of the tokens.
        early_channels: of the early backbone maps that the tissue is pooled from.
        mark_channels: of the map that marks are read from.
        dropout: of the pooled features.
    """

    def __init__(self, dim: int, early_channels: Sequence[int], mark_channels: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.tissue = TissuePooling(early_channels, dim)
        self.lesions = LesionPooling(mark_channels)
        self.score = nn.Linear(dim, len(TASKS))
        self.drop = nn.Dropout(dropout)
        self.mix = nn.ModuleList(nn.Sequential(nn.Linear(3 * dim, dim), nn.GELU()) for _ in TASKS)
        self.grey_density = nn.Linear(len(GREY_LEVELS) + 2, 4)
        self.density = nn.Linear(dim, 4)
        self.recall, self.malignant = nn.Linear(dim, 1), nn.Linear(dim, 1)

    def forward(
        self, fused: FusedTokens, batch: ViewBatch, stages: Sequence[Tensor], mark_features: Tensor
    ) -> BreastOutput:
        """Outputs of the 2 * B breasts of B exams.

        Args:
            fused: tokens of the exams.
            batch: their N views.
            stages: early backbone maps of the views, each [N, C, h, w].
            mark_features: [N, C, h, w] that marks are read from.
        """
        b, _, dim = fused.tokens.shape
        tokens = fused.tokens.view(b, len(SLOTS) // 2, 2, -1, dim).transpose(1, 2).reshape(2 * b, -1, dim)
        mask = fused.mask.view(b, len(SLOTS) // 2, 2, -1).transpose(1, 2).reshape(2 * b, -1)
        imaged = mask.any(dim=1)
        visible = mask | ~imaged[:, None]  # an unimaged breast pools over zeros instead of over nothing
        weights = self.score(tokens).float().masked_fill(~visible[..., None], -1e4).softmax(dim=1).to(tokens.dtype)
        attended = torch.einsum("btd,btk->kbd", tokens, weights)
        mean = (tokens * visible[..., None]).sum(1) / visible.sum(1, keepdim=True)
        tissue = _mean_by_breast(self.tissue(batch.images, stages), batch.breast, 2 * b)
        grey = _mean_by_breast(grey_statistics(batch.images), batch.breast, 2 * b)
        worst = _mean_by_breast(self.lesions(mark_features, batch.images), batch.breast, 2 * b)
        pooled = [m(self.drop(torch.cat((a, mean, tissue), dim=-1))) for m, a in zip(self.mix, attended, strict=True)]
        density, recall, malignant = pooled
        return BreastOutput(
            self.density(density) + self.grey_density(grey).float(), self.recall(recall).squeeze(-1) + worst[:, 0],
            self.malignant(malignant).squeeze(-1) + worst[:, 1], imaged,
        )  # fmt: skip


def _mean_by_breast(per_view: Tensor, breast: Tensor, num_breasts: int) -> Tensor:
    """[N, dim] -> [num_breasts, dim]; zero for a breast without views."""
    total = per_view.new_zeros(num_breasts, per_view.shape[1]).index_add(0, breast, per_view)
    views = torch.bincount(breast, minlength=num_breasts).clamp(min=1)
    return total / views[:, None]
