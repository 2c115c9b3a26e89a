"""The starter's text side: a small transformer that puts a phrase into the joint space."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.models.tokenizer import BOS, PAD, ReportTokenizer
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class PhraseConfig:
    """Shape of the text side.

    Args:
        vocab_size: of the report tokeniser.
        max_tokens: longest phrase, [BOS] included.
        joint_dim: dimensions of the joint space.
    """

    vocab_size: int
    dim: int = 128
    heads: int = 4
    layers: int = 2
    max_tokens: int = 96
    joint_dim: int = 128

    def as_dict(self) -> dict:
        """Plain values, for the model card."""
        return asdict(self)


class PhraseNet(nn.Module):
    """Token and position codes, transformer layers, the mean of the states, and a two-layer head as CXR-BERT has it.

    The mean and not the state at [BOS], as CXR-BERT takes it: from scratch and in minutes, words have to reach the end directly.
    """

    def __init__(self, config: PhraseConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab_size, config.dim)
        self.positions = nn.Embedding(config.max_tokens, config.dim)
        layer = nn.TransformerEncoderLayer(
            config.dim, config.heads, 2 * config.dim, 0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.head = nn.Sequential(
            nn.Linear(config.dim, config.joint_dim), nn.GELU(), nn.LayerNorm(config.joint_dim),
            nn.Linear(config.joint_dim, config.joint_dim),
        )  # fmt: skip
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """[T, L] token ids and their mask -> [T, joint_dim], L2-normalised."""
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        x = self.layers(x, src_key_padding_mask=~mask)
        seen = mask[..., None].to(x.dtype)
        return F.normalize(self.head((x * seen).sum(1) / seen.sum(1)).float(), dim=1)


def phrase_ids(texts: Sequence[str], tokenizer: ReportTokenizer, max_tokens: int) -> tuple[Tensor, Tensor]:
    """Ids [T, L] with [BOS] first and [PAD] behind, and the mask of what is no padding.

    Raises:
        InputError: for an empty phrase, or one that is too long; nothing is cut off silently.
    """
    rows = [[tokenizer.mark(BOS), *tokenizer.encode(text)] for text in texts]
    for text, row in zip(texts, rows, strict=True):
        if len(row) == 1:
            raise InputError(f"an empty phrase ({text!r})", "some words")
        if len(row) > max_tokens:
            raise InputError(f"a phrase of {len(row) - 1} tokens: {text[:40]!r}...", f"at most {max_tokens - 1}")
    longest = max((len(row) for row in rows), default=1)
    pad = tokenizer.mark(PAD)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], dtype=torch.long).view(-1, longest)
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.long)
    return ids, torch.arange(longest)[None] < lengths[:, None]
