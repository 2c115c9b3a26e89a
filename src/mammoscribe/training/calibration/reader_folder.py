"""The model folder of a trained reader: weights and a card whose operating points come from its validation splits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load_file

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.reader.card import ModelCard, OperatingPoint
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.training.calibration.parts import part_of, write_model
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
        write_model(replace(reader, card=replace(reader.card, synthetic=drawn, real=acquired)), out)

    def _reader(self, weights: Path) -> Reader:
        tensors = load_file(weights)
        net = ReaderNet(self.config).eval()
        net.load_state_dict(part_of(tensors, "reader"))
        drawn, acquired = NormStatistics(net), NormStatistics(net)
        drawn.load_state_dict(part_of(tensors, DRAWN))
        acquired.load_state_dict(part_of(tensors, ACQUIRED))
        drawn.lend_to(net)
        trained_on = ", ".join(str(PreparedDataset(f).about["dataset"]) for f in self.folders)
        card = ModelCard("reader", trained_on, self.config, "", neutral(), neutral())
        return Reader(net, card, acquired)


def _point(exams: Sequence[SeenExam], names: Sequence[str]) -> OperatingPoint | None:
    return calibrated(exams, f"validation split of {' and '.join(names)}") if exams else None
