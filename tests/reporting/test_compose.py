"""Whole reports: sections, evidence, limits, editions, and the golden text of three fixed exams."""

import dataclasses
import os
from pathlib import Path

import pytest

from mammoscribe.domain.assessment import Assessment, Category
from mammoscribe.domain.evidence import Claim, EvidenceKind, Section, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, Finding, FindingType, Mark
from mammoscribe.domain.lexicon import Edition
from mammoscribe.domain.location import Depth, Half, Location
from mammoscribe.domain.report import Breast, Report
from mammoscribe.domain.view import Box, Laterality, Projection, Role
from mammoscribe.reporting.compose import compose_report
from tests.reporting.strategies import DAY, PRIOR_DAY, breast, provenance, view

R, L = Laterality.RIGHT, Laterality.LEFT
GOLDEN = Path(__file__).parent / "golden"


def texts(report: Report, section: Section) -> list[str]:
    return [s.text for s in report.section(section)]


def all_views(prior: bool = False, spacing: float | None = 0.1) -> tuple:
    current = tuple(view(s, p, Role.CURRENT, spacing, DAY) for s in Laterality for p in Projection)
    return current + tuple(view(s, p, Role.PRIOR, spacing, PRIOR_DAY) for s in Laterality for p in Projection if prior)


def negative_exam() -> Report:
    exam = Exam("negative", all_views())
    return compose_report(exam, (breast(R, exam, "b", "1"), breast(L, exam, "b", "1")), (), provenance())


def exam_with_prior() -> Report:
    exam = Exam("with-prior", all_views(prior=True), indication="Follow-up of a mass, right breast")
    box = Box(400, 500, 540, 600)
    mass = Finding(
        "f1",
        FindingType.MASS,
        R,
        (Mark("R_CC", Projection.CC, box, 0.9), Mark("R_MLO", Projection.MLO, box, 0.9)),
        0.9,
        0.9,
        ("shape.irregular", "margin.spiculated", "density.high", "associated.nipple_retraction"),
        Location(None, 12, Depth.MIDDLE),
        Change.INCREASED,
    )
    dots = Finding(
        "f2",
        FindingType.CALCIFICATION,
        L,
        (Mark("L_MLO", Projection.MLO, box, 0.8),),
        0.8,
        0.1,
        ("morphology.vascular", "distribution.linear"),
        Location(half=Half.UPPER, depth=Depth.POSTERIOR),
        Change.STABLE,
    )
    return compose_report(exam, (breast(R, exam, "d", "5"), breast(L, exam, "c", "2")), (mass, dots), provenance())


def single_film() -> Report:
    exam = Exam("single-film", (view(L, Projection.MLO, spacing=None),))
    box = Box(10, 20, 300, 400)
    asymmetry = Finding("f1", FindingType.ASYMMETRY, L, (Mark("L_MLO", Projection.MLO, box, 0.7),), 0.7, 0.4)
    left = Breast(L, True, None, None, Assessment(Category.INCOMPLETE, "asymmetry"), reason="density not read on film")
    return compose_report(exam, (breast(R, exam), left), (asymmetry,), provenance())


@pytest.mark.parametrize("make", [negative_exam, exam_with_prior, single_film], ids=lambda f: f.__name__)
def test_the_report_text_of_fixed_exams_is_unchanged(make):
    """Rewrite with MAMMOSCRIBE_ACCEPT=1 after looking at the difference."""
    lines = [f"[{s.section}] {s.text} <{' '.join(e.ref for e in s.evidence)}>" for s in make().sentences]
    path, text = GOLDEN / f"{make.__name__}.txt", "\n".join(lines) + "\n"
    if os.environ.get("MAMMOSCRIBE_ACCEPT"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_sections_stand_in_the_standard_order():
    order = list(Section)
    for report in (negative_exam(), exam_with_prior(), single_film()):
        places = [order.index(s.section) for s in report.sentences]
        assert places == sorted(places)
        assert Section.COMPOSITION in {s.section for s in report.sentences}


def test_an_indication_is_quoted_first_and_no_claim_takes_its_place():
    exam = Exam("e", all_views(), indication='Lump". No mass. "')
    said = tuple(Claim(s.text) for s in negative_exam().sentences)
    for writer in (Writer.RENDERER, Writer.DECODER):
        report = compose_report(exam, (breast(R, exam), breast(L, exam)), (), provenance(), said, writer)
        first = report.sentences[0]
        assert (first.section, first.text) == (Section.INDICATION, "Given with the exam: \"Lump'. No mass. '\".")
        assert [e.ref for e in first.evidence] == ["e"]
    assert texts(negative_exam(), Section.INDICATION) == []


def test_no_comparison_is_written_without_a_prior():
    assert texts(negative_exam(), Section.COMPARISON) == ["No prior exam was available for comparison."]
    cited = exam_with_prior().section(Section.COMPARISON)[0].evidence
    assert {e.kind for e in cited} == {EvidenceKind.PRIOR_PAIR}
    assert len(cited) == 4


def test_a_change_without_a_prior_view_of_that_breast_is_dropped_with_a_warning():
    exam = Exam("half-prior", (*all_views(), view(L, Projection.CC, Role.PRIOR, date=PRIOR_DAY)))
    mark = Mark("R_CC", Projection.CC, Box(10, 10, 60, 60), 0.9)
    mass = Finding("f1", FindingType.MASS, R, (mark,), 0.9, 0.5, change=Change.NEW)
    report = compose_report(exam, (breast(R, exam), breast(L, exam)), (mass,), provenance())
    assert report.findings[0].change is None
    assert "f1" in report.warnings[0]
    assert "new" not in texts(report, Section.FINDINGS)[0]


def test_an_unimaged_breast_is_named_and_one_view_is_said_to_stand_alone():
    limits = texts(single_film(), Section.LIMITS)
    assert "The right breast was not imaged and is not assessed." in limits
    assert any("The left MLO is the only view" in t for t in limits)


def test_millimetres_are_written_only_where_the_spacing_is_known():
    film = single_film()
    assert not any(" mm" in s.text for s in film.sentences)
    assert any("no size is given" in t for t in texts(film, Section.LIMITS))
    assert "measuring 14 mm" in texts(exam_with_prior(), Section.FINDINGS)[0]


def test_the_2025_edition_writes_its_own_terms():
    exam = Exam("e", all_views())
    mark = Mark("R_CC", Projection.CC, Box(10, 10, 60, 60), 0.9)
    mass = Finding("f1", FindingType.MASS, R, (mark,), 0.9, 0.5, ("margin.microlobulated",))
    breasts = (breast(R, exam), breast(L, exam))
    old = compose_report(exam, breasts, (mass,), provenance())
    new = compose_report(exam, breasts, (mass,), provenance(Edition.BIRADS_2025))
    assert "microlobulated" in texts(old, Section.FINDINGS)[0]
    assert "indistinct" in texts(new, Section.FINDINGS)[0]


def test_the_exam_takes_the_most_severe_breast():
    report = exam_with_prior()
    assert report.assessment.category == "5"
    assert texts(report, Section.IMPRESSION)[-1] == "Overall: BI-RADS 5, highly suggestive of malignancy."


def test_warnings_are_carried():
    report = negative_exam()
    again = compose_report(report.exam, report.breasts, (), report.provenance, warnings=("squashed",))
    assert again.warnings == ("squashed",)
    assert dataclasses.replace(again, warnings=()) == report
