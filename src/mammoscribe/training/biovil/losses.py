"""Contrastive losses of the joint stage: whole pictures against texts, and tokens against patches.

Both are sums over a process's own rows with the negatives of all processes, so training in several processes is that of
one with the whole batch.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.contrastive import LEFT_OUT, counterparts, info_nce, matched_sum
from mammoscribe.training.engine.collectives import gather_rows

AT_ONCE = 2**24
"""Numbers of the largest array of the local loss; more texts are compared one group after the other."""


@dataclass(frozen=True)
class Weights:
    """Weight of each loss in the sum that is minimised: `whole` and `local` contrastive losses, and `masked` tokens."""

    whole: float = 0.5
    local: float = 0.5
    masked: float = 1.0


@dataclass(frozen=True)
class Temperatures:
    """What cosines are divided by.

    Args:
        whole: pictures against texts, 0.5 as in BioViL.
        attention: a token against the patches that it looks at.
        tokens: tokens against what they look at, in the likeness of a picture and a text; 1/5 as in GLoRIA.
        local: likenesses of pictures and texts; 1/10 as in GLoRIA.

    Raises:
        InvalidNoun: for one that is not above 0.
    """

    whole: float = 0.5
    attention: float = 0.1
    tokens: float = 0.2
    local: float = 0.1

    def __post_init__(self) -> None:
        if not all(0 < t < float("inf") for t in (self.whole, self.attention, self.tokens, self.local)):
            raise InvalidNoun(f"temperatures {self}", "numbers above 0")


@dataclass(frozen=True)
class Embedded:
    """N pairs in the joint space; nothing is normalised.

    Args:
        whole: [N, J], pictures.
        patches: [N, P, J].
        shown: [N, P] bool, patches that show anything; at least one of each picture.
        texts: [N, J].
        tokens: [N, T, J], each token of a text by itself.
        words: [N, T] bool, tokens that are pieces of the text: no padding and nothing special; at least one of each text.
        keys: [N]; equal numbers are of equal texts.
    """

    whole: Tensor
    patches: Tensor
    shown: Tensor
    texts: Tensor
    tokens: Tensor
    words: Tensor
    keys: Tensor


def contrastive_sums(pairs: Embedded, temperatures: Temperatures) -> dict[str, Tensor]:
    """The sums of both contrastive losses over the own pairs; every process has to call this at the same time.

    Shapes: scalars.
    """
    whole, texts = F.normalize(pairs.whole, dim=1), F.normalize(pairs.texts, dim=1)
    return {
        "whole": matched_sum(whole, texts, pairs.keys[:, None], temperatures.whole),
        "local": local_sum(pairs, temperatures),
    }


def local_sum(pairs: Embedded, temperatures: Temperatures) -> Tensor:
    """InfoNCE of pictures against texts by the likeness of tokens and patches, the mean of both directions (GLoRIA).

    Shapes: a scalar.
    """
    own = _Sides(
        F.normalize(pairs.patches, dim=2), pairs.shown, F.normalize(pairs.tokens, dim=2), pairs.words
    )  # fmt: skip
    every = own.gathered()
    true, false = counterparts(pairs.keys[:, None])
    forth = likeness(own.patches, own.shown, every.tokens, every.words, temperatures)
    if len(every.patches) == len(own.patches):
        back = forth.T
    else:
        back = likeness(every.patches, every.shown, own.tokens, own.words, temperatures).T
    rows = [info_nce(logits / temperatures.local, true, false).sum() for logits in (forth, back)]
    return (rows[0] + rows[1]) / 2


SHORTEST = 1e-12
"""Squared length of a mean of patches that cancel each other."""


@dataclass(frozen=True)
class _Sides:
    """Patches [N, P, J] and tokens [N, T, J] of unit length, and which of them count."""

    patches: Tensor
    shown: Tensor
    tokens: Tensor
    words: Tensor

    def gathered(self) -> "_Sides":
        """Those of all processes, texts padded to the longest of all."""
        lengths = gather_rows(torch.tensor([self.tokens.shape[1]], device=self.tokens.device)).rows
        missing = int(lengths.max()) - self.tokens.shape[1]
        tokens, words = F.pad(self.tokens, (0, 0, 0, missing)), F.pad(self.words, (0, missing))
        return _Sides(
            gather_rows(self.patches).rows, gather_rows(self.shown.long()).rows.bool(),
            gather_rows(tokens.contiguous()).rows, gather_rows(words.long()).rows.bool(),
        )  # fmt: skip


def likeness(patches: Tensor, shown: Tensor, tokens: Tensor, words: Tensor, temperatures: Temperatures) -> Tensor:
    """[N, M]: how well the tokens of each text find themselves in the patches of each picture.

    Each token looks at the patches that are like it, a softmax of their cosines; with c the cosine of the token and the
    mean of what it looks at, the likeness is t * log(sum of exp(c / t)) over the tokens (Huang et al., ICCV 2021).

    Args:
        patches, shown: [N, P, J] of unit length, and which of them count.
        tokens, words: [M, T, J] of unit length, and which of them count.
        temperatures: of the attention and of the tokens, t.
    """
    size = max(1, AT_ONCE // max(1, patches[:, :, 0].numel() * tokens.shape[1]))
    parts = zip(tokens.split(size), words.split(size), strict=True)
    if size >= len(tokens):
        return _likeness(patches, shown, tokens, words, temperatures)
    # kept arrays would take as much memory as if all were compared at once: they are computed again going backward
    return torch.cat([
        torch.as_tensor(checkpoint(_likeness, patches, shown, *part, temperatures, use_reentrant=False)) for part in parts
    ], dim=1)  # fmt: skip


def _likeness(patches: Tensor, shown: Tensor, tokens: Tensor, words: Tensor, temperatures: Temperatures) -> Tensor:
    """As `likeness`, without an array of what each token sees, [N, M, T, J], which would be most of the memory and time."""
    cosines = torch.einsum("npj,mtj->nmtp", patches, tokens)
    looked = (cosines / temperatures.attention).masked_fill(~shown[:, None, None], LEFT_OUT).softmax(dim=3)
    along = (looked * cosines).sum(dim=3)
    between = torch.einsum("npj,nqj->npq", patches, patches)
    length = (torch.einsum("nmtp,npq->nmtq", looked, between) * looked).sum(dim=3).clamp_min(SHORTEST).sqrt()
    found = along / (length * temperatures.tokens)
    return temperatures.tokens * found.masked_fill(~words[None], LEFT_OUT).logsumexp(dim=2)
