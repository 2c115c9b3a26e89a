"""The model folder of a trained reader: weights and a card whose operating points come from its validation splits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.reader.card import ModelCard, OperatingPoint, write_card
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.weights_file import save_weights
from mammoscribe.training.calibration.seen import SeenExam, see
from mammoscribe.training.calibration.split import calibrated
from mammoscribe.training.operating import neutral
from mammoscribe.training.reader.exams import Teachers

DRAWN, ACQUIRED = "drawn", "acquired"
"""Names of the two sets of batch statistics in a checkpoint."""


@dataclass(frozen=True)
class ReaderExport:
    """Fills the model folder at the end of a run.

    Args:
        config: shape of the networks.
        folders: prepared datasets that the run read; their `val` splits fix the operating points.
        teachers: which labels were used.
    """

    config: ReaderConfig
    folders: tuple[Path, ...]
    teachers: Teachers

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `card.json` and `weights.safetensors` into `out`."""
        reader = self._reader(weights)
        seen: dict[bool, list[SeenExam]] = {True: [], False: []}
        names: dict[bool, list[str]] = {True: [], False: []}
        for folder in self.folders:
            dataset = PreparedDataset(folder, "val")
            synthetic = bool(dataset.about["synthetic"])
            names[synthetic].append(str(dataset.about["dataset"]))
            seen[synthetic] += see(reader, dataset, self.teachers)
        points = {origin: _point(seen[origin], names[origin]) for origin in seen}
        drawn, acquired = points[True] or points[False], points[False] or points[True]
        assert drawn is not None and acquired is not None
        digest = save_weights(reader.parts, out / "weights.safetensors")
        card = replace(reader.card, weights_sha256=digest, synthetic=drawn, real=acquired)
        write_card(card, out / "card.json")

    def _reader(self, weights: Path) -> Reader:
        tensors = load_file(weights)
        net = ReaderNet(self.config).eval()
        net.load_state_dict(_part(tensors, "reader"))
        drawn, acquired = NormStatistics(net), NormStatistics(net)
        drawn.load_state_dict(_part(tensors, DRAWN))
        acquired.load_state_dict(_part(tensors, ACQUIRED))
        drawn.lend_to(net)
        trained_on = ", ".join(str(PreparedDataset(f).about["dataset"]) for f in self.folders)
        card = ModelCard("reader", trained_on, self.config, "", neutral(), neutral())
        return Reader(net, card, acquired)


def _part(tensors: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}


def _point(exams: Sequence[SeenExam], names: Sequence[str]) -> OperatingPoint | None:
    return calibrated(exams, f"validation split of {' and '.join(names)}") if exams else None
