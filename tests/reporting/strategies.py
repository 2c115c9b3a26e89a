"""Hypothesis strategies for random exams, findings and breasts that the domain accepts."""

import datetime as dt

from hypothesis import strategies as st

from mammoscribe.domain.assessment import FREE_OF_DISEASE, Assessment, Category, Grade, Setting
from mammoscribe.domain.assessment_rules import Circumstances, grade_finding
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Axis, Edition, terms_of
from mammoscribe.domain.location import BORDER_HOURS, Depth, Half, Location, Quadrant, Region
from mammoscribe.domain.report import Breast, Provenance
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Box, Laterality, Projection, Role, SpacingSource, View, standard_view_id
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.findings import AS_ASSOCIATED

WIDTH, HEIGHT = 1800, 2400
DAY, PRIOR_DAY = dt.date(2024, 3, 5), dt.date(2022, 11, 30)
KINDS = [(s, p) for s in Laterality for p in Projection]


def view(laterality, projection, role=Role.CURRENT, spacing=0.1, date=None) -> View:
    source = SpacingSource.HEADER if spacing else SpacingSource.UNKNOWN
    pair = (spacing, spacing) if spacing else None
    view_id = standard_view_id(laterality, projection, role)
    return View(view_id, laterality, projection, WIDTH, HEIGHT, f"{view_id}.dcm", role, pair, source, date)


@st.composite
def exams(draw) -> Exam:
    """Any non-empty subset of views, any subset of prior views, dated or not, spacing known or not."""
    current = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
    prior = draw(st.lists(st.sampled_from(KINDS), max_size=4, unique=True))
    day, earlier = draw(st.sampled_from([(None, None), (DAY, PRIOR_DAY), (DAY, None), (None, PRIOR_DAY)]))
    spacing = draw(st.sampled_from([None, 0.07, 0.1]))
    views = [view(s, p, Role.CURRENT, spacing, day) for s, p in current]
    views += [view(s, p, Role.PRIOR, spacing, earlier) for s, p in prior]
    return Exam("exam-1", tuple(views))


@st.composite
def locations(draw, projections: frozenset[Projection]) -> Location:
    """A place that the projections can show."""
    depth = draw(st.sampled_from([None, *Depth]))
    region = draw(st.sampled_from([None, None, *Region]))
    distance = draw(st.sampled_from([None, 8, 42]))
    if len(projections) == 2:
        clock = draw(st.sampled_from([None, *range(1, 13)]))
        quadrant = None if clock in BORDER_HOURS else draw(st.sampled_from([None, *Quadrant]))
        return Location(quadrant, clock, depth, None, region, distance)
    return Location(depth=depth, half=draw(st.sampled_from([None, *Half])), region=region, nipple_distance_mm=distance)


@st.composite
def descriptors(draw, type_: FindingType) -> tuple[str, ...]:
    """At most one term per axis, any set of associated features."""
    chosen = []
    for axis in type_.axes:
        names = [t.id for t in terms_of(axis) if AS_ASSOCIATED.get(t.id) is not type_]
        if axis is Axis.ASSOCIATED:
            chosen += draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        elif value := draw(st.sampled_from([None, *names])):
            chosen.append(value)
    return tuple(chosen)


@st.composite
def findings(draw, exam: Exam, finding_id: str = "f1") -> Finding:
    """A finding with marks in some views of one imaged breast; change only where a prior pairs."""
    side = draw(st.sampled_from(exam.imaged))
    views = exam.views_of(side)
    shown = draw(st.lists(st.sampled_from(views), min_size=1, max_size=len(views), unique_by=lambda v: v.id))
    type_ = draw(st.sampled_from(list(FindingType)))
    box = Box(100, 200, 100 + draw(st.integers(5, 600)), 200 + draw(st.integers(5, 600)))
    paired = any(exam.prior_of(v) for v in shown)
    words = tuple(d for d in draw(descriptors(type_)) if paired or d != "asymmetry.developing")
    return Finding(
        finding_id,
        type_,
        side,
        tuple(Mark(v.id, v.projection, box, 0.9) for v in shown),
        0.9,
        0.5,
        words,
        draw(locations(frozenset(v.projection for v in shown))),
        draw(st.sampled_from([None, *Change])) if paired else None,
        draw(st.booleans()) and len({v.projection for v in shown}) == 1,
    )


def breast(
    side: Laterality,
    exam: Exam,
    density: str | None = "b",
    category: str | None = "1",
    found: tuple[Finding, ...] = (),
) -> Breast:
    if side not in exam.imaged:
        return Breast(side, False, reason="no view of this breast")
    assessment = Assessment(Category(category), "test") if category else None
    # Without a probability, which would contradict some of the grades.
    return Breast(side, True, density, None, assessment, reason="not read", grades=_grades(side, found))


def _grades(side: Laterality, found: tuple[Finding, ...]) -> tuple[Grade, ...]:
    at = Circumstances(Setting.DIAGNOSTIC)
    return tuple(grade_finding(f, at) for f in found if f.laterality is side)


@st.composite
def searches(draw, exam: Exam) -> Search:
    """What was looked for: mostly everything, else not one or two kinds in one view."""
    views = []
    for i, shown in enumerate(exam.current):
        kinds = draw(st.lists(st.sampled_from(list(FindingType)), max_size=2, unique=True)) if i == 0 else []
        left_out = draw(st.booleans())
        views.append(ViewSearch(shown.id, tuple((k, "pixel size unknown") for k in kinds if left_out)))
    return Search(exam, tuple(views))


@st.composite
def charts(draw, max_findings: int = 3) -> Chart:
    """Exam, search, breasts and findings that belong together."""
    exam = draw(exams())
    search = draw(searches(exam))
    found = tuple(draw(findings(exam, f"f{i}")) for i in range(draw(st.integers(0, max_findings))))
    densities, categories = st.sampled_from([None, *"abcd"]), st.sampled_from([None, *Category])
    found = tuple(f for f in found if _searched(f, search))
    breasts = tuple(breast(s, exam, draw(densities), _given(draw(categories), s, search), found) for s in Laterality)
    return Chart(exam, search, breasts, found)


def _given(category: Category | None, side: Laterality, search: Search) -> Category | None:
    """No category that calls a breast free of disease where it was not searched for everything."""
    return None if category in FREE_OF_DISEASE and not search.complete(side) else category


def _searched(finding: Finding, search: Search) -> bool:
    return all(finding.type in search.of(search.exam.view(m.view_id)).kinds for m in finding.marks)


def provenance(edition: Edition = Edition.BIRADS_2013) -> Provenance:
    return Provenance("mammoscribe 0", "test", "0" * 64, "phantoms", edition)
