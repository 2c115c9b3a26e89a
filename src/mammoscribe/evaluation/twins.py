"""Twins: is a sentence there because of the lesion? The same drawn exam is read with and without it.

Necessity: of the true-positive claims (reported findings that match a drawn lesion) the share that is gone when the
lesion is not drawn. A claim is still there when the twin's report has a finding of its type that hits the lesion's
box or the claim's own mark in any view.

Locality: of the fact sentences about untouched regions the share that stands word for word in the twin's report.
Fact sentences are those on composition and findings; impression, recommendation and the formal sections are left out.
Untouched are density, the other breast, and findings of the same breast that do not lie on the lesion; a negative about
the lesion's own breast is not. Source: counterfactual twin test, exact because every pixel out of the lesion's reach
is the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from mammoscribe.domain.evidence import EvidenceKind, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.report import Report
from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.bootstrap import Interval, clopper_pearson, ratio_interval
from mammoscribe.evaluation.detection import is_hit, match_findings


class Drawn(Protocol):
    """A drawn exam that can be drawn again without one of its lesions (`phantom.PhantomExam`)."""

    @property
    def exam(self) -> Exam:
        """The exam."""
        ...

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is true of it."""
        ...

    def without(self, finding_id: str) -> Self:
        """The twin without that lesion."""
        ...


D = TypeVar("D", bound=Drawn)


@dataclass(frozen=True)
class TwinCase:
    """One true-positive claim and what became of the report without its lesion.

    Args:
        gone: whether the claim disappeared.
        untouched: fact sentences about untouched regions in the first report.
        kept: how many of them the twin's report has word for word.
        added: fact sentences about untouched regions that only the twin's report has.
    """

    exam_id: str
    lesion_id: str
    type: str
    gone: bool
    untouched: int
    kept: int
    added: int


@dataclass(frozen=True)
class TwinResult:
    """Necessity and locality over many claims."""

    cases: tuple[TwinCase, ...]

    @property
    def necessity(self) -> float:
        """Share of claims that went with their lesion; NaN without claims."""
        return sum(c.gone for c in self.cases) / len(self.cases) if self.cases else float("nan")

    @property
    def locality(self) -> float:
        """Share of untouched fact sentences that stayed as they were; NaN without any."""
        total = sum(c.untouched for c in self.cases)
        return sum(c.kept for c in self.cases) / total if total else float("nan")

    @property
    def necessity_interval(self) -> Interval:
        """Clopper-Pearson interval over claims."""
        return clopper_pearson(sum(c.gone for c in self.cases), len(self.cases))

    @property
    def locality_interval(self) -> Interval:
        """Bootstrap interval over exams."""
        exams = list(dict.fromkeys(c.exam_id for c in self.cases))
        per_exam = [[c for c in self.cases if c.exam_id == e] for e in exams]
        return ratio_interval(
            [sum(c.kept for c in g) for g in per_exam], [sum(c.untouched for c in g) for g in per_exam]
        )


def run_twins(read: Callable[[D], Report], exams: Iterable[D]) -> TwinResult:
    """Read every exam, and again without each lesion that it was right about.

    Args:
        read: from a drawn exam to its report.
        exams: drawn exams; those without a true-positive claim contribute nothing.
    """
    return TwinResult(tuple(case for drawn in exams for case in twin_cases(read, drawn)))


def twin_cases(read: Callable[[D], Report], drawn: D) -> tuple[TwinCase, ...]:
    """The cases of one exam: one for each reported finding that matches a drawn lesion."""
    report = read(drawn)
    matches = match_findings(report.findings, drawn.findings)
    return tuple(
        _case(report, read(drawn.without(drawn.findings[m.truth].id)), report.findings[m.mark], drawn.findings[m.truth])
        for m in sorted(matches, key=lambda m: m.truth)
    )


def _case(report: Report, twin: Report, claim: Finding, lesion: Finding) -> TwinCase:
    before = Counter(s.text for s in untouched_sentences(report, claim, lesion))
    after = Counter(s.text for s in untouched_sentences(twin, claim, lesion))
    gone = not any(f.type is claim.type and (_lies_on(f, lesion) or _lies_on(f, claim)) for f in twin.findings)
    return TwinCase(
        report.exam.id, lesion.id, lesion.type.value, gone,
        before.total(), (before & after).total(), (after - before).total(),
    )  # fmt: skip


def untouched_sentences(report: Report, claim: Finding, lesion: Finding) -> tuple[Sentence, ...]:
    """Fact sentences of the report that do not speak of the place where the lesion was claimed or drawn."""
    touched = {f.id for f in report.findings if _lies_on(f, lesion) or _lies_on(f, claim)}
    stated = (*report.section(Section.COMPOSITION), *report.section(Section.FINDINGS))
    return tuple(s for s in stated if _untouched(s, report, touched, lesion.laterality))


def _untouched(sentence: Sentence, report: Report, touched: set[str], side: Laterality) -> bool:
    if sentence.section is Section.COMPOSITION:
        return True
    cited = {e.ref for e in sentence.evidence if e.kind is EvidenceKind.FINDING}
    if cited:
        return not cited & touched
    return side not in _sides(sentence, report.exam)


def _sides(sentence: Sentence, exam: Exam) -> set[Laterality]:
    """Breasts that the sentence's views and breasts belong to; all imaged ones when it cites the exam."""
    sides: set[Laterality] = set()
    for evidence in sentence.evidence:
        if evidence.kind is EvidenceKind.BREAST:
            sides.add(Laterality(evidence.ref))
        elif evidence.kind in (EvidenceKind.VIEW, EvidenceKind.PRIOR_PAIR):
            sides.add(exam.view(evidence.ref.split("|")[0]).laterality)
        else:
            sides.update(exam.imaged)
    return sides


def _lies_on(finding: Finding, place: Finding) -> bool:
    """Whether a mark hits the other's box, or holds its centre, in any view."""
    pairs: Sequence = [(m.box, other.box) for m in finding.marks if (other := place.mark_in(m.view_id))]
    return any(is_hit(box, other) or is_hit(other, box) for box, other in pairs)
