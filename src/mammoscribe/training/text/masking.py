"""Masked tokens, drawn anew each time a text is seen: which are to be predicted, and what is shown in their place."""

from dataclasses import dataclass

import numpy as np

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.text.pieces import Pieces

IGNORED = -100
"""Label of a position that teaches nothing."""


@dataclass(frozen=True)
class Masking:
    """How tokens are masked (Devlin et al. 2019; drawn anew each time, Liu et al. 2019).

    Args:
        share: chance of every token to be one that is to be predicted.
        masked, random: of those, the shares that are replaced by `[MASK]` and by a random piece; the rest stay as they are.
        whole_words: all pieces of a word are chosen together, as CXR-BERT was trained.

    Raises:
        InvalidNoun: for shares that are none.
    """

    share: float = 0.15
    masked: float = 0.8
    random: float = 0.1
    whole_words: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or min(self.masked, self.random) < 0 or self.masked + self.random > 1:
            raise InvalidNoun(
                f"share {self.share}, masked {self.masked}, random {self.random}",
                "a share between 0 and 1; two shares that are 1 or less together",
            )


def with_masks(
    ids: np.ndarray, pieces: Pieces, masking: Masking, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """What the model is shown, and the label of every position, IGNORED where nothing is asked.

    Special tokens are never chosen and never put in place of others. It may happen that no token is chosen.

    Args:
        ids: [T], framed.
        pieces: the tokeniser.
        masking: the shares.
        rng: decides.
    """
    open_to_choice = ~pieces.special[ids]
    units = np.arange(len(ids))
    if masking.whole_words:
        units = np.cumsum(~(pieces.inside[ids] & open_to_choice))
    chosen = open_to_choice & (rng.random(len(ids) + 1) < masking.share)[units]
    fate = rng.random(len(ids))
    replaceable = np.flatnonzero(~pieces.special)
    others = replaceable[rng.integers(len(replaceable), size=len(ids))]
    shown = np.where(chosen & (fate < masking.masked), pieces.tokenizer.mask_token_id, ids)
    at_random = chosen & (fate >= masking.masked) & (fate < masking.masked + masking.random)
    return np.where(at_random, others, shown), np.where(chosen, ids, IGNORED)
