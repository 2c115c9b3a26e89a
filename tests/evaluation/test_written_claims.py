"""False claims that the gate caught, and the best report of a writer that never looks; values worked out by hand."""

import math

import pytest

from mammoscribe.domain.evidence import Evidence, EvidenceKind, GateResult, Section, Sentence, Writer
from mammoscribe.evaluation.facts import FactCounts
from mammoscribe.evaluation.written_claims import best_constant, count_claims

MASS, CALC = ("R", "mass"), ("L", "calcification")
CITED = (Evidence(EvidenceKind.EXAM, "exam"),)


def sentence(text: str, gate: GateResult, writer: Writer = Writer.EXTERNAL) -> Sentence:
    return Sentence(text, Section.FINDINGS, CITED, writer, gate)


def test_a_false_claim_is_caught_where_its_words_are_not_printed():
    true, false, denied = (
        "There is a mass in the right breast.",
        "There is a mass in the left breast.",
        "There is no mass in the left breast.",
    )
    truth = frozenset({MASS})
    kept = [sentence(t, GateResult.CONSISTENT) for t in (true, false)]
    corrected = [sentence(t, GateResult.CORRECTED) for t in (false,)]
    assert count_claims([true, false, denied], kept, truth).__dict__ == {"claims": 3, "false": 1, "caught": 0}
    assert count_claims([true, false, denied], kept[:1], truth).__dict__ == {"claims": 3, "false": 1, "caught": 1}
    assert count_claims([false], corrected, truth).share_caught == 1.0
    ours = [sentence(false, GateResult.CONSISTENT, Writer.RENDERER)]  # our own sentence is no claim that got through
    assert count_claims([false], ours, truth).caught == 1
    assert math.isnan(count_claims([true], kept, truth).share_caught)


def test_the_best_constant_of_an_exam_is_chosen_on_all_others():
    truths = [frozenset({MASS}), frozenset({MASS}), frozenset({CALC}), frozenset()]
    found = best_constant(truths)
    assert found[0] == FactCounts(1, 0, 0)  # a right mass is true of one other exam, more than anything else is
    assert found[2] == FactCounts(0, 1, 1)
    assert found[3] == FactCounts(0, 1, 0)


def test_a_report_that_is_true_of_one_exam_alone_is_not_given_to_it():
    truths = [frozenset({MASS, CALC}), frozenset({CALC})]
    assert best_constant(truths) == [FactCounts(1, 0, 1), FactCounts(1, 1, 0)]


@pytest.mark.parametrize("count", [1, 3])
def test_exams_without_a_finding_are_best_served_with_none(count):
    assert best_constant([frozenset()] * count) == [FactCounts(0, 0, 0)] * count
