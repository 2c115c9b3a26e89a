"""The words that a token of a view is taught, in groups of which one word fits a place, and where the language model keeps them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Axis, terms_of
from mammoscribe.models.chat.chat_model import ChatModel
from mammoscribe.reporting.phrases import NOUNS

AXES = (Axis.SHAPE, Axis.MARGIN, Axis.DENSITY, Axis.MORPHOLOGY, Axis.DISTRIBUTION)
"""Axes on which a finding has one value."""
KIND, TISSUE, MALIGNANT = "kind", "tissue", "malignant"
KINDS: tuple[FindingType, ...] = tuple(FindingType)
"""First words of the group `KIND`, in this order."""
NO_FINDING, AIR = len(KINDS), len(KINDS) + 1
"""The other words of the group: tissue without a finding, and what is no breast."""
TERMS: Mapping[str, tuple[str, ...]] = {axis.value: tuple(t.id for t in terms_of(axis)) for axis in AXES}
"""Ids of the terms of the groups that are axes, in the order of their words."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    KIND: (*(NOUNS[kind] for kind in KINDS), "normal tissue", "air"),
    TISSUE: ("fatty", "scattered", "heterogeneously dense", "extremely dense"),
    MALIGNANT: ("benign", "malignant"),
    **{axis.value: tuple(t.label.removesuffix(" density") for t in terms_of(axis)) for axis in AXES},
}
"""Words of each group; a label is a number in its group, `UNLABELLED` where none is known to fit."""
UNLABELLED = -1
SHARPNESS = 10.0
"""Logit of a word that a token of usual length points at."""


class Vocabulary(nn.Module):
    """Directions of the words in the table of a language model. Nothing in it is learned.

    The direction of a word is the mean of the rows of its pieces, less the mean of all rows, of length 1.

    Args:
        words: group -> [W, E] directions.
        middle: [E] mean of all rows of the table.
        length: of a row less the mean, as a rule.
        rarity: [W] weights of the words of the group `KIND` in the loss.
    """

    middle: Tensor
    length: Tensor
    rarity: Tensor

    def __init__(self, words: Mapping[str, Tensor], middle: Tensor, length: float, rarity: Tensor) -> None:
        super().__init__()
        for group, directions in words.items():
            self.register_buffer(f"words_{group}", directions)
        self.register_buffer("middle", middle)
        self.register_buffer("length", torch.tensor(length))
        self.register_buffer("rarity", rarity)

    def logits(self, tokens: Tensor) -> dict[str, Tensor]:
        """[N, T, E] tokens as the language model takes them -> group -> [N, T, W]."""
        pointing = self._apart(tokens) * (SHARPNESS / self.length)
        return {group: pointing @ getattr(self, f"words_{group}").T for group in GROUPS}

    def lengths(self, tokens: Tensor) -> Tensor:
        """[N, T] lengths, of which 1 is that of a row of the table."""
        return self._apart(tokens).norm(dim=2) / self.length

    def _apart(self, tokens: Tensor) -> Tensor:
        return tokens.float() - self.middle


def vocabulary_of(model: ChatModel, rarity: Tensor) -> Vocabulary:
    """The vocabulary of a model.

    Args:
        model: with a tokeniser and a table of tokens.
        rarity: see `Vocabulary`.
    """
    table = model.network.get_input_embeddings().weight.detach().float()
    middle = table.mean(dim=0)
    words = {group: torch.stack([_row(model, table, word) for word in own]) - middle for group, own in GROUPS.items()}
    directions = {group: own / own.norm(dim=1, keepdim=True).clamp_min(1e-6) for group, own in words.items()}
    return Vocabulary(directions, middle, float((table - middle).norm(dim=1).mean()), rarity)


def _row(model: ChatModel, table: Tensor, word: str) -> Tensor:
    pieces: Sequence[int] = model.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
    return table[torch.tensor(pieces)].mean(dim=0)
