"""What a probe tells apart: records of images, or breasts of exams, with what their labels teach; the card says what that is."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mammoscribe.data.labelled import CHANGES
from mammoscribe.data.prepared.dataset import StoredRecord
from mammoscribe.data.records import ImageText, Labels, ListedView, MammoExam, Region
from mammoscribe.data.splits import position
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.view import Laterality
from mammoscribe.support.errors import InputError

NO_LABELS: Labels = {}
CHANGE_OF = {"decreased": "improving", "stable": "stable", "new": "worsening", "increased": "worsening"}
SHARE_SALT = "share of the labels"
LEAST = 2
"""A name that a list gives to fewer items is no class."""
DENSE, SUSPICIOUS, MALIGNANT_LESION = "dense", "suspicious", "malignant lesion"


@dataclass(frozen=True)
class ProbeItem:
    """One thing to be told apart: a record, or a breast of an exam.

    Args:
        id: of the record, with the breast's side behind it.
        patient: who it is of.
        pictures: which of the record's stored pictures show it.
        present: class -> 0 or 1; a class that is not here is unknown.
        listed: names of what is there, where the card says that all is named; None where it does not.
        changes: finding -> code of `CHANGES` since the prior.
    """

    id: str
    patient: str
    pictures: tuple[int, ...]
    present: Mapping[str, int] = field(default_factory=dict)
    listed: frozenset[str] | None = None
    changes: Mapping[str, int] = field(default_factory=dict)


def items_of(stored: StoredRecord, supervision: Supervision) -> Iterator[ProbeItem]:
    """The items of a record that have a picture.

    A breast is an item because labels of mammograms are of breasts; a label of the whole exam counts where one breast was
    imaged only. The kinds of finding are classes where the dataset has all their boxes.

    Raises:
        InputError: for a text without pictures.
    """
    record = stored.record
    if isinstance(record, ImageText):
        if stored.pictures:
            present, listed = _named(supervision, {"exam": record.labels})
            yield ProbeItem(record.id, record.patient_id, tuple(range(len(stored.pictures))), present, listed)
        return
    if not isinstance(record, MammoExam):
        raise InputError(f"{record.id} is a {record.kind}", "records with images")
    sides = {v.laterality for v in record.images}
    for side in Laterality:
        shown = [(n, record.images[p.image]) for n, p in enumerate(stored.pictures)]
        own = [(n, view) for n, view in shown if view.laterality is side]
        if own:
            yield _breast(record, side, sides == {side}, own, supervision)


def with_absent(items: Sequence[ProbeItem], least: int = LEAST) -> list[ProbeItem]:
    """The items of one dataset with its lists as classes: each name on `least` items or more is present or absent.

    A list says nothing of names that another dataset uses, so that each dataset goes through here by itself.
    """
    counts = Counter(name for item in items for name in item.listed or ())
    often = sorted(name for name, count in counts.items() if count >= least)
    return [
        item if item.listed is None
        else replace(item, present={**{n: int(n in item.listed) for n in often}, **item.present}, listed=None)
        for item in items
    ]  # fmt: skip


def _breast(
    record: MammoExam, side: Laterality, alone: bool, shown: Sequence[tuple[int, ListedView]], supervision: Supervision
) -> ProbeItem:  # fmt: skip
    places = {"breast": record.breasts.get(side, NO_LABELS)} | ({"exam": record.labels} if alone else {})
    present, listed = _named(supervision, places)
    present = {**_answers(supervision, places), **_kinds(supervision, [view for _, view in shown]), **present}
    regions = [region for _, view in shown for region in view.regions]
    return ProbeItem(
        f"{record.id}-{side}", record.patient_id, tuple(n for n, _ in shown), present, listed,
        _changes(supervision, regions) if record.prior_id else {},
    )  # fmt: skip


def _named(supervision: Supervision, places: Mapping[str, Labels]) -> tuple[dict[str, int], frozenset[str] | None]:
    """Classes that labels name one by one, and the list of all that is there; what is said first of a class is taken."""
    present: dict[str, int] = {}
    listed: frozenset[str] | None = None
    for place, labels in places.items():
        for teaching in supervision.of(place, Question.CLASSES):
            for part in (teaching.answer(labels.get(teaching.label, "")) or "").split(","):
                name, _, code = part.rpartition("=")
                if name:
                    present.setdefault(name.strip(), int(code))
        for teaching in supervision.of(place, Question.LISTED):
            values = [v.strip() for v in labels.get(teaching.label, "").split("|") if v.strip()]
            if values and not set(values) & set(teaching.unknown):
                listed = (listed or frozenset()) | {a for v in values if (a := teaching.answer(v)) is not None}
    return present, listed


def _answers(supervision: Supervision, places: Mapping[str, Labels]) -> dict[str, int]:
    """What the labels of a breast say, as present or absent."""
    found: dict[str, int] = {}
    for place, labels in places.items():
        answers = {q: supervision.answer(place, q, labels) for q in (Question.DENSITY, Question.BIRADS)}
        if (density := answers[Question.DENSITY]) is not None:
            found.setdefault(DENSE, int(density in "cd"))
        if (category := answers[Question.BIRADS]) is not None:
            found.setdefault(SUSPICIOUS, int(category in "45"))
        for question in (Question.RECALL, Question.MALIGNANT):
            if (answer := supervision.answer(place, question, labels)) is not None:
                found.setdefault(question.value, int(answer))
    return found


def _kinds(supervision: Supervision, views: Sequence[ListedView]) -> dict[str, int]:
    """Whether a finding of a kind is there, and whether a lesion whose nature is known is malignant.

    A kind that may be there without a box is neither there nor absent.
    """
    regions = [region for view in views for region in view.regions]
    there = {supervision.answer("region", Question.KIND, r.labels) for r in regions}
    perhaps = {k for view in views for k in supervision.answers("view", Question.UNPLACED, view.labels)} - there
    found = {k.value: int(k.value in there) for k in supervision.boxed_kinds if k.value not in perhaps}
    nature = {supervision.answer("region", Question.MALIGNANT, r.labels) for r in regions} - {None}
    return found | ({MALIGNANT_LESION: int("1" in nature)} if nature else {})


def _changes(supervision: Supervision, regions: Sequence[Region]) -> dict[str, int]:
    """By kind of finding, the change that matters most: worse before better before stable."""
    by_kind: dict[str, set[str]] = {}
    for region in regions:
        kind = supervision.answer("region", Question.KIND, region.labels)
        change = supervision.answer("region", Question.CHANGE, region.labels)
        if kind is not None and change is not None:
            by_kind.setdefault(kind, set()).add(CHANGE_OF[change])
    order = ("worsening", "improving", "stable")
    return {kind: CHANGES.index(next(c for c in order if c in words)) for kind, words in by_kind.items()}


def in_share(patient: str, percent: float) -> bool:
    """Whether a patient is in the first so many percent by a hash, so that 1 % is a part of 10 % on every machine.

    The salt keeps this independent of the splits, which are made by the same hash with another one.
    """
    return position(patient, SHARE_SALT) < percent / 100
