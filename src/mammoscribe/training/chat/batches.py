"""Conversations as items and batches of a training step, with and without pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.models.chat.adapter import Adapter, Pixels
from mammoscribe.models.chat.batch import ChatBatch, batch_of
from mammoscribe.models.chat.prompt import IGNORED, Encoded, Prompter
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.conversations import Conversation, Dialogue


@dataclass(frozen=True)
class ChatItem:
    """A conversation as tokens and pixel inputs; `pixels` is None without pictures."""

    encoded: Encoded
    pixels: Pixels | None


@dataclass(frozen=True)
class LearnedBatch:
    """N conversations of one dataset, and its name."""

    chat: ChatBatch
    dataset: str


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

    def check(self, dialogue: Dialogue) -> None:
        """Refuse, naming it, a conversation that cannot be learned as a whole; no picture is opened.

        Views whose tokens depend on their size are counted with the fewest that they can have.
        """
        fewest, _ = self.adapter.view_tokens
        self.prompter.learned(dialogue.turns, (fewest,) * dialogue.num_pictures, dialogue.name)


@dataclass(frozen=True)
class Collate:
    """Puts items into a batch.

    Where no conversation has a picture, a black one is put behind the end of the shortest: nothing before it sees it and
    nothing of it is learned, so the loss is the same. Then every process runs every layer, in the same order, as processes
    that share the weights of one network out have to; without it they wait for each other for ever. A network that sees
    pictures by cross-attention is given the black one without a token, so that nothing sees it (`crossed.crossed`).

    Args:
        prompter: that made their tokens.
        dataset: name of the data.
        blank: the black picture.
    """

    prompter: Prompter
    dataset: str
    blank: Pixels

    def __call__(self, items: Sequence[ChatItem]) -> LearnedBatch:
        """The batch, padded to the longest conversation."""
        ids, labels = [i.encoded.ids for i in items], [i.encoded.labels for i in items]
        pixels = [i.pixels for i in items]
        if not any(pixels):
            shortest = int(np.argmin([len(row) for row in ids]))
            more = 0 if self.prompter.family.crosses else self.blank.tokens[0]
            ids[shortest] = np.append(ids[shortest], np.full(more, self.prompter.image_id))
            labels[shortest] = np.append(labels[shortest], np.full(more, IGNORED))
            pixels[shortest] = self.blank
        return LearnedBatch(batch_of(ids, labels, pixels, self.prompter), self.dataset)
