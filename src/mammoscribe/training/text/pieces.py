"""Texts as ids of a text model: cut to what fits, framed by `[CLS]` and `[SEP]`, padded to batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mammoscribe.support.errors import InputError
from mammoscribe.training.text.vocabulary import INSIDE

FEWEST = 4
"""Tokens of the shortest frame: two pieces between `[CLS]` and `[SEP]`."""


@dataclass(frozen=True)
class Pieces:
    """The tokeniser of a text model, and how many tokens one text may have.

    Args:
        tokenizer: a BERT tokeniser of `transformers`.
        max_tokens: `[CLS]` and `[SEP]` among them.

    Raises:
        InputError: when `max_tokens` is too small.
    """

    tokenizer: Any
    max_tokens: int

    def __post_init__(self) -> None:
        if self.max_tokens < FEWEST:
            raise InputError(f"max_tokens {self.max_tokens}", f"{FEWEST} or more")

    @cached_property
    def special(self) -> np.ndarray:
        """[V] bool: ids that are no piece of a text."""
        return self._those(self.tokenizer.all_special_ids)

    @cached_property
    def inside(self) -> np.ndarray:
        """[V] bool: pieces that go on with a word."""
        return self._those([n for word, n in self.tokenizer.get_vocab().items() if word.startswith(INSIDE)])

    def _those(self, ids: Sequence[int]) -> np.ndarray:
        found = np.zeros(len(self.tokenizer), bool)
        found[list(ids)] = True
        return found

    def ids(self, text: str) -> np.ndarray:
        """Ids of a text without `[CLS]` and `[SEP]`; the letters `[MASK]` in it are letters."""
        found = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
        return np.asarray(found, np.int64)

    def framed(self, ids: np.ndarray) -> np.ndarray:
        """Ids between `[CLS]` and `[SEP]`; what does not fit is cut off at the end."""
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        return np.concatenate([[first], ids[: self.max_tokens - 2], [last]]).astype(np.int64)

    def window(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """As many ids as fit, from a random place of a longer text on, where a word begins if one does before it.

        Shapes: ids [N] -> [at most the length of the model].
        """
        room = self.max_tokens - 2
        if len(ids) <= room:
            return ids
        start = int(rng.integers(len(ids) - room + 1))
        begins = np.flatnonzero(~self.inside[ids[: start + 1]])
        start = int(begins[-1]) if len(begins) else start
        return ids[start : start + room]

    def windows(self, ids: np.ndarray) -> list[np.ndarray]:
        """All of a text, one part after the other, each as long as fits.

        Shapes: ids [N].
        """
        room = self.max_tokens - 2
        return [ids[first : first + room] for first in range(0, len(ids), room)]

    def padded(self, rows: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """[N, T] ids and attention mask of framed rows, padded to the longest."""
        return filled(rows, self.tokenizer.pad_token_id), filled([np.ones_like(row) for row in rows], 0)


def filled(rows: Sequence[np.ndarray], value: int) -> Tensor:
    """[N, T]: rows of different lengths, with `value` behind each that is shorter than the longest."""
    out = np.full((len(rows), max(map(len, rows), default=0)), value, np.int64)
    for number, row in enumerate(rows):
        out[number, : len(row)] = row
    return torch.from_numpy(out)
