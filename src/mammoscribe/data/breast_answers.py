"""What the labels of an exam say of one of its breasts."""

from collections.abc import Mapping

from mammoscribe.data.records import MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.view import Laterality

OF_A_BREAST = (Question.DENSITY, Question.RECALL, Question.MALIGNANT, Question.BIRADS)
"""Questions that are asked of a breast."""
_NO_LABELS: Mapping[str, str] = {}


def breast_answers(record: MammoExam, side: Laterality, supervision: Supervision) -> dict[Question, str]:
    """The answers to `OF_A_BREAST` that the labels give; a label of the whole exam counts only where one breast was imaged."""
    places = [("breast", record.breasts.get(side, _NO_LABELS))]
    if {v.laterality for v in record.images} == {side}:
        places.append(("exam", record.labels))
    found: dict[Question, str] = {}
    for question in OF_A_BREAST:
        for place, labels in places:
            answer = supervision.answer(place, question, labels)
            if answer is not None:
                found.setdefault(question, answer)
    return found
