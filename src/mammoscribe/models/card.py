"""The model card as data: shape, weights digest, operating points and calibration of one trained reader."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.report import Calibration
from mammoscribe.domain.view import Origin
from mammoscribe.models.reader_net import ReaderConfig
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_text

FORMAT = "mammoscribe.card/1"


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds and calibration for one population of images.

    Args:
        population: what they were fixed on, in words; printed beside every probability.
        thresholds: finding type -> score from which a finding is reported.
        possible: finding type -> score from which a candidate is shown as a mark, though no sentence is written of it;
            at most the threshold.
        malignant: weights of the malignancy and recall heads' logits, of the breast's strongest mark and of its most
            suspicious one (`malignancy.MalignancyFeatures`), and the intercept, of the logistic scaling.
        prevalence, n: of the breasts the scaling was fitted on.
        density_temperature: divides the density logits; None where the density probabilities were not calibrated on
            such images, which gives the letter and withholds its probabilities.
        mark_weights: weights of the log odds of the first pass and of the second look, and the intercept, of a mark's
            score; (1, 0, 0) leaves it as the first pass gave it.
        least_word: probability from which shape, margin, density and distribution are stated (`assemble.GUESSED_AXES`).
        words_measured: whether it was measured on such images how often kind, descriptors and change are right. Where it
            was not, descriptors and change are withheld and no kind decides a category.
        reliability: statements of how often sentences were right, each naming its population.
    """

    population: str
    thresholds: dict[str, float]
    possible: dict[str, float]
    malignant: tuple[float, float, float, float, float] | None
    prevalence: float
    n: int
    density_temperature: float | None = None
    mark_weights: tuple[float, float, float] = (1.0, 0.0, 0.0)
    least_word: float = 0.0
    words_measured: bool = False
    reliability: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if set(self.thresholds) != {t.value for t in FindingType}:
            raise InvalidNoun(f"thresholds for {sorted(self.thresholds)}", "one for each finding type")
        if set(self.possible) != set(self.thresholds):
            raise InvalidNoun(f"levels of weaker marks for {sorted(self.possible)}", "one for each finding type")
        above = [t for t, level in self.possible.items() if level > self.thresholds[t]]
        if above:
            raise InvalidNoun(f"weaker marks of {', '.join(above)} that start above its threshold", "at or below it")

    @property
    def calibration(self) -> Calibration:
        """Where the probabilities come from."""
        return Calibration(self.population, self.prevalence, self.n)


@dataclass(frozen=True)
class ModelCard:
    """What ships beside the weights; `synthetic` and `real` are the operating points for the two kinds of exam."""

    name: str
    trained_on: str
    config: ReaderConfig
    weights_sha256: str
    synthetic: OperatingPoint
    real: OperatingPoint
    patches: dict | None = None
    looks: dict | None = None
    decoder: dict | None = None
    phrases: dict | None = None
    version: str = "1"

    def operating_point(self, origin: Origin) -> OperatingPoint:
        """The one for exams of that origin."""
        return self.synthetic if origin is Origin.SYNTHETIC else self.real


def write_card(card: ModelCard, path: Path) -> None:
    """Write the card as JSON."""
    write_text(path, json.dumps({"format": FORMAT, **asdict(card)}, indent=1) + "\n")


def read_card(path: Path) -> ModelCard:
    """Read a card; another format or an unknown key raises InputError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("format") != FORMAT:
            raise KeyError("format")
        points = {k: _point(values.pop(k)) for k in ("synthetic", "real")}
        return ModelCard(config=ReaderConfig.from_dict(values.pop("config")), **points, **values)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is not a readable model card ({error})", f"JSON of {FORMAT}") from error


def _point(values: dict) -> OperatingPoint:
    tuples = {k: tuple(values[k]) for k in ("malignant", "mark_weights", "reliability") if values[k] is not None}
    return OperatingPoint(**{**values, **tuples})
