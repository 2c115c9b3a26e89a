"""What a sentence rests on, by one rule everywhere.

A positive cites its finding, and the prior pair when it speaks of change; a negative every view that was searched for
what it denies; density and assessment the breast; a comparison the prior pairs; technique and limits the exam.
"""

from collections.abc import Iterable

from mammoscribe.domain.evidence import Evidence, EvidenceKind
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.search import Search
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import prior_pairs


def cite_exam(exam: Exam) -> tuple[Evidence, ...]:
    """The exam as a whole."""
    return (Evidence(EvidenceKind.EXAM, exam.id),)


def cite_breasts(sides: Iterable[Laterality]) -> tuple[Evidence, ...]:
    """One piece of evidence per breast."""
    return tuple(Evidence(EvidenceKind.BREAST, s.value) for s in sides)


def cite_searched(search: Search, sides: Iterable[Laterality], kinds: Iterable[FindingType]) -> tuple[Evidence, ...]:
    """Every current view of the breasts that was searched for all of these kinds of finding."""
    wanted = tuple(kinds)
    return tuple(Evidence(EvidenceKind.VIEW, v.id) for s in sides for v in search.views_searched(s, wanted))


def cite_pairs(exam: Exam) -> tuple[Evidence, ...]:
    """The prior pairs of the exam."""
    return tuple(Evidence(EvidenceKind.PRIOR_PAIR, f"{v.id}|{p.id}") for v, p in prior_pairs(exam))


def speaks_of_change(finding: Finding) -> bool:
    """Whether its sentence compares it with a prior exam; `developing` does, by its definition (ACR BI-RADS, 5th edition)."""
    return finding.change is not None or "asymmetry.developing" in finding.descriptors


def compared_pairs(finding: Finding, exam: Exam) -> tuple[Evidence, ...]:
    """The prior pairs of the views that show a finding."""
    return tuple(p for p in cite_pairs(exam) if finding.mark_in(p.ref.split("|")[0]))


def cite_finding(finding: Finding, exam: Exam) -> tuple[Evidence, ...]:
    """The finding, and the prior pairs of the views that show it where it is said to have changed."""
    cited = Evidence(EvidenceKind.FINDING, finding.id)
    return (cited, *compared_pairs(finding, exam)) if speaks_of_change(finding) else (cited,)
