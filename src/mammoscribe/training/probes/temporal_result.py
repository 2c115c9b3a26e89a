"""What a run of temporal heads leaves: macro accuracy of every finding with its interval, a table, and the heads."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from mammoscribe.data.labelled import CHANGES
from mammoscribe.evaluation.bootstrap import Interval, bootstrap_interval, interval_or_none
from mammoscribe.evaluation.card import table
from mammoscribe.evaluation.classification import macro_accuracy
from mammoscribe.support.files import write_bytes, write_text
from mammoscribe.training.engine.fields import plain
from mammoscribe.training.probes.feature_set import FeatureSet

SCHEMA = "mammoscribe.temporal/1"


@dataclass(frozen=True)
class Head:
    """One head: the column of its labels, the rows it is fitted to, and those that it answers (none to be kept only)."""

    column: int
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Trial:
    """A finding and its heads; the last of them is the one that is kept."""

    finding: str
    heads: tuple[Head, ...]


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

    After a cross-validation the heads are fitted to all pairs; otherwise they are the measured ones.
    """

    protocol: str
    findings: tuple[FindingFigures, ...]
    left_out: tuple[tuple[str, str], ...]
    heads: Mapping[str, ChangeHead]

    @property
    def mean(self) -> float:
        """Mean macro accuracy of the findings."""
        return float(np.mean([f.macro_accuracy for f in self.findings]))


@dataclass(frozen=True)
class TemporalExport:
    """Measures the heads and fills the model folder at the end of a run.

    Args:
        settings: of the run, for provenance.
        protocol: how the heads are measured.
        pairs: features and labels.
        trials: heads of every finding, in the order in which they were trained.
        left_out: findings that cannot be measured, with the reason.
        num_draws: of the bootstrap over patients.
    """

    settings: Any
    protocol: str
    pairs: FeatureSet
    trials: Sequence[Trial]
    left_out: tuple[tuple[str, str], ...]
    num_draws: int = 1000

    def __call__(self, weights: Path, out: Path) -> None:
        """Write temporal.json, heads.safetensors and summary.md into `out`."""
        result = self.measured(weights)
        provenance = {
            "model": self.pairs.model, "preprocessing": self.pairs.mode, "features": self.pairs.made_from,
            "settings": plain(self.settings),
        }  # fmt: skip
        write_text(out / "temporal.json", temporal_json(result, **provenance))
        save_heads(result, out / "heads.safetensors", self.pairs.model)
        reasons = "".join(f"\n{name} is left out: {reason}" for name, reason in self.left_out)
        write_text(out / "summary.md", f"{temporal_table(result)}\n{reasons}".rstrip() + "\n")

    def measured(self, weights: Path) -> TemporalResult:
        """The figures of trained heads."""
        trained = iter(heads_of(load_file(weights)))
        findings, kept = [], {}
        for trial in self.trials:
            given = np.full(len(self.pairs), -1)
            for head in trial.heads:
                kept[trial.finding] = own = next(trained)
                given[head.test] = own.logits(self.pairs.features[head.test]).argmax(axis=1)
            rows = np.flatnonzero(given >= 0)
            truth = self.pairs.labels[rows, trial.heads[0].column].astype(int)
            patients = [self.pairs.patients[row] for row in rows]
            findings.append(figures_of(trial.finding, truth, given[rows], patients, self.num_draws))
        return TemporalResult(self.protocol, tuple(findings), self.left_out, kept)


def heads_of(weights: Mapping[str, np.ndarray]) -> list[ChangeHead]:
    """The heads of a checkpoint as functions of features as they are, not standardised."""
    w = {name.removeprefix("heads."): value.astype(np.float64) for name, value in weights.items()}
    scaled = w["weight"] * w["scale"][:, None]
    bias = w["bias"] + w["absent"] - (scaled * w["mean"][:, None]).sum(2)
    raw = scaled / w["spread"]
    return [ChangeHead(one, b - one @ w["centre"]) for one, b in zip(raw, bias, strict=True)]


def figures_of(
    name: str, truth: np.ndarray, given: np.ndarray, patients: Sequence[Hashable], num_draws: int = 1000
) -> FindingFigures:
    """Figures of answers against the truth, both as codes of `CHANGES`.

    Args:
        name: of the finding.
        truth, given: [n].
        patients: [n] whose pair each is; the interval draws patients.
        num_draws: of the bootstrap.
    """
    interval = interval_or_none(
        lambda: bootstrap_interval(lambda rows: macro_accuracy(truth[rows], given[rows]), patients, num_draws)
    )
    confusion = np.zeros((len(CHANGES), len(CHANGES)), dtype=int)
    np.add.at(confusion, (truth, given), 1)
    counts = tuple(int(n) for n in confusion.sum(axis=1))
    cells = tuple(tuple(int(n) for n in row) for row in confusion)
    return FindingFigures(name, counts, len(set(patients)), macro_accuracy(truth, given), interval, cells)


def temporal_json(result: TemporalResult, **provenance: Any) -> str:
    """The result without its heads as JSON; `provenance` is kept as it is given."""
    values = {
        "schema": SCHEMA, "protocol": result.protocol, "changes": list(CHANGES), "mean_macro_accuracy": result.mean,
        "findings": [asdict(f) for f in result.findings], "left_out": dict(result.left_out), "provenance": provenance,
    }  # fmt: skip
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


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
