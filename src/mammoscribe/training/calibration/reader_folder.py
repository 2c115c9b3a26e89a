"""Model folders: weights and a card whose operating points come from validation splits, of a reader or with a new part."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.finding import FindingType
from mammoscribe.models.reader.card import ModelCard, OperatingPoint, write_card
from mammoscribe.models.reader.loading import load_reader
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
Seen = Mapping[bool, tuple[list[SeenExam], list[str]]]
"""Exams of the validation splits and names of their datasets, for synthetic and for acquired images."""


@dataclass(frozen=True)
class ReaderExport:
    """Fills the model folder at the end of a run of the reader.

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
        points = _points(_seen(reader, self.folders, self.teachers))
        drawn, acquired = points[True] or points[False], points[False] or points[True]
        assert drawn is not None and acquired is not None
        _write(reader, drawn, acquired, out)

    def _reader(self, weights: Path) -> Reader:
        tensors = load_file(weights)
        net = ReaderNet(self.config).eval()
        net.load_state_dict(part(tensors, "reader"))
        drawn, acquired = NormStatistics(net), NormStatistics(net)
        drawn.load_state_dict(part(tensors, DRAWN))
        acquired.load_state_dict(part(tensors, ACQUIRED))
        drawn.lend_to(net)
        card = ModelCard("reader", named_data(self.folders), self.config, "", neutral(), neutral())
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
        before = reader_at(self.reader)
        reader = self.put(before, load_file(weights))
        trained_on = f"{before.card.trained_on}; {self.part}: {named_data(self.folders)}"
        version = f"{before.card.version}+{self.part.replace(' ', '-')}"
        reader = replace(reader, card=replace(reader.card, trained_on=trained_on, version=version))
        seen = _seen(reader, self.folders, Teachers())
        points = _points(seen)
        drawn = self._point(before.card.synthetic, points, seen, True)
        acquired = self._point(before.card.real, points, seen, False)
        _write(reader, drawn, acquired, out)

    def _point(
        self, before: OperatingPoint, points: Mapping[bool, OperatingPoint | None], seen: Seen, synthetic: bool
    ) -> OperatingPoint:
        """The point for an origin: what its exams support, or with less claimed what those of the other origin do."""
        own, other = points[synthetic], points[not synthetic]
        if own is not None:
            return _carried(before, seen[synthetic][0], own)
        assert other is not None
        return _carried(before, seen[not synthetic][0], _withheld(other, before))


def reader_at(place: Path) -> Reader:
    """The reader of a name, of a model folder, or of a run folder that holds one.

    Raises:
        InputError: when there is none.
    """
    inside = place / "model"
    return load_reader(str(inside if (inside / "card.json").is_file() else place))


def named_data(folders: Sequence[Path]) -> str:
    """The names of prepared datasets, joined."""
    return ", ".join(str(PreparedDataset(f).about["dataset"]) for f in folders)


def part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of one module of a run's weights."""
    return {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}


def _seen(reader: Reader, folders: Sequence[Path], teachers: Teachers) -> Seen:
    found: Seen = {True: ([], []), False: ([], [])}
    for folder in folders:
        about = PreparedDataset(folder, "val").about
        exams, names = found[bool(about["synthetic"])]
        names.append(str(about["dataset"]))
        exams += see(reader, folder, "val", teachers)
    return found


def _points(seen: Seen) -> dict[bool, OperatingPoint | None]:
    return {
        origin: calibrated(exams, f"validation split of {' and '.join(names)}") if exams else None
        for origin, (exams, names) in seen.items()
    }


def _withheld(measured: OperatingPoint, before: OperatingPoint) -> OperatingPoint:
    """Levels measured on the other kind of image; no probability and no word that the new part may have moved."""
    return replace(
        measured, malignant=None, words_measured=False, reliability=(), density_temperature=before.density_temperature
    )


def _carried(before: OperatingPoint, exams: Sequence[SeenExam], point: OperatingPoint) -> OperatingPoint:
    """The point with the levels of kinds that were searched for in no exam as they were before."""
    kept = [k.value for k in FindingType if not any(k in e.searched for e in exams)]
    thresholds = point.thresholds | {k: before.thresholds[k] for k in kept}
    return replace(point, thresholds=thresholds, possible=point.possible | {k: before.possible[k] for k in kept})


def _write(reader: Reader, drawn: OperatingPoint, acquired: OperatingPoint, out: Path) -> None:
    digest = save_weights(reader.parts, out / "weights.safetensors")
    card = replace(reader.card, weights_sha256=digest, synthetic=drawn, real=acquired)
    write_card(card, out / "card.json")
