"""The table `[teaches]` of a lab's TOML file: which question each label answers, and how its values are spelled as answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mammoscribe.data.labels.values import ValueKind, kind_of, normalised
from mammoscribe.data.supervision import Question, Teaching, answers_of
from mammoscribe.domain.lexicon import TERMS
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.lookup import look_up

OF_LABELS = (Question.DENSITY, Question.BIRADS, Question.RECALL, Question.MALIGNANT)
"""Questions that a label of a breast or exam may answer."""
OF_REGIONS = (
    Question.KIND, Question.DESCRIPTORS, Question.SUSPICION, Question.MALIGNANT, Question.CHANGE, Question.FINDING,
)  # fmt: skip
"""Questions that a label of a box may answer."""
REGION = "region"
_FORM = 'a question such as "recall", or { question = "recall", answers = { "0" = "1", "1" = "0" } }'
_FOURS = ("4A", "4B", "4C")


@dataclass(frozen=True)
class Lesson:
    """One label as the answer to one question, before it is known whether it is a label of the breast or of the exam.

    Args:
        label: its name in the TOML file.
        question: what it answers.
        answers: value, in the spelling of the catalogue -> answer; None where the values are the answers already.
    """

    label: str
    question: Question
    answers: Mapping[str, str] | None = None

    def of(self, place: str) -> Teaching:
        """The same for labels of a `breast`, `exam` or `region`."""
        return Teaching(self.label, place, self.question, self.answers)


@dataclass(frozen=True)
class Teaches:
    """What labels of breasts or exams teach, and what labels of boxes teach.

    Args:
        labels: lessons of breast or exam.
        regions: lessons of boxes.
    """

    labels: tuple[Lesson, ...] = ()
    regions: tuple[Lesson, ...] = ()

    def check(self, labels: Iterable[str], box_labels: Iterable[str]) -> None:
        """InputError for a label that the TOML file does not name."""
        _check_known(self.labels, labels, "labels")
        _check_known(self.regions, box_labels, "box_labels")


def teaches_in(table: Mapping[str, Any]) -> Teaches:
    """The table `[teaches]` with its table `[teaches.region]`.

    Raises:
        InputError: for an unknown question, an answer that the question does not have, or a value that the label cannot have.
    """
    regions = table.get(REGION, {})
    if not isinstance(regions, dict):
        raise InputError(f"teaches.{REGION} = {regions!r}", f"a table of labels of boxes, [teaches.{REGION}]")
    labels = {label: value for label, value in table.items() if label != REGION}
    return Teaches(
        tuple(_lessons(labels, "teaches", OF_LABELS)), tuple(_lessons(regions, f"teaches.{REGION}", OF_REGIONS))
    )


def _check_known(lessons: Iterable[Lesson], labels: Iterable[str], key: str) -> None:
    known = {label: label for label in labels}
    for lesson in lessons:
        if not known:
            raise InvalidNoun(
                f"the label {lesson.label} teaches, and there are no {key}", f'{key} = {{ {lesson.label} = "COLUMN" }}'
            )
        look_up(lesson.label, known, f"label in {key}")


def _lessons(table: Mapping[str, Any], key: str, questions: Iterable[Question]) -> Iterable[Lesson]:
    known = {question.value: question for question in questions}
    for label, value in table.items():
        given = value if isinstance(value, list) else [value]
        found = [_lesson(label, one, f"{key}.{label}", known) for one in given]
        if len({lesson.question for lesson in found}) != len(found) or not found:
            raise InputError(f"{key}.{label} = {value!r}", "each question once")
        yield from found


def _lesson(label: str, value: object, key: str, questions: Mapping[str, Question]) -> Lesson:
    given = {"question": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not isinstance(given.get("question"), str):
        raise InputError(f"{key} = {value!r}", _FORM)
    for name in given:
        look_up(name, {"question": 0, "answers": 0}, f"key of {key}")
    question = look_up(given["question"], questions, f"question for {key}")
    if "answers" not in given:
        return Lesson(label, question, _ordinal(label, question))
    answers = given["answers"]
    if not isinstance(answers, dict) or not answers:
        raise InputError(f"answers of {key} = {answers!r}", 'a table such as { "0" = "1", "1" = "0" }')
    return Lesson(label, question, _answers(label, question, answers, key))


def _ordinal(label: str, question: Question) -> Mapping[str, str] | None:
    """BI-RADS categories as ordinal answers: 4A, 4B and 4C are category 4."""
    if question is not Question.BIRADS or kind_of(label) is not ValueKind.BIRADS:
        return None
    return {str(n): str(n) for n in range(1, 6)} | dict.fromkeys(_FOURS, "4")


def _answers(label: str, question: Question, given: Mapping[str, object], key: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for value, answer in given.items():
        if isinstance(answer, bool) or not isinstance(answer, str | int | float):
            raise InputError(f"the answer of {key} to {value!r} is {answer!r}", "a text")
        spelled = _spelled(label, value, key)
        if found.setdefault(spelled, _checked(question, str(answer), key)) != str(answer):
            raise InputError(f"answers of {key} has two answers for {spelled}", "one")
    if kind_of(label) is ValueKind.BIRADS and "4" in found:
        found = dict.fromkeys(_FOURS, found["4"]) | found
    return found


def _spelled(label: str, value: str, key: str) -> str:
    """A value as the catalogue spells it: labels of a known kind have one spelling there."""
    kind = kind_of(label)
    try:
        spelled = value.strip() if kind is None else normalised(kind, value)
    except InputError as error:
        raise InputError(f"answers of {key}: {error.found}", error.expected) from error
    if not spelled:
        raise InputError(f"answers of {key}: {value!r} is no value of a label", "a value of its column")
    return spelled


def _checked(question: Question, answer: str, key: str) -> str:
    """The answer, where the question has it."""
    known = answers_of(question)
    what = f"answer to {question} (answers of {key})"
    if known is not None:
        look_up(answer, {name: name for name in known}, what)
    elif question is Question.DESCRIPTORS:
        for word in filter(None, answer.split(",")):
            look_up(word, TERMS, f"lexicon term (answers of {key})")
    try:
        Teaching("label", "region", question, {"value": answer})
    except InvalidNoun as error:
        raise InputError(f"{error.found} (answers of {key})", error.expected) from error
    return answer
