"""What a probe leaves: AUROC and average precision of every class with n and intervals, a table, and the trained weights."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from mammoscribe.evaluation.bootstrap import Interval, bootstrap_interval, interval_or_none
from mammoscribe.evaluation.card import table
from mammoscribe.evaluation.classification import auc, auc_interval, average_precision
from mammoscribe.evaluation.incremental import macro_auroc_interval, mean_defined, nulls
from mammoscribe.support.files import write_bytes, write_text
from mammoscribe.training.engine.fields import plain
from mammoscribe.training.probes.feature_set import FeatureSet
from mammoscribe.training.probes.prepared_features import AT_ONCE
from mammoscribe.training.probes.probe_networks import LinearHead, PreparedItems, collate, full_logits

if TYPE_CHECKING:
    from mammoscribe.training.probes.probe import ProbeSettings

SCHEMA = "mammoscribe.probe/1"
CHOSEN_ON = "val"
"""The split on which the best weights are chosen: its figures are too good, and are stated beside those of `test`."""


@dataclass(frozen=True)
class ClassFigures:
    """Figures of one class on one split; NaN where a figure is not defined, and no interval where too few draws are.

    Args:
        name: of the class.
        n, positives, patients: items whose label is known, those that have it, and whose they are.
        auroc, average_precision: of the items; `intervals` are over patients.
    """

    name: str
    n: int
    positives: int
    patients: int
    auroc: float
    auroc_interval: Interval | None
    average_precision: float
    average_precision_interval: Interval | None


@dataclass(frozen=True)
class SplitFigures:
    """Figures of one split: its classes, and the mean AUROC of those that have one, with its interval."""

    split: str
    classes: tuple[ClassFigures, ...]
    macro: float
    interval: Interval | None


def figures_of(split: str, logits: np.ndarray, features: FeatureSet, num_draws: int = 1000) -> SplitFigures:
    """Figures of the answers for a split.

    Args:
        split: its name.
        logits: [n, C], one row for each item.
        features: of the same items, with labels of the same classes.
        num_draws: of the bootstrap behind the intervals.
    """
    columns = zip(features.classes, logits.T, features.labels.T, strict=True)
    classes = tuple(_class(name, scores, labels, features.patients, num_draws) for name, scores, labels in columns)
    interval = macro_auroc_interval(logits.astype(np.float64), features.labels, features.patients, num_draws)
    return SplitFigures(split, classes, mean_defined([c.auroc for c in classes]), interval)


def _class(
    name: str, scores: np.ndarray, labels: np.ndarray, patients: Sequence[str], num_draws: int
) -> ClassFigures:  # fmt: skip
    known = np.flatnonzero(~np.isnan(labels))
    if not len(known):
        return ClassFigures(name, 0, 0, 0, math.nan, None, math.nan, None)
    s, y, own = scores[known], labels[known], [patients[int(row)] for row in known]
    area = interval_or_none(lambda: auc_interval(s, y, own, num_draws))
    precision = interval_or_none(
        lambda: bootstrap_interval(lambda rows: average_precision(s[rows], y[rows]), own, num_draws)
    )
    return ClassFigures(
        name, len(known), int(y.sum()), len(set(own)), auc(s, y), area, average_precision(s, y), precision
    )


@dataclass(frozen=True)
class ProbeExport:
    """Measures the best weights and fills the model folder at the end of a run.

    Args:
        settings: of the run.
        features: of all items, with their labels.
        train: those that were trained on.
        folders: prepared datasets, for a tower that was trained.
    """

    settings: "ProbeSettings"
    features: FeatureSet
    train: FeatureSet
    folders: tuple[Path, ...]

    def __call__(self, weights: Path, out: Path) -> None:
        """Write results.json, probe.safetensors and summary.md into `out`."""
        tensors = load_file(weights)
        splits = [s for s in ("val", "test") if s in self.features.splits]
        parts = {split: self.features.split(split) for split in splits}
        figures = [
            figures_of(s, self._logits(tensors, part), part, self.settings.num_draws) for s, part in parts.items()
        ]
        write_text(out / "results.json", self._json(figures))
        write_text(out / "summary.md", self._table(figures))
        about = {
            "classes": json.dumps(self.features.classes),
            "model": self.features.model,
            "full": str(self.settings.full),
        }
        write_bytes(out / "probe.safetensors", save({k: v.contiguous() for k, v in tensors.items()}, about))

    @torch.inference_mode()
    def _logits(self, tensors: dict[str, Tensor], part: FeatureSet) -> np.ndarray:
        head = LinearHead(self.train)
        head.load_state_dict(_part(tensors, "head"))
        if not self.settings.full:
            return head(torch.from_numpy(part.features)).numpy()
        assert self.settings.model is not None
        pictures = PreparedItems(self.folders, self.settings.model, self.features)
        pictures.tower.load_state_dict(_part(tensors, "tower"))
        modules, items = {"head": head.eval(), "tower": pictures.tower.eval()}, pictures.of(part.ids)
        batches = (
            collate([items[n] for n in range(i, min(i + AT_ONCE, len(items)))]) for i in range(0, len(items), AT_ONCE)
        )
        return np.concatenate([full_logits(modules, batch).numpy() for batch in batches])

    def _json(self, figures: Sequence[SplitFigures]) -> str:
        values: dict[str, Any] = {
            "schema": SCHEMA, "settings": plain(self.settings), "model": self.features.model,
            "features": self.features.made_from, "weights_chosen_on": CHOSEN_ON,
            "trained_on": {
                "items": len(self.train), "patients": len(set(self.train.patients)),
                "labels": int((~np.isnan(self.train.labels)).sum()),
            },
            "splits": [asdict(f) for f in figures],
        }  # fmt: skip
        return json.dumps(nulls(values), indent=1, allow_nan=False) + "\n"

    def _table(self, figures: Sequence[SplitFigures]) -> str:
        head = ("split", "class", "AUROC", "95 % interval", "average precision", "positives", "n", "patients")
        rows: list[tuple[object, ...]] = []
        for split in figures:
            rows += [
                (split.split, c.name, _number(c.auroc), c.auroc_interval or "", _number(c.average_precision), c.positives, c.n,
                 c.patients)
                for c in split.classes
            ]  # fmt: skip
            rows.append((split.split, "mean", _number(split.macro), split.interval or "", "", "", "", ""))
        how = "tower and head trained" if self.settings.full else "frozen tower, linear head"
        trained = f"{len(self.train)} items of {len(set(self.train.patients))} patients ({self.settings.percent:g} %)"
        chosen = f"The weights were chosen on {CHOSEN_ON}, so that its figures are too good."
        return f"{self.features.model}: {how}, trained on {trained}. {chosen}\n\n{table(head, rows)}\n"


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.3f}"
