"""How a joint space of pictures and reports is measured on the validation split: retrieval in both directions, beside chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.training.biovil.batches import ImageTextBatch
from mammoscribe.training.biovil.losses import Embedded
from mammoscribe.training.engine.task import Modules

BEST = (1, 10)
"""How many of the nearest are looked at."""
Pass = Callable[[Modules, ImageTextBatch], Embedded]


@dataclass(frozen=True)
class Found:
    """A validation batch on the CPU: pictures and texts [N, J] of unit length, the keys of the texts, where there is a prior."""

    dataset: str
    whole: Tensor
    texts: Tensor
    keys: Tensor
    has_prior: Tensor


def measure(modules: Modules, batch: ImageTextBatch, run: Pass) -> Found:
    """One batch of pairs."""
    pairs = run(modules, batch)
    whole, texts = (F.normalize(part.float(), dim=1).cpu() for part in (pairs.whole, pairs.texts))
    return Found(batch.dataset, whole, texts, batch.keys.cpu(), batch.has_prior.cpu())


def summary(found: Sequence[Found]) -> dict[str, float]:
    """Figures of the split, the mean over datasets; with several datasets also of each, as `NAME/...`.

    `image/r@K` is the share of pictures for which one of the K nearest texts is theirs, `text/r@K` that of texts for which
    one of the K nearest pictures has it; `.../chance` is what a blind choice gives, and `score` the mean of the four.
    Equal texts are the same text. `with_prior` is the share of pairs with an earlier picture.
    """
    names = list(dict.fromkeys(f.dataset for f in found))
    each = {name: _of_dataset([f for f in found if f.dataset == name]) for name in names}
    figures = _mean(list(each.values()))
    if len(names) > 1:
        figures |= {f"{name}/{key}": value for name, own in each.items() for key, value in own.items()}
    return figures


def _mean(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([figures[key] for figures in each])) for key in each[0]}


def _of_dataset(found: Sequence[Found]) -> dict[str, float]:
    whole, texts, keys, priors = (
        torch.cat([getattr(f, name) for f in found]) for name in ("whole", "texts", "keys", "has_prior")
    )
    figures = {**_direction("image", whole, texts, keys), **_direction("text", texts, whole, keys)}
    recalls = [figures[f"{side}/r@{number}"] for side in ("image", "text") for number in BEST]
    return {"score": float(np.mean(recalls)), **figures, "with_prior": float(priors.float().mean())}


def _direction(name: str, asked: Tensor, given: Tensor, keys: Tensor) -> dict[str, float]:
    """Recall from one side to the other; one that is as near as a wrong one comes after it."""
    before, right = wrong_before(asked, given, keys), (keys[:, None] == keys[None]).sum(dim=1)
    figures: dict[str, float] = {}
    for number in BEST:
        figures[f"{name}/r@{number}"] = float((before < number).float().mean())
        chances = [chance(count, len(keys), number) for count in right.tolist()]
        figures[f"{name}/r@{number}/chance"] = float(np.mean(chances))
    return figures


def wrong_before(asked: Tensor, given: Tensor, keys: Tensor) -> Tensor:
    """[N]: how many of the others are as near as the nearest right one, or nearer.

    Args:
        asked, given: [N, J] of unit length; what is asked for is at the same place, or has an equal key.
        keys: [N].
    """
    cosines, right = asked @ given.T, keys[:, None] == keys[None]
    best = cosines.masked_fill(~right, -2.0).max(dim=1, keepdim=True).values
    return ((cosines >= best) & ~right).sum(dim=1)


def chance(right: int, among: int, number: int) -> float:
    """The chance that at least one of `number` drawn blindly is one of the `right` ones."""
    return 1 - comb(among - right, min(number, among)) / comb(among, min(number, among))
