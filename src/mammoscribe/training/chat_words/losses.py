"""How far projected tokens are from the words that fit them, and how well a projector under training tells findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.domain.finding import FindingType
from mammoscribe.evaluation.classification import auc
from mammoscribe.training.chat.export import CHAT
from mammoscribe.training.chat_words.vocabulary import GROUPS, KIND, KINDS, NO_FINDING, UNLABELLED, Vocabulary
from mammoscribe.training.engine.task import Batches, Modules
from mammoscribe.training.several import over_sources

WORDS, DISTANCE, CHOICE = "words", "distance", "choice"
"""Name of the vocabulary among the modules, and of the losses."""
Rows = Mapping[str, Tensor]
"""`tokens` [N, T, D] as the image encoder gives them, `words` [N, T, G], `dataset` [N] number of the dataset."""


def projected(modules: Modules, rows: Rows) -> Tensor:
    """[N, T, E] tokens as the language model takes them."""
    network: Any = modules[CHAT]
    tower, projector = network.model.vision_tower, network.model.multi_modal_projector
    return projector(tower(rows["tokens"].float()).last_hidden_state)


def word_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """Two sums: the squared distances of tokens from what their labels mean, weighted by how rare their kinds are; and the cross
    entropy of the words of each group other than the kind, weighted by how few tokens have one.

    The distance keeps tokens where the language model can read them, but says next to nothing of a word that is a small part
    of a token: margins were told as if at random.
    """
    return over_sources(partial(_sum, modules), batches)


def word_counts(modules: Modules, batches: Batches) -> dict[str, float]:
    """The sums of these weights."""
    return over_sources(partial(_counted, _vocabulary(modules)), batches)


def _counted(vocabulary: Vocabulary, rows: Rows) -> dict[str, float]:
    known = rows["words"][..., 1:] != UNLABELLED
    return {
        DISTANCE: float(_weights(vocabulary.rarity.cpu(), rows).sum()),
        CHOICE: float((vocabulary.evenness[1:].cpu() * known).sum()),
    }


def _vocabulary(modules: Modules) -> Vocabulary:
    found = modules[WORDS]
    assert isinstance(found, Vocabulary)
    return found


def _sum(modules: Modules, rows: Rows) -> dict[str, Tensor]:
    vocabulary, words = _vocabulary(modules), rows["words"].long()
    tokens = projected(modules, rows)
    distances = vocabulary.distances(tokens, words)
    return {
        DISTANCE: (distances * _weights(vocabulary.rarity, rows)).sum(), CHOICE: _entropy(vocabulary, tokens, words),
    }  # fmt: skip


def _entropy(vocabulary: Vocabulary, tokens: Tensor, words: Tensor) -> Tensor:
    logits = vocabulary.logits(tokens, words)
    parts = [
        vocabulary.evenness[n] * F.cross_entropy(
            logits[group].flatten(0, 1), words[..., n].flatten(), ignore_index=UNLABELLED, reduction="sum"
        )
        for n, group in enumerate(GROUPS)
        if group in logits
    ]  # fmt: skip
    return torch.stack(parts).sum()


def _weights(rarity: Tensor, rows: Rows) -> Tensor:
    """[N, T] of the tokens whose kind is known, 0 of others."""
    kinds = rows["words"][..., 0].long()
    return torch.where(kinds == UNLABELLED, 0.0, rarity[kinds.clamp_min(0)])


@dataclass(frozen=True)
class WordsFound:
    """Of a batch of views.

    Args:
        dataset: number of its dataset.
        scores: [N, K] of each kind of finding: how much more of its word than of that of tissue without a finding a
            token of the view has, at most.
        shows: [N, K] 1 where a token has the kind, 0 where some tissue is known to have no finding and none has it, else -1.
        right, known: [G] labelled tokens that are nearest to their own word, and all labelled ones.
        each: group -> [W] how many tokens have each word.
    """

    dataset: int
    scores: np.ndarray
    shows: np.ndarray
    right: np.ndarray
    known: np.ndarray
    each: Mapping[str, np.ndarray]


def measure(modules: Modules, rows: Rows) -> WordsFound:
    """One validation batch, in full precision."""
    vocabulary, words = _vocabulary(modules), rows["words"].long()
    with torch.autocast(words.device.type, enabled=False):
        tokens = projected(modules, rows)
        kinds = vocabulary.scores(tokens)[KIND]
        parts = {KIND: kinds, **vocabulary.logits(tokens, words)}
    scores = (kinds[..., : len(KINDS)] - kinds[..., NO_FINDING, None]).amax(dim=1)
    there = torch.stack([(words[..., 0] == kind).any(dim=1) for kind in range(len(KINDS))], dim=1)
    closed = (words[..., 0] == NO_FINDING).any(dim=1)[:, None].expand_as(there)
    first = torch.stack([own.argmax(dim=2) for own in parts.values()], dim=2)
    known = words != UNLABELLED
    each = {
        group: torch.bincount(words[..., n][known[..., n]], minlength=len(own)).cpu().numpy()
        for n, (group, own) in enumerate(GROUPS.items())
    }
    shows = torch.where(there, 1, torch.where(closed, 0, -1))
    right = ((first == words) & known).sum(dim=(0, 1))
    return WordsFound(
        int(rows["dataset"][0]), scores.float().cpu().numpy(), shows.cpu().numpy(), right.cpu().numpy(),
        known.sum(dim=(0, 1)).cpu().numpy(), each,
    )  # fmt: skip


def summary(found: Sequence[WordsFound], names: Sequence[str]) -> dict[str, float]:
    """Figures of the split; with several datasets also of each, as `NAME/figure`.

    `KIND/auc`: how well the tokens tell views with a kind of finding from others of the same dataset; over datasets the mean
    of those that know both. `auc`: the mean of these. `GROUP/accuracy`: the share of labelled tokens that are nearest to their own word of the group, and
    `GROUP/most_frequent` what the most frequent word alone gives.

    Args:
        found: of all batches.
        names: of the datasets, by number.
    """
    apart = {name: [own for own in found if own.dataset == number] for number, name in enumerate(names)}
    told = {name: _aucs(own) for name, own in apart.items() if own}
    kinds = {kind: [own[kind] for own in told.values() if kind in own] for kind in KINDS}
    means = {f"{kind}/auc": float(np.mean(values)) for kind, values in kinds.items() if values}
    overall = float(np.mean(list(means.values()))) if means else float("nan")
    figures = {"auc": overall, **means, **_accuracies(found)}
    if len(told) > 1:
        for name, aucs in told.items():
            own = {f"{kind}/auc": value for kind, value in aucs.items()} | _accuracies(apart[name])
            figures |= {f"{name}/{key}": value for key, value in own.items()}
    return figures


def _aucs(found: Sequence[WordsFound]) -> dict[FindingType, float]:
    """Of the kinds that are known to be in some views of a dataset and not in others."""
    scores, shows = (np.concatenate([getattr(own, name) for own in found]) for name in ("scores", "shows"))
    told = {kind: shows[:, number] >= 0 for number, kind in enumerate(KINDS)}
    both = {kind: rows for n, (kind, rows) in enumerate(told.items()) if {0, 1} <= set(shows[rows, n].tolist())}
    return {kind: auc(scores[rows, KINDS.index(kind)], shows[rows, KINDS.index(kind)]) for kind, rows in both.items()}


def _accuracies(found: Sequence[WordsFound]) -> dict[str, float]:
    figures = {}
    for number, group in enumerate(GROUPS):
        known = sum(int(own.known[number]) for own in found)
        if known:
            figures[f"{group}/accuracy"] = sum(int(own.right[number]) for own in found) / known
            figures[f"{group}/most_frequent"] = int(np.sum([own.each[group] for own in found], axis=0).max()) / known
    return figures
