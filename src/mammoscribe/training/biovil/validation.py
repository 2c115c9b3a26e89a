"""How a joint space of pictures and reports is measured on the validation split: retrieval in both directions, beside chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mammoscribe.training.biovil.batches import ImageTextBatch
from mammoscribe.training.biovil.losses import Embedded
from mammoscribe.training.engine.task import Modules

BEST = (1, 10)
"""How many of the nearest are looked at."""
FARTHER = -2.0
"""Than any cosine."""
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
    one of the K reports with the nearest pictures is it; `.../chance` is what a blind choice gives, and `score` the mean of
    the four. Equal texts are one text, with the nearest of all its pictures: else the views of a breast would each take
    one of ten places. `with_prior` is the share of pairs with an earlier picture.
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
    before = wrong_before(asked, given, keys)
    figures: dict[str, float] = {}
    for number in BEST:
        figures[f"{name}/r@{number}"] = float((before < number).float().mean())
        figures[f"{name}/r@{number}/chance"] = chance(number, keys)
    return figures


def wrong_before(asked: Tensor, given: Tensor, keys: Tensor) -> Tensor:
    """[N]: how many of the other keys have one that is as near as the nearest of the own key, or nearer.

    Args:
        asked, given: [N, J] of unit length; what is asked for is at the same place, or has an equal key.
        keys: [N].
    """
    distinct, own = keys.unique(return_inverse=True)
    nearest = torch.full((len(keys), len(distinct)), FARTHER)
    nearest = nearest.scatter_reduce(1, own.expand(len(keys), -1), asked @ given.T, "amax")
    return (nearest >= nearest.gather(1, own[:, None])).sum(dim=1) - 1


def chance(number: int, keys: Tensor) -> float:
    """The chance that one of `number` keys drawn blindly is the own one."""
    return min(1.0, number / len(keys.unique()))
