"""The projector of a starter-chat, taught words without a pass of the language model, as a task of the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.chat.starter_views import StarterChat, grid_of
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.chat.export import CHAT, ChatExport
from mammoscribe.training.chat.kept_views import KeptViews, with_kept_views
from mammoscribe.training.chat.start import ChatStart, Trained, chat_start, frozen_parts
from mammoscribe.training.chat_words.losses import CHOICE, DISTANCE, WORDS, measure, summary, word_counts, word_loss
from mammoscribe.training.chat_words.views import WordedViews
from mammoscribe.training.chat_words.vocabulary import GROUPS, KIND, UNLABELLED, Weights, vocabulary_of
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ArrayBatches, ArraySource
from mammoscribe.training.engine.task import Task, Validation
from mammoscribe.training.several import InTurn, digest_with, named

VAL_BATCH = 64
"""Views of a validation batch."""


@dataclass(frozen=True)
class WordSettings:
    """How the projector is taught.

    Args:
        share: of the words that say how dense, of which shape or how suspicious, beside the word for the kind of finding.
        choice: weight of telling these words from others of their group, beside the distance from what a token means.
        features: folder that keeps what the encoder sees of each view, for later runs; none keeps it for this run alone.
    """

    share: float = 0.4
    choice: float = 0.2
    features: Path | None = None

    def __post_init__(self) -> None:
        for name in ("share", "choice"):
            if getattr(self, name) < 0:
                raise InvalidNoun(f"{name} {getattr(self, name)}", "0 or more")

    def build(self, run: Run) -> Task:
        """The task: the whole network, of which the projector alone is trained.

        Raises:
            InputError: for a model that is no starter-chat or has updates of low rank, for data on another canvas, and for
                data whose labels say nothing of a view.
        """
        assert run.init is not None
        start = chat_start(run.init, None)
        adapter = _untaught(start)
        folders = named(run.data)
        given = {name: _views(folder, "train", adapter) for name, folder in folders.items()}
        held_back = {
            name: _views(folder, "val", adapter)
            for name, folder in folders.items()
            if "val" in PreparedDataset(folder).splits()
        }
        kept, notes = _kept(adapter, [*given.values(), *held_back.values()], self.features)
        numbers = {name: number for number, name in enumerate(folders)}
        sources = {name: _source(own, numbers[name], kept, start.sha256) for name, own in given.items()}
        vocabulary = vocabulary_of(start.model, _counted([own.words for own in given.values()]), self.share)
        modules = {CHAT: start.model.network, WORDS: vocabulary}
        return Task(
            modules, sources, {DISTANCE: 1.0, CHOICE: self.choice}, word_loss, partial(word_counts, {WORDS: vocabulary}),
            _validation([_source(own, numbers[name], kept, "") for name, own in held_back.items()], tuple(folders)),
            frozen=(WORDS, *(f"{CHAT}.{name}" for name in frozen_parts(start.model, Trained.PROJECTOR, False))),
            loads_init=True, export=ChatExport(start, f"{run.recipe} on {', '.join(given)}"), notes=notes,
        )  # fmt: skip


def _untaught(start: ChatStart) -> StarterChat:
    """The adapter of a starter-chat whose language model is still as it was."""
    adapter = start.model.adapter
    if not isinstance(adapter, StarterChat):
        raise InputError(
            f"{start.model.folder} is of the family {adapter.family.name}", "a starter-chat", "see `mammoscribe chat begin`"
        )  # fmt: skip
    if any(".lora_" in name for name, _ in start.model.network.named_parameters()):
        raise InputError(
            f"{start.model.folder} has updates of its language model, which have learned the tokens of its projector",
            "a starter-chat without updates", "begin with that of `mammoscribe chat begin`",
        )  # fmt: skip
    return adapter


def _views(folder: Path, split: str, adapter: StarterChat) -> WordedViews:
    return WordedViews.of(PreparedDataset(folder, split), grid_of(adapter.canvas.size_px), adapter.canvas)


def _kept(
    adapter: StarterChat, views: Sequence[WordedViews], folder: Path | None
) -> tuple[KeptViews, tuple[str, ...]]:  # fmt: skip
    """The tokens of all views, and a sentence of what was done."""
    encoded, notes = with_kept_views(adapter, views, folder)
    assert isinstance(encoded, StarterChat) and isinstance(encoded.encode, KeptViews)
    return encoded.encode, notes


def _source(views: WordedViews, number: int, kept: KeptViews, model: str) -> ArraySource:
    """The tokens of the views, 16 bits, their words, and the number of their dataset."""
    tokens = kept.rows[[kept.numbers[digest] for digest in views.digests]]
    digest = digest_with(str(views.dataset.about["index_sha256"]), model)
    return ArraySource({"tokens": tokens, "words": views.words, "dataset": np.full(len(tokens), number)}, digest=digest)


def _validation(sources: Sequence[ArraySource], names: tuple[str, ...]) -> Validation | None:
    if not sources:
        return None
    batches = InTurn(tuple(ArrayBatches(own, VAL_BATCH) for own in sources))
    return Validation(batches, measure, partial(summary, names=names), "auc")


def _counted(words: Sequence[np.ndarray]) -> Weights:
    """Of the kinds the root of how much more often the most frequent word comes, of the groups how much more often the
    most frequent group is labelled; 1 of what never comes.
    """
    labels = np.concatenate([own.reshape(-1, len(GROUPS)) for own in words])
    kinds = np.bincount(labels[labels[:, 0] != UNLABELLED, 0], minlength=len(GROUPS[KIND]))
    return Weights(_rarer(kinds) ** 0.5, _rarer((labels != UNLABELLED).sum(axis=0)))


def _rarer(counts: np.ndarray) -> Tensor:
    weights = np.where(counts, counts.max() / np.maximum(counts, 1), 1.0)
    return torch.from_numpy(weights.astype(np.float32))
