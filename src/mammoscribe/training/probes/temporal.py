"""Temporal image classification as a task of the engine: linear heads that say improving, stable or worsening.

Source: BioViL-T (Bannur et al., CVPR 2023), image classification on MS-CXR-T: one linear model per finding on the mean
of [static; difference] patch features, three classes, macro accuracy. The loss is convex, so that nothing is selected on
any split. All heads, one for each finding and fold, are trained side by side: no weight of a head is in another's loss.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mammoscribe.data.folds import FOLDS, fold
from mammoscribe.data.labelled import CHANGES, LabelKind
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.engine.run import Run
from mammoscribe.training.engine.sources import ArraySource
from mammoscribe.training.engine.task import Batches, Modules, Task
from mammoscribe.training.probes.feature_set import FeatureKind, FeatureSet
from mammoscribe.training.probes.inputs import features_of
from mammoscribe.training.probes.temporal_result import Head, TemporalExport, Trial

PAIRS, LOSS, PENALTY = "pairs", "changes", "penalty"
SMALLEST_DEVIATION, NEVER = 1e-6, -1e9
"""A feature that varies less is a constant; the logit of a class that no pair of a head has."""


@dataclass(frozen=True)
class TemporalSettings:
    """How heads are fitted and measured.

    Args:
        findings: which, in their order; empty takes all.
        test_on: None measures by patient-wise cross-validation; `val` or `test` fits on train and measures there.
        folds: of the cross-validation; None gives 5.
        penalty: half of it times the squared weights is added to the mean loss of standardised features.
        balanced: whether every class counts alike in the loss, as it does in macro accuracy.
        model: name or folder of the image tower; for prepared data only.

    Raises:
        InvalidNoun: for a penalty that is not positive (the fit would have no single answer), fewer than two folds, or
            folds beside `test_on`, which uses none.
    """

    findings: tuple[str, ...] = ()
    test_on: str | None = None
    folds: int | None = None
    penalty: float = 0.05
    balanced: bool = True
    model: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.penalty < math.inf or (self.folds is not None and self.folds < 2):
            raise InvalidNoun(f"penalty {self.penalty} and {self.folds} folds", "a positive penalty and two folds")
        if self.test_on not in (None, "val", "test"):
            raise InvalidNoun(f"test_on {self.test_on}", "val, test, or none for a cross-validation")
        if self.test_on is not None and self.folds is not None:
            raise InvalidNoun("folds beside test_on, which uses none", "one of the two")

    @property
    def protocol(self) -> str:
        """How the heads are measured, in words."""
        if self.test_on is not None:
            return f"fitted on train, measured on {self.test_on}"
        return f"{self.folds or FOLDS}-fold cross-validation by patient"

    def build(self, run: Run) -> Task:
        """The task with heads of zeros.

        Raises:
            InputError: when no finding can be measured, or a patient is in two splits.
        """
        if run.init is not None:
            raise InputError("weights to start from, which a convex fit does not use", "", "leave out --init")
        return temporal_task(self, features_of(run, self.model, FeatureKind.POOLED))


def temporal_task(settings: TemporalSettings, features: FeatureSet) -> Task:
    """The task of features that are there already.

    Args:
        settings: of the heads.
        features: pooled features of pairs, with change labels.
    """
    if features.kind is not FeatureKind.POOLED:
        raise InputError(
            f"{features.kind} features", "pooled ones", "make them with `mammoscribe features --kind pooled`"
        )
    pairs = features.only(LabelKind.CHANGE, settings.findings or None)
    trials, left_out = trials_of(pairs, settings)
    heads = [head for trial in trials for head in trial.heads]
    net = ChangeHeads(pairs, heads, settings.balanced)
    rows = {"row": np.arange(len(pairs)), "features": pairs.features, "labels": pairs.labels}
    return Task(
        {"heads": net}, {PAIRS: ArraySource(rows, digest=pairs.digest)}, {LOSS: 1.0, PENALTY: settings.penalty / 2},
        temporal_loss, temporal_counts, export=TemporalExport(settings, settings.protocol, pairs, trials, left_out),
    )  # fmt: skip


def trials_of(pairs: FeatureSet, settings: TemporalSettings) -> tuple[tuple[Trial, ...], tuple[tuple[str, str], ...]]:
    """What is fitted and measured for every finding, and the reason for each that cannot be.

    Raises:
        InputError: when no finding can be measured, or the splits share a patient.
    """
    if settings.test_on is not None:
        _check_patients(pairs, settings.test_on)
    trials: list[Trial] = []
    left_out: list[tuple[str, str]] = []
    for name in pairs.classes:
        try:
            trials.append(_trial(pairs, name, settings))
        except InputError as error:
            left_out.append((name, error.sentence()))
    if not trials:
        raise InputError(f"no finding can be measured; the first, {left_out[0][0]}: {left_out[0][1].rstrip('.')}")
    return tuple(trials), tuple(left_out)


def _check_patients(pairs: FeatureSet, test_on: str) -> None:
    shared = set(pairs.split("train").patients) & set(pairs.split(test_on).patients)
    if shared:
        raise InputError(f"{len(shared)} patients are in train and in {test_on}", "a patient in one split only")


def _trial(pairs: FeatureSet, name: str, settings: TemporalSettings) -> Trial:
    column = pairs.classes.index(name)
    known = np.flatnonzero(~np.isnan(pairs.labels[:, column]))
    if settings.test_on is not None:
        splits = np.array(pairs.splits)[known]
        train, test = known[splits == "train"], known[splits == settings.test_on]
        _check_classes(pairs, train, column)
        _check_classes(pairs, test, column)
        return Trial(name, (Head(column, train, test),))
    _check_classes(pairs, known, column)
    folds = np.array([fold(pairs.patients[row], settings.folds or FOLDS) for row in known])
    if len(np.unique(folds)) < 2:
        raise InputError("all its patients are in one fold", "more patients")
    heads = tuple(Head(column, known[folds != n], known[folds == n]) for n in np.unique(folds))
    return Trial(name, (*heads, Head(column, known, known[:0])))


def _check_classes(pairs: FeatureSet, rows: np.ndarray, column: int) -> None:
    """InputError when there is nothing to tell apart."""
    changes = np.unique(pairs.labels[rows, column])
    if len(changes) < 2:
        named = f"{len(rows)} pairs, all {CHANGES[int(changes[0])]}" if len(changes) else "no pair is labelled"
        raise InputError(named, "two classes")


class ChangeHeads(nn.Module):
    """Linear heads, each on features standardised by the mean and deviation of the pairs that it is fitted to.

    Args:
        pairs: features and labels.
        heads: which pairs each is fitted to.
        balanced: whether every class counts alike.
    """

    centre: Tensor
    spread: Tensor
    mean: Tensor
    scale: Tensor
    absent: Tensor
    share: Tensor

    def __init__(self, pairs: FeatureSet, heads: Sequence[Head], balanced: bool) -> None:
        super().__init__()
        wide = torch.from_numpy(pairs.features.astype(np.float64))
        centre, spread = wide.mean(0), wide.std(0, correction=0)
        spread = torch.where(spread > SMALLEST_DEVIATION, spread, torch.ones_like(spread))
        parts = [_of_head((wide - centre) / spread, pairs.labels, head, balanced) for head in heads]
        for name, tensors in zip(("mean", "scale", "absent", "share"), zip(*parts, strict=True), strict=True):
            self.register_buffer(name, torch.stack(tensors).float(), persistent=name != "share")
        self.register_buffer("centre", centre.float())
        self.register_buffer("spread", spread.float())
        self.columns = [head.column for head in heads]
        self.weight = nn.Parameter(torch.zeros(len(heads), len(CHANGES), wide.shape[1]))
        self.bias = nn.Parameter(torch.zeros(len(heads), len(CHANGES)))

    def forward(self, rows: Tensor, features: Tensor, labels: Tensor) -> Tensor:
        """The sum over pairs and heads of weighted cross-entropies.

        Args:
            rows: [n] numbers of the pairs. features: [n, D]. labels: [n, C], NaN = unknown.

        Returns:
            a scalar; divided by the number of pairs it is, over all of them, the sum of the heads' mean losses.
        """
        scaled = self.weight * self.scale[:, None]
        logits = torch.einsum("nd,hcd->nch", (features - self.centre) / self.spread, scaled)
        logits = logits + (self.bias + self.absent - (scaled * self.mean[:, None]).sum(2)).T
        truth = labels[:, self.columns].nan_to_num(0.0).long()
        weight = self.share[:, rows].T
        return torch.where(weight > 0, F.cross_entropy(logits, truth, reduction="none") * weight, 0.0).sum()


def _of_head(features: Tensor, labels: np.ndarray, head: Head, balanced: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean [D], one over the deviation [D] (0 for a constant), what is added to logits [3], weight of every pair [N]."""
    x, y = features[head.train], torch.from_numpy(labels[head.train, head.column].astype(np.int64))
    counts = torch.bincount(y, minlength=len(CHANGES)).double()
    present = counts > 0
    per_class = len(y) / (counts.clamp(min=1) * present.sum()) if balanced else torch.ones(len(CHANGES)).double()
    share = torch.zeros(len(features), dtype=torch.float64)
    share[torch.from_numpy(head.train)] = per_class[y] * len(features) / len(y)
    deviation = x.std(0, correction=0)
    scale = torch.where(deviation > SMALLEST_DEVIATION, 1 / deviation, 0.0)
    return x.mean(0), scale, torch.where(present, 0.0, NEVER).double(), share


def temporal_loss(modules: Modules, batches: Batches) -> dict[str, Tensor]:
    """The heads' cross-entropies, and their squared weights."""
    net, batch = modules["heads"], batches[PAIRS]
    assert isinstance(net, ChangeHeads)
    return {LOSS: net(batch["row"], batch["features"], batch["labels"]), PENALTY: net.weight.square().sum()}


def temporal_counts(batches: Batches) -> Mapping[str, float]:
    """Pairs of the batch; each process adds the squared weights once."""
    return {LOSS: float(len(batches[PAIRS]["row"])), PENALTY: 1.0}
