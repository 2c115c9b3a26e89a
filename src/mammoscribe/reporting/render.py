"""Facts to sentences: the renderer that writes the report by default, each sentence with what it rests on."""

from mammoscribe.domain.evidence import Section
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.lexicon import term
from mammoscribe.domain.report import Breast
from mammoscribe.domain.search import Search, gap_words
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.chart import Chart, Statement, joined, statement
from mammoscribe.reporting.cite import cite_breasts, cite_exam, cite_pairs
from mammoscribe.reporting.facts import (
    NO_MILLIMETRES,
    NOT_IMAGED,
    NOT_SEARCHED,
    ONE_VIEW,
    UNDATED,
    UNMEASURED_WORDS,
    Fact,
    FactKind,
    Status,
    density_fact,
    size_mm,
    undated_words,
)
from mammoscribe.reporting.findings import finding_statement, negative_statements
from mammoscribe.reporting.impression import impression, recommendations
from mammoscribe.reporting.words import capitalised, count_word, listed


def render(chart: Chart) -> tuple[Statement, ...]:
    """The whole report, in the standard order of sections."""
    per_section = (
        indication(chart),
        (technique_statement(chart.exam), comparison_statement(chart.exam)),
        composition(chart),
        (s for side in chart.exam.imaged for s in findings(chart, side)),
        impression(chart),
        recommendations(chart),
        limits(chart),
    )
    return tuple(s for statements in per_section for s in statements)


def indication(chart: Chart) -> list[Statement]:
    """Why the exam was made, in quotation marks: words that came with it state no fact of this reading."""
    given = chart.exam.indication
    if given is None:
        return []
    words = given.replace('"', "'")
    return [statement(f'Given with the exam: "{words}".', Section.INDICATION, cite_exam(chart.exam))]


def technique_statement(exam: Exam) -> Statement:
    """Which views were read."""
    names = [f"{v.laterality.word} {v.projection}" for v in exam.current]
    text = f"Mammography, {count_word(len(names))} view{'s' if len(names) > 1 else ''}: {listed(names)}."
    facts = [technique_fact(exam, s) for s in exam.imaged]
    return statement(text, Section.TECHNIQUE, cite_exam(exam), *facts)


def technique_fact(exam: Exam, side: Laterality) -> Fact:
    """Projections read of one breast."""
    shown = frozenset(v.projection for v in exam.views_of(side))
    return Fact(Status.POSITIVE, FactKind.TECHNIQUE, side, views=shown)


def comparison_statement(exam: Exam) -> Statement:
    """Which prior was read, with its day; or that there was none."""
    pairs = cite_pairs(exam)
    if not pairs:
        comparable = "comparable prior exam was available" if exam.prior else "prior exam was available for comparison"
        fact = Fact(Status.NEGATIVE, FactKind.COMPARISON)
        return statement(f"No {comparable}.", Section.COMPARISON, cite_exam(exam), fact)
    day = exam.prior_date.isoformat() if exam.prior_date else None
    text = f"Compared with the prior exam of {day}." if day else f"Compared with the prior exam, {undated_words(exam)}."
    return statement(text, Section.COMPARISON, pairs, Fact(Status.POSITIVE, FactKind.COMPARISON, None, day or UNDATED))


# --- composition ------------------------------------------------------------------------------------------------


def composition(chart: Chart) -> list[Statement]:
    """Density of every imaged breast, one sentence when both are alike; else with the exam's, the denser breast's."""
    imaged = [b for b in chart.breasts if b.imaged]
    stated = [density_statement(b.laterality, b.density) for b in imaged]
    letters = [b.density for b in imaged if b.density]
    if len(letters) < 2:
        return stated
    if letters[0] == letters[1]:
        return [joined(density_text("Both breasts", "are", letters[0]), *stated)]
    return [*stated, exam_density_statement(imaged)]


def exam_density_statement(breasts: list[Breast]) -> Statement:
    """Density of the exam where the breasts differ: the denser one's (ACR BI-RADS 5th edition, breast composition)."""
    letter = max(b.density for b in breasts if b.density)
    text = f"Overall breast density: {letter}."
    return statement(text, Section.COMPOSITION, cite_breasts(b.laterality for b in breasts), density_fact(None, letter))


def density_text(subject: str, verb: str, density: str) -> str:
    """`Both breasts are heterogeneously dense (density c).`; scattered areas are had, not been."""
    if density == "b":
        verb = {"are": "have", "is": "has"}[verb]
    return f"{subject} {verb} {term(f'composition.{density}').label} (density {density})."


def density_statement(side: Laterality, density: str | None) -> Statement:
    """Density of one breast, or that it was not assessed."""
    text = f"{capitalised(side.word)} breast: the density was not assessed."
    if density:
        text = density_text(f"The {side.word} breast", "is", density)
    return statement(text, Section.COMPOSITION, cite_breasts((side,)), density_fact(side, density))


# --- findings and limits ----------------------------------------------------------------------------------------


def findings(chart: Chart, side: Laterality) -> list[Statement]:
    """The findings of a breast, or what is denied of it."""
    found = [finding_statement(f, chart.exam) for f in chart.findings_of(side)]
    return found or negative_statements(side, chart.search)


def limits(chart: Chart) -> list[Statement]:
    """What was not imaged or searched, where one view was read alone, and what could not be given."""
    exam = chart.exam
    stated = [not_imaged_statement(exam, s) for s in Laterality if s not in exam.imaged]
    stated += [one_view_statement(exam, s) for s in exam.imaged if len(exam.views_of(s)) == 1]
    stated += not_searched_statements(chart.search)
    if any(size_mm(f, exam) is None for f in chart.findings):
        text = "The pixel spacing is not known, so no size is given in millimetres."
        stated.append(_limit(exam, text, Fact(Status.POSITIVE, FactKind.LIMIT, None, NO_MILLIMETRES)))
    if not chart.words_measured:
        text = (
            "Descriptors and change since a prior exam are not given: "
            "how often they would be right has not been measured on images of patients."
        )
        stated.append(_limit(exam, text, Fact(Status.POSITIVE, FactKind.LIMIT, None, UNMEASURED_WORDS)))
    return stated


def _limit(exam: Exam, text: str, fact: Fact) -> Statement:
    return statement(text, Section.LIMITS, cite_exam(exam), fact)


def not_imaged_statement(exam: Exam, side: Laterality) -> Statement:
    """Names a breast of which there is no view."""
    fact = Fact(Status.NEGATIVE, FactKind.LIMIT, side, NOT_IMAGED)
    return _limit(exam, f"The {side.word} breast was not imaged and is not assessed.", fact)


def one_view_statement(exam: Exam, side: Laterality) -> Statement:
    """States that a breast was read from one view."""
    view = exam.views_of(side)[0]
    fact = Fact(Status.POSITIVE, FactKind.LIMIT, side, ONE_VIEW, views=frozenset({view.projection}))
    text = f"The {side.word} {view.projection} is the only view, so a finding can be hidden and no quadrant is given."
    return _limit(exam, text, fact)


def not_searched_statements(search: Search) -> list[Statement]:
    """Names the kinds of finding that were not looked for, with views and reason."""
    gaps = [g for side in search.exam.imaged for g in search.gaps(side) if g.kind is not None]
    fact = Fact(Status.NEGATIVE, FactKind.LIMIT, None, NOT_SEARCHED)
    return [_limit(search.exam, f"{capitalised(words)}.", fact) for words in gap_words(gaps)]
