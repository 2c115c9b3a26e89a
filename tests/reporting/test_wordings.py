"""All wordings of what is true: each choice of each writer, and no wording for two different truths."""

import dataclasses
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.search import Search, ViewSearch, everything_searched
from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.choices import every
from mammoscribe.reporting.findings import finding_statement
from mammoscribe.reporting.wordings import book_of
from mammoscribe.support.errors import InvalidNoun
from tests.reporting.strategies import breast, charts, exams, findings

R, L = Laterality.RIGHT, Laterality.LEFT
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def test_a_writer_is_led_through_every_choice_that_it_meets():
    def write(pick):
        first = pick(("a", "b"))
        return first + (pick(("1", "2", "3")) if first == "a" else "") + pick(("x",))

    assert list(every(write)) == ["a1x", "a2x", "a3x", "bx"]


def test_a_writer_without_choices_writes_once():
    assert list(every(lambda pick: "so")) == ["so"]


def texts_of(exam, *found, **fields) -> set[str]:
    """The wordings of findings and of nothing else."""
    plain = Chart(exam, everything_searched(exam), (breast(R, exam), breast(L, exam)), found)
    chart = dataclasses.replace(plain, **fields)
    cited = {f.id for f in found}
    return {t for t, several in book_of(chart).items() for s in several if {e.ref for e in s.sentence.evidence} & cited}


@SLOW
@given(st.data())
def test_no_wording_of_a_finding_is_one_of_a_finding_that_differs(data):
    exam = data.draw(exams())
    one, another = data.draw(findings(exam)), data.draw(findings(exam))
    differing = data.draw(st.sampled_from(["type", "laterality", "descriptors", "location", "change", "marks"]))
    changed = {differing: getattr(another, differing)}
    if differing in ("type", "laterality", "marks"):  # these hang together
        changed = {k: getattr(another, k) for k in ("type", "laterality", "marks", "descriptors", "location", "change")}
    try:
        other = dataclasses.replace(one, **changed)
    except InvalidNoun:
        assume(False)
    facts = [finding_statement(f, exam).facts[0] for f in (one, other)]
    assume(facts[0] != facts[1])
    shared = texts_of(exam, one) & texts_of(exam, other)
    unmeasured = [
        dataclasses.replace(
            f, size_mm=None, shorter_mm=None, location=dataclasses.replace(f.location, nipple_distance_mm=None)
        )
        for f in facts
    ]
    assert not shared or unmeasured[0] == unmeasured[1], shared


@SLOW
@given(charts())
def test_statements_that_share_a_wording_state_the_same_facts(chart):
    for text, several in book_of(chart).items():
        assert len({s.facts for s in several}) == 1, text


def test_a_denial_names_the_views_where_not_all_were_searched(four_views):
    exam = four_views.exam
    views = tuple(
        ViewSearch(v.id, ((FindingType.CALCIFICATION, "too coarse"),) if v.id == "L_MLO" else ()) for v in exam.current
    )
    unassessed = (four_views.breasts[0], breast(L, exam, "c", None))
    book = book_of(dataclasses.replace(four_views, search=Search(exam, views), breasts=unassessed))
    for text in ("L CC: no calcifications.", "No calcifications on the left CC.", "No calcifications, left CC."):
        assert [e.ref for e in book[text.lower()][0].sentence.evidence] == ["L_CC"]
    assert not [t for t in book if "suspicious finding" in t and "left" in t]


@pytest.mark.parametrize("words", ["malignancy", "normal", "unremarkable"])
def test_no_wording_denies_more_than_was_looked_for(four_views, words):
    chart = dataclasses.replace(four_views, findings=(), breasts=tuple(breast(s, four_views.exam) for s in Laterality))
    assert not [t for t in book_of(chart) if words in re.findall("[a-z]+", t)]
