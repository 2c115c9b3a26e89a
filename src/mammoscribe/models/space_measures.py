"""What was measured of a joint space, kept on its card: from where on an answer is yes, and what search by picture finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from mammoscribe.domain.view import Origin
from mammoscribe.support.errors import InvalidNoun


@dataclass(frozen=True)
class AnswerFigures:
    """How good a yes or no is on cases whose right answer is known: pictures and a prompt set, or pairs of sentences.

    Args:
        population: what the exams are, in words, such as `synthetic exams`.
        exams: number of exams the cases are from.
        with_it, without: cases where yes is right, and cases where no is.
        auc: area under the ROC curve of what the answer is given by, 0..1.
        auc_low, auc_high: its 95 % interval, exams drawn whole.
        sensitivity, specificity: at the margin or threshold, 0..1.

    Raises:
        InvalidNoun: for figures that cannot be.
    """

    population: str
    exams: int
    with_it: int
    without: int
    auc: float
    auc_low: float
    auc_high: float
    sensitivity: float
    specificity: float

    def __post_init__(self) -> None:
        if not isinstance(self.population, str) or not self.population.strip():
            raise InvalidNoun("figures of an answer without their population", "words")
        counts = (self.exams, self.with_it, self.without)
        if not all(type(n) is int and n > 0 for n in counts):
            raise InvalidNoun(f"figures of an answer on {counts} exams and cases", "whole numbers from 1")
        shares = (self.auc, self.auc_low, self.auc_high, self.sensitivity, self.specificity)
        if not all(_is_number(v) and 0 <= v <= 1 for v in shares):
            raise InvalidNoun(f"figures of an answer of {shares}", "numbers from 0 to 1")
        if self.auc_low > self.auc_high:
            raise InvalidNoun(f"an interval from {self.auc_low} to {self.auc_high}", "its lower end first")

    @property
    def better_than_chance(self) -> bool:
        """Whether the whole interval of the AUC lies above 0.5."""
        return self.auc_low > 0.5


@dataclass(frozen=True)
class PromptMargin:
    """From which difference of cosines on the answer to a prompt set is yes, and how good that answer is.

    Args:
        name: of the prompt set.
        prompts_sha256: digest of its prompts (`explain.zero_shot.PromptSet.sha256`): other prompts have no margin.
        margin: least difference, positive less negative cosine, that counts as present.
        origin: of the pictures it holds for.
        fixed: figures on the exams that the margin was fixed on; its sensitivity and specificity flatter.
        measured: figures on other exams.

    Raises:
        InvalidNoun: for a margin that is no number from -2 to 2, or a digest that is none.
    """

    name: str
    prompts_sha256: str
    margin: float
    origin: Origin
    fixed: AnswerFigures
    measured: AnswerFigures

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InvalidNoun("the margin of a prompt set without a name", "words")
        if not (_is_number(self.margin) and -2 <= self.margin <= 2):
            raise InvalidNoun(f"a margin of {self.margin} for {self.name}", "a number from -2 to 2")
        if not is_sha256(self.prompts_sha256):
            raise InvalidNoun(f"prompts_sha256 {self.prompts_sha256!r} of {self.name}", "64 lower-case hex digits")

    @property
    def can_tell(self) -> bool:
        """Whether the prompt set did better than chance on both sets of exams; only then is a yes or no given."""
        return self.fixed.better_than_chance and self.measured.better_than_chance


@dataclass(frozen=True)
class SentenceThreshold:
    """From which similarity on two sentences say the same, and which contradictions it tells.

    Args:
        threshold: least cosine of two sentences that counts as saying the same.
        fixed: figures on the pairs it was fixed on, where one sentence denies what the other states.
        measured: what the contradicting pairs differ in, in words -> figures on pairs about other exams.

    Raises:
        InvalidNoun: for a threshold that is no cosine, or without a measure.
    """

    threshold: float
    fixed: AnswerFigures
    measured: Mapping[str, AnswerFigures]

    def __post_init__(self) -> None:
        if not (_is_number(self.threshold) and -1 <= self.threshold <= 1):
            raise InvalidNoun(f"a threshold of {self.threshold} for two sentences", "a number from -1 to 1")
        if not self.measured or not all(isinstance(kind, str) and kind.strip() for kind in self.measured):
            raise InvalidNoun(
                "a threshold for two sentences that was never measured", "figures by kind of contradiction"
            )


@dataclass(frozen=True)
class PictureSearch:
    """How often the pictures nearest to one have to do with it, measured from the centre of the searched pictures.

    Args:
        related: what counts, in words that go on from "show": `a finding of the same kind`.
        population: what the exams are, in words.
        origin: of the pictures.
        exams: number of exams that were searched.
        queries: pictures that were searched by; pictures of their own exam were left out of the answers.
        nearest: how many answers of each were looked at.
        precision: share of these answers that are related, 0..1.
        chance: that share among all pictures of other exams.
        gain_low, gain_high: 95 % interval of precision less chance, exams of the queries drawn whole.

    Raises:
        InvalidNoun: for figures that cannot be.
    """

    related: str
    population: str
    origin: Origin
    exams: int
    queries: int
    nearest: int
    precision: float
    chance: float
    gain_low: float
    gain_high: float

    def __post_init__(self) -> None:
        if not all(isinstance(t, str) and t.strip() for t in (self.related, self.population)):
            raise InvalidNoun("figures of a search by picture without what was looked for and where", "words")
        counts = (self.exams, self.queries, self.nearest)
        if not all(type(n) is int and n > 0 for n in counts):
            raise InvalidNoun(f"a search by picture over {counts} exams, queries and answers", "whole numbers from 1")
        if not all(_is_number(v) and 0 <= v <= 1 for v in (self.precision, self.chance)):
            raise InvalidNoun(f"a precision of {self.precision} against {self.chance}", "numbers from 0 to 1")
        ends = (self.gain_low, self.gain_high)
        if not all(_is_number(v) and -1 <= v <= 1 for v in ends) or self.gain_low > self.gain_high:
            raise InvalidNoun(f"an interval from {self.gain_low} to {self.gain_high}", "two numbers in order")

    @property
    def better_than_chance(self) -> bool:
        """Whether the whole interval of the gain lies above 0."""
        return self.gain_low > 0


@dataclass(frozen=True)
class SpaceMeasures:
    """What was measured of one joint space.

    Args:
        weights_sha256: digest of the weights it was measured on; a card of other weights refuses it.
        margins: one for each prompt set that was measured.
        picture_search: what a search by picture finds, one for each kind of relation.
        sentences: from where on two sentences say the same; None where it was not measured.

    Raises:
        InvalidNoun: for two margins of the same prompts, or a digest that is none.
    """

    weights_sha256: str
    margins: tuple[PromptMargin, ...] = ()
    picture_search: tuple[PictureSearch, ...] = ()
    sentences: SentenceThreshold | None = None

    def __post_init__(self) -> None:
        if not is_sha256(self.weights_sha256):
            raise InvalidNoun(f"weights_sha256 {self.weights_sha256!r}", "64 lower-case hex digits")
        if len({(m.prompts_sha256, m.origin) for m in self.margins}) < len(self.margins):
            raise InvalidNoun("two margins of the same prompts", "one of each")

    def margins_of(self, prompts_sha256: str) -> tuple[PromptMargin, ...]:
        """The margins of these prompts, one for each origin of pictures that was measured."""
        return tuple(m for m in self.margins if m.prompts_sha256 == prompts_sha256)


def measures_from(values: Mapping[str, Any]) -> SpaceMeasures:
    """From the plain values of a card; KeyError, TypeError, ValueError or InvalidNoun for any that do not fit."""
    margins = [
        PromptMargin(
            **{
                **m,
                "origin": Origin(m["origin"]),
                "fixed": AnswerFigures(**m["fixed"]),
                "measured": AnswerFigures(**m["measured"]),
            }
        )
        for m in values["margins"]
    ]
    found = [PictureSearch(**{**s, "origin": Origin(s["origin"])}) for s in values["picture_search"]]
    sentences = None if values["sentences"] is None else _sentences(values["sentences"])
    return SpaceMeasures(
        **{**values, "margins": tuple(margins), "picture_search": tuple(found), "sentences": sentences}
    )


def _sentences(values: Mapping[str, Any]) -> SentenceThreshold:
    measured = {kind: AnswerFigures(**figures) for kind, figures in values["measured"].items()}
    return SentenceThreshold(**{**values, "fixed": AnswerFigures(**values["fixed"]), "measured": measured})


def is_sha256(value: object) -> bool:
    """Whether it is a SHA-256 as 64 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
