"""The words that tokens of a view are taught to mean, in groups of which one word fits a place, and their rows in the model's table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import terms_of
from mammoscribe.models.chat.chat_model import ChatModel
from mammoscribe.reporting.phrases import NOUNS
from mammoscribe.training.chat.questions import AXES

KIND, TISSUE, MALIGNANT = "kind", "tissue", "malignant"
KINDS: tuple[FindingType, ...] = tuple(FindingType)
"""First words of the group `KIND`, in this order."""
NO_FINDING, AIR = len(KINDS), len(KINDS) + 1
"""The other words of the group: tissue without a finding, and what is no breast."""
TERMS: Mapping[str, tuple[str, ...]] = {axis.value: tuple(t.id for t in terms_of(axis)) for axis in AXES}
"""Ids of the terms of the groups that are axes, in the order of their words."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    KIND: (*(NOUNS[kind].removeprefix("architectural ") for kind in KINDS), "tissue", "air"),
    TISSUE: ("fatty", "scattered", "heterogeneously dense", "extremely dense"),
    MALIGNANT: ("benign", "malignant"),
    **{axis.value: tuple(t.label.removesuffix(" density") for t in terms_of(axis)) for axis in AXES},
}
"""Words of each group; a label is a number in its group, `UNLABELLED` where none is known to fit."""
UNLABELLED = -1
SOFTNESS = 0.025
"""Squared distance, in squared lengths of a row, by which a word has to be nearer than another to be e times as likely."""


@dataclass(frozen=True)
class Weights:
    """What counts how much in the losses.

    Args:
        rarity: [W] of the words of the group `KIND`.
        evenness: [G] of the groups, so that each counts the same however many tokens are labelled; that of `KIND` is not used.
    """

    rarity: Tensor
    evenness: Tensor


class Vocabulary(nn.Module):
    """Words as rows of the table of a language model. Nothing in it is learned.

    A word is the mean of the rows of its pieces. All rows share a large part, their mean, which is taken off.

    Args:
        words: group -> [W, E] rows less the mean of all rows.
        middle: [E] this mean.
        length: of a row less the mean, as a rule.
        weights: of words and groups in the losses.
        share: of the words of the other groups in a token that has several.
    """

    middle: Tensor
    length: Tensor
    rarity: Tensor
    evenness: Tensor

    def __init__(
        self, words: Mapping[str, Tensor], middle: Tensor, length: float, weights: Weights, share: float
    ) -> None:  # fmt: skip
        super().__init__()
        for group, rows in words.items():
            self.register_buffer(f"words_{group}", rows)
        self.register_buffer("middle", middle)
        self.register_buffer("length", torch.tensor(length))
        self.register_buffer("rarity", weights.rarity)
        self.register_buffer("evenness", weights.evenness)
        self._share = share

    def meant(self, labels: Tensor) -> Tensor:
        """[N, T, G] labels -> [N, T, E] tokens that say them: the word of the kind, and a share of each other word."""
        parts = [self._words(group)[labels[..., n].clamp_min(0)] for n, group in enumerate(GROUPS)]
        shares = [1.0 if group == KIND else self._share for group in GROUPS]
        known = (labels != UNLABELLED).to(self.middle.dtype)
        total = sum(
            share * known[..., n, None] * part for n, (share, part) in enumerate(zip(shares, parts, strict=True))
        )
        return self.middle + total

    def distances(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """[N, T] squared distances of tokens from what their labels mean, in squared lengths of a row."""
        return (tokens.float() - self.meant(labels)).square().sum(dim=2) / self.length.square()

    def logits(self, tokens: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """[N, T, E] tokens with labels [N, T, G] -> group other than `KIND` -> [N, T, W]: how likely each of its words is.

        By how near the token is to its labelled kind with a share of the word. The other words of a token are not given away.
        """
        kinds = labels.clone()
        kinds[..., 1:] = UNLABELLED
        rest = tokens.float() - self.meant(kinds)
        return {group: self._nearness(rest, self._share * self._words(group)) for group in GROUPS if group != KIND}

    def _nearness(self, rest: Tensor, rows: Tensor) -> Tensor:
        """[N, T, W] less the squared distance of `rest` from each row, but for what is the same for all rows."""
        return (2 * rest @ rows.T - rows.square().sum(dim=1)) / (self.length.square() * SOFTNESS)

    def scores(self, tokens: Tensor) -> dict[str, Tensor]:
        """[N, T, E] tokens -> group -> [N, T, W]: how much of each word is in them, when all words together explain them best."""
        parts = (tokens.float() - self.middle) @ torch.linalg.pinv(torch.cat([self._words(group) for group in GROUPS]))
        sizes = [len(words) for words in GROUPS.values()]
        return dict(zip(GROUPS, parts.split(sizes, dim=-1), strict=True))

    def _words(self, group: str) -> Tensor:
        return getattr(self, f"words_{group}")


def vocabulary_of(model: ChatModel, weights: Weights, share: float) -> Vocabulary:
    """The vocabulary of a model.

    Args:
        model: with a tokeniser and a table of tokens.
        weights, share: see `Vocabulary`.
    """
    table = model.network.get_input_embeddings().weight.detach().float()
    middle = table.mean(dim=0)
    words = {group: torch.stack([_row(model, table, word) for word in own]) - middle for group, own in GROUPS.items()}
    return Vocabulary(words, middle, float((table - middle).norm(dim=1).mean()), weights, share)


def _row(model: ChatModel, table: Tensor, word: str) -> Tensor:
    pieces: Sequence[int] = model.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
    return table[torch.tensor(pieces)].mean(dim=0)
