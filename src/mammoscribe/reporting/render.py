"""Facts to sentences: the renderer that writes the report by default, each sentence with what it rests on.

Evidence follows one rule everywhere: a positive cites its finding (and the prior pair when it speaks of change), a
negative every view searched, density and assessment the breast, a comparison the prior pairs, technique and limits
the exam.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mammoscribe.domain.assessment import SEVERITY, Assessment, Category
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section, Sentence
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Finding
from mammoscribe.domain.lexicon import term
from mammoscribe.domain.report import Breast
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting import phrases
from mammoscribe.reporting.facts import (
    NO_MILLIMETRES,
    NOT_IMAGED,
    ONE_VIEW,
    UNDATED,
    Fact,
    FactKind,
    Status,
    birads_fact,
    density_fact,
    fact_of_finding,
    prior_pairs,
    size_mm,
)
from mammoscribe.reporting.vocabulary import MANAGEMENTS
from mammoscribe.reporting.words import capitalised, count_word, listed


@dataclass(frozen=True)
class Chart:
    """What a report is written from: the exam, its breasts (right first) and its findings."""

    exam: Exam
    breasts: tuple[Breast, Breast]
    findings: tuple[Finding, ...]

    def breast(self, side: Laterality) -> Breast:
        """The facts of one breast."""
        return self.breasts[list(Laterality).index(side)]

    def findings_of(self, side: Laterality) -> tuple[Finding, ...]:
        """Findings of one breast, in order."""
        return tuple(f for f in self.findings if f.laterality is side)

    @property
    def assessed(self) -> tuple[Breast, ...]:
        """Breasts that were given a category."""
        return tuple(b for b in self.breasts if b.assessment)

    @property
    def overall(self) -> Assessment:
        """The most severe breast's assessment; incomplete when no breast was assessed."""
        given = [b.assessment for b in self.breasts if b.assessment]
        if not given:
            return Assessment(Category.INCOMPLETE, "no breast was assessed")
        return max(given, key=lambda a: SEVERITY.index(a.category))


@dataclass(frozen=True)
class Statement:
    """A sentence with the facts it states."""

    sentence: Sentence
    facts: tuple[Fact, ...]

    @property
    def side(self) -> Laterality | None:
        """The one breast it is about, or None."""
        sides = {f.laterality for f in self.facts}
        return sides.pop() if len(sides) == 1 else None


def render(chart: Chart) -> tuple[Statement, ...]:
    """The whole report, in the standard order of sections."""
    per_section = (
        indication(chart),
        (technique(chart), comparison(chart)),
        composition(chart),
        (s for side in chart.exam.imaged for s in _findings(chart, side)),
        impression(chart),
        (recommendation(chart),),
        limits(chart),
    )
    return tuple(s for statements in per_section for s in statements)


def _statement(text: str, section: Section, evidence: Iterable[Evidence], *facts: Fact) -> Statement:
    return Statement(Sentence(text, section, tuple(evidence)), facts)


# --- evidence ---------------------------------------------------------------------------------------------------


def cite_exam(exam: Exam) -> tuple[Evidence, ...]:
    """The exam as a whole."""
    return (Evidence(EvidenceKind.EXAM, exam.id),)


def cite_breasts(sides: Iterable[Laterality]) -> tuple[Evidence, ...]:
    """One piece of evidence per breast."""
    return tuple(Evidence(EvidenceKind.BREAST, s.value) for s in sides)


def cite_searched(exam: Exam, sides: Iterable[Laterality]) -> tuple[Evidence, ...]:
    """Every current view of the breasts."""
    return tuple(Evidence(EvidenceKind.VIEW, v.id) for s in sides for v in exam.views_of(s))


def cite_pairs(exam: Exam, side: Laterality | None = None) -> tuple[Evidence, ...]:
    """The prior pairs of a breast, or of the exam."""
    return tuple(Evidence(EvidenceKind.PRIOR_PAIR, f"{v.id}|{p.id}") for v, p in prior_pairs(exam, side))


def cite_finding(finding: Finding, exam: Exam) -> tuple[Evidence, ...]:
    """The finding, and with a change the prior pairs of the views that show it (else of its breast)."""
    cited = Evidence(EvidenceKind.FINDING, finding.id)
    if finding.change is None:
        return (cited,)
    pairs = cite_pairs(exam, finding.laterality)
    shown = tuple(p for p in pairs if finding.mark_in(p.ref.split("|")[0]))
    return (cited, *(shown or pairs))


# --- findings ---------------------------------------------------------------------------------------------------


def finding_text(finding: Finding, exam: Exam, lead: str = "") -> str:
    """`Right breast: irregular, spiculated mass in the upper outer quadrant, 10 o'clock, ..., seen on CC and MLO`."""
    core = " ".join(p for p in (lead, phrases.core_phrase(finding), phrases.associated_phrase(finding)) if p)
    place = phrases.place_parts(finding.location)
    in_breast = bool(place) and not place[0].endswith(("o'clock", "depth"))
    parts = [f"{core} in the {place[0]}", *place[1:]] if in_breast else [core, *place]
    size = size_mm(finding, exam)
    parts += [f"measuring {size} mm"] if size else []
    parts.append(f"seen on {phrases.views_phrase(phrases.projections_of(finding))}")
    parts += [phrases.CHANGES[finding.change]] if finding.change else []
    return f"{capitalised(finding.laterality.word)} breast: {', '.join(parts)}."


def finding_statement(finding: Finding, exam: Exam) -> Statement:
    """The sentence of a finding above threshold."""
    text = finding_text(finding, exam)
    return _statement(text, Section.FINDINGS, cite_finding(finding, exam), fact_of_finding(finding, exam))


def uncertain_statement(finding: Finding, exam: Exam) -> Statement:
    """The sentence of a finding in the lower score band; it is no finding of the report, so its views are cited."""
    fact = fact_of_finding(finding, exam)
    uncertain = Fact(**{**fact.__dict__, "status": Status.UNCERTAIN})
    views = tuple(Evidence(EvidenceKind.VIEW, m.view_id) for m in finding.marks)
    return _statement(finding_text(finding, exam, "possible"), Section.FINDINGS, views, uncertain)


def negative_statement(side: Laterality, exam: Exam) -> Statement:
    """The sentence of a breast without findings."""
    fact = Fact(Status.NEGATIVE, FactKind.ANY_FINDING, side)
    text = f"No suspicious finding in the {side.word} breast."
    return _statement(text, Section.FINDINGS, cite_searched(exam, (side,)), fact)


def _findings(chart: Chart, side: Laterality) -> list[Statement]:
    found = [finding_statement(f, chart.exam) for f in chart.findings_of(side)]
    return found or [negative_statement(side, chart.exam)]


# --- the other sections -----------------------------------------------------------------------------------------


def indication(chart: Chart) -> list[Statement]:
    """Why the exam was made, in quotation marks: words that came with it state no fact of this reading."""
    given = chart.exam.indication
    if given is None:
        return []
    words = given.replace('"', "'")
    return [_statement(f'Given with the exam: "{words}".', Section.INDICATION, cite_exam(chart.exam))]


def technique(chart: Chart) -> Statement:
    """Which views were read."""
    exam = chart.exam
    names = [f"{v.laterality.word} {v.projection}" for v in exam.current]
    text = f"Mammography, {count_word(len(names))} view{'s' if len(names) > 1 else ''}: {listed(names)}."
    facts = [technique_fact(exam, s) for s in exam.imaged]
    return _statement(text, Section.TECHNIQUE, cite_exam(exam), *facts)


def technique_fact(exam: Exam, side: Laterality) -> Fact:
    """Projections read of one breast."""
    shown = frozenset(v.projection for v in exam.views_of(side))
    return Fact(Status.POSITIVE, FactKind.TECHNIQUE, side, views=shown)


def comparison(chart: Chart) -> Statement:
    """Which prior was read, with its day; or that there was none."""
    exam = chart.exam
    pairs = cite_pairs(exam)
    if not pairs:
        text = (
            "No comparable prior exam was available." if exam.prior else "No prior exam was available for comparison."
        )
        return _statement(text, Section.COMPARISON, cite_exam(exam), Fact(Status.NEGATIVE, FactKind.COMPARISON))
    day = exam.prior_date
    text = (
        f"Compared with the prior exam of {day.isoformat()}." if day else "Compared with the prior exam, date unknown."
    )
    fact = Fact(Status.POSITIVE, FactKind.COMPARISON, None, day.isoformat() if day else UNDATED)
    return _statement(text, Section.COMPARISON, pairs, fact)


def composition(chart: Chart) -> list[Statement]:
    """Density of every imaged breast; one sentence when both are alike."""
    imaged = [b for b in chart.breasts if b.imaged]
    if len(imaged) == 2 and imaged[0].density and imaged[0].density == imaged[1].density:
        text = density_text("Both breasts", "are", imaged[0].density)
        facts = [density_fact(b.laterality, b.density) for b in imaged]
        return [_statement(text, Section.COMPOSITION, cite_breasts(b.laterality for b in imaged), *facts)]
    return [density_statement(b) for b in imaged]


def density_text(subject: str, verb: str, density: str) -> str:
    """`Both breasts are heterogeneously dense (density c).`; scattered areas are had, not been."""
    if density == "b":
        verb = {"are": "have", "is": "has"}[verb]
    return f"{subject} {verb} {term(f'composition.{density}').label} (density {density})."


def density_statement(breast: Breast) -> Statement:
    """Density of one breast, or that it was not assessed."""
    side = breast.laterality
    text = f"{capitalised(side.word)} breast: the density was not assessed."
    if breast.density:
        text = density_text(f"The {side.word} breast", "is", breast.density)
    return _statement(text, Section.COMPOSITION, cite_breasts((side,)), density_fact(side, breast.density))


def impression(chart: Chart) -> list[Statement]:
    """Category of every imaged breast, then of the exam."""
    stated = [birads_statement(b) for b in chart.breasts if b.imaged]
    return [*stated, overall_statement(chart)]


def birads_words(category: Category) -> str:
    """`BI-RADS 4, suspicious`."""
    return f"BI-RADS {category}, {category.facts.wording}"


def birads_statement(breast: Breast) -> Statement:
    """Category of one breast, or that none was assigned."""
    side = breast.laterality
    category = breast.assessment.category if breast.assessment else None
    words = birads_words(category) if category else "no BI-RADS category was assigned"
    text = f"{capitalised(side.word)} breast: {words}."
    return _statement(text, Section.IMPRESSION, cite_breasts((side,)), birads_fact(side, category))


def overall_statement(chart: Chart) -> Statement:
    """Category of the exam: the most severe breast's."""
    category = chart.overall.category
    return _statement(
        f"Overall: {birads_words(category)}.", Section.IMPRESSION, _cite_assessed(chart), birads_fact(None, category)
    )


def recommendation(chart: Chart) -> Statement:
    """What to do next, from the overall category."""
    fact = Fact(Status.POSITIVE, FactKind.RECOMMENDATION, None, management_group(chart.overall.category))
    text = f"Recommendation: {chart.overall.management}"
    return _statement(text, Section.RECOMMENDATION, _cite_assessed(chart), fact)


def management_group(category: Category) -> str:
    """The group of managements a category belongs to: `routine`, `short interval`, `biopsy`, ..."""
    return MANAGEMENTS[category.facts.management.rstrip(".").lower()]


def _cite_assessed(chart: Chart) -> tuple[Evidence, ...]:
    return cite_breasts(b.laterality for b in chart.assessed) or cite_exam(chart.exam)


def limits(chart: Chart) -> list[Statement]:
    """What was not imaged, where one view stood alone, and lengths that could not be given."""
    exam = chart.exam
    stated = [not_imaged_statement(exam, s) for s in Laterality if s not in exam.imaged]
    stated += [one_view_statement(exam, s) for s in exam.imaged if len(exam.views_of(s)) == 1]
    if any(size_mm(f, exam) is None for f in chart.findings):
        text = "The pixel spacing is not known, so no size is given in millimetres."
        fact = Fact(Status.POSITIVE, FactKind.LIMIT, None, NO_MILLIMETRES)
        stated.append(_statement(text, Section.LIMITS, cite_exam(exam), fact))
    return stated


def not_imaged_statement(exam: Exam, side: Laterality) -> Statement:
    """Names a breast of which there is no view."""
    fact = Fact(Status.NEGATIVE, FactKind.LIMIT, side, NOT_IMAGED)
    text = f"The {side.word} breast was not imaged and is not assessed."
    return _statement(text, Section.LIMITS, cite_exam(exam), fact)


def one_view_statement(exam: Exam, side: Laterality) -> Statement:
    """States that a breast was read from one view."""
    view = exam.views_of(side)[0]
    fact = Fact(Status.POSITIVE, FactKind.LIMIT, side, ONE_VIEW, views=frozenset({view.projection}))
    text = f"The {side.word} {view.projection} is the only view, so a finding can be hidden and no quadrant is given."
    return _statement(text, Section.LIMITS, cite_exam(exam), fact)
