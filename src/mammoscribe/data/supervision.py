"""What a label can teach a reader: which question it answers, and how its values are spelled as answers.

A dataset's card says this of each of its labels, so that nothing is guessed from a label's name: `birads` is the recall
label in one set and an ordinal category in another. A value that the table does not name is unknown and teaches nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import TERMS
from mammoscribe.support.errors import InvalidNoun


class Question(StrEnum):
    """What a label answers.

    Of a breast: density (a to d), BI-RADS as an ordinal category (1 to 5), recall (0, 1), malignant (0, 1).
    Of a region: kind of finding, descriptors (lexicon terms joined by commas), malignant (0, 1), suspicion (0 to 1), change
    since the prior, and `finding`, a name that the boxes of one finding in several views share.
    Of a view: `unplaced`, the kinds of finding that are in it, or may be, without a box.
    Of a record or breast: `classes`, whether what a class names is there, such as `edema=1,fracture=0`; and `listed`,
    where the values joined by `|` name all that is there, so that a class which is not among them is absent.
    """

    DENSITY = "density"
    BIRADS = "birads"
    RECALL = "recall"
    MALIGNANT = "malignant"
    KIND = "kind"
    DESCRIPTORS = "descriptors"
    SUSPICION = "suspicion"
    CHANGE = "change"
    FINDING = "finding"
    UNPLACED = "unplaced"
    CLASSES = "classes"
    LISTED = "listed"


_AS_SPELLED = (Question.FINDING, Question.CLASSES, Question.LISTED)
"""Questions whose answers are names, in small and capital letters."""
_FIXED_ANSWERS: Mapping[Question, tuple[str, ...]] = {
    Question.DENSITY: ("a", "b", "c", "d"),
    Question.BIRADS: ("1", "2", "3", "4", "5"),
    Question.RECALL: ("0", "1"),
    Question.MALIGNANT: ("0", "1"),
    Question.KIND: tuple(t.value for t in FindingType),
    Question.CHANGE: ("new", "stable", "increased", "decreased"),
    Question.UNPLACED: tuple(t.value for t in FindingType),
}


REPORT_LANGUAGES = ("en",)
"""Languages of which the report parser reads facts (`reporting.parse`); reports in another one teach nothing."""


def answers_of(question: Question) -> tuple[str, ...] | None:
    """The answers that a question has; None where they are a number, lexicon terms or names."""
    return _FIXED_ANSWERS.get(question)


@dataclass(frozen=True)
class Teaching:
    """One label as the answer to one question.

    Args:
        label: its name in the record.
        of: `breast`, `exam`, `view` or `region`: where it is found. An exam's label is never copied to its breasts; it
            teaches only where one breast was imaged.
        question: what it answers.
        answers: value as the dataset spells it -> answer; None where the values are the answers already. An answer is a
            value of the question, of descriptors lexicon term ids joined by commas, of classes NAME=0 or NAME=1 joined by
            commas, of listed the name of a class.
        unknown: values that say that nobody knows, where the values are the answers.

    Raises:
        InvalidNoun: for an answer that the question does not have.
    """

    label: str
    of: str
    question: Question
    answers: Mapping[str, str] | None = None
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.of not in ("breast", "exam", "view", "region"):
            raise InvalidNoun(f"label {self.label} of {self.of!r} cannot teach", "breast, exam, view or region")
        for answer in (self.answers or {}).values():
            if not _is_answer(self.question, answer):
                raise InvalidNoun(f"{answer!r} as an answer to {self.question}", f"one of {_expected(self.question)}")

    def answer(self, value: str) -> str | None:
        """The answer that a value of the label gives; None when the value is unknown."""
        if self.answers is not None:
            return self.answers.get(value.strip())
        given = value.strip() if self.question in _AS_SPELLED else value.strip().lower()
        if given in self.unknown:
            return None
        return given if given and _is_answer(self.question, given) else None


def _is_answer(question: Question, value: str) -> bool:
    if question is Question.DESCRIPTORS:
        return all(word in TERMS for word in value.split(",") if word)
    if question is Question.SUSPICION:
        return _is_fraction(value)
    if question is Question.CLASSES:
        return all(
            name.strip() and code in ("0", "1") for name, _, code in (p.rpartition("=") for p in value.split(","))
        )
    return value in _FIXED_ANSWERS[question] if question in _FIXED_ANSWERS else True


def _is_fraction(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _expected(question: Question) -> str:
    if question is Question.DESCRIPTORS:
        return "lexicon terms, such as shape.oval, joined by commas"
    if question is Question.CLASSES:
        return "NAME=1 or NAME=0, joined by commas"
    return "a number from 0 to 1" if question is Question.SUSPICION else ", ".join(_FIXED_ANSWERS[question])


@dataclass(frozen=True)
class Supervision:
    """All that the labels of a dataset teach.

    Args:
        teachings: label by label; the first of a question that answers is taken.
        boxed_kinds: kinds of finding of which every view has all boxes, so that a place without one shows none of them.
            A view with `unplaced` kinds is left out for those.
        reports: whether the reports of the dataset may teach what they state.
    """

    teachings: tuple[Teaching, ...] = ()
    boxed_kinds: tuple[FindingType, ...] = ()
    reports: bool = False

    def of(self, place: str, question: Question) -> tuple[Teaching, ...]:
        """The labels of a breast, exam, view or region that answer a question."""
        return tuple(t for t in self.teachings if (t.of, t.question) == (place, question))

    def answer(self, place: str, question: Question, labels: Mapping[str, str]) -> str | None:
        """What the labels of a breast, exam, view or region answer to a question; None when they do not say."""
        for teaching in self.of(place, question):
            given = teaching.answer(labels.get(teaching.label, ""))
            if given is not None:
                return given
        return None

    def answers(self, place: str, question: Question, labels: Mapping[str, str]) -> tuple[str, ...]:
        """All answers of a label that holds several values joined by `|`, unknown ones left out."""
        found: Iterable[str | None] = (
            teaching.answer(value)
            for teaching in self.of(place, question)
            for value in labels.get(teaching.label, "").split("|")
        )
        return tuple(dict.fromkeys(a for a in found if a is not None))


def supervision_json(supervision: Supervision) -> dict[str, Any]:
    """As plain values, for the catalogue and the prepared dataset."""
    return {
        "teachings": [
            {
                "label": t.label,
                "of": t.of,
                "question": t.question.value,
                "answers": dict(t.answers) if t.answers else None,
                "unknown": list(t.unknown),
            }
            for t in supervision.teachings
        ],
        "boxed_kinds": [k.value for k in supervision.boxed_kinds],
        "reports": supervision.reports,
    }


def supervision_from(values: Mapping[str, Any]) -> Supervision:
    """Inverse of `supervision_json`; a value that is none raises InvalidNoun."""
    try:
        teachings = tuple(
            Teaching(t["label"], t["of"], Question(t["question"]), t["answers"], tuple(t.get("unknown", ())))
            for t in values["teachings"]
        )
        kinds = tuple(FindingType(k) for k in values["boxed_kinds"])
        return Supervision(teachings, kinds, bool(values["reports"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidNoun(f"a description of labels that cannot be read ({error!r})") from error
