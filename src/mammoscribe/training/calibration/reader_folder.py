"""The model folder at the end of a run of the reader, with operating points from the `val` splits of its data."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.models.reader.card import ModelCard
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.training.calibration.model_folder import write_model
from mammoscribe.training.calibration.parts import part_of
from mammoscribe.training.calibration.point import neutral
from mammoscribe.training.calibration.seen import SeenExam, see
from mammoscribe.training.reader.exams import Teachers

DRAWN, ACQUIRED = "drawn", "acquired"
"""Names of the two sets of batch statistics in a checkpoint."""
VALIDATION = "validation split"
"""What the exams are that fix the operating points."""


@dataclass(frozen=True)
class ReaderExport:
    """Fills the model folder at the end of a run.

    Args:
        config: shape of the networks.
        folders: prepared datasets that the run read; their `val` splits fix the operating points.
        teachers: which labels were used.
        left_out: patients that the run did not see; their acquired exams fix nothing either.
    """

    config: ReaderConfig
    folders: tuple[Path, ...]
    teachers: Teachers
    left_out: Fold | None = None

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `card.json` and `weights.safetensors` into `out`."""
        reader = self._reader(weights)
        drawn: list[SeenExam] = []
        acquired: list[SeenExam] = []
        for folder in self.folders:
            dataset = PreparedDataset(folder, "val")
            if dataset.about["synthetic"]:
                drawn += see(reader, dataset, self.teachers)
            else:
                acquired += see(reader, dataset, self.teachers, self._is_seen)
        write_model(reader, drawn, acquired, (VALIDATION, VALIDATION), out)

    def _is_seen(self, patient_id: str) -> bool:
        return self.left_out is None or not self.left_out.holds(patient_id)

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
