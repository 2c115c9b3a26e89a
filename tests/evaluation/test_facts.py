"""Fact F1: keys from findings and from text, counts, micro and per-report means."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from mammoscribe.domain.evidence import Evidence, EvidenceKind, Section
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Edition
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.facts import (
    FactCounts,
    count_facts,
    findings_only,
    score_facts,
    sentence_keys,
    text_keys,
    truth_keys,
)
from tests.nouns import make_sentence

BOX = Box(50, 50, 70, 70)


@pytest.fixture
def findings(make_finding):
    return (
        make_finding(
            "t1", FindingType.MASS, "R", {"R_CC": BOX, "R_MLO": BOX}, ("shape.irregular", "margin.spiculated")
        ),
        make_finding(
            "t2", FindingType.CALCIFICATION, "L", {"L_CC": BOX}, ("morphology.amorphous", "distribution.grouped")
        ),
        make_finding(
            "t3", FindingType.ASYMMETRY, "L", {"L_MLO": BOX}, ("asymmetry.focal", "associated.skin_thickening")
        ),
    )


def test_facts_of_a_finding_are_its_kind_and_its_descriptors_in_its_breast(findings):
    assert truth_keys(findings[:1]) == {
        ("R", "mass"),
        ("R", "mass", "shape", "irregular"),
        ("R", "mass", "margin", "spiculated"),
    }
    assert ("L", "associated", "skin_thickening") in truth_keys(findings)


def test_the_rendered_report_of_the_truth_has_a_perfect_score(findings, make_report):
    report = make_report(findings)
    stated = sentence_keys(report.sentences, report)
    assert count_facts(stated, truth_keys(findings)) == FactCounts(9, 0, 0)


def test_a_report_on_nothing_states_no_facts(make_report):
    report = make_report(())
    assert sentence_keys(report.sentences, report) == frozenset()


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("Right breast: irregular, spiculated mass, seen on CC only.", Section.FINDINGS),
        ("Right breast: irregular, spiculated mass and there are grouped calcifications.", Section.FINDINGS),
        ("The mass in the left breast is suspicious.", Section.IMPRESSION),
    ],
)
def test_a_sentence_that_its_evidence_does_not_bear_out_counts_as_false(findings, make_report, text, section):
    report = make_report(findings)
    sentence = make_sentence(text, section, Evidence(EvidenceKind.FINDING, "t1"))
    counts = count_facts(sentence_keys([sentence], report), truth_keys(findings[:1]))
    assert counts.right == 0
    assert counts.wrong >= 1
    kinds = count_facts(findings_only(sentence_keys([sentence], report)), findings_only(truth_keys(findings[:1])))
    assert kinds.wrong >= 1


def test_an_indication_states_no_facts(make_report):
    indication = make_sentence("Irregular mass in the right breast.", Section.INDICATION)
    assert text_keys([indication.text])
    assert sentence_keys([indication], make_report(())) == frozenset()


def test_the_other_side_and_a_denied_finding_are_no_agreement(findings):
    truth = truth_keys(findings[:1])
    swapped = text_keys(["Left breast: irregular, spiculated mass."])
    denied = text_keys(["No mass in the right breast."])
    assert count_facts(swapped, truth) == FactCounts(0, 3, 3)
    assert count_facts(denied, truth) == FactCounts(0, 0, 3)


def test_a_positive_without_a_side_counts_as_wrong(findings):
    counts = count_facts(text_keys(["Spiculated mass."]), truth_keys(findings[:1]))
    assert counts.right == 0
    assert counts.wrong >= 1


def test_truth_is_compared_in_the_terms_of_the_reports_edition(make_finding):
    mass = make_finding("t1", FindingType.MASS, "R", {"R_CC": BOX}, ("margin.microlobulated",))
    assert ("R", "mass", "margin", "microlobulated") in truth_keys([mass])
    assert ("R", "mass", "margin", "indistinct") in truth_keys([mass], Edition.BIRADS_2025)


def test_kinds_alone_leave_descriptors_out(findings):
    assert findings_only(truth_keys(findings)) == {("R", "mass"), ("L", "calcification"), ("L", "asymmetry")}


keys = st.frozensets(
    st.sampled_from([("R", "mass"), ("L", "mass"), ("R", "mass", "shape", "oval"), ("L", "asymmetry")])
)


@given(keys, keys)
@settings(max_examples=60, deadline=None)
def test_f1_agrees_with_scikit_learn(stated, true):
    universe = sorted(stated | true)
    found = count_facts(stated, true)
    if universe:
        labels = [[k in s for k in universe] for s in (true, stated)]
        assert found.f1 == pytest.approx(f1_score(*labels, zero_division=0.0))
    else:
        assert found.f1 == 1.0


def test_empty_reports_lift_the_mean_and_are_told_apart():
    score = score_facts([FactCounts(1, 1, 0), FactCounts(0, 0, 0), FactCounts(0, 0, 0)])
    assert score.pooled.f1 == pytest.approx(2 / 3)
    assert score.mean == pytest.approx((2 / 3 + 2) / 3)
    assert score.mean_not_empty == pytest.approx(2 / 3)
    assert (score.num_reports, score.num_empty) == (3, 2)


def test_no_reports_have_no_mean():
    assert math.isnan(score_facts([]).mean)


def test_precision_and_recall_of_nothing_are_one():
    nothing = FactCounts(0, 0, 0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (1.0, 1.0, 1.0)
