"""Batches of the text stage: masked texts, and findings with the impressions of the same reports."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.training.text.masking import IGNORED, Masking, with_masks
from mammoscribe.training.text.pieces import Pieces, filled
from mammoscribe.training.text.texts import PreparedTexts, SectionPair, reordered, text_key


@dataclass(frozen=True)
class MaskedBatch:
    """N texts of at most T tokens of one dataset; `ids`, `mask` and `labels` are [N, T], labels IGNORED where nothing is asked."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    dataset: str = ""


@dataclass(frozen=True)
class PairBatch:
    """B pairs of one dataset.

    Args:
        findings, impressions: ids [B, T] of the sections of the same reports.
        findings_mask, impressions_mask: their attention masks.
        findings_key, impressions_key: [B] `text_key` of each section: equal texts are no negatives of each other.
        texts: masked texts of the same dataset beside the pairs; None where none are learned from.
        dataset: its name.
    """

    findings: Tensor
    findings_mask: Tensor
    impressions: Tensor
    impressions_mask: Tensor
    findings_key: Tensor
    impressions_key: Tensor
    texts: MaskedBatch | None = None
    dataset: str = ""


@dataclass(frozen=True)
class MaskedText:
    """What is shown of one text, and what is asked; [T] each."""

    shown: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class PairItem:
    """One pair as framed ids, with the keys of its texts, and a masked text beside it."""

    findings: np.ndarray
    impression: np.ndarray
    findings_key: int
    impression_key: int
    text: MaskedText | None = None


@dataclass(frozen=True)
class MaskText:
    """Makes a text, or ids that are framed already, a masked text; a text too long for the model gives a random part of it."""

    pieces: Pieces
    masking: Masking

    def __call__(self, item: str | np.ndarray, rng: np.random.Generator) -> MaskedText:
        """The text with its masks."""
        if isinstance(item, str):
            item = self.pieces.framed(self.pieces.window(self.pieces.ids(item), rng))
        return MaskedText(*with_masks(item, self.pieces, self.masking, rng))


@dataclass(frozen=True)
class MakePair:
    """Makes a pair of sections an item of a batch.

    Args:
        pieces: the tokeniser.
        shuffled: whether the sentences of a section are put into another order each time.
        texts: what a masked text beside each pair is drawn from; None for none.
        mask: how that text is masked.
    """

    pieces: Pieces
    shuffled: bool = False
    texts: PreparedTexts | None = None
    mask: MaskText | None = None

    def __call__(self, pair: SectionPair, rng: np.random.Generator) -> PairItem:
        """The item."""
        findings, impression = (self._ids(text, rng) for text in (pair.findings, pair.impression))
        beside = None
        if self.texts is not None and self.mask is not None:
            beside = self.mask(self.texts[int(rng.integers(len(self.texts)))], rng)
        return PairItem(findings, impression, text_key(pair.findings), text_key(pair.impression), beside)

    def _ids(self, text: str, rng: np.random.Generator) -> np.ndarray:
        return self.pieces.framed(self.pieces.ids(reordered(text, rng) if self.shuffled else text))


def collate_texts(items: Sequence[MaskedText], pieces: Pieces, dataset: str) -> MaskedBatch:
    """Masked texts as one batch."""
    ids, mask = pieces.padded([item.shown for item in items])
    return MaskedBatch(ids, mask, filled([item.labels for item in items], IGNORED), dataset)


def collate_pairs(items: Sequence[PairItem], pieces: Pieces, dataset: str) -> PairBatch:
    """Pairs, and the masked texts beside them, as one batch."""
    beside = [item.text for item in items if item.text is not None]
    findings, findings_mask = pieces.padded([item.findings for item in items])
    impressions, impressions_mask = pieces.padded([item.impression for item in items])
    return PairBatch(
        findings, findings_mask, impressions, impressions_mask, torch.tensor([item.findings_key for item in items]),
        torch.tensor([item.impression_key for item in items]),
        collate_texts(beside, pieces, dataset) if beside else None, dataset,
    )  # fmt: skip
