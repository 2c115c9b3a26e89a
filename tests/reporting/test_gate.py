"""The gate, one test per rule of DESIGN, and wordings that try to get past it."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, GateResult, Section, Writer
from mammoscribe.domain.exam import Exam
from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import Laterality, Projection, Role
from mammoscribe.reporting.compose import compose_report
from mammoscribe.reporting.gate import gate
from mammoscribe.reporting.parse import parse_claim
from tests.reporting.strategies import breast, charts, provenance, view

R, L = Laterality.RIGHT, Laterality.LEFT
MASS_TEXT = (
    "Right breast: irregular, spiculated, high-density mass in the upper outer quadrant, 10 o'clock, middle depth, "
    "measuring 14 mm, seen on CC and MLO."
)


def outcome(four_views, *texts: str, lower_band=(), findings=None):
    exam, breasts, mass = four_views
    claims = tuple(Claim(t) for t in texts)
    return gate(claims, exam, (mass,) if findings is None else findings, breasts, lower_band)


def with_prior(four_views, change):
    exam, breasts, mass = four_views
    views = exam.views + tuple(view(s, p, Role.PRIOR) for s in Laterality for p in Projection)
    return Exam(exam.id, views), breasts, dataclasses.replace(mass, change=change)


def refs(sentence):
    return [(e.kind, e.ref) for e in sentence.evidence]


def test_a_positive_that_agrees_stands_word_for_word_and_cites_its_finding(four_views):
    text = "Spiculated mass in the right breast."
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate) == (text, GateResult.CONSISTENT)
    assert refs(sentence) == [(EvidenceKind.FINDING, "f1")]


@pytest.mark.parametrize("text", ["Spiculated mass in the left breast.", "Grouped calcifications in the right breast."])
def test_a_positive_of_another_breast_or_type_is_rejected(four_views, text):
    got = outcome(four_views, text)
    assert got.sentences == ()
    assert "was found" in got.rejected[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "Right breast: oval mass.",
        "Right breast: circumscribed mass.",
        "Right breast: mass in the lower inner quadrant.",
        "Right breast: mass at 3 o'clock.",
        "Right breast: mass at posterior depth.",
        "Right breast: mass measuring 40 mm.",
        "Right breast: mass with associated skin thickening.",
        "Right breast: malignant mass.",
        "Right breast: mass with liver metastases.",
    ],
)
def test_a_differing_or_unreadable_attribute_is_rendered_again_from_the_finding(four_views, text):
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate) == (MASS_TEXT, GateResult.CORRECTED)


@pytest.mark.parametrize(
    "text", ["No mass in the right breast.", "No suspicious finding in the right breast.", "No mass."]
)
def test_a_negative_against_a_finding_is_corrected_to_the_finding(four_views, text):
    (sentence,) = outcome(four_views, text).sentences
    assert (sentence.text, sentence.gate) == (MASS_TEXT, GateResult.CORRECTED)


def test_a_negative_that_agrees_cites_every_view_searched(four_views):
    (sentence,) = outcome(four_views, "No calcifications in the left breast.").sentences
    assert sentence.gate is GateResult.CONSISTENT
    assert refs(sentence) == [(EvidenceKind.VIEW, "L_CC"), (EvidenceKind.VIEW, "L_MLO")]


def test_an_uncertain_claim_needs_a_finding_in_the_lower_band(four_views):
    weak = dataclasses.replace(four_views[2], id="w1", type=FindingType.DISTORTION, descriptors=(), score=0.3)
    text = "Possible architectural distortion in the right breast."
    assert outcome(four_views, text).sentences == ()
    (sentence,) = outcome(four_views, text, lower_band=(weak,)).sentences
    assert (sentence.text, sentence.gate) == (text, GateResult.CONSISTENT)
    assert refs(sentence) == [(EvidenceKind.VIEW, "R_CC"), (EvidenceKind.VIEW, "R_MLO")]
    (sentence,) = outcome(four_views, text[:-1] + " at 2 o'clock.", lower_band=(weak,)).sentences
    assert sentence.gate is GateResult.CORRECTED
    assert "10 o'clock" in sentence.text


def test_doubt_about_a_finding_above_threshold_is_corrected(four_views):
    (sentence,) = outcome(four_views, "A mass in the right breast cannot be excluded.").sentences
    assert (sentence.text, sentence.gate) == (MASS_TEXT, GateResult.CORRECTED)


def test_a_positive_that_is_only_in_the_lower_band_is_rejected(four_views):
    weak = dataclasses.replace(four_views[2], score=0.3)
    got = outcome(four_views, "Mass in the right breast.", findings=(), lower_band=(weak,))
    assert got.sentences == ()
    assert "below the threshold" in got.rejected[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "No suspicious finding in the left breast.",
        "Left breast: oval mass.",
        "Left breast: BI-RADS 1.",
        "The left breast is extremely dense.",
        "Right breast: mass seen on MLO.",
        "Mammography: right CC and right MLO.",
    ],
)
def test_what_was_not_imaged_is_rejected(four_views, text):
    mass = four_views[2]
    seen = dataclasses.replace(mass, marks=mass.marks[:1], location=Location())
    exam = Exam("exam-1", (view(R, Projection.CC),))
    got = gate((Claim(text),), exam, (seen,), (breast(R, exam, "c", "5"), breast(L, exam)))
    assert got.sentences == ()
    assert "was not imaged" in got.rejected[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "Right breast: new spiculated mass.",
        "Right breast: mass, unchanged.",
        "No significant change in the right breast.",
        "No new mass in the left breast.",
        "Compared with the prior exam.",
        "The right breast mass is stable since the prior exam.",
    ],
)
def test_change_words_without_a_prior_are_rejected(four_views, text):
    got = outcome(four_views, text)
    assert got.sentences == ()
    assert "no prior was read" in got.rejected[0].reason


def test_change_with_a_prior_cites_the_prior_pairs(four_views):
    (sentence,) = outcome(with_prior(four_views, Change.NEW), "Right breast: new mass.").sentences
    assert sentence.gate is GateResult.CONSISTENT
    assert [e.ref for e in sentence.evidence] == ["f1", "R_CC|prior_R_CC", "R_MLO|prior_R_MLO"]


def test_the_wrong_change_is_corrected(four_views):
    (sentence,) = outcome(with_prior(four_views, Change.NEW), "Right breast: stable mass.").sentences
    assert sentence.gate is GateResult.CORRECTED
    assert "new since the prior exam" in sentence.text


@pytest.mark.parametrize("text", ["", "Lorem ipsum.", "The patient is fine.", "Heart size is normal.", "Right breast."])
def test_unreadable_text_is_rejected(four_views, text):
    got = outcome(four_views, text)
    assert got.sentences == ()
    assert "could not be read" in got.rejected[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "There is no absence of a mass in the left breast.",
        "It is not the case that there is no mass in the left breast.",
        "Left breast: not without spiculated mass.",
        "Not only a mass but also an asymmetry in the left breast.",
        "Neither breast lacks a mass.",
        "A mass in the left breast can not be ruled out.",
        "Suspicious lesion in the left breast.",
        "Bilateral spiculated masses, BI-RADS 5.",
    ],
)
def test_no_wording_brings_a_finding_into_the_empty_breast(four_views, text):
    for sentence in outcome(four_views, text).sentences:
        facts = parse_claim(sentence.text).facts
        assert not [f for f in facts if f.kind.is_finding and f.laterality is L and f.status.value != "negative"]
        assert sentence.gate is GateResult.CORRECTED


def test_density_and_category_are_held_against_the_breast(four_views):
    got = outcome(
        four_views, "The right breast is heterogeneously dense.", "Left breast: ACR A.", "Overall: BI-RADS 2."
    )
    assert [(s.gate, s.section) for s in got.sentences] == [
        (GateResult.CONSISTENT, Section.COMPOSITION),
        (GateResult.CORRECTED, Section.COMPOSITION),
        (GateResult.CORRECTED, Section.IMPRESSION),
    ]
    assert "BI-RADS 5" in got.sentences[2].text


def test_a_mixed_claim_keeps_its_true_part_only(four_views):
    got = outcome(four_views, "Spiculated mass in the right breast and grouped calcifications in the left breast.")
    assert [s.text for s in got.sentences] == [MASS_TEXT]
    assert got.sentences[0].gate is GateResult.CORRECTED
    assert "no calcification was found in the left breast" in got.rejected[0].reason


def test_a_claim_of_two_sentences_is_read_as_two(four_views):
    got = outcome(four_views, "No mass in the left breast. Spiculated mass in the right breast.")
    assert [s.gate for s in got.sentences] == [GateResult.CONSISTENT]
    assert got.rejected == ()


def test_a_claim_that_names_no_breast_is_rejected_unless_only_one_was_imaged(four_views):
    assert "names no breast" in outcome(four_views, "Spiculated mass.").rejected[0].reason
    mass = four_views[2]
    exam = Exam("exam-1", (view(R, Projection.CC), view(R, Projection.MLO)))
    got = gate((Claim("Spiculated mass."),), exam, (mass,), (breast(R, exam, "c", "5"), breast(L, exam)))
    assert (got.sentences[0].text, got.sentences[0].gate) == (MASS_TEXT, GateResult.CORRECTED)


def test_a_pointer_decides_between_two_findings_that_fit(four_views):
    exam, breasts, mass = four_views
    twin = dataclasses.replace(mass, id="f2")
    pointer = Evidence(EvidenceKind.FINDING, "f2")
    claims = (Claim("Mass in the right breast.", pointers=(pointer,)), Claim("Irregular mass in the right breast."))
    got = gate(claims, exam, (mass, twin), breasts)
    assert [s.evidence[0].ref for s in got.sentences] == ["f2", "f1"]


def test_a_hallucination_never_reaches_the_report_and_the_missing_finding_is_appended(four_views):
    exam, breasts, mass = four_views
    claims = (Claim("Left breast: spiculated mass."), Claim("No calcifications in the right breast."))
    report = compose_report(exam, breasts, (mass,), provenance(), claims, Writer.DECODER)
    said = [(s.text, s.writer) for s in report.section(Section.FINDINGS)]
    assert (MASS_TEXT, Writer.RENDERER) in said
    assert ("No calcifications in the right breast.", Writer.DECODER) in said
    assert not [t for t, _ in said if t.startswith("Left breast: ")]
    assert [r.claim for r in report.rejected_claims] == [claims[0]]


def test_a_density_said_among_the_findings_does_not_replace_the_density_statement(four_views):
    exam, breasts, mass = four_views
    claims = (Claim("No calcifications in the left breast, density c."), Claim("Right breast: mass, density c."))
    report = compose_report(exam, breasts, (mass,), provenance(), claims, Writer.DECODER)
    assert [s.writer for s in report.section(Section.COMPOSITION)] == [Writer.RENDERER]
    assert len(report.section(Section.FINDINGS)) == 3


_WORDS = (  # noqa: SIM905 - one string reads better than fifty
    "no not without possible cannot be excluded mass calcifications distortion asymmetry in the right left breast both "
    "oval irregular spiculated grouped new stable upper outer quadrant 10 o'clock and but with associated skin "
    "thickening BI-RADS 4 5 density c , ; is seen only benign suspicious prior CC MLO"
).split()


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(charts(max_findings=1), st.lists(st.sampled_from(_WORDS), min_size=1, max_size=14).map(" ".join))
def test_word_salad_never_brings_a_finding_that_is_not_there(chart, text):
    exam, breasts, findings = chart
    report = compose_report(exam, breasts, findings, provenance(), (Claim(text),), Writer.EXTERNAL)
    there = {(f.type.value, f.laterality) for f in findings}
    for sentence in report.sentences:
        for fact in parse_claim(sentence.text).facts:
            if fact.kind.is_finding and fact.status.value == "positive":
                assert (fact.kind.value, fact.laterality) in there, sentence.text
