"""Temporal image classification: a linear head on pooled pair features says improving, stable or worsening.

Source: BioViL-T (Bannur et al., CVPR 2023), image classification on MS-CXR-T: one linear model per finding on the
mean of [static; difference] patch features, three classes, macro accuracy. The features are those of a feature set made
with `--kind pooled` from pairs. Training is convex, so that its result depends on nothing but data and penalty.
"""

import json
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save

from mammoscribe.data.folds import FOLDS, fold
from mammoscribe.data.labelled import CHANGES, LabelKind
from mammoscribe.evaluation.bootstrap import Interval, bootstrap_interval, interval_or_none
from mammoscribe.evaluation.card import table
from mammoscribe.evaluation.classification import macro_accuracy
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_bytes
from mammoscribe.training.feature_cache import FeatureKind, FeatureSet

SCHEMA = "mammoscribe.temporal/1"
Report = Callable[[int, int], None]
"""Takes findings done and findings in all."""


@dataclass(frozen=True)
class TemporalSettings:
    """How a head is fitted.

    Args:
        penalty: half of it times the squared weights is added to the mean loss of standardised features.
        balanced: whether every class counts alike in the loss, as it does in macro accuracy.
        folds: of the patient-wise cross-validation.

    Raises:
        InvalidNoun: for a penalty that is not positive (the fit would have no single answer) or fewer than two folds.
    """

    penalty: float = 0.05
    balanced: bool = True
    folds: int = FOLDS

    def __post_init__(self) -> None:
        if not (0 < self.penalty < math.inf and self.folds >= 2):
            raise InvalidNoun(f"penalty {self.penalty} and {self.folds} folds", "a positive penalty and two folds")


@dataclass(frozen=True)
class ChangeHead:
    """A linear head of one finding: softmax of `features @ weight.T + bias`, [3, D] and [3], float64."""

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """[N, D] -> [N, 3], in the order of `CHANGES`."""
        return features.astype(np.float64) @ self.weight.T + self.bias


@dataclass(frozen=True)
class FindingFigures:
    """Figures of one finding.

    Args:
        finding: its name.
        counts: pairs per class, in the order of `CHANGES`.
        patients: how many they come from.
        macro_accuracy: mean recall of the classes that are there; 1/3 by chance when all three are.
        interval: 95 %, over patients; None where too few draws are defined.
        confusion: pairs by truth and answer, rows are truth.
    """

    finding: str
    counts: tuple[int, ...]
    patients: int
    macro_accuracy: float
    interval: Interval | None
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class TemporalResult:
    """Figures of every finding that could be measured, the reason for every other, and the heads.

    After a cross-validation the heads are fitted once more on all pairs; otherwise they are the measured ones.
    """

    protocol: str
    findings: tuple[FindingFigures, ...]
    left_out: tuple[tuple[str, str], ...]
    heads: dict[str, ChangeHead]

    @property
    def mean(self) -> float:
        """Mean macro accuracy of the findings."""
        return float(np.mean([f.macro_accuracy for f in self.findings]))


def fit_head(features: np.ndarray, changes: np.ndarray, settings: TemporalSettings = TemporalSettings()) -> ChangeHead:
    """Multinomial logistic regression on features standardised by their own mean and deviation (L-BFGS, float64).

    Args:
        features: [n, D].
        changes: [n], 0, 1, 2; a class without pairs is never answered.
        settings: penalty and balance.
    """
    x = torch.from_numpy(features.astype(np.float64))
    y = torch.from_numpy(changes.astype(np.int64))
    mean, deviation = x.mean(0), x.std(0, correction=0).clamp(min=1e-8)
    z = (x - mean) / deviation
    counts = torch.bincount(y, minlength=len(CHANGES)).double()
    share = (
        len(y) / (counts.clamp(min=1) * (counts > 0).sum()) if settings.balanced else torch.ones(len(CHANGES)).double()
    )
    absent = torch.where(counts > 0, 0.0, -math.inf).double()
    weight = torch.zeros(len(CHANGES), x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(CHANGES), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=1e-7, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        each = F.cross_entropy(z @ weight.T + bias + absent, y, reduction="none")
        loss = (each * share[y]).mean() + settings.penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    scaled = weight.detach() / deviation
    return ChangeHead(scaled.numpy(), (bias.detach() - scaled @ mean + absent.clamp(min=-1e9)).numpy())


def cross_validate(
    features: FeatureSet, settings: TemporalSettings = TemporalSettings(), findings: Sequence[str] | None = None,
    num_draws: int = 1000, report: Report = lambda *_: None,
) -> TemporalResult:  # fmt: skip
    """Every pair is answered by a head that saw no pair of its patient; splits of the set are not looked at.

    Args:
        features: pooled features of pairs with change labels.
        settings: of the heads.
        findings: which, and in which order; None takes all.
        num_draws: of the bootstrap over patients.
        report: called after every finding.

    Raises:
        InputError: when no finding can be measured.
    """
    pairs = _pairs(features, findings)

    def measure(name: str) -> tuple[FindingFigures, ChangeHead]:
        x, y, patients = _labelled(pairs, name)
        folds = np.array([fold(p, settings.folds) for p in patients])
        if len(np.unique(folds)) < 2:
            raise InputError("all its patients lie in one fold", "more patients")
        given = np.empty(len(y), dtype=np.int64)
        for left_out in np.unique(folds):
            out = folds == left_out
            given[out] = fit_head(x[~out], y[~out], settings).logits(x[out]).argmax(axis=1)
        return figures_of(name, y, given, patients, num_draws), fit_head(x, y, settings)

    return _collected(pairs.classes, measure, f"{settings.folds}-fold cross-validation by patient", report)


def train_and_test(
    features: FeatureSet, test_on: str, settings: TemporalSettings = TemporalSettings(),
    findings: Sequence[str] | None = None, num_draws: int = 1000, report: Report = lambda *_: None,
) -> TemporalResult:  # fmt: skip
    """Fit on split `train` and measure on another, as published (Chest ImaGenome for one, MS-CXR-T for the other).

    Raises:
        InputError: when the splits share a patient, one is empty, or no finding can be measured.
    """
    if test_on == "train":
        raise InputError("measuring on train", "val or test")
    pairs = _pairs(features, findings)
    train, test = pairs.split("train"), pairs.split(test_on)
    shared = set(train.patients) & set(test.patients)
    if shared:
        raise InputError(f"{len(shared)} patients are in train and in {test_on}", "a patient in one split only")

    def measure(name: str) -> tuple[FindingFigures, ChangeHead]:
        x, y, _ = _labelled(train, name)
        held_out, truth, patients = _labelled(test, name)
        head = fit_head(x, y, settings)
        return figures_of(name, truth, head.logits(held_out).argmax(axis=1), patients, num_draws), head

    return _collected(pairs.classes, measure, f"fitted on train, measured on {test_on}", report)


def figures_of(
    name: str, truth: np.ndarray, given: np.ndarray, patients: Sequence[Hashable], num_draws: int = 1000
) -> FindingFigures:
    """Figures of answers [n] against the truth [n], codes of `CHANGES`; the interval is over patients."""
    interval = interval_or_none(
        lambda: bootstrap_interval(lambda rows: macro_accuracy(truth[rows], given[rows]), patients, num_draws)
    )
    confusion = np.zeros((len(CHANGES), len(CHANGES)), dtype=int)
    np.add.at(confusion, (truth, given), 1)
    counts = tuple(int(n) for n in confusion.sum(axis=1))
    table = tuple(tuple(int(n) for n in row) for row in confusion)
    return FindingFigures(name, counts, len(set(patients)), macro_accuracy(truth, given), interval, table)


def _pairs(features: FeatureSet, findings: Sequence[str] | None) -> FeatureSet:
    if features.kind is not FeatureKind.POOLED:
        raise InputError(
            f"{features.kind} features", "pooled ones", "make them with `mammoscribe features --kind pooled`"
        )
    return features.only(LabelKind.CHANGE, findings)


def _labelled(pairs: FeatureSet, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(features, changes, patients) of the pairs whose change is known; InputError when there is nothing to tell apart."""
    labels = pairs.labels[:, pairs.classes.index(name)]
    known = ~np.isnan(labels)
    changes = labels[known].astype(np.int64)
    if len(np.unique(changes)) < 2:
        told = CHANGES[changes[0]] if len(changes) else "labelled"
        raise InputError(f"{len(changes)} pairs, all {told}" if len(changes) else "no pair is labelled", "two classes")
    return pairs.features[known], changes, [p for p, k in zip(pairs.patients, known, strict=True) if k]


def _collected(
    names: Sequence[str], measure: Callable[[str], tuple[FindingFigures, ChangeHead]], protocol: str, report: Report
) -> TemporalResult:
    """All findings; one that cannot be measured does not stop the others."""
    done: list[FindingFigures] = []
    heads: dict[str, ChangeHead] = {}
    left_out: list[tuple[str, str]] = []
    for name in names:
        try:
            figures, heads[name] = measure(name)
            done.append(figures)
        except InputError as error:
            left_out.append((name, error.sentence()))
        report(len(done) + len(left_out), len(names))
    if not done:
        raise InputError(f"no finding can be measured; the first, {left_out[0][0]}: {left_out[0][1].rstrip('.')}")
    return TemporalResult(protocol, tuple(done), tuple(left_out), heads)


def temporal_json(result: TemporalResult, **provenance: Any) -> str:
    """The result without its heads as JSON; `provenance` is kept as it is given."""
    plain = {
        "schema": SCHEMA, "protocol": result.protocol, "changes": list(CHANGES), "mean_macro_accuracy": result.mean,
        "findings": [asdict(f) for f in result.findings], "left_out": dict(result.left_out), "provenance": provenance,
    }  # fmt: skip
    return json.dumps(plain, indent=1, allow_nan=False) + "\n"


def temporal_table(result: TemporalResult) -> str:
    """The result as a markdown table, one row per finding and one for their mean."""
    head = ("finding", "macro accuracy", "95 % interval", *CHANGES, "patients")
    rows: list[tuple[object, ...]] = [
        (f.finding, f"{f.macro_accuracy:.3f}", f.interval or "not defined", *f.counts, f.patients)
        for f in result.findings
    ]
    rows.append(("mean", f"{result.mean:.3f}", "", *[""] * len(CHANGES), ""))
    return f"{result.protocol}\n\n{table(head, rows)}"


def save_heads(result: TemporalResult, path: Path, model: str) -> Path:
    """Write the heads (`FINDING.weight` [3, D], `FINDING.bias` [3], float32) with the name of the model they belong to."""
    tensors = {
        f"{name}.{part}": getattr(head, part).astype(np.float32)
        for name, head in result.heads.items()
        for part in ("weight", "bias")
    }
    return write_bytes(path, save(tensors, {"model": model, "changes": json.dumps(CHANGES)}))
