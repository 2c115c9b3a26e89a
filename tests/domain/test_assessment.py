"""Categories, their order, bands, management and codes; each test names its source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.domain.assessment import SEVERITY, Assessment, Category, Grade, NotAssessed, most_severe
from mammoscribe.support.errors import InvalidNoun


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


def test_a_category_is_not_withheld_without_a_reason():
    with pytest.raises(InvalidNoun, match="without a reason"):
        NotAssessed(" ")


def test_a_level_of_suspicion_is_the_wording_of_the_category_and_incomplete_has_none():
    assert Grade("f1", Assessment(Category.SUSPICIOUS, "test")).level == "suspicious"
    assert Grade("f1", Assessment(Category.INCOMPLETE, "test")).level == ""
