"""Reports: every reference resolves, and the parts agree with each other."""

from dataclasses import replace

import pytest

from mammoscribe.domain.assessment import Assessment, Category, Grade
from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section
from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.report import Calibration
from mammoscribe.domain.search import Search, ViewSearch
from mammoscribe.domain.view import Box, Role
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import (
    CC,
    MLO,
    L,
    R,
    make_breast,
    make_exam,
    make_finding,
    make_mark,
    make_report,
    make_sentence,
    make_view,
)  # fmt: skip

COMPOSITION = make_sentence("Scattered densities.", Section.COMPOSITION, Evidence(EvidenceKind.EXAM, "e1"))


@pytest.mark.parametrize(
    "rests_on",
    [
        Evidence(EvidenceKind.FINDING, "f1"),
        Evidence(EvidenceKind.BREAST, "L"),
        Evidence(EvidenceKind.VIEW, "R_CC"),
        Evidence(EvidenceKind.VIEW, "prior_R_CC"),
        Evidence(EvidenceKind.PRIOR_PAIR, "R_CC|prior_R_CC"),
        Evidence(EvidenceKind.EXAM, "e1"),
    ],
)
def test_every_kind_of_evidence_resolves(rests_on):
    sentence = make_sentence("So it is.", Section.FINDINGS, rests_on)
    report = make_report(make_exam(prior=True), findings=(make_finding(),), sentences=(COMPOSITION, sentence))
    assert report.section(Section.FINDINGS) == (sentence,)


@pytest.mark.parametrize(
    "rests_on",
    [
        Evidence(EvidenceKind.FINDING, "f2"),
        Evidence(EvidenceKind.BREAST, "B"),
        Evidence(EvidenceKind.VIEW, "R_ML"),
        Evidence(EvidenceKind.PRIOR_PAIR, "R_CC|another view"),
        Evidence(EvidenceKind.PRIOR_PAIR, "another view|prior_R_CC"),
        Evidence(EvidenceKind.EXAM, "e2"),
    ],
)
def test_a_sentence_that_points_at_something_unknown_is_refused(rests_on):
    with pytest.raises(InvalidNoun, match="does not resolve"):
        make_report(
            make_exam(prior=True),
            findings=(make_finding(),),
            sentences=(COMPOSITION, make_sentence("So.", Section.FINDINGS, rests_on)),
        )


@pytest.mark.parametrize(
    ("finding", "message"),
    [
        (make_finding(change=Change.NEW), "no prior was read"),
        (make_finding(marks=(make_mark(R, CC, view_id="L_CC"),)), "has a mark in"),
        (make_finding(marks=(make_mark(R, CC, view_id="R_MLO"),)), "has a mark in"),
        (make_finding(marks=(make_mark(R, CC, view_id="X"),)), "no view 'X'"),
        (make_finding(marks=(make_mark(R, CC, box=Box(190, 10, 210, 20)),)), "outside"),
    ],
)
def test_a_finding_that_the_exam_contradicts_is_refused(finding, message):
    with pytest.raises(InvalidNoun, match=message):
        make_report(findings=(finding,))


def test_a_mark_in_a_prior_view_is_refused():
    mark = make_mark(R, CC, view_id="prior_R_CC")
    with pytest.raises(InvalidNoun, match="prior"):
        make_report(make_exam(prior=True), findings=(make_finding(marks=(mark,)),))


def test_finding_ids_are_unique():
    with pytest.raises(InvalidNoun, match="repeat"):
        make_report(findings=(make_finding(), make_finding(side=L)))


def test_the_density_statement_of_the_report_cannot_be_left_out():
    """ACR BI-RADS: composition is always stated; required of US reports since 2024 (21 CFR 900.12(c))."""
    with pytest.raises(InvalidNoun, match="density"):
        make_report(sentences=(make_sentence("So.", Section.FINDINGS, Evidence(EvidenceKind.EXAM, "e1")),))


def test_the_exams_assessment_is_the_most_severe_breasts():
    report = make_report(breasts=(make_breast(R, "2"), make_breast(L, "0")))
    assert report.assessment is not None and report.assessment.category == "0"
    assert report.assessment_reason is None


def test_a_breast_without_a_category_withholds_the_exams_unless_the_other_is_recalled():
    unassessed = make_breast(R, assessment=None, reason="calcifications were not searched for")
    withheld = make_report(breasts=(unassessed, make_breast(L, "1")))
    assert withheld.assessment is None
    assert "right breast: calcifications were not searched for" in (withheld.assessment_reason or "")
    recalled = make_report(breasts=(unassessed, make_breast(L, "0")))
    assert recalled.assessment is not None and recalled.assessment.category == "0"


@pytest.mark.parametrize("category", ["1", "2"])
def test_a_breast_that_was_not_searched_for_everything_is_not_called_free_of_disease(category):
    exam = make_exam()
    views = [ViewSearch(v.id) for v in exam.current[1:]]
    search = Search(exam, (ViewSearch("R_CC", ((FindingType.CALCIFICATION, "pixel size unknown"),)), *views))
    with pytest.raises(InvalidNoun, match=r"right breast is called . and was not searched"):
        make_report(exam, search=search, breasts=(make_breast(R, category), make_breast(L)))
    one_view = make_exam(views=(make_view(R, CC), make_view(L, CC), make_view(L, MLO)))
    with pytest.raises(InvalidNoun, match="was not searched for everything"):
        make_report(one_view, breasts=(make_breast(R, category), make_breast(L)))


@pytest.mark.parametrize(("category", "probability"), [("1", 0.9), ("2", 0.9), ("3", 0.9), ("5", 0.1)])
def test_a_category_and_a_probability_that_contradict_each_other_cannot_be_built(category, probability):
    with pytest.raises(InvalidNoun, match="odds of malignancy"):
        make_breast(R, category, prob_malignant=probability)


@pytest.mark.parametrize(("category", "probability"), [("3", 0.9), ("5", 0.5)])
def test_a_finding_and_a_probability_that_contradict_each_other_cannot_be_built(category, probability):
    grade = Grade("f1", Assessment(Category(category), "a rule"))
    with pytest.raises(InvalidNoun, match=f"finding of the right breast is called {category}"):
        make_breast(R, "0", prob_malignant=probability, grades=(grade,))


def test_the_exams_density_is_the_denser_breasts():
    """ACR BI-RADS 5th edition, breast composition."""
    assert make_report(breasts=(make_breast(R, density="b"), make_breast(L, density="c"))).density == "c"


def test_a_probability_moved_to_another_prevalence_keeps_its_likelihood_ratio():
    known = Calibration("here", 0.5, 100)
    moved, at = known.moved(0.8, 0.01)
    assert moved == pytest.approx(4 * 0.01 / (4 * 0.01 + 0.99))
    assert at.reference_prevalence == 0.01 and at.population == "here"
    back, _ = at.moved(moved, 0.5)
    assert back == pytest.approx(0.8)
    with pytest.raises(InvalidNoun, match="between 0 and 1"):
        known.moved(0.8, 1.0)


def test_each_breast_is_named_once_right_first():
    with pytest.raises(InvalidNoun, match="right first"):
        make_report(breasts=(make_breast(L), make_breast(R)))


def test_a_breast_that_was_not_imaged_says_so_and_has_no_facts():
    report = make_report(make_exam(sides=(L,)))
    assert not report.breast(R).imaged
    with pytest.raises(InvalidNoun, match="not imaged, yet has facts"):
        make_breast(R, imaged=False)
    with pytest.raises(InvalidNoun, match="the exam differs"):
        make_report(make_exam(sides=(L,)), breasts=(make_breast(R), make_breast(L)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"density": None}, "no reason"),
        ({"assessment": None}, "no reason"),
        ({"prob_malignant": None}, "no reason"),
        ({"density": "B"}, "a, b, c or d"),
        ({"density_probs": (0.1, 0.1, 0.1, 0.1)}, "sum to 1"),
        ({"prob_malignant": 1.2}, "0..1"),
        ({"calibration": None}, "with its calibration"),
    ],
)
def test_a_wrong_breast_cannot_be_built(wrong, message):
    with pytest.raises(InvalidNoun, match=message):
        make_breast(**wrong)


def test_a_missing_fact_with_its_reason_is_allowed():
    assert make_breast(density=None, reason="too little of the breast in view").density is None


@pytest.mark.parametrize("wrong", [("", 0.1, 5), ("here", 1.5, 5), ("here", 0.1, 0)])
def test_a_calibration_names_its_population(wrong):
    with pytest.raises(InvalidNoun, match="calibration"):
        Calibration(*wrong)


def test_a_finding_is_found_by_its_id():
    report = make_report(findings=(make_finding(),))
    assert report.finding("f1").id == "f1"
    with pytest.raises(InvalidNoun, match="no finding"):
        report.finding("f9")


def test_a_replaced_part_is_checked_again():
    report = make_report(findings=(make_finding(),))
    only_left = make_exam(views=(make_view(L, CC), make_view(L, MLO), make_view(R, CC, Role.PRIOR)))
    with pytest.raises(InvalidNoun):
        replace(report, exam=only_left)


@pytest.mark.parametrize("probabilities", [(float("nan"), 0.5, 0.3, 0.2), (-0.1, 0.6, 0.3, 0.2), (0.5, 0.5, 0.5, 0.5)])
def test_density_probabilities_that_are_no_distribution_are_refused(probabilities):
    with pytest.raises(InvalidNoun, match="do not sum to 1"):
        make_breast(density_probs=probabilities)
