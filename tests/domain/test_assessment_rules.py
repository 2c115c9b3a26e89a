"""The rules from findings to a category; the comments and docstrings name their source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.domain.assessment import FREE_OF_DISEASE, SEVERITY, Category, NotAssessed, Setting
from mammoscribe.domain.assessment_rules import (
    Circumstances,
    assess_breast,
    contradiction,
    grade_breast,
    grade_finding,
    odds_ratio,
)
from mammoscribe.domain.finding import Change, FindingType
from tests.nouns import make_finding

MASS, CALC = FindingType.MASS, FindingType.CALCIFICATION
DISTORTION, ASYMMETRY = FindingType.DISTORTION, FindingType.ASYMMETRY
NEW, STABLE, INCREASED, DECREASED = Change.NEW, Change.STABLE, Change.INCREASED, Change.DECREASED
DIAGNOSTIC = Circumstances(Setting.DIAGNOSTIC)
TWO_YEARS = Circumstances(Setting.DIAGNOSTIC, months_since_prior=24.1, prior_read=True)
ONE_YEAR = Circumstances(Setting.DIAGNOSTIC, months_since_prior=12.0, prior_read=True)
UNDATED = Circumstances(Setting.DIAGNOSTIC, prior_read=True)


@pytest.mark.parametrize(
    ("kind", "descriptors", "change", "category"),
    [
        # masses, 5th edition, guidance chapter: a circumscribed solid mass on a baseline is 3; fat-containing is 2
        # unless another sign is suspicious, which then decides
        (MASS, ("density.fat_containing", "margin.circumscribed"), None, "2"),
        (MASS, ("density.fat_containing", "margin.spiculated"), None, "4"),
        (MASS, ("density.fat_containing", "shape.irregular", "margin.spiculated"), None, "5"),
        (MASS, ("density.fat_containing", "associated.skin_retraction"), None, "4"),
        (MASS, ("density.fat_containing", "associated.axillary_adenopathy"), None, "4"),
        (MASS, ("shape.irregular", "margin.spiculated"), None, "5"),
        (MASS, ("shape.oval", "margin.spiculated"), None, "4"),
        (MASS, ("shape.irregular", "margin.indistinct"), STABLE, "4"),
        (MASS, ("shape.oval", "margin.circumscribed"), None, "3"),
        (MASS, ("shape.oval", "margin.circumscribed"), STABLE, "2"),
        (MASS, ("shape.oval", "margin.circumscribed"), NEW, "0"),
        (MASS, ("shape.oval", "margin.circumscribed"), INCREASED, "0"),
        (MASS, ("shape.oval", "margin.obscured"), None, "0"),
        # calcifications, 5th edition, morphology and distribution by likelihood of malignancy
        (CALC, ("morphology.fine_linear", "distribution.linear"), None, "5"),
        (CALC, ("morphology.fine_linear", "distribution.segmental"), None, "5"),
        (CALC, ("morphology.fine_linear", "distribution.grouped"), None, "4"),
        (CALC, ("morphology.amorphous", "distribution.grouped"), STABLE, "4"),
        (CALC, ("morphology.vascular",), None, "2"),
        (CALC, ("morphology.vascular", "distribution.linear"), None, "2"),
        (CALC, ("morphology.vascular", "associated.skin_retraction"), None, "4"),
        (CALC, ("morphology.punctate", "distribution.segmental"), None, "4"),
        (CALC, ("morphology.round", "distribution.linear"), STABLE, "4"),
        (CALC, ("morphology.punctate", "distribution.grouped"), NEW, "4"),
        (CALC, ("morphology.round", "distribution.grouped"), INCREASED, "4"),
        (CALC, ("morphology.punctate", "distribution.grouped"), None, "3"),
        (CALC, ("morphology.round", "distribution.grouped"), STABLE, "2"),
        (CALC, ("morphology.round", "distribution.diffuse"), None, "2"),
        (CALC, ("distribution.segmental",), None, "4"),
        (CALC, (), None, "0"),
        # 5th edition: distortion without a history of surgery is suspicious, so is a developing asymmetry
        (DISTORTION, (), None, "4"),
        (ASYMMETRY, ("asymmetry.developing",), None, "4"),
        (ASYMMETRY, ("asymmetry.focal",), None, "0"),
        (ASYMMETRY, ("asymmetry.focal",), STABLE, "2"),
        (ASYMMETRY, ("asymmetry.focal",), INCREASED, "4"),
        (ASYMMETRY, ("asymmetry.global",), None, "2"),
        (ASYMMETRY, ("asymmetry.global",), INCREASED, "4"),
        (ASYMMETRY, ("asymmetry.global", "associated.architectural_distortion"), None, "4"),
        (ASYMMETRY, ("asymmetry.focal", "associated.skin_thickening"), STABLE, "4"),
        (ASYMMETRY, ("asymmetry.global", "associated.axillary_adenopathy"), None, "4"),
    ],
)
def test_the_category_a_finding_calls_for(kind, descriptors, change, category):
    """Rules in our words after ACR BI-RADS 5th edition; the comments above name the part."""
    found = grade_finding(make_finding(kind, *descriptors, change=change), TWO_YEARS).assessment
    assert found.category == category
    assert found.rule


@pytest.mark.parametrize(
    ("kind", "descriptors"),
    [
        (MASS, ("shape.oval", "margin.circumscribed")),
        (CALC, ("morphology.punctate", "distribution.grouped")),
        (ASYMMETRY, ("asymmetry.focal",)),
    ],
)
@pytest.mark.parametrize(("circumstances", "category"), [(TWO_YEARS, "2"), (ONE_YEAR, "3"), (UNDATED, "3")])
@pytest.mark.parametrize("change", [STABLE, DECREASED])
def test_stable_is_benign_only_after_two_years(kind, descriptors, circumstances, category, change):
    """ACR BI-RADS 5th edition, guidance chapter: probably benign findings are followed for two years or more."""
    assert grade_finding(make_finding(kind, *descriptors, change=change), circumstances).assessment.category == category


def test_no_prior_read_is_said_only_where_no_prior_was_read():
    mass = make_finding(MASS, "shape.oval", "margin.circumscribed")
    assert "no prior read" in grade_finding(mass, DIAGNOSTIC).assessment.rule
    assert "not compared with the prior" in grade_finding(mass, TWO_YEARS).assessment.rule


@pytest.mark.parametrize("kind", FindingType)
def test_4a_4b_and_4c_are_never_given_without_calibration(kind):
    """DESIGN, assessment: subdivisions of 4 need a calibration for the population."""
    assert grade_finding(make_finding(kind), DIAGNOSTIC).assessment.category not in {"4A", "4B", "4C"}


@pytest.mark.parametrize("change", [Change.NEW, Change.INCREASED, None])
def test_the_rule_of_a_mass_says_that_it_grew_only_where_it_did(change):
    rule = grade_finding(make_finding(MASS, change=change), DIAGNOSTIC).assessment.rule
    assert rule == ("mass not shown to be circumscribed" if change is None else "mass that is new or larger")


def test_a_breast_takes_its_most_severe_finding():
    findings = [make_finding(CALC, "morphology.vascular"), make_finding(MASS, "margin.spiculated", id="f2")]
    assert assess_breast(findings, DIAGNOSTIC).category is Category.SUSPICIOUS
    assert assess_breast([], DIAGNOSTIC).category is Category.NEGATIVE


DESCRIBED = st.sampled_from([
    (MASS, ()), (MASS, ("margin.spiculated", "shape.irregular")), (MASS, ("density.fat_containing",)),
    (MASS, ("shape.oval", "margin.circumscribed")), (CALC, ("morphology.vascular",)), (CALC, ()), (DISTORTION, ()),
    (ASYMMETRY, ("asymmetry.global",)),
])  # fmt: skip


@given(st.lists(DESCRIBED, max_size=4), st.sampled_from([None, 0.01, 0.9, 1.9, 2.5, 40.0]))
def test_screening_ends_in_0_1_or_2(described, odds):
    """ACR BI-RADS 5th edition, FAQ: 3, 4 and 5 are given after a diagnostic exam."""
    findings = [make_finding(kind, *words, id=f"f{i}") for i, (kind, words) in enumerate(described)]
    given = assess_breast(findings, Circumstances(Setting.SCREENING), odds)
    assert given.category in {"0", "1", "2"}


@given(st.lists(DESCRIBED, max_size=3), st.sampled_from(Setting), st.sampled_from([None, 0.01, 1.0, 3.0, 40.0]))
def test_no_breast_that_was_not_searched_for_everything_is_called_free_of_disease(described, setting, odds):
    """DESIGN, Searched: no category 1 or 2 for a breast that was not searched for all kinds in both views."""
    findings = [make_finding(kind, *words, id=f"f{i}") for i, (kind, words) in enumerate(described)]
    gap = "calcifications were not searched for on right CC (pixel size unknown)"
    given = assess_breast(findings, Circumstances(setting, gaps=(gap,)), odds)
    if isinstance(given, NotAssessed):
        assert gap in given.reason
    else:
        assert given.category not in FREE_OF_DISEASE


def test_a_finding_in_a_breast_with_gaps_is_recalled_all_the_same():
    given = assess_breast([make_finding(MASS)], Circumstances(gaps=("no right MLO was read (not in this exam)",)))
    assert given.category is Category.INCOMPLETE


@pytest.mark.parametrize(
    ("kind", "words"),
    [(MASS, ("shape.irregular", "margin.spiculated")), (DISTORTION, ()), (CALC, ("morphology.vascular",))],
)
@pytest.mark.parametrize("setting", Setting)
def test_words_whose_reliability_was_not_measured_decide_nothing(kind, words, setting):
    """DESIGN, assessment: words whose reliability was never measured on such images give 0, whatever they are."""
    at = Circumstances(setting, words_measured=False)
    assert assess_breast([make_finding(kind, *words)], at).category is Category.INCOMPLETE
    assert grade_finding(make_finding(kind, *words), at).level == ""


@pytest.mark.parametrize(
    ("words", "odds", "category"),
    [
        (None, 3.0, "0"),
        (None, 1.9, "1"),
        (("density.fat_containing",), 3.0, "0"),
        (("shape.oval", "margin.circumscribed"), 3.0, "0"),
        (("margin.spiculated",), 3.0, "4"),
        (("margin.spiculated", "shape.irregular"), 0.2, "4"),
        (("margin.spiculated", "shape.irregular"), 1.1, "4"),
        (("margin.spiculated", "shape.irregular"), 2.1, "5"),
    ],
)
def test_a_probability_that_contradicts_the_category_moves_it_and_the_reason_is_recorded(words, odds, category):
    """DESIGN, assessment: a probability that contradicts the category cannot be built beside it."""
    findings = [] if words is None else [make_finding(MASS, *words)]
    before, after = assess_breast(findings, DIAGNOSTIC), assess_breast(findings, DIAGNOSTIC, odds)
    assert after.category == category
    assert ("odds of malignancy" in after.rule) == (before.category != after.category)
    assert not contradiction(after.category, odds)


ROUND, SPICULATED, STAR = (
    ("shape.oval", "margin.circumscribed"),
    ("margin.spiculated",),
    ("margin.spiculated", "shape.irregular"),
)


@pytest.mark.parametrize(
    ("masses", "odds", "categories"),
    [
        ([ROUND], None, ["3"]),
        ([ROUND], 1.0, ["3"]),
        ([ROUND], 14.0, ["0"]),
        ([ROUND, ()], 14.0, ["0", "0"]),
        ([ROUND, SPICULATED], 14.0, ["3", "4"]),  # the suspicious one explains the odds
        ([STAR], 1.1, ["4"]),
        ([STAR], 14.0, ["5"]),
        ([ROUND, STAR], 1.1, ["3", "4"]),
    ],
)
@pytest.mark.parametrize("setting", Setting)
def test_no_finding_is_called_what_the_odds_of_its_breast_contradict(masses, odds, categories, setting):
    """A mass called probably benign beside a probability of 88 %, another highly suggestive of malignancy at 36 %."""
    findings = [make_finding(MASS, *words, id=f"f{i}") for i, words in enumerate(masses)]
    grades = grade_breast(findings, Circumstances(setting), odds)
    assert [g.assessment.category for g in grades] == categories
    assert [g.finding_id for g in grades] == [f.id for f in findings]


@given(st.sampled_from(SEVERITY), st.floats(0.0, 1.0), st.floats(0.001, 0.999))
def test_at_the_prevalence_itself_only_category_5_is_contradicted(category, probability, prevalence):
    assert odds_ratio(prevalence, prevalence) == pytest.approx(1.0)
    assert bool(contradiction(category, odds_ratio(prevalence, prevalence))) == (category == "5")
    assert odds_ratio(probability, prevalence) > 0
