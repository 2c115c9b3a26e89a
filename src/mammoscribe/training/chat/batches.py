"""Conversations as items and batches of a training step, with and without pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from mammoscribe.models.chat.adapter import Adapter, Pixels
from mammoscribe.models.chat.batch import ChatBatch, batch_of
from mammoscribe.models.chat.prompt import Encoded, Prompter
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.conversations import Conversation, Said


@dataclass(frozen=True)
class ChatItem:
    """A conversation as tokens and pixel inputs; `pixels` is None without pictures."""

    encoded: Encoded
    pixels: Pixels | None


@dataclass(frozen=True)
class LearnedBatch:
    """N conversations of one dataset.

    Args:
        chat: the conversations.
        dataset: its name.
        blank: a black picture where no conversation has one, so that every process runs the image encoder; else {}.
    """

    chat: ChatBatch
    dataset: str
    blank: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class MakeItem:
    """Makes a conversation an item.

    Args:
        adapter: makes views pixel inputs.
        prompter: makes turns tokens.
    """

    adapter: Adapter
    prompter: Prompter

    def __call__(self, given: Conversation, _: np.random.Generator) -> ChatItem:
        """The item.

        Raises:
            InputError: naming the conversation, when it cannot be learned as a whole.
        """
        try:
            pixels = self.adapter.pixels(given.views) if given.views else None
        except InputError as error:
            raise InputError(f"{given.name}: {error.found}", error.expected, error.do) from error
        tokens = () if pixels is None else pixels.tokens
        return ChatItem(self.prompter.learned(given.turns, tokens, given.name), pixels)

    def check(self, said: Said) -> None:
        """Refuse, naming it, a conversation that cannot be learned as a whole; no picture is opened.

        Views whose tokens depend on their size are counted with the fewest that they can have.
        """
        fewest, _ = self.adapter.view_tokens
        self.prompter.learned(said.turns, (fewest,) * said.num_pictures, said.name)


@dataclass(frozen=True)
class Collate:
    """Puts items into a batch.

    Args:
        prompter: that made their tokens.
        dataset: name of the data.
        blank: a black picture; see `LearnedBatch`.
    """

    prompter: Prompter
    dataset: str
    blank: Pixels

    def __call__(self, items: Sequence[ChatItem]) -> LearnedBatch:
        """The batch, padded to the longest conversation."""
        encoded = [item.encoded for item in items]
        chat = batch_of(
            [e.ids for e in encoded], [e.labels for e in encoded], [item.pixels for item in items], self.prompter
        )
        return LearnedBatch(chat, self.dataset, {} if chat.pixels else self.blank.tensors)
