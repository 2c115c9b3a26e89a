"""Facts, errors and scores of one pair of reports, worked out by hand."""

import pytest

from mammoscribe.domain.view import Laterality
from mammoscribe.evaluation.report_card.fact_counts import ERRORS, fact_counts
from mammoscribe.evaluation.report_card.fact_table import read_table
from mammoscribe.evaluation.report_card.matching import match_findings
from mammoscribe.evaluation.report_card.severity import severity_score

REFERENCE = (
    "ACR C. Right breast: irregular spiculated mass, 18 mm, at 10 o'clock, posterior depth. "
    "Left breast: oval mass in the upper outer quadrant. No calcifications in either breast. "
    "BI-RADS 4 right. BI-RADS 2 left."
)


def counts(reference, candidate):
    return fact_counts(read_table(reference), read_table(candidate))


def errors(reference, candidate):
    found = counts(reference, candidate)
    return {name: n for name in ERRORS if (n := found[f"error {name}"])}


def severity(reference, candidate):
    true, told = read_table(reference), read_table(candidate)
    return severity_score(true, told, match_findings(true, told))


# --- the table ----------------------------------------------------------------------------------------------------


def test_a_finding_that_the_impression_mentions_again_is_one():
    table = read_table("Right breast: spiculated mass at 10 o'clock.\nIMPRESSION: Mass in the right breast. BI-RADS 4.")
    (mass,) = table.findings
    assert (mass.what, mass.side, mass.place.clock) == ("mass", Laterality.RIGHT, 10)


def test_two_findings_of_one_kind_are_two_where_they_contradict_or_one_is_called_another():
    assert (
        len(read_table("Mass in the right breast at 10 o'clock. Mass in the right breast at 4 o'clock.").findings) == 2
    )
    assert len(read_table("Mass in the right breast. There is another mass in the right breast.").findings) == 2


def test_the_denial_of_suspicious_ones_is_no_contradiction():
    assert "report contradicts itself" not in errors(
        "Calcifications in the left breast. BI-RADS 2.",
        "Calcifications in the left breast. No suspicious calcifications in the left breast. BI-RADS 2.",
    )


def test_quadrant_and_clock_face_are_one_place_as_the_breast_has_it():
    right = "Mass in the upper outer quadrant of the right breast."
    assert not errors(right, "Right breast: mass at 10 o'clock.")
    assert errors(right, "Right breast: mass at 2 o'clock.") == {"wrong place or breast": 1}
    left = "Mass in the upper outer quadrant of the left breast."
    assert not errors(left, "Left breast: mass at 2 o'clock.")
    assert errors(left, "Left breast: mass at 10 o'clock.") == {"wrong place or breast": 1}


# --- errors -------------------------------------------------------------------------------------------------------


def test_a_report_has_no_error_against_itself():
    found = counts(REFERENCE, REFERENCE)
    assert found["errors"] == 0
    assert found["fact agreement"] == found["severity score"] == found["findings mean"] == 1
    assert found["triplets wrong"] == found["triplets missed"] == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("Left breast: oval mass", "Left breast: asymmetry"), {"false finding": 1, "missing finding": 1}),
        (("oval mass in the upper outer quadrant", "no mass"), {"missing finding": 1}),
        (("spiculated mass", "circumscribed mass"), {"finding mischaracterised": 1}),
        (("18 mm", "40 mm"), {"finding mischaracterised": 1}),
        (("irregular spiculated mass", "possible irregular spiculated mass"), {"finding mischaracterised": 1}),
        (("10 o'clock", "4 o'clock"), {"wrong place or breast": 1}),
        (("posterior depth", "anterior depth"), {"wrong place or breast": 1}),
        (("at 10 o'clock, ", ""), {"wrong place or breast": 1}),
        (("BI-RADS 4 right", "BI-RADS 2 right"), {"wrong or omitted BI-RADS": 1}),
        (("BI-RADS 4 right", "BI-RADS 4B right"), {}),
        ((" BI-RADS 2 left.", ""), {"wrong or omitted BI-RADS": 1}),
        (("ACR C. ", ""), {"wrong or omitted density": 1}),
        (("ACR C", "ACR D"), {"wrong or omitted density": 1}),
        (("oval mass in", "stable oval mass in"), {"unsupported comparison": 1}),
        (("No calcifications in", "No mass in"), {"report contradicts itself": 2}),
        (("18 mm", "1.9 cm"), {}),
        (("10 o'clock", "11 o'clock"), {}),
    ],
)
def test_each_error_is_counted_once_in_its_category(change, expected):
    assert change[0] in REFERENCE
    assert errors(REFERENCE, REFERENCE.replace(*change)) == expected


def test_a_finding_in_the_other_breast_is_one_error_of_place():
    assert errors("Right breast: mass. BI-RADS 4.", "Left breast: mass. BI-RADS 4.")["wrong place or breast"] == 1


def test_a_change_is_an_error_of_the_finding_where_the_reference_compares():
    reference = "Mass in the right breast, stable since the prior exam."
    assert errors(reference, "Mass in the right breast, increased since the prior exam.") == {
        "finding mischaracterised": 1
    }
    assert errors(reference, "Mass in the right breast.") == {"finding mischaracterised": 1}


def test_denials_are_held_against_the_findings_of_the_reference():
    found = counts("Right breast: mass. BI-RADS 4 right.", "Right breast: no mass, no distortion. BI-RADS 4 right.")
    assert (found["denials"], found["denials borne out"], found["findings there"], found["findings denied"]) == (
        2,
        1,
        1,
        1,
    )


# --- severity (issue's definition) --------------------------------------------------------------------------------


def test_a_matched_finding_earns_its_weight_less_half_an_error_for_each_attribute():
    reference = "Right breast: spiculated mass at 10 o'clock. BI-RADS 4 right."
    assert severity(reference, reference) == 1
    assert severity(reference, reference.replace("spiculated", "circumscribed")) == pytest.approx(1 / 1.5)
    both = reference.replace("spiculated", "circumscribed").replace("10 o'clock", "4 o'clock")
    assert severity(reference, both) == pytest.approx(1 / 2)


def test_findings_weigh_by_the_category_of_their_breast():
    reference = "Right breast: mass. BI-RADS 4. Left breast: asymmetry. BI-RADS 0."
    without_asymmetry = "Right breast: mass. BI-RADS 4. Left breast: BI-RADS 0."
    without_mass = "Right breast: BI-RADS 4. Left breast: asymmetry. BI-RADS 0."
    assert severity(reference, without_asymmetry) == pytest.approx(1 / 1.5)
    assert severity(reference, without_mass) == pytest.approx(0.5 / 1.5)


def test_a_category_of_another_weight_is_an_attribute_error():
    reference = "Right breast: mass. BI-RADS 4."
    assert severity(reference, "Right breast: mass. BI-RADS 5.") == 1
    assert severity(reference, "Right breast: mass. BI-RADS 2.") == pytest.approx(1 / 1.5)


def test_more_false_than_right_is_shown_between_minus_one_and_zero():
    reference = "Right breast: mass. BI-RADS 0."
    candidate = "Right breast: calcifications. Right breast: distortion. BI-RADS 4."
    # credit 0, false 1 + 1: the second BI-RADS holds for the right breast, so d = 2
    assert severity(reference, candidate) == pytest.approx(-2 / 3)


def test_a_normal_reference_gives_one_without_and_less_than_minus_a_half_with_an_error():
    normal = "Both breasts are normal. BI-RADS 1."
    assert severity(normal, normal) == 1
    # E = 1, d = E + 1 = 2
    assert severity(normal, "Right breast: mass. BI-RADS 4.") == pytest.approx(-2 / 3)


def test_benign_findings_weigh_nothing():
    reference = "Right breast: coarse calcifications. BI-RADS 2."
    assert severity(reference, "BI-RADS 2.") == 1
    assert severity("Both breasts are normal. BI-RADS 1.", reference) == 1
