"""Exam fusion: one transformer over the patch tokens of all views of an exam."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mammoscribe.models.reader.batch import SLOTS, ViewBatch, tissue_cells
from mammoscribe.models.reader.geometry import OffsetCode, cell_centres, nipple_offsets


@dataclass(frozen=True)
class FusedTokens:
    """Fused tokens of B exams.

    Args:
        tokens: [B, 4 * h * w, dim], slot-major.
        mask: [B, 4 * h * w] bool, true where a view shows the breast.
        grid: (h, w) of one view.
    """

    tokens: Tensor
    mask: Tensor
    grid: tuple[int, int]

    def of_views(self, batch: ViewBatch) -> Tensor:
        """[N, dim, h, w]: the tokens as one map per view of the batch."""
        h, w = self.grid
        b, _, dim = self.tokens.shape
        per_view = self.tokens.view(b, len(SLOTS), h * w, dim)[batch.exam, batch.slot]
        return per_view.transpose(1, 2).reshape(len(batch.exam), dim, h, w)


class ExamFusion(nn.Module):
    """Tokens of every view, with codes for view, side and physical position, attend to each other within the exam.

    Args:
        channels: of the patch maps.
        dim: of the tokens.
        heads, layers, dropout: of the transformer.
    """

    def __init__(self, channels: int, dim: int, heads: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.project = nn.Linear(channels, dim)
        self.slot_code = nn.Embedding(len(SLOTS), dim)
        self.offset_code = OffsetCode(dim)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)

    def forward(self, patches: Tensor, batch: ViewBatch, stride: int) -> FusedTokens:
        """[N, C, h, w] patch maps -> tokens of each exam, padded to four views."""
        h, w = patches.shape[2:]
        centres = cell_centres(h, w, stride, patches.device)
        offsets = nipple_offsets(centres[None], batch.nipple[:, None], batch.mm_per_px[:, None])
        tokens = self.project(patches.flatten(2).transpose(1, 2))
        tokens = tokens + self.slot_code(batch.slot)[:, None] + self.offset_code(offsets)
        dim = tokens.shape[-1]
        grid = tokens.new_zeros(batch.num_exams, len(SLOTS), h * w, dim)
        present = torch.zeros(batch.num_exams, len(SLOTS), h * w, dtype=torch.bool, device=patches.device)
        grid = grid.index_put((batch.exam, batch.slot), tokens)
        present[batch.exam, batch.slot] = tissue_cells(batch.images, stride).flatten(1) > 0
        mask = present.flatten(1)
        fused = self.norm(self.layers(grid.flatten(1, 2), src_key_padding_mask=~mask))
        return FusedTokens(fused, mask, (h, w))
