"""What is rendered, in any style, is read back as exactly the facts it was written from."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammoscribe.domain.evidence import Claim, EvidenceKind, GateResult, Section, Writer
from mammoscribe.domain.finding import Finding, FindingType
from mammoscribe.domain.lexicon import terms_of
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.compose import compose_report
from mammoscribe.reporting.facts import FactKind, Status, fact_of_finding, facts_of_findings
from mammoscribe.reporting.gate import gate
from mammoscribe.reporting.parse import parse_claim, parse_report
from mammoscribe.reporting.render import Chart, render, uncertain_statement
from mammoscribe.reporting.styles import STYLES, reference_statements, write_reference
from mammoscribe.support.errors import InvalidNoun
from tests.reporting.strategies import charts, exams, findings, provenance

SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(charts())
def test_every_rendered_sentence_is_read_back_as_its_facts(chart):
    exam, breasts, found = chart
    for statement in render(Chart(exam, breasts, found)):
        parsed = parse_claim(statement.sentence.text)
        assert Counter(parsed.facts) == Counter(statement.facts), statement.sentence.text
        assert parsed.unread == (), statement.sentence.text


@SLOW
@given(charts())
def test_the_report_text_holds_all_facts_and_invents_none(chart):
    exam, breasts, found = chart
    report = compose_report(exam, breasts, found, provenance())
    text = "\n".join(f"{s.section.value.title()}:\n{s.text}" for s in report.sentences)
    parsed = parse_report(text)
    assert parsed.unread_sentences == ()
    about_breasts = [
        f for f in parsed.facts if f.laterality and (f.kind.is_finding or f.kind in (FactKind.DENSITY, FactKind.BIRADS))
    ]
    assert Counter(about_breasts) == Counter(facts_of_findings(report.findings, breasts, exam))


@SLOW
@given(st.data(), st.integers(0, len(STYLES) - 1), st.integers(0, 2**32 - 1))
def test_every_sentence_of_every_style_is_read_back_as_its_facts(data, style, seed):
    exam, breasts, found = data.draw(charts())
    wanted = {b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in breasts if b.imaged}
    for statement in reference_statements(exam, found, wanted, style, np.random.default_rng(seed)):
        parsed = parse_claim(statement.sentence.text)
        assert Counter(parsed.facts) == Counter(statement.facts), statement.sentence.text
        assert parsed.unread == (), statement.sentence.text


@SLOW
@given(st.data())
def test_a_possible_finding_is_read_back_as_uncertain(data):
    exam = data.draw(exams())
    statement = uncertain_statement(data.draw(findings(exam)), exam)
    parsed = parse_claim(statement.sentence.text)
    assert parsed.facts == statement.facts, statement.sentence.text
    assert parsed.facts[0].status is Status.UNCERTAIN


@SLOW
@given(charts())
def test_rendered_text_passes_the_gate_wholly_as_consistent(chart):
    exam, breasts, found = chart
    statements = render(Chart(exam, breasts, found))
    claims = tuple(Claim(s.sentence.text) for s in statements)
    outcome = gate(claims, exam, found, breasts)
    assert outcome.rejected == ()
    assert [s.gate for s in outcome.sentences] == [GateResult.CONSISTENT] * len(claims)


@SLOW
@given(charts(), st.integers(0, len(STYLES) - 1))
def test_reference_text_passes_the_gate_and_leaves_nothing_to_append_to_findings(chart, style):
    exam, breasts, found = chart
    given_ = {b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in breasts if b.imaged}
    sentences = write_reference(exam, found, given_, style, np.random.default_rng(0))
    report = compose_report(exam, breasts, found, provenance(), tuple(Claim(s.text) for s in sentences), Writer.DECODER)
    repeats = [r for r in report.rejected_claims if "repeats" not in r.reason]
    assert not [r for r in repeats if parse_claim(r.claim.text).facts[0].kind.is_finding]
    cited = {e.ref for s in report.section(Section.FINDINGS) for e in s.evidence if e.kind is EvidenceKind.FINDING}
    assert cited == {f.id for f in report.findings}


def test_there_are_at_least_five_styles_and_they_differ(four_views):
    exam, _, mass = four_views
    given_ = dict.fromkeys(Laterality, ("c", "4"))
    texts = {
        tuple(s.text for s in write_reference(exam, (mass,), given_, i, np.random.default_rng(1)))
        for i in range(len(STYLES))
    }
    assert len(texts) == len(STYLES) >= 5


def test_an_unknown_style_is_refused(four_views):
    exam, _, mass = four_views
    with pytest.raises(InvalidNoun, match="style 99"):
        write_reference(exam, (mass,), {}, 99, np.random.default_rng(0))


def test_the_same_seed_writes_the_same_text(four_views):
    exam, _, mass = four_views
    first, second = (write_reference(exam, (mass,), {}, 0, np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_facts_without_an_exam_have_no_millimetres(four_views):
    exam, _, mass = four_views
    assert isinstance(mass, Finding)
    assert fact_of_finding(mass).size_mm is None
    assert fact_of_finding(mass, exam).size_mm == 14


@pytest.mark.parametrize("style", range(len(STYLES)), ids=STYLES)
def test_every_term_is_read_back_in_every_wording_of_every_style(four_views, style):
    exam, _, mass = four_views
    for kind in FindingType:
        for term_id in (t.id for axis in kind.axes for t in terms_of(axis)):
            finding = dataclasses.replace(mass, type=kind, descriptors=(term_id,))
            for seed in range(4):
                for statement in reference_statements(exam, (finding,), {}, style, np.random.default_rng(seed)):
                    parsed = parse_claim(statement.sentence.text)
                    assert (parsed.facts, parsed.unread) == (statement.facts, ()), statement.sentence.text
