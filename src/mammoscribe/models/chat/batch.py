"""Conversations of different lengths and numbers of pictures as one input of the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mammoscribe.models.chat.adapter import Pixels, joined
from mammoscribe.models.chat.crossed import crossed
from mammoscribe.models.chat.prompt import IGNORED, Prompter


@dataclass(frozen=True)
class ChatBatch:
    """N conversations.

    Args:
        ids, mask: [N, T] tokens, and 1 where they are no padding.
        labels: [N, T], the token itself where it is learned.
        pixels: name of the network's argument -> rows of all pictures; {} when no conversation has one.
        of_tokens: name of the network's argument -> [N, T, ...], what it wants to know of each token: which are of pictures,
            or which picture each sees.
    """

    ids: Tensor
    mask: Tensor
    labels: Tensor
    pixels: Mapping[str, Tensor]
    of_tokens: Mapping[str, Tensor]

    def inputs(self) -> dict[str, Tensor]:
        """The network's arguments."""
        return {"input_ids": self.ids, "attention_mask": self.mask, **self.pixels, **self.of_tokens}


def batch_of(
    ids: Sequence[np.ndarray], labels: Sequence[np.ndarray] | None, pixels: Sequence[Pixels | None], prompter: Prompter
) -> ChatBatch:  # fmt: skip
    """Conversations padded to the longest: at the end where they are learned, at the beginning where they are answered.

    Args:
        ids: tokens of each.
        labels: of each, None when nothing is learned.
        pixels: pictures of each, None for one without.
        prompter: that made the tokens.
    """
    at_end = labels is not None
    pad = prompter.tokenizer.pad_token_id
    rows = _padded(ids, prompter.end_id if pad is None else pad, at_end)
    mask = _padded([np.ones_like(row) for row in ids], 0, at_end)
    learned = _padded(labels if labels is not None else [np.full_like(row, IGNORED) for row in ids], IGNORED, at_end)
    of_pictures = (rows == prompter.image_id) & (mask > 0)
    if prompter.family.crosses:
        return ChatBatch(rows, mask, learned, *crossed(of_pictures, pixels))
    of_tokens = {prompter.family.typed: of_pictures.long()} if prompter.family.typed else {}
    return ChatBatch(rows, mask, learned, joined([p for p in pixels if p is not None]), of_tokens)


def _padded(rows: Sequence[np.ndarray], value: int, at_end: bool) -> Tensor:
    longest = max(map(len, rows))
    out = np.full((len(rows), longest), value, np.int64)
    for number, row in enumerate(rows):
        place = slice(0, len(row)) if at_end else slice(longest - len(row), longest)
        out[number, place] = row
    return torch.from_numpy(out)
