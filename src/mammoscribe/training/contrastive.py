"""InfoNCE (van den Oord et al. 2018), the one implementation of all recipes: rows against others, negatives of all processes.

Sums are over a process's own rows, so training in several processes is that of one with the whole batch.
"""

import torch
from torch import Tensor

from mammoscribe.training.engine.collectives import gather_rows

LEFT_OUT = -1e4
"""In place of a logit that takes no part in a softmax."""


def info_nce(logits: Tensor, true: Tensor, false: Tensor) -> Tensor:
    """[R]: for each row, -log of the share of a right answer in the softmax, the mean over its right answers.

    Args:
        logits: [R, M].
        true, false: [R, M] bool; pairs in neither are left out of the softmax. A row without a right answer gives 0.
    """
    shares = logits.masked_fill(~(true | false), LEFT_OUT).log_softmax(dim=1)
    return -shares.masked_fill(~true, 0.0).sum(dim=1) / true.sum(dim=1).clamp(min=1)


def contrast(
    anchors: Tensor, others: Tensor, true: Tensor, false: Tensor, scale: Tensor | float, rows: Tensor
) -> Tensor:  # fmt: skip
    """InfoNCE of anchors against others by their scaled cosines, summed over the chosen rows.

    Args:
        anchors: [R, J], normalised.
        others: [M, J], normalised.
        true, false: as in `info_nce`.
        scale: of the cosines.
        rows: [R] bool, the rows that are summed.
    """
    return info_nce(scale * anchors @ others.T, true, false)[rows].sum()


def counterparts(keys: Tensor) -> tuple[Tensor, Tensor]:
    """(true, false), [n, M] bool each: own pairs against those of all M pairs of all processes.

    The own counterpart is true. A pair that shares a key with it is left out, since its text would be right as well; all
    others are false. Every process has to call this at the same time.

    Args:
        keys: [n, K]; in each column, equal numbers are of equal texts.
    """
    gathered = gather_rows(keys)
    own = torch.arange(len(keys), device=keys.device) + gathered.start
    equal = (keys[:, None] == gathered.rows[None]).any(dim=2)
    true = torch.zeros_like(equal)
    true[torch.arange(len(keys), device=keys.device), own] = True
    return true, ~equal


def matched_sum(ours: Tensor, theirs: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """InfoNCE of pairs in both directions, the mean of both, summed over the own pairs.

    Negatives are the pairs of all processes; see `counterparts`. Every process has to call this at the same time.

    Args:
        ours, theirs: [n, J] of unit length, the two sides of the same pairs.
        keys: [n, K] of the pairs' texts.
        temperature: what cosines are divided by.
    """
    true, false = counterparts(keys)
    every = torch.ones(len(ours), dtype=torch.bool, device=ours.device)
    forth = contrast(ours, gather_rows(theirs).rows, true, false, 1 / temperature, every)
    back = contrast(theirs, gather_rows(ours).rows, true, false, 1 / temperature, every)
    return (forth + back) / 2
