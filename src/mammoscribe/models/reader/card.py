"""The model card as data: shape, weights digest, operating points and calibration of one trained reader."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.report import Calibration
from mammoscribe.domain.view import Origin
from mammoscribe.models.reader.familiar import Familiar
from mammoscribe.models.reader.network import ReaderConfig
from mammoscribe.models.space_measures import SpaceMeasures, is_sha256, measures_from
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_text

BEFORE_POOLED = 5
"""Weights of malignancy on cards that were written before readers had a rule over pooled maps; its weight is then 0."""
FORMAT = "mammoscribe.card/1"
KINDS = tuple(t.value for t in FindingType)


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds and calibration for one population of images.

    Args:
        population: what they were fixed on, in words; printed beside every probability.
        thresholds: finding type -> score from which a finding is reported.
        possible: finding type -> score from which a candidate is shown as a mark, though no sentence is written of it;
            at most the threshold.
        malignant: weights of the malignancy and recall heads' logits, of the breast's strongest mark, of its most suspicious one
            and of the rule over its pooled maps (`malignancy.MalignancyFeatures`), and the intercept, of the logistic scaling.
        prevalence, n: of the breasts the scaling was fitted on.
        density_temperature: divides the density logits; None where the density probabilities were not calibrated on
            such images, which gives the letter and withholds its probabilities.
        mark_weights: weights of the log odds of the first pass and of the crop refiner, and the intercept, of a mark's
            score; (1, 0, 0) leaves it as the first pass gave it.
        crop_shares: of the crop refiner, against the first pass, in a mark's words and in its suspicion, 0 to 1 each.
        least_word: probability from which shape, margin, density and distribution are stated (`assemble.GUESSED_AXES`).
        words_measured: whether it was measured on such images how often kind, descriptors and change are right. Where it
            was not, descriptors and change are withheld and no kind decides a category.
        reliability: statements of how often sentences were right, each naming its population.
        unreported: kinds of finding that are never reported on such images, because the exams that the thresholds were
            fixed on gave no ground for one; a report denies none of them.
        familiar: the views of the population, from which others are told apart; None where they are not known.
    """

    population: str
    thresholds: dict[str, float]
    possible: dict[str, float]
    malignant: tuple[float, float, float, float, float, float] | None
    prevalence: float
    n: int
    density_temperature: float | None = None
    mark_weights: tuple[float, float, float] = (1.0, 0.0, 0.0)
    crop_shares: tuple[float, float] = (1.0, 1.0)
    least_word: float = 0.0
    words_measured: bool = False
    reliability: tuple[str, ...] = ()
    unreported: tuple[str, ...] = ()
    familiar: Familiar | None = None

    def __post_init__(self) -> None:
        self._check_numbers()
        if not set(self.unreported) <= set(KINDS):
            raise InvalidNoun(f"unreported kinds {list(self.unreported)}", f"some of {', '.join(KINDS)}")
        if set(self.thresholds) != {t.value for t in FindingType}:
            raise InvalidNoun(f"thresholds for {sorted(self.thresholds)}", "one for each finding type")
        if set(self.possible) != set(self.thresholds):
            raise InvalidNoun(f"levels of weaker marks for {sorted(self.possible)}", "one for each finding type")
        above = [t for t, level in self.possible.items() if level > self.thresholds[t]]
        if above:
            raise InvalidNoun(f"weaker marks of {', '.join(above)} that start above its threshold", "at or below it")

    def _check_numbers(self) -> None:
        """InvalidNoun for what is no number, or none that can be: a level of NaN would report nothing, in silence."""
        levels = [*self.thresholds.values(), *self.possible.values(), self.least_word, *self.crop_shares]
        if not all(_is_number(v) and 0 <= v <= 1 for v in levels):
            raise InvalidNoun(f"levels of {levels}", "numbers from 0 to 1")
        for name, wanted in (("malignant", 6), ("mark_weights", 3), ("crop_shares", 2)):
            values = getattr(self, name)
            if name == "malignant" and values is None:
                continue
            if len(values) != wanted or not all(map(_is_number, values)):
                raise InvalidNoun(f"{name} of {list(values)}", f"{wanted} numbers")
        if not (_is_number(self.prevalence) and 0 < self.prevalence < 1 and type(self.n) is int and self.n > 0):
            raise InvalidNoun(f"a prevalence of {self.prevalence} of {self.n} breasts", "a share, of at least one")
        heat = self.density_temperature
        if heat is not None and not (_is_number(heat) and heat > 0):
            raise InvalidNoun(f"a density temperature of {heat}", "a positive number, or null")
        texts = (self.population, *self.reliability)
        if not all(isinstance(text, str) and text for text in texts) or type(self.words_measured) is not bool:
            raise InvalidNoun("an operating point without its population in words", "words, and true or false")

    @property
    def calibration(self) -> Calibration:
        """Where the probabilities come from."""
        return Calibration(self.population, self.prevalence, self.n)


@dataclass(frozen=True)
class ModelCard:
    """What ships beside the weights.

    `synthetic` and `real` are the operating points for the two kinds of exam; `joint` is what was measured of the joint
    space, None where nothing was. `taught` are the kinds of finding that the networks were trained to find; views are
    not searched for any other.
    """

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
    taught: tuple[str, ...] = KINDS
    joint: SpaceMeasures | None = None

    def operating_point(self, origin: Origin) -> OperatingPoint:
        """The one for exams of that origin."""
        return self.synthetic if origin is Origin.SYNTHETIC else self.real

    def taught_also(self, kind: FindingType) -> tuple[str, ...]:
        """The kinds that the networks find together with one that is trained for `kind`."""
        return tuple(k for k in KINDS if k in self.taught or k == kind.value)


def write_card(card: ModelCard, path: Path) -> None:
    """Write the card as JSON."""
    write_text(path, json.dumps({"format": FORMAT, **asdict(card)}, indent=1) + "\n")


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises:
        InputError: for another format, a missing or unknown key, a value that cannot be, or a digest that is none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise InvalidNoun("another format")
        points = {k: _point(values.pop(k)) for k in ("synthetic", "real")}
        joint = values.pop("joint", None)
        measures = None if joint is None else measures_from(joint)
        values["taught"] = tuple(values.get("taught", KINDS))
        card = ModelCard(config=ReaderConfig.from_dict(values.pop("config")), **points, **values, joint=measures)
        _check_words(card)
        return card
    except InvalidNoun as error:
        raise InputError(f"{path.name}: {error.found}", error.expected or f"JSON of {FORMAT}", error.do) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ArithmeticError) as error:
        raise InputError(f"{path.name} is not a readable model card ({error})", f"JSON of {FORMAT}") from error


def _point(values: dict) -> OperatingPoint:
    names = ("malignant", "mark_weights", "crop_shares", "reliability", "unreported")
    tuples = {k: tuple(values[k]) for k in names if values.get(k) is not None}
    if len(tuples.get("malignant", ())) == BEFORE_POOLED:
        *weights, intercept = tuples["malignant"]
        tuples["malignant"] = (*weights, 0.0, intercept)
    return OperatingPoint(**{**values, **tuples, "familiar": _familiar(values.get("familiar"))})


def _familiar(values: dict | None) -> Familiar | None:
    if values is None:
        return None
    return Familiar(**{**values, "mean": tuple(values["mean"]), "spread": tuple(values["spread"])})


def _check_words(card: ModelCard) -> None:
    if not set(card.taught) <= set(KINDS):
        raise InvalidNoun(f"taught kinds {list(card.taught)}", f"some of {', '.join(KINDS)}")
    if not all(isinstance(text, str) and text for text in (card.name, card.trained_on, card.version)):
        raise InvalidNoun("a card without its name, version, or what it was trained on", "words")
    if not is_sha256(card.weights_sha256):
        raise InvalidNoun(f"weights_sha256 {card.weights_sha256!r}", "64 lower-case hex digits")
    if card.joint is not None and card.joint.weights_sha256 != card.weights_sha256:
        do = "measure again (benchmarks/joint_margins.py), or take `joint` out of the card"
        raise InvalidNoun("measures of the joint space on other weights", "those of the card's weights_sha256", do)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
