"""Facts: what a report says, as typed values; taken from findings here, read from text in `parse`.

A report is a bag of facts. The renderer writes one sentence per fact or group of facts, the parser reads the same
facts back, and evaluation compares the two bags (reference: facts from ground truth, never from reference prose).
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding
from mammoscribe.domain.lexicon import Edition, in_edition
from mammoscribe.domain.location import Location
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Laterality, Projection, View


class Status(StrEnum):
    """Whether the text says that something is there, is not there, or may be."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"


class FactKind(StrEnum):
    """What a fact is about; the first four values are those of FindingType."""

    MASS = "mass"
    CALCIFICATION = "calcification"
    DISTORTION = "architectural_distortion"
    ASYMMETRY = "asymmetry"
    ANY_FINDING = "any_finding"
    ASSOCIATED = "associated"
    CHANGE = "change"
    DENSITY = "density"
    BIRADS = "birads"
    RECOMMENDATION = "recommendation"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    LIMIT = "limit"
    SUSPICION = "suspicion"

    @property
    def is_finding(self) -> bool:
        """Whether the fact is about something seen in a breast."""
        return self in FINDING_KINDS


FINDING_KINDS = frozenset(
    {FactKind.MASS, FactKind.CALCIFICATION, FactKind.DISTORTION, FactKind.ASYMMETRY, FactKind.ANY_FINDING}
)

NOT_IMAGED, ONE_VIEW, NO_MILLIMETRES, NOT_SEARCHED = "not_imaged", "one_view", "no_millimetres", "not_searched"
UNMEASURED_WORDS = "unmeasured_words"
"""Values of a LIMIT fact."""

UNDATED = "date unknown"
"""Value of a COMPARISON fact that says that the prior's date is not known, or not told."""


def undated_words(exam: Exam) -> str:
    """Why a prior has no date in the report: it is not known, or withheld."""
    return "date withheld" if exam.dates_withheld else UNDATED


@dataclass(frozen=True)
class Fact:
    """One statement.

    Args:
        status: is it there, not there, perhaps there.
        kind: what it is about.
        laterality: the breast, or None when the statement is about the exam or names no side.
        value: density letter, category, level of suspicion (as a category), management group, date of the prior (UNDATED
            when the text calls it unknown), or kind of limit.
        descriptors: lexicon term ids.
        location: stated place.
        views: projections in which it is said to be seen.
        size_mm: largest stated extent, whole millimetres.
        shorter_mm: the other side, where two are stated (`14 x 9 mm`).
        change: against the prior.
        only: whether `views` are said to be all that show it.
    """

    status: Status
    kind: FactKind
    laterality: Laterality | None = None
    value: str | None = None
    descriptors: frozenset[str] = frozenset()
    location: Location = Location()
    views: frozenset[Projection] = frozenset()
    size_mm: int | None = None
    change: Change | None = None
    only: bool = False
    shorter_mm: int | None = None

    @property
    def key(self) -> tuple[FactKind, Laterality | None, Status]:
        """What two facts must share before their attributes are compared (metrics, reference section 3.2)."""
        return self.kind, self.laterality, self.status

    def on(self, laterality: Laterality | None) -> "Fact":
        """The same fact about that breast."""
        return dataclasses.replace(self, laterality=laterality)


def fact_of_finding(finding: Finding, exam: Exam | None = None) -> Fact:
    """What a finding says; the size in millimetres needs the exam, and a spacing that is known.

    `asymmetry.asymmetry` adds nothing to the type and is left out, as it is when the word is read. A finding seen in one
    projection is seen in that one only, unless another finding may be the same one in the other projection.
    """
    views = frozenset(m.projection for m in finding.marks)
    longer, shorter = (box_mm(finding, exam) if exam else None) or (None, None)
    return Fact(
        Status.POSITIVE,
        FactKind(finding.type.value),
        finding.laterality,
        descriptors=frozenset(finding.descriptors) - {"asymmetry.asymmetry"},
        location=finding.location,
        views=views,
        size_mm=longer,
        change=finding.change,
        only=len(views) == 1 and not finding.unpaired,
        shorter_mm=shorter,
    )


def box_mm(finding: Finding, exam: Exam) -> tuple[int, int] | None:
    """Longer and shorter side of the finding's largest box in whole mm (at least 1); None where no spacing is known."""
    sides = []
    for mark in finding.marks:
        view = exam.view(mark.view_id)
        if view.millimetres_known and view.spacing_mm is not None:
            lengths = (mark.box.height * view.spacing_mm[0], mark.box.width * view.spacing_mm[1])
            sides.append((max(lengths), min(lengths)))
    if not sides:
        return None
    longer, shorter = max(sides)
    return max(1, round(longer)), max(1, round(shorter))


def size_mm(finding: Finding, exam: Exam) -> int | None:
    """Longest side of the finding's boxes in whole mm (at least 1), or None where no view's spacing is known."""
    box = box_mm(finding, exam)
    return box[0] if box else None


def facts_of_findings(
    findings: Iterable[Finding], breasts: Iterable[Breast], exam: Exam | None = None
) -> tuple[Fact, ...]:
    """Facts a report must state: findings, empty breasts, density and category per imaged breast.

    Args:
        findings: of one exam.
        breasts: of the same exam; an unimaged one contributes nothing.
        exam: gives sizes in millimetres where the spacing is known.
    """
    found, facts = tuple(findings), []
    for breast in breasts:
        if not breast.imaged:
            continue
        side = breast.laterality
        here = [fact_of_finding(f, exam) for f in found if f.laterality is side]
        facts += here or [Fact(Status.NEGATIVE, FactKind.ANY_FINDING, side)]
        facts.append(density_fact(side, breast.density))
        facts.append(birads_fact(side, breast.assessment.category if breast.assessment else None))
    return tuple(facts)


def density_fact(side: Laterality | None, density: str | None) -> Fact:
    """Density of a breast; NEGATIVE without a value where it was not assessed."""
    return Fact(Status.POSITIVE if density else Status.NEGATIVE, FactKind.DENSITY, side, value=density)


def birads_fact(side: Laterality | None, category: str | None) -> Fact:
    """Category of a breast, of the exam without a side; NEGATIVE without a value where none was given."""
    return Fact(
        Status.POSITIVE if category else Status.NEGATIVE,
        FactKind.BIRADS,
        side,
        value=str(category) if category else None,
    )


def prior_pairs(exam: Exam, laterality: Laterality | None = None) -> tuple[tuple[View, View], ...]:
    """(current, prior) views of the same breast and projection, in hanging order."""
    views = exam.current if laterality is None else exam.views_of(laterality)
    return tuple((v, prior) for v in views if (prior := exam.prior_of(v)) is not None)


def in_words_of(finding: Finding, edition: Edition) -> Finding:
    """The finding with its descriptors in the terms of one lexicon edition, order kept, repeats dropped."""
    return dataclasses.replace(
        finding, descriptors=tuple(dict.fromkeys(in_edition(d, edition) for d in finding.descriptors))
    )
