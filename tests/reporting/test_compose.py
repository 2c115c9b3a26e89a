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
from mammoscribe.domain.search import Search, ViewSearch, everything_searched
from mammoscribe.domain.view import Box, Laterality, Projection, Role
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report
from tests.reporting.strategies import DAY, PRIOR_DAY, breast, provenance, view

R, L = Laterality.RIGHT, Laterality.LEFT
GOLDEN = Path(__file__).parent / "golden"


def texts(report: Report, section: Section) -> list[str]:
    return [s.text for s in report.section(section)]


def all_views(prior: bool = False, spacing: float | None = 0.1) -> tuple:
    current = tuple(view(s, p, Role.CURRENT, spacing, DAY) for s in Laterality for p in Projection)
    return current + tuple(view(s, p, Role.PRIOR, spacing, PRIOR_DAY) for s in Laterality for p in Projection if prior)


def chart_of(exam: Exam, breasts: tuple[Breast, Breast], *found: Finding) -> Chart:
    return Chart(exam, everything_searched(exam), breasts, found)


def plain_chart(exam: Exam, *found: Finding) -> Chart:
    return chart_of(exam, (breast(R, exam), breast(L, exam)), *found)


def a_finding(view_id: str = "R_CC", kind: FindingType = FindingType.MASS, *words: str, **fields) -> Finding:
    mark = Mark(view_id, Projection(view_id[2:]), Box(10, 10, 60, 60), 0.9)
    return Finding("f1", kind, Laterality(view_id[0]), (mark,), 0.9, 0.5, words, **fields)


def negative_exam() -> Report:
    exam = Exam("negative", all_views())
    return compose_report(plain_chart(exam), provenance())


def exam_with_prior() -> Report:
    exam = Exam("with-prior", all_views(prior=True), indication="Follow-up of a mass, right breast")
    box = Box(400, 500, 540, 600)
    mass = Finding(
        "f1",
        FindingType.MASS,
        R,
        (Mark("R_CC", Projection.CC, box, 0.9), Mark("R_MLO", Projection.MLO, Box(400, 500, 500, 590), 0.9)),
        0.9,
        0.9,
        ("shape.irregular", "margin.spiculated", "density.high", "associated.nipple_retraction"),
        Location(None, 12, Depth.MIDDLE, nipple_distance_mm=42),
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
    found = (mass, dots)
    breasts = (breast(R, exam, "d", "5", found), breast(L, exam, "c", "2", found))
    return compose_report(chart_of(exam, breasts, *found), provenance())


def single_film() -> Report:
    exam = Exam("single-film", (view(L, Projection.MLO, spacing=None),))
    box = Box(10, 20, 300, 400)
    asymmetry = Finding("f1", FindingType.ASYMMETRY, L, (Mark("L_MLO", Projection.MLO, box, 0.7),), 0.7, 0.4)
    left = Breast(L, True, None, None, Assessment(Category.INCOMPLETE, "asymmetry"), reason="density not read on film")
    skipped = ((FindingType.CALCIFICATION, "pixel size unknown"),)
    chart = Chart(exam, Search(exam, (ViewSearch("L_MLO", skipped),)), (breast(R, exam), left), (asymmetry,), False)
    return compose_report(chart, provenance())


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
        report = compose_report(plain_chart(exam), provenance(), said, writer)
        first = report.sentences[0]
        assert (first.section, first.text) == (Section.INDICATION, "Given with the exam: \"Lump'. No mass. '\".")
        assert [e.ref for e in first.evidence] == ["e"]
    assert texts(negative_exam(), Section.INDICATION) == []


def test_no_comparison_is_written_without_a_prior():
    assert texts(negative_exam(), Section.COMPARISON) == ["No prior exam was available for comparison."]
    cited = exam_with_prior().section(Section.COMPARISON)[0].evidence
    assert {e.kind for e in cited} == {EvidenceKind.PRIOR_PAIR}
    assert len(cited) == 4


@pytest.mark.parametrize(
    "found",
    [
        a_finding(change=Change.NEW),
        a_finding("R_CC", FindingType.ASYMMETRY, "asymmetry.developing"),
    ],
    ids=["new", "developing"],
)
@pytest.mark.parametrize("prior", [(), ((L, Projection.CC),), ((R, Projection.MLO),)], ids=["none", "left", "R MLO"])
def test_a_word_of_change_needs_a_prior_of_a_view_that_shows_the_finding(found, prior):
    exam = Exam("e", (*all_views(), *(view(s, p, Role.PRIOR, date=PRIOR_DAY) for s, p in prior)))
    report = compose_report(plain_chart(exam, found), provenance())
    assert report.findings[0].change is None
    assert "f1" in report.warnings[0]
    said = texts(report, Section.FINDINGS)[0]
    assert "new" not in said
    assert "developing" not in said


@pytest.mark.parametrize(
    "found", [a_finding(change=Change.NEW), a_finding("R_CC", FindingType.ASYMMETRY, "asymmetry.developing")]
)
def test_a_word_of_change_cites_the_pair_of_views_that_it_rests_on(found):
    report = compose_report(plain_chart(Exam("e", all_views(prior=True)), found), provenance())
    assert [e.ref for e in report.section(Section.FINDINGS)[0].evidence] == ["f1", "R_CC|prior_R_CC"]
    assert report.warnings == ()


def test_no_finding_is_a_feature_of_itself():
    exam = Exam("e", all_views())
    dots = a_finding("R_CC", FindingType.CALCIFICATION, "associated.calcifications", "associated.skin_thickening")
    said = texts(compose_report(plain_chart(exam, dots), provenance()), Section.FINDINGS)[0]
    assert said.startswith("Right breast: calcifications with associated skin thickening, ")


def test_an_unimaged_breast_is_named_and_one_view_is_said_to_stand_alone():
    limits = texts(single_film(), Section.LIMITS)
    assert "The right breast was not imaged and is not assessed." in limits
    assert any("The left MLO is the only view" in t for t in limits)


def test_words_that_were_not_measured_are_withheld_and_the_report_says_so():
    exam = Exam("e", all_views(prior=True))
    found = a_finding("R_CC", FindingType.MASS, "margin.spiculated", change=Change.NEW)
    measured = plain_chart(exam, found)
    report = compose_report(dataclasses.replace(measured, words_measured=False), provenance())
    assert texts(report, Section.FINDINGS)[0] == "Right breast: mass, box 5 x 5 mm, seen on CC only."
    assert any("has not been measured on images of patients" in t for t in texts(report, Section.LIMITS))
    assert texts(compose_report(measured, provenance()), Section.LIMITS) == []


def test_what_was_not_searched_is_named_with_the_reason_and_not_denied():
    exam = Exam("e", all_views())
    coarse = ((FindingType.CALCIFICATION, "pixels of 0.5 mm are too coarse"),)
    search = Search(exam, tuple(ViewSearch(v.id, coarse if v.laterality is R else ()) for v in exam.current))
    breasts = (breast(R, exam, "b", None), breast(L, exam))
    report = compose_report(Chart(exam, search, breasts, ()), provenance())
    assert texts(report, Section.FINDINGS) == [
        "No mass, architectural distortion or asymmetry in the right breast.",
        "No suspicious finding in the left breast.",
    ]
    assert texts(report, Section.LIMITS) == [
        "Calcifications were not searched for on right CC and right MLO (pixels of 0.5 mm are too coarse)."
    ]


def test_a_recommendation_cites_the_findings_it_is_for_and_its_breast():
    exam = Exam("e", all_views())
    benign = dataclasses.replace(a_finding("R_CC", FindingType.CALCIFICATION, "morphology.vascular"), id="f2")
    found = (a_finding("R_CC", FindingType.MASS, "shape.irregular", "margin.spiculated"), benign)
    report = compose_report(chart_of(exam, (breast(R, exam, "b", "0", found), breast(L, exam)), *found), provenance())
    said = [(s.text, [e.ref for e in s.evidence]) for s in report.section(Section.RECOMMENDATION)]
    assert said == [
        ("Right breast: recall for additional imaging (mass).", ["f1", "R"]),
        ("Left breast: routine screening.", ["L"]),
    ]
    assert [e.ref for s in report.section(Section.IMPRESSION) if s.text.startswith("Right") for e in s.evidence] == [
        "f1",
        "R",
    ]


def test_a_recommendation_names_findings_of_one_name_once_and_cites_all():
    exam = Exam("e", all_views())
    one = a_finding("R_CC", FindingType.MASS, "margin.spiculated")
    found = (one, dataclasses.replace(one, id="f2"))
    report = compose_report(chart_of(exam, (breast(R, exam, "b", "0", found), breast(L, exam)), *found), provenance())
    said = next(s for s in report.section(Section.RECOMMENDATION) if s.text.startswith("Right"))
    assert said.text == "Right breast: recall for additional imaging (mass)."
    assert [e.ref for e in said.evidence] == ["f1", "f2", "R"]


def test_breasts_of_different_density_give_the_exam_the_denser_one():
    said = texts(exam_with_prior(), Section.COMPOSITION)
    assert said[-1] == "Overall breast density: d."
    assert exam_with_prior().density == "d"


def test_lengths_are_written_only_where_the_spacing_is_known_and_of_the_larger_box():
    film = single_film()
    assert not any(" mm" in s.text for s in film.sentences)
    assert any("no size is given" in t for t in texts(film, Section.LIMITS))
    assert "42 mm from the nipple, box 14 x 10 mm" in texts(exam_with_prior(), Section.FINDINGS)[0]


def test_the_2025_edition_writes_its_own_terms():
    exam = Exam("e", all_views())
    mass = a_finding("R_CC", FindingType.MASS, "margin.microlobulated")
    old = compose_report(plain_chart(exam, mass), provenance())
    new = compose_report(plain_chart(exam, mass), provenance(Edition.BIRADS_2025))
    assert "microlobulated" in texts(old, Section.FINDINGS)[0]
    assert "indistinct" in texts(new, Section.FINDINGS)[0]


def test_the_exam_takes_the_most_severe_breast():
    report = exam_with_prior()
    assert report.assessment.category == "5"
    assert texts(report, Section.IMPRESSION)[-1] == "Overall: BI-RADS 5, highly suggestive of malignancy."


def test_warnings_are_carried():
    report = negative_exam()
    chart = Chart(report.exam, report.search, report.breasts, ())
    again = compose_report(chart, report.provenance, warnings=("squashed",))
    assert again.warnings == ("squashed",)
    assert dataclasses.replace(again, warnings=()) == report


def test_a_prior_whose_date_is_withheld_is_not_called_one_of_unknown_date():
    from dataclasses import replace

    from mammoscribe.reporting.parse import parse_claim
    from mammoscribe.reporting.render import comparison_statement
    from tests.nouns import make_exam

    exam = make_exam(prior=True)
    undated = tuple(replace(view, date=None) for view in exam.views)
    told = {False: "date unknown", True: "date withheld"}
    for withheld, words in told.items():
        text = comparison_statement(replace(exam, views=undated, dates_withheld=withheld)).sentence.text
        assert text == f"Compared with the prior exam, {words}."
        assert [fact.value for fact in parse_claim(text).facts] == ["date unknown"]
