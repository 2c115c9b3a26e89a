"""Exams with what is true of them, from a prepared split or drawn on the spot, and the same exams with other pictures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Laterality, Role, View, standard_view_id
from mammoscribe.evaluation.facts import FactKey
from mammoscribe.evaluation.faithfulness.written import facts_of
from mammoscribe.evaluation.labelled_exams import LabelledExam, labelled_exams
from mammoscribe.evaluation.prepared_views import decode_in, views_of_record
from mammoscribe.evaluation.reading_records import decode_phantom
from mammoscribe.imaging.picture import Picture
from mammoscribe.phantom import PhantomExam, PhantomSpec, draw_exam
from mammoscribe.support.errors import InputError
from mammoscribe.writers.author import Decode

Question = tuple[str, str]
"""Breast, and a kind of finding or `density`: what can be answered rightly or wrongly."""


@dataclass(frozen=True)
class Lesion:
    """A drawn lesion that is the only one of its kind in its breast, with the exam without it and with it on the other side.

    Args:
        id: of the finding. key: the fact that it makes true.
        without, moved: draw the twin; `moved` gives None where it fits nowhere in the other breast.
    """

    id: str
    key: FactKey
    without: Callable[[], "Subject"]
    moved: Callable[[], "Subject | None"]


@dataclass(frozen=True)
class Subject:
    """An exam that is written about.

    Args:
        exam: its views. decode: their pictures. patient: whose it is.
        truth: facts that are true. asked: what its labels say the truth of, there or not.
        lesions: drawn ones with their twins.
    """

    exam: Exam
    decode: Decode
    patient: str
    truth: frozenset[FactKey] = frozenset()
    asked: frozenset[Question] = frozenset()
    lesions: tuple[Lesion, ...] = field(default=(), repr=False)


class Subjects(ABC):
    """Exams that are made when they are asked for."""

    @abstractmethod
    def __len__(self) -> int:
        """How many."""

    @abstractmethod
    def __getitem__(self, number: int) -> Subject:
        """One of them."""

    def id_of(self, number: int) -> str:
        """The id of an exam, where it is known without making the exam."""
        return self[number].exam.id


# --- drawn exams --------------------------------------------------------------------------------------------------


class DrawnSubjects(Subjects):
    """Synthetic exams by seed, drawn when they are asked for."""

    def __init__(self, seeds: Sequence[int], spec: PhantomSpec) -> None:
        self._seeds = tuple(seeds)
        self._drawn = lru_cache(2)(lambda seed: drawn_subject(draw_exam(seed, spec)))

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, number: int) -> Subject:
        return self._drawn(self._seeds[number])

    def id_of(self, number: int) -> str:
        """As `draw_exam` names it."""
        return f"phantom-{self._seeds[number]}"


def drawn_subject(drawn: PhantomExam, twins: bool = True) -> Subject:
    """A drawn exam with its truth, and its twins unless it is one itself."""
    truth = {(f.laterality.value, f.type.value) for f in drawn.findings}
    truth |= {(b.laterality.value, "density", b.density) for b in drawn.breasts}
    asked = frozenset((s.value, name) for s in Laterality for name in (*(k.value for k in FindingType), "density"))
    return Subject(
        drawn.exam, decode_phantom(drawn), drawn.exam.patient_id or drawn.exam.id, frozenset(truth), asked,
        tuple(_lesions(drawn)) if twins else (),
    )  # fmt: skip


def _lesions(drawn: PhantomExam) -> Iterator[Lesion]:
    keys = [(f.laterality.value, f.type.value) for f in drawn.findings]
    for f, key in zip(drawn.findings, keys, strict=True):
        if keys.count(key) == 1:
            without = lambda name=f.id: drawn_subject(drawn.without(name), twins=False)  # noqa: E731
            yield Lesion(f.id, key, without, lambda name=f.id: _moved(drawn, name))


def _moved(drawn: PhantomExam, name: str) -> Subject | None:
    try:
        return drawn_subject(drawn.moved(name), twins=False)
    except InputError:  # it fits nowhere in the other breast
        return None


# --- prepared exams -----------------------------------------------------------------------------------------------


class PreparedSubjects(Subjects):
    """The labelled exams of a prepared split, with the pictures that they were prepared from.

    Args:
        dataset: the split. most: how many exams at most, from its beginning.

    Raises:
        InputError: when the pictures are there no more.
    """

    def __init__(self, dataset: PreparedDataset, most: int) -> None:
        self._dataset, self._root = dataset, dataset.root
        self._labels = [e for e, _ in zip(labelled_exams(dataset), range(most), strict=False)]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, number: int) -> Subject:
        labels = self._labels[number]
        stored = self._dataset[labels.number]
        views = views_of_record(stored, self._dataset.prior_of(stored), None, self._dataset.synthetic)
        exam = Exam(labels.exam_id, tuple(v.view for v in views), labels.patient_id)
        truth, asked = truth_of_labels(labels)
        return Subject(exam, decode_in(self._root), labels.patient_id, truth, asked)

    def id_of(self, number: int) -> str:
        """As the dataset has it."""
        return self._labels[number].exam_id


def truth_of_labels(labels: LabelledExam) -> tuple[frozenset[FactKey], frozenset[Question]]:
    """What is true by the labels of an exam, and what these say the truth of; its report counts as labels where it has one."""
    asked = {(s.value, k.value) for s in labels.breasts for k in labels.boxed}
    truth: set[FactKey] = {
        (f.laterality.value, f.type.value) for f in labels.truth if (f.laterality.value, f.type.value) in asked
    }
    for side, breast in labels.breasts.items():
        if breast.density is not None:
            asked.add((side.value, "density"))
            truth.add((side.value, "density", breast.density))
    if labels.report is not None and not asked:
        stated = facts_of([labels.report], labels.breasts)
        truth = {k for k in stated if len(k) == 2 or k[1] == "density"}
        asked = {(s.value, k.value) for s in labels.breasts for k in FindingType} | {(k[0], k[1]) for k in truth}
    return frozenset(truth), frozenset(asked)


# --- other pictures -----------------------------------------------------------------------------------------------

Change = Callable[[View, Picture], Picture]


def changed(subject: Subject, change: Change) -> Subject:
    """The exam with every picture changed."""
    return replace(subject, decode=lambda view: change(view, subject.decode(view)))


def mirrored(subject: Subject) -> Subject:
    """The exam in a mirror: each view is that of the other breast, and shows the same from the other side."""
    twins = {standard_view_id(_other(v.laterality), v.projection, v.role): v for v in subject.exam.views}
    views = tuple(replace(v, id=name, laterality=_other(v.laterality)) for name, v in twins.items())

    def decode(view: View) -> Picture:
        picture = subject.decode(twins[view.id])
        return replace(picture, pixels=picture.pixels[:, ::-1].copy(), orientation=None)

    return replace(subject, exam=replace(subject.exam, views=views), decode=decode)


def with_pictures_of(subject: Subject, other: Subject) -> Subject:
    """The exam with another patient's pictures of the same views; views that the other lacks, such as priors, are left out."""
    theirs = {v.id: v for v in other.exam.views}
    own = [v for v in subject.exam.views if v.id in theirs]
    views = tuple(replace(theirs[v.id], id=v.id, date=v.date) for v in own)
    return replace(subject, exam=replace(subject.exam, views=views), decode=lambda view: other.decode(theirs[view.id]))


def partner(subjects: Subjects, number: int, most: int = 40) -> Subject | None:
    """The next exam of another patient that has all current views of this one; None where none of the next ones has."""
    own = subjects[number]
    wanted = {v.id for v in own.exam.current}
    for step in range(1, min(len(subjects), most + 1)):
        other = subjects[(number + step) % len(subjects)]
        if other.patient != own.patient and wanted <= {v.id for v in other.exam.current}:
            return other
    return None


def mirrored_keys(keys: frozenset[FactKey]) -> frozenset[FactKey]:
    """The facts with right and left exchanged; those without a breast stay."""
    sides = {s.value: _other(s).value for s in Laterality}
    return frozenset((sides.get(k[0], k[0]), *k[1:]) for k in keys)


def current_views(exam: Exam) -> Mapping[str, View]:
    """The current views by id."""
    return {v.id: v for v in exam.views if v.role is Role.CURRENT}


def _other(side: Laterality) -> Laterality:
    return Laterality.LEFT if side is Laterality.RIGHT else Laterality.RIGHT
