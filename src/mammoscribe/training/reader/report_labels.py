"""What a report teaches about a breast: the facts that the report parser reads in it, as labels without a place.

A kind of finding is present where the report states it of that breast, and absent where the report denies it, or denies
every finding. What the report leaves unsaid, or calls possible, is unknown.
"""

from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.parse import parse_report
from mammoscribe.training.reader.samples import UNKNOWN, BreastLabels

_RECALLED = {"0": 1, "1": 0, "2": 0, "3": 1, "4": 1, "4A": 1, "4B": 1, "4C": 1, "5": 1}


def labels_of_report(report: ReportText, side: Laterality) -> BreastLabels:
    """Labels of one breast, by the facts of the report that name it, both breasts, or no breast at all."""
    facts = [f for f in parse_report(report.raw).facts if f.laterality in (side, None)]
    density = _value(facts, FactKind.DENSITY, side)
    category = _value(facts, FactKind.BIRADS, side)
    kinds = tuple(_kind(facts, FactKind(t.value), side) for t in TYPES)
    return BreastLabels(
        density="abcd".index(density) if density else UNKNOWN,
        recall=_RECALLED.get(category or "", UNKNOWN),
        kinds=kinds,
    )


def _kind(facts: list[Fact], kind: FactKind, side: Laterality) -> int:
    """1 where the breast is said to show the kind, 0 where that is denied; a finding without a side is of neither."""
    stated = [f for f in facts if f.kind is kind]
    if any(f.status is Status.POSITIVE and f.laterality is side for f in stated):
        return 1
    doubtful = any(
        f.status is Status.UNCERTAIN or (f.status is Status.POSITIVE and f.laterality is None) for f in stated
    )
    denied = any(f.status is Status.NEGATIVE and f.kind in (kind, FactKind.ANY_FINDING) for f in facts)
    return 0 if denied and not doubtful else UNKNOWN


def _value(facts: list[Fact], kind: FactKind, side: Laterality) -> str | None:
    """The one value that is stated of the breast, else of the exam; None where several differ.

    A density of the exam holds for both breasts. A category of the exam does not: it is the most severe breast's.
    """
    for place in (side, None):
        if place is None and kind is FactKind.BIRADS:
            return None
        values = {f.value for f in facts if f.kind is kind and f.laterality is place and f.value}
        if values:
            return values.pop() if len(values) == 1 else None
    return None
