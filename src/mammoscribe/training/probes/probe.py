"""Probes as a task of the engine: a linear head on an image tower that is frozen or trained with it, on a share of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mammoscribe.data.labelled import LabelKind
from mammoscribe.evaluation.classification import auc
from mammoscribe.evaluation.incremental import mean_defined
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ArrayBatches, ArraySource, ItemBatches, ItemSource
from mammoscribe.training.engine.task import Batches, Modules, Task, Validation
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet
from mammoscribe.training.probes.inputs import features_of, is_feature_file
from mammoscribe.training.probes.items import in_share
from mammoscribe.training.probes.losses import known_cross_entropy
from mammoscribe.training.probes.probe_networks import LinearHead, PreparedItems, collate, full_logits
from mammoscribe.training.probes.probe_result import ProbeExport
from mammoscribe.training.probes.towers import still_parts

ITEMS, LOSS, MACRO = "items", "labels", "auroc/macro"
VAL_BATCH = 256


@dataclass(frozen=True)
class ProbeSettings:
    """What is trained, on how many of the labels.

    Args:
        model: tower of prepared data: `starter`, a reader's folder, a folder of BioViL or BioViL-T files, a file of a
            ResNet-50 as torchvision names its weights, or `resnet50` and `debug`, which are random. A feature file has
            its own, and is used with none.
        full: whether the tower is trained too; it begins at its weights, with a hundredth of the head's rate.
        tower_rate: the tower's rate as a share of the head's.
        percent: of the training patients whose labels are used; the smaller share is a part of the larger one.
        classes: which; empty takes all that are labelled.
        pooled: whether features before the projection are used, or those of the joint space; of prepared data only.
        num_draws: of the bootstrap over patients behind the intervals.

    Raises:
        InvalidNoun: for a share or rate out of its range, or full training of projected features.
    """

    model: str | None = None
    full: bool = False
    tower_rate: float = 0.01
    percent: float = 100.0
    classes: tuple[str, ...] = ()
    pooled: bool = True
    num_draws: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100 or not 0 < self.tower_rate <= 1:
            raise InvalidNoun(f"percent {self.percent}, tower_rate {self.tower_rate}", "above 0 to 100; above 0 to 1")
        if self.num_draws < 1:
            raise InvalidNoun(f"num_draws {self.num_draws}", "1 or more")
        if self.full and not self.pooled:
            raise InvalidNoun("full training with features of the joint space", "pooled ones")

    def build(self, run: Run) -> Task:
        """The task with a head of zeros.

        Raises:
            InputError: when data and model do not fit, or a split has nothing to learn from or to measure.
        """
        kind = FeatureKind.POOLED if self.pooled else FeatureKind.PROJECTED
        given = is_feature_file(run.data) if run.data else False
        if given and (self.full or self.model is not None or not self.pooled):
            raise InputError(
                "a model, full training or projected features for a feature file", "prepared data with them"
            )
        features = features_of(run, self.model, kind)
        features = features.only(LabelKind.PRESENCE, self.classes or None)
        train, val = self._chosen(features), features.split("val")
        _check(train, val)
        head = LinearHead(train)
        if self.full:
            return self._full(run, features, train, head)
        validation = Validation(
            ArrayBatches(_arrays(val), VAL_BATCH), measure_head, partial(summary, classes=features.classes), MACRO
        )
        return Task(
            {"head": head}, {ITEMS: _arrays(train)}, {LOSS: 1.0}, head_loss, label_counts, validation,
            export=ProbeExport(self, features, train, run.data),
        )  # fmt: skip

    def _chosen(self, features: FeatureSet) -> FeatureSet:
        """The training items of the share, without those that have no label."""
        train = features.split("train")
        labelled = ~np.isnan(train.labels).all(axis=1)
        keep = labelled & np.array([in_share(patient, self.percent) for patient in train.patients])
        if not keep.any():
            found = f"no labelled training item in {self.percent:g} % of {len(set(train.patients))} patients"
            raise InputError(found, "at least one", "take more percent, or more data")
        return train.rows(keep)

    def _full(self, run: Run, features: FeatureSet, train: FeatureSet, head: LinearHead) -> Task:
        assert self.model is not None
        pictures = PreparedItems(run.data, self.model, features)
        source = ItemSource(pictures.of(train.ids), collate, digest=train.digest)
        val = ItemSource(pictures.of(features.split("val").ids), collate)
        validation = Validation(
            ItemBatches(val, run.batch[ITEMS]), measure_full, partial(summary, classes=features.classes), MACRO
        )
        return Task(
            {"head": head, "tower": pictures.tower}, {ITEMS: source}, {LOSS: 1.0}, full_loss, label_counts, validation,
            frozen=tuple(f"tower.{name}" for name in still_parts(pictures.tower)), rates={"tower": self.tower_rate},
            export=ProbeExport(self, features, train, run.data),
        )  # fmt: skip


def _check(train: FeatureSet, val: FeatureSet) -> None:
    """InputError where no class has both answers, in training or in `val`."""
    for name, part in (("train", train), ("val", val)):
        both = [c for c, y in zip(part.classes, part.labels.T, strict=True) if {0.0, 1.0} <= set(y.tolist())]
        if not both:
            raise InputError(
                f"no class is there in some and absent in other items of {name}", "both in one class at least"
            )


def _arrays(features: FeatureSet) -> ArraySource:
    return ArraySource({"features": features.features, "labels": features.labels}, digest=features.digest)


def head_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """Sum of the binary cross-entropy over all known labels.

    Shapes: scalars, by name.
    """
    batch = batches[ITEMS]
    return {LOSS: known_cross_entropy(modules["head"](batch["features"]), batch["labels"])}


def label_counts(batches: Batches) -> Mapping[str, float]:
    """Number of known labels."""
    return {LOSS: float((~torch.isnan(batches[ITEMS]["labels"])).sum())}


Answers = tuple[np.ndarray, np.ndarray]
"""Logits [n, C] and labels [n, C] of a batch."""


def measure_head(modules: Modules, batch: Any) -> Answers:
    """Logits of a validation batch beside its labels."""
    return modules["head"](batch["features"]).float().cpu().numpy(), batch["labels"].cpu().numpy()


def summary(answers: Sequence[Answers], classes: Sequence[str]) -> dict[str, float]:
    """`auroc/CLASS` of every class that has both answers, and their mean `auroc/macro`."""
    logits, labels = (np.concatenate(part) for part in zip(*answers, strict=True))
    known = ~np.isnan(labels)
    figures = {
        f"auroc/{name}": auc(logits[k, c], labels[k, c])
        for c, (name, k) in enumerate(zip(classes, known.T, strict=True))
        if k.any()
    }
    defined = {name: value for name, value in figures.items() if value == value}
    return {**defined, MACRO: mean_defined(list(defined.values()))}


def full_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """As `head_loss`, through the tower.

    Shapes: scalars, by name.
    """
    return {LOSS: known_cross_entropy(full_logits(modules, batches[ITEMS]), batches[ITEMS]["labels"])}


def measure_full(modules: Modules, batch: Any) -> Answers:
    """As `measure_head`, through the tower."""
    return full_logits(modules, batch).float().cpu().numpy(), batch["labels"].cpu().numpy()
