"""Categories, their order and bands, and the rule from findings to a category; each test names its source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.domain.assessment import (
    RECALLED,
    SEVERITY,
    Assessment,
    Category,
    assess_breast,
    assess_finding,
    most_severe,
)
from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import make_finding

MASS, CALC = FindingType.MASS, FindingType.CALCIFICATION
DISTORTION, ASYMMETRY = FindingType.DISTORTION, FindingType.ASYMMETRY


def test_the_hierarchy_is_1_2_3_6_0_4_4a_4b_4c_5():
    """ACR BI-RADS 5th edition, frequently asked questions: which breast's category stands for the exam."""
    assert [c.value for c in SEVERITY] == ["1", "2", "3", "6", "0", "4", "4A", "4B", "4C", "5"]
    assert set(SEVERITY) == set(Category)


@pytest.mark.parametrize(
    ("categories", "worst"), [("12", "2"), ("63", "6"), ("06", "0"), ("40", "4"), ("54", "5"), ("1", "1")]
)
def test_the_most_severe_category_stands_for_the_exam(categories, worst):
    """ACR BI-RADS 5th edition, frequently asked questions."""
    assert most_severe(Category(c) for c in categories) == worst


@given(st.lists(st.sampled_from(Category), min_size=1))
def test_the_most_severe_does_not_depend_on_the_order(categories):
    assert most_severe(categories) is most_severe(sorted(categories))
    assert all(SEVERITY.index(c) <= SEVERITY.index(most_severe(categories)) for c in categories)


def test_no_category_at_all_is_refused():
    with pytest.raises(InvalidNoun):
        most_severe([])


@pytest.mark.parametrize(
    ("category", "band"),
    [
        ("1", (0, 0)),
        ("2", (0, 0)),
        ("3", (0, 0.02)),
        ("4", (0.02, 0.95)),
        ("4A", (0.02, 0.10)),
        ("4B", (0.10, 0.50)),
        ("4C", (0.50, 0.95)),
        ("5", (0.95, 1.0)),
        ("0", None),
        ("6", None),
    ],
)
def test_likelihood_of_malignancy_of_each_category(category, band):
    """ACR BI-RADS 5th edition, assessment categories table: 3 is <= 2 %, 4A to 10 %, 4B to 50 %, 4C to 95 %."""
    assert Category(category).facts.likelihood == band


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("0", "additional imaging"),
        ("1", "Routine screening"),
        ("2", "Routine screening"),
        ("3", "six months"),
        ("4", "Tissue sampling"),
        ("4A", "Tissue sampling"),
        ("4B", "Tissue sampling"),
        ("4C", "Tissue sampling"),
        ("5", "Tissue sampling"),
        ("6", "known malignancy"),
    ],
)
def test_management_follows_from_the_category(category, words):
    """ACR BI-RADS 5th edition, concordance of assessment and management."""
    assert words in Assessment(Category(category), "test").management


@pytest.mark.parametrize(
    ("category", "code"),
    [("0", "II.AC.a"), ("1", "II.AC.b.1"), ("2", "II.AC.b.2"), ("3", "II.AC.b.3"), ("4", "II.AC.b.4"), ("4A", "MA.II.A.5.4A"),
     ("4B", "MA.II.A.5.4B"), ("4C", "MA.II.A.5.4C"), ("5", "II.AC.b.5"), ("6", "MA.II.A.5.6")],
)  # fmt: skip
def test_category_codes(category, code):
    """DICOM PS3.16 CID 6027 (scheme BI)."""
    facts = Category(category).facts
    assert (facts.code.value, facts.code.scheme) == (code, "BI")


def test_4a_4b_4c_share_the_fdas_term():
    """21 CFR 900.12(c)(1)(iv), overall final assessment wording (MQSA)."""
    assert {Category(c).facts.mqsa_term for c in ("4", "4A", "4B", "4C")} == {"Suspicious"}


def test_an_assessment_without_its_rule_is_refused():
    with pytest.raises(InvalidNoun, match="without the rule"):
        Assessment(Category.NEGATIVE, "")


@pytest.mark.parametrize(
    ("kind", "descriptors", "change", "category"),
    [
        # masses: 5th edition, guidance chapter (circumscribed solid mass on a baseline is 3; fat-containing is 2)
        (MASS, ("density.fat_containing", "margin.circumscribed"), None, "2"),
        (MASS, ("shape.irregular", "margin.spiculated"), None, "5"),
        (MASS, ("shape.oval", "margin.spiculated"), None, "4"),
        (MASS, ("shape.irregular", "margin.indistinct"), Change.STABLE, "4"),
        (MASS, ("shape.oval", "margin.circumscribed"), None, "3"),
        (MASS, ("shape.oval", "margin.circumscribed"), Change.STABLE, "2"),
        (MASS, ("shape.oval", "margin.circumscribed"), Change.NEW, "0"),
        (MASS, ("shape.oval", "margin.circumscribed"), Change.INCREASED, "0"),
        (MASS, ("shape.oval", "margin.obscured"), None, "0"),
        # calcifications: 5th edition, morphology and distribution by likelihood of malignancy
        (CALC, ("morphology.fine_linear", "distribution.linear"), None, "5"),
        (CALC, ("morphology.fine_linear", "distribution.segmental"), None, "5"),
        (CALC, ("morphology.fine_linear", "distribution.grouped"), None, "4"),
        (CALC, ("morphology.amorphous", "distribution.grouped"), Change.STABLE, "4"),
        (CALC, ("morphology.vascular",), None, "2"),
        (CALC, (), None, "0"),
        # distortion without a history of surgery is suspicious; developing asymmetry too (5th edition)
        (DISTORTION, (), None, "4"),
        (ASYMMETRY, ("asymmetry.developing",), None, "4"),
        (ASYMMETRY, ("asymmetry.focal",), None, "0"),
        (ASYMMETRY, ("asymmetry.focal",), Change.STABLE, "2"),
        (ASYMMETRY, ("asymmetry.global",), None, "2"),
    ],
)
def test_the_category_a_finding_calls_for(kind, descriptors, change, category):
    """Rules in our words after ACR BI-RADS 5th edition; the comments above name the part."""
    found = assess_finding(make_finding(kind, *descriptors, change=change))
    assert found.category == category
    assert found.rule


@pytest.mark.parametrize("kind", FindingType)
def test_4a_4b_and_4c_are_never_given_without_calibration(kind):
    """DESIGN, assessment: subdivisions of 4 need a calibration for the population."""
    assert assess_finding(make_finding(kind)).category not in {"4A", "4B", "4C"}


def test_a_breast_takes_its_most_severe_finding():
    findings = [make_finding(CALC, "morphology.vascular"), make_finding(MASS, "margin.spiculated")]
    assert assess_breast(findings).category is Category.SUSPICIOUS
    assert assess_breast([]).category is Category.NEGATIVE


@pytest.mark.parametrize(
    ("descriptors", "category"),
    [
        ((), "0"),
        (("density.fat_containing",), "0"),
        (("margin.spiculated",), "4"),
        (("margin.spiculated", "shape.irregular"), "5"),
    ],
)
def test_the_recall_head_raises_to_0_and_never_lowers(descriptors, category):
    """DESIGN, assessment: the learned head may only raise, and the reason is recorded."""
    findings = [make_finding(MASS, *descriptors)] if descriptors else []
    before, after = assess_breast(findings), assess_breast(findings, recall=True)
    assert after.category == category
    assert SEVERITY.index(after.category) >= SEVERITY.index(before.category)
    assert ("recall" in after.rule) == (before.category not in RECALLED)


@pytest.mark.parametrize(
    ("words", "measured", "unmeasured"),
    [
        (("shape.irregular", "margin.spiculated"), "5", "4"),
        (("shape.oval", "margin.circumscribed"), "3", "0"),
        (("density.fat_containing",), "2", "0"),
        (("shape.irregular", "margin.indistinct"), "4", "4"),
    ],
)
def test_categories_that_rest_on_words_nobody_has_measured_are_withheld(words, measured, unmeasured):
    """ACR BI-RADS 5th edition, assessment categories: 2, 3 and 5 state a likelihood (0, at most 2, at least 95 %)."""
    mass = make_finding(MASS, *words)
    assert assess_breast([mass]).category == measured
    given = assess_breast([mass], words_measured=False)
    assert given.category == unmeasured
    assert ("withheld" in given.rule) is (measured != unmeasured)
    assert assess_breast([], words_measured=False).category is Category.NEGATIVE
