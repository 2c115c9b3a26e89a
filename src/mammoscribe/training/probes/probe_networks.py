"""The networks of a probe and what they are fed: a linear head, and items of prepared pictures for a tower that is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.task import Modules
from mammoscribe.training.probes.feature_set import FeatureSet
from mammoscribe.training.probes.prepared_features import probe_items, shown_pictures
from mammoscribe.training.probes.towers import PictureBatch, Shown, Tower, open_tower, picture_batch

SMALLEST_DEVIATION = 1e-6


class LinearHead(nn.Module):
    """A logit for every class from features that are standardised by the training items.

    Args:
        train: mean and deviation of its features are taken.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, train: FeatureSet) -> None:
        super().__init__()
        wide = train.features.astype(np.float64)
        deviation = torch.from_numpy(wide.std(axis=0))
        self.register_buffer("mean", torch.from_numpy(wide.mean(axis=0)).float())
        scale = torch.where(deviation > SMALLEST_DEVIATION, 1 / deviation, 0.0)  # a constant says nothing
        self.register_buffer("scale", scale.float())
        self.linear = nn.Linear(wide.shape[1], len(train.classes))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """[N, D] -> [N, C]."""
        return self.linear((features - self.mean) * self.scale)


class PreparedItems:
    """The pictures of items by their ids, as a tower looks at them.

    Args:
        folders: prepared datasets, in the order in which `features` was made of them.
        model: of the tower.
        features: labels of all items.

    Raises:
        InputError: for drawn and acquired images together, since a reader keeps their batch statistics apart.
    """

    def __init__(self, folders: Sequence[Path], model: str, features: FeatureSet) -> None:
        self.datasets = [PreparedDataset(folder) for folder in folders]
        origins = {dataset.synthetic for dataset in self.datasets}
        if len(origins) > 1:
            raise InputError("drawn and acquired images in one full training", "one of them")
        self.tower: Tower = open_tower(model, origins.pop())
        placed = [(n, p) for n, dataset in enumerate(self.datasets) for p in probe_items(dataset)]
        self._places = dict(zip(features.ids, placed, strict=True))
        self._labels = dict(zip(features.ids, features.labels, strict=True))

    def of(self, ids: Sequence[str]) -> "ItemList":
        """The items of these ids, in order."""
        return ItemList(self, tuple(ids))

    def item(self, name: str) -> tuple[list[Shown], np.ndarray]:
        """The pictures of an item, and its labels [C]."""
        number, placed = self._places[name]
        shown = shown_pictures(self.datasets[number], self.tower, placed.record)
        return [shown[n] for n in placed.item.pictures], self._labels[name]


@dataclass(frozen=True)
class ItemList:
    """Some of the items, by number."""

    pictures: PreparedItems
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, number: int) -> tuple[list[Shown], np.ndarray]:
        return self.pictures.item(self.ids[number])


def collate(items: Sequence[tuple[list[Shown], np.ndarray]]) -> dict[str, Any]:
    """Items as one batch: all their pictures, which item each is of, and labels [n, C]."""
    owner = torch.tensor([n for n, (shown, _) in enumerate(items) for _ in shown])
    pictures = picture_batch([s for shown, _ in items for s in shown])
    return {"pictures": pictures, "owner": owner, "labels": torch.from_numpy(np.stack([labels for _, labels in items]))}


def item_features(tower: nn.Module, pictures: PictureBatch, owner: Tensor, items: int) -> Tensor:
    """The mean of the pooled features of each item's pictures.

    Args:
        tower: gives features of pictures.
        pictures: N of them.
        owner: [N] number of the item that each belongs to.
        items: number of items, n.

    Returns:
        [n, D].
    """
    pooled = tower(pictures).pooled
    sums = pooled.new_zeros(items, pooled.shape[1]).index_add(0, owner, pooled)
    return sums / torch.bincount(owner, minlength=items)[:, None].to(sums.dtype)


def full_logits(modules: Modules, batch: Mapping[str, Any]) -> Tensor:
    """[n, C] logits of a batch of `collate`, through the tower."""
    features = item_features(modules["tower"], batch["pictures"], batch["owner"], len(batch["labels"]))
    return modules["head"](features.float())
