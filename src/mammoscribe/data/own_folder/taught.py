"""Which labels of a lab's folder taught anything at all, so that one that never does is named and not passed over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mammoscribe.data.dataset import Fault
from mammoscribe.data.labels.values import JOINT
from mammoscribe.data.own_folder.spec import FolderSpec
from mammoscribe.data.records import MammoExam, Record
from mammoscribe.data.supervision import Question, Teaching, answers_of
from mammoscribe.support.errors import InputError

SHOWN = 8
"""Different values of a label that are shown."""


@dataclass
class _Count:
    """Values of one label: the first different ones, how many are answers, and how many of those can teach."""

    values: dict[str, None] = field(default_factory=dict)
    num_answers: int = 0
    num_taught: int = 0


class Taught:
    """Counts, record by record, what each label of the description teaches."""

    def __init__(self, spec: FolderSpec) -> None:
        self._spec, self._supervision = spec, spec.supervision
        teachings = [t for t in self._supervision.teachings if t.question is not Question.UNPLACED]
        self._counts = [(teaching, _Count()) for teaching in teachings]
        self._num_records = self._num_reports = 0

    def note(self, record: Record) -> None:
        """Count one record."""
        if not isinstance(record, MammoExam):
            return
        self._num_records += 1
        self._num_reports += record.report is not None
        sides = {view.laterality for view in record.images}
        for teaching, count in self._counts:
            for labels, can_teach in _labels_of(record, teaching.of, len(sides) == 1):
                value = labels.get(teaching.label, "")
                if not value:
                    continue
                if len(count.values) < SHOWN:
                    count.values[value] = None
                answered = any(teaching.answer(part) is not None for part in _parts(teaching, value))
                count.num_answers += answered
                count.num_taught += answered and can_teach

    def faults(self) -> Iterator[Fault]:
        """A Fault for each label that was to teach and never did, and for reports that are not there."""
        if not self._num_records:
            return
        for teaching, count in self._counts:
            if not count.num_taught:
                yield Fault(self._spec.path.name, self._error(teaching, count))
        if self._supervision.reports and not self._num_reports:
            found = f"{self._spec.path.name}: reports_teach, and no exam has a report"
            yield Fault(self._spec.path.name, InputError(found, "reports that belong to exams", "look at report_exam"))

    def _error(self, teaching: Teaching, count: _Count) -> InputError:
        label, question = teaching.label, teaching.question
        what = f"{self._spec.path.name}: the label {label} teaches nothing: "
        if not count.values:
            return InputError(f"{what}no {_place(teaching)} has a value of it", "a column with values")
        if count.num_answers:
            found = f"{what}it is of the whole exam, and both breasts, or none, were imaged in every exam that has it"
            return InputError(found, "a label of one breast", 'name the column with the breast, laterality = "..."')
        known = answers_of(question)
        expected = ", ".join(known) if known else "values that [teaches] names"
        if teaching.answers is not None:
            expected = ", ".join(list(teaching.answers)[:SHOWN])
        found = f"{what}none of its values ({', '.join(count.values)}) answers {question}"
        return InputError(found, expected, f'spell them: {label} = {{ question = "{question}", answers = {{ ... }} }}')


def _parts(teaching: Teaching, value: str) -> list[str]:
    """The values that a reader is given one by one: descriptors may be several, joined by `|`."""
    return value.split(JOINT) if teaching.question is Question.DESCRIPTORS else [value]


def _place(teaching: Teaching) -> str:
    return "box" if teaching.of == "region" else teaching.of


def _labels_of(record: MammoExam, place: str, one_breast: bool) -> Iterator[tuple[Mapping[str, str], bool]]:
    """The labels of a place in a record, and whether they can teach there."""
    if place == "exam":
        yield record.labels, one_breast
    elif place == "breast":
        yield from ((labels, True) for labels in record.breasts.values())
    else:
        yield from ((region.labels, True) for image in record.images for region in image.regions)
