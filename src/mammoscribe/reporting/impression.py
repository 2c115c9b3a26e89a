"""The renderer's impression and recommendation: levels of suspicion, categories, and what to do next, breast by breast."""

from mammoscribe.domain.assessment import FREE_OF_DISEASE, SEVERITY, Category, Grade
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.report import Breast
from mammoscribe.reporting import phrases
from mammoscribe.reporting.chart import Chart, Statement, statement
from mammoscribe.reporting.cite import cite_breasts, cite_exam
from mammoscribe.reporting.facts import Fact, FactKind, Status, birads_fact
from mammoscribe.reporting.vocabulary import MANAGEMENTS
from mammoscribe.reporting.words import capitalised, listed


def impression(chart: Chart) -> list[Statement]:
    """Per breast the level of suspicion of its findings and its category, then the category of the exam."""
    imaged = [b for b in chart.breasts if b.imaged]
    per_breast = [s for b in imaged for s in (*suspicion_statements(chart, b), birads_statement(b, chart))]
    return [*per_breast, overall_statement(chart)]


def suspicion_statements(chart: Chart, breast: Breast) -> list[Statement]:
    """The level of suspicion of each finding of a breast that has one, citing the finding."""
    graded = [(f, breast.grade(f.id)) for f in chart.findings_of(breast.laterality)]
    return [_suspicion(f, g) for f, g in graded if g and g.level]


_LOW_TO_HIGH = (Category.LOW_SUSPICION, Category.MODERATE_SUSPICION, Category.HIGH_SUSPICION)


def _suspicion(finding: Finding, grade: Grade) -> Statement:
    category = grade.assessment.category
    verb = "are" if finding.type is FindingType.CALCIFICATION else "is"
    level = f"of {grade.level}" if category in _LOW_TO_HIGH else grade.level
    text = f"The {phrases.brief_in_breast(finding)} {verb} {level}."
    fact = Fact(Status.POSITIVE, FactKind.SUSPICION, finding.laterality, category.value)
    return statement(text, Section.IMPRESSION, (Evidence(EvidenceKind.FINDING, finding.id),), fact)


def birads_words(category: Category | None) -> str:
    """`BI-RADS 4, suspicious`, or that none was assigned."""
    return f"BI-RADS {category}, {category.facts.wording}" if category else "no BI-RADS category was assigned"


def birads_statement(breast: Breast, chart: Chart) -> Statement:
    """Category of one breast, citing the findings that it rests on, or that none was assigned."""
    side, category = breast.laterality, breast.assessment.category if breast.assessment else None
    text = f"{capitalised(side.word)} breast: {birads_words(category)}."
    return statement(text, Section.IMPRESSION, _cite_decisive(chart, breast), birads_fact(side, category))


def decisive(chart: Chart, breast: Breast) -> tuple[Finding, ...]:
    """The findings that a breast's category rests on: none where it is called free of disease or got no category.

    A recall (category 0) rests on each finding that is not graded negative or benign, a severer category on those
    graded as severe as it.
    """
    if breast.assessment is None or breast.assessment.category in FREE_OF_DISEASE:
        return ()
    graded = [(f, breast.grade(f.id)) for f in chart.findings_of(breast.laterality)]
    open_ = [(f, g) for f, g in graded if g is None or g.assessment.category not in FREE_OF_DISEASE]
    least = _severity(breast.assessment.category)
    severe = [f for f, g in open_ if g is None or _severity(g.assessment.category) >= least]
    recalled = breast.assessment.category is Category.INCOMPLETE
    return tuple(severe if severe and not recalled else [f for f, _ in open_])


def _severity(category: Category) -> int:
    return SEVERITY.index(category)


def _cite_decisive(chart: Chart, breast: Breast) -> tuple[Evidence, ...]:
    found = (Evidence(EvidenceKind.FINDING, f.id) for f in decisive(chart, breast))
    return (*found, *cite_breasts((breast.laterality,)))


def overall_statement(chart: Chart) -> Statement:
    """Category of the exam, the most severe breast's; or that none was assigned."""
    assessed = cite_breasts(b.laterality for b in chart.breasts if b.assessment)
    evidence = assessed or cite_exam(chart.exam)
    text = f"Overall: {birads_words(chart.category)}."
    return statement(text, Section.IMPRESSION, evidence, birads_fact(None, chart.category))


def recommendations(chart: Chart) -> list[Statement]:
    """What to do next for each imaged breast, citing the breast and the findings it is for."""
    return [recommendation(chart, b) for b in chart.breasts if b.imaged]


def recommendation(chart: Chart, breast: Breast) -> Statement:
    """What to do next for a breast: `Right breast: recall for additional imaging (mass at 10 o'clock)`."""
    side, evidence = breast.laterality, _cite_decisive(chart, breast)
    if breast.assessment is None:
        text = f"{capitalised(side.word)} breast: no recommendation is given."
        return statement(text, Section.RECOMMENDATION, evidence, Fact(Status.NEGATIVE, FactKind.RECOMMENDATION, side))
    category = breast.assessment.category
    management = category.facts.management.rstrip(".")
    what_for = listed(list(dict.fromkeys(phrases.brief(f) for f in decisive(chart, breast))))
    text = f"{capitalised(side.word)} breast: {management[:1].lower()}{management[1:]}"
    text += f" ({what_for})." if what_for else "."
    fact = Fact(Status.POSITIVE, FactKind.RECOMMENDATION, side, management_group(category))
    return statement(text, Section.RECOMMENDATION, evidence, fact)


def management_group(category: Category) -> str:
    """The group of managements a category belongs to: `routine`, `short interval`, `biopsy`, ..."""
    return MANAGEMENTS[category.facts.management.rstrip(".").lower()]
