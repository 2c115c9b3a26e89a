"""Labels of prepared exams, as figures are computed against them: of breasts, boxes, reports, and the groups an exam is in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mammoscribe.data.breast_answers import breast_answers
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import MammoExam
from mammoscribe.data.supervision import Question, Supervision
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.prepared_views import SeenView, boxed_kinds, truth_of, views_of_record

AGE_BANDS = ((0, 50, "under 50"), (50, 60, "50 to 59"), (60, 70, "60 to 69"), (70, 200, "70 and over"))
GROUP_LABELS = ("machine", "site", "vendor", "manufacturer", "implant")
"""Labels of an exam that name a group by their value."""


@dataclass(frozen=True)
class LabelledBreast:
    """Labels of one breast, None where it has none: malignant, recalled, density a to d, BI-RADS 1 to 5."""

    malignant: bool | None = None
    recall: bool | None = None
    density: str | None = None
    birads: str | None = None


@dataclass(frozen=True)
class LabelledExam:
    """One exam.

    Args:
        exam_id, patient_id: as the dataset has them. number: place in the dataset.
        breasts: of the imaged sides.
        views: stored (width, height) of each current view by name.
        truth: findings that its boxes show, in stored pixels.
        boxed: kinds of which every box is known.
        groups: name of a property -> value, such as age -> `50 to 59`. age: in years.
        report: its text, None without.
    """

    exam_id: str
    patient_id: str
    number: int
    breasts: Mapping[Laterality, LabelledBreast]
    views: Mapping[str, tuple[int, int]]
    truth: tuple[Finding, ...] = ()
    boxed: frozenset[FindingType] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)
    age: float | None = None
    report: str | None = None

    @property
    def says_anything(self) -> bool:
        """Whether there is any label, box or report."""
        of_breasts = any(b != LabelledBreast() for b in self.breasts.values())
        return of_breasts or bool(self.truth or self.boxed or self.report)


def labelled_exams(dataset: PreparedDataset) -> Iterator[LabelledExam]:
    """The mammography exams of a prepared split that have pictures and any label or report, in its order."""
    supervision = dataset.supervision
    for number, stored in enumerate(dataset):
        views = views_of_record(stored, None, None, dataset.synthetic)
        if isinstance(stored.record, MammoExam) and views:
            found = _labelled(number, stored.record, views, supervision)
            if found.says_anything:
                yield found


def _labelled(number: int, record: MammoExam, views: tuple[SeenView, ...], supervision: Supervision) -> LabelledExam:
    sides = [side for side in Laterality if any(v.view.laterality is side for v in views)]
    text = record.report.raw.strip() if record.report is not None else ""
    return LabelledExam(
        record.id, record.patient_id, number, {side: _breast(record, side, supervision) for side in sides},
        {v.view.id: (v.view.width_px, v.view.height_px) for v in views}, truth_of(views, supervision),
        boxed_kinds(views, supervision), _groups(record), _years(record), text or None,
    )  # fmt: skip


def _breast(record: MammoExam, side: Laterality, supervision: Supervision) -> LabelledBreast:
    answers = breast_answers(record, side, supervision)
    malignant, recall = answers.get(Question.MALIGNANT), answers.get(Question.RECALL)
    return LabelledBreast(
        None if malignant is None else malignant == "1", None if recall is None else recall == "1",
        answers.get(Question.DENSITY), answers.get(Question.BIRADS),
    )  # fmt: skip


def _groups(record: MammoExam) -> dict[str, str]:
    found = {name: record.labels[name] for name in GROUP_LABELS if record.labels.get(name)}
    band = age_band(_years(record))
    return {
        **({"age": band} if band else {}),
        **found,
        "prior": "with a prior" if record.prior_id else "without a prior",
    }


def _years(record: MammoExam) -> float | None:
    try:
        return float(record.labels.get("age", ""))
    except ValueError:
        return None


def age_band(years: float | None) -> str | None:
    """The band of an age; None for none."""
    return None if years is None else next((name for low, high, name in AGE_BANDS if low <= years < high), None)
