"""Model folders at the end of a run: the reader that was trained, or the reader of which a part was trained.

The operating points are fixed on the `val` splits of the run's data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from mammoscribe.data.folds import Fold
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.card import ModelCard, OperatingPoint
from mammoscribe.models.reader.network import ReaderConfig, ReaderNet
from mammoscribe.models.reader.norm_statistics import NormStatistics
from mammoscribe.models.reader.reader import Reader
from mammoscribe.models.weights_file import round_as_stored
from mammoscribe.training.calibration.model_folder import write_model
from mammoscribe.training.calibration.parts import named_data, part_of, reader_at, write_reader
from mammoscribe.training.calibration.point import calibrated, neutral
from mammoscribe.training.calibration.pooled import with_pooled_rules
from mammoscribe.training.calibration.seen import SeenExam, see
from mammoscribe.training.reader.exams import Teachers

DRAWN, ACQUIRED = "drawn", "acquired"
"""Names of the two sets of batch statistics in a checkpoint."""
VALIDATION = "validation split"
"""What the exams are that fix the operating points."""


@dataclass(frozen=True)
class ReaderExport:
    """Fills the model folder at the end of a run of the reader.

    Args:
        config: shape of the networks.
        folders: prepared datasets that the run read; their `val` splits fix the operating points.
        teachers: which labels were used.
        taught: kinds of finding that these show.
        left_out: patients whose exams are not looked at.
    """

    config: ReaderConfig
    folders: tuple[Path, ...]
    teachers: Teachers
    taught: frozenset[FindingType]
    left_out: Fold | None = None

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `card.json` and `weights.safetensors` into `out`."""
        reader = self._reader(weights)
        round_as_stored(reader.parts)
        reader = with_pooled_rules(reader, self.folders, self.teachers, self._may_be_used)
        round_as_stored(reader.parts)
        drawn, acquired = _seen(reader, self.folders, self.teachers, self.left_out)
        write_model(reader, drawn, acquired, (VALIDATION, VALIDATION), out)

    def _may_be_used(self, patient: str) -> bool:
        return self.left_out is None or not self.left_out.holds(patient)

    def _reader(self, weights: Path) -> Reader:
        tensors = load_file(weights)
        net = ReaderNet(self.config).eval()
        net.load_state_dict(part_of(tensors, "reader"))
        drawn, acquired = NormStatistics(net), NormStatistics(net)
        drawn.load_state_dict(part_of(tensors, DRAWN))
        acquired.load_state_dict(part_of(tensors, ACQUIRED))
        origins = {PreparedDataset(f).synthetic for f in self.folders}
        if (
            len(origins) == 1
        ):  # statistics of an origin that was not trained on do not exist: those of the other are used
            drawn, acquired = (drawn, drawn) if True in origins else (acquired, acquired)
        drawn.lend_to(net)
        taught = tuple(kind.value for kind in FindingType if kind in self.taught)
        card = ModelCard("reader", named_data(self.folders), self.config, "", neutral(), neutral(), taught=taught)
        return Reader(net, card, acquired)


@dataclass(frozen=True)
class PartExport:
    """Fills the model folder at the end of a run that trained one part of a reader: that reader with the new part.

    The operating points are fixed again on the `val` splits. What they do not show is not claimed: for images of an
    origin that no split has, probabilities and words are withheld; a kind that was not searched for keeps its levels.

    Args:
        reader: name or folder of the reader.
        part: the part's name on the card, in words.
        folders: prepared datasets that the run read.
        put: (reader, the run's tensors) -> that reader with the trained part.
    """

    reader: Path
    part: str
    folders: tuple[Path, ...]
    put: Callable[[Reader, Mapping[str, Tensor]], Reader]

    def __call__(self, weights: Path, out: Path) -> None:
        """Write `card.json` and `weights.safetensors` into `out`."""
        before = reader_at(self.reader).card
        reader = self.put(reader_at(self.reader), load_file(weights))
        round_as_stored(reader.parts)
        trained_on = f"{before.trained_on}; {self.part}: {named_data(self.folders)}"
        version = f"{before.version}+{self.part.replace(' ', '-')}"
        drawn, acquired = _seen(reader, self.folders, Teachers())
        card = replace(
            reader.card, trained_on=trained_on, version=version,
            synthetic=_point(drawn, acquired, before.synthetic), real=_point(acquired, drawn, before.real),
        )  # fmt: skip
        write_reader(replace(reader, card=card), out)


def _seen(
    reader: Reader, folders: Sequence[Path], teachers: Teachers, left_out: Fold | None = None
) -> tuple[list[SeenExam], list[SeenExam]]:
    """Drawn and acquired exams of the `val` splits; drawn ones are of nobody and are never left out."""
    found: dict[bool, list[SeenExam]] = {True: [], False: []}
    for folder in folders:
        dataset = PreparedDataset(folder, "val")
        found[dataset.synthetic] += see(
            reader, dataset, teachers, lambda patient, s=dataset.synthetic: s or left_out is None or not left_out.holds(patient),
            decode_finer=False,  # the end of a run asks for nothing but what it was prepared with
        )  # fmt: skip
    return found[True], found[False]


def _point(own: Sequence[SeenExam], other: Sequence[SeenExam], before: OperatingPoint) -> OperatingPoint:
    """The point of an origin: what its exams support, or with less claimed what those of the other origin do."""
    if own:
        return calibrated(own, VALIDATION, before)
    return replace(
        calibrated(other, VALIDATION, before), malignant=None, words_measured=False, reliability=(),
        density_temperature=before.density_temperature, familiar=before.familiar,
    )  # fmt: skip
