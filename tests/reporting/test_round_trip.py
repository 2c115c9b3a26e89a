"""What is rendered, in any style, is read back as exactly the facts it was written from."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammoscribe.domain.evidence import Section
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import terms_of
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import FactKind, Status, fact_of_finding
from mammoscribe.reporting.findings import AS_ASSOCIATED, measures_statement, uncertain_statement
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.reporting.render import render
from mammoscribe.reporting.styles import STYLES, reference_statements, write_reference
from mammoscribe.support.errors import InvalidNoun
from tests.reporting.strategies import charts, exams, findings

SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


READ_BACK = (Section.TECHNIQUE, Section.COMPARISON, Section.COMPOSITION, Section.FINDINGS)


def stated(chart) -> dict:
    return {
        b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in chart.breasts if b.imaged
    }


@SLOW
@given(charts())
def test_every_rendered_sentence_is_read_back_as_its_facts(chart):
    for statement in render(chart):
        category = {f.kind for f in statement.facts} == {FactKind.BIRADS}
        if statement.sentence.section in READ_BACK or category:
            parsed = parse_claim(statement.sentence.text)
            assert Counter(parsed.facts) == Counter(statement.facts), statement.sentence.text
            assert parsed.unread == (), statement.sentence.text


@SLOW
@given(st.data(), st.integers(0, len(STYLES) - 1), st.integers(0, 2**32 - 1))
def test_every_sentence_of_every_style_is_read_back_as_its_facts(data, style, seed):
    chart = data.draw(charts())
    written = reference_statements(chart.search, chart.findings, stated(chart), style, np.random.default_rng(seed))
    for statement in written:
        parsed = parse_claim(statement.sentence.text)
        assert Counter(parsed.facts) == Counter(statement.facts), statement.sentence.text
        assert parsed.unread == (), statement.sentence.text


@SLOW
@given(charts())
def test_the_lengths_of_a_finding_are_read_back_with_it(chart):
    for finding in chart.findings:
        if measures := measures_statement(finding, chart.exam):
            assert parse_claim(measures.sentence.text).facts == measures.facts, measures.sentence.text


@SLOW
@given(st.data())
def test_a_possible_finding_is_read_back_as_uncertain(data):
    exam = data.draw(exams())
    statement = uncertain_statement(data.draw(findings(exam)), exam)
    parsed = parse_claim(statement.sentence.text)
    assert parsed.facts == statement.facts, statement.sentence.text
    assert parsed.facts[0].status is Status.UNCERTAIN


def test_there_are_at_least_five_styles_and_they_differ(four_views):
    given_ = dict.fromkeys(Laterality, ("c", "4"))
    texts = {
        tuple(
            s.text for s in write_reference(four_views.search, four_views.findings, given_, i, np.random.default_rng(1))
        )
        for i in range(len(STYLES))
    }
    assert len(texts) == len(STYLES) >= 5


def test_an_unknown_style_is_refused(four_views):
    with pytest.raises(InvalidNoun, match="style 99"):
        write_reference(four_views.search, four_views.findings, {}, 99, np.random.default_rng(0))


def test_the_same_seed_writes_the_same_text(four_views):
    search, found = four_views.search, four_views.findings
    first, second = (write_reference(search, found, {}, 0, np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_facts_without_an_exam_have_no_millimetres(four_views):
    exam, (mass,) = four_views.exam, four_views.findings
    assert fact_of_finding(mass).size_mm is None
    assert fact_of_finding(mass, exam).size_mm == 14


@pytest.mark.parametrize("style", range(len(STYLES)), ids=STYLES)
def test_every_term_is_read_back_in_every_wording_of_every_style(four_views, style):
    (mass,) = four_views.findings
    for kind in FindingType:
        for term_id in (t.id for axis in kind.axes for t in terms_of(axis) if AS_ASSOCIATED.get(t.id) is not kind):
            finding = dataclasses.replace(mass, type=kind, descriptors=(term_id,))
            for seed in range(4):
                for statement in reference_statements(
                    four_views.search, (finding,), {}, style, np.random.default_rng(seed)
                ):
                    parsed = parse_claim(statement.sentence.text)
                    assert (parsed.facts, parsed.unread) == (statement.facts, ()), statement.sentence.text
