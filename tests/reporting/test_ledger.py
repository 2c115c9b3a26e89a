"""Every word is accounted for: what no fact takes up is unread, so that a claim is not fully read."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting.facts import UNDATED, FactKind, Status
from mammoscribe.reporting.parse import parse_claim
from mammoscribe.reporting.render import render
from mammoscribe.reporting.styles import STYLES, reference_statements
from mammoscribe.reporting.vocabulary import PHRASES
from tests.reporting.strategies import charts

R, L = Laterality.RIGHT, Laterality.LEFT


@pytest.mark.parametrize(
    "text",
    [
        "Oval mass in the right breast, seen on L CC and L MLO.",
        "Oval mass in the right breast on the left MLO view.",
        "R: oval mass, L CC.",
        "Spiculated mass in the right upper outer quadrant in the left breast.",
        "Oval mass, right breast, left.",
        "Oval mass in the right or left breast.",
        "Oval mass in either breast.",
        "Calcifications in both breasts, grouped in the right.",
        "No mass in the left breast and in the right breast, grouped calcifications.",
        "There are masses in the right breast.",
        "Two masses in the right breast.",
        "Right breast: a second oval mass.",
        "Right breast: another oval mass.",
        "Right breast: multiple calcifications.",
        "Right breast: at least one oval mass.",
        "Oval mass and round mass in the right breast.",
        "An oval mass and an oval mass in the right breast.",
        "Oval mass in the right breast. Round mass in the right breast.",
        "Right breast: oval mass, 12 mm, 12 mm.",
        "Right breast: oval mass, 12 mm and 14 mm.",
        "Right breast: oval mass, 14 x 9 mm, 14 mm.",
        "Right breast: oval mass of at least 14 mm.",
        "Right breast: oval mass, 3 cm behind the skin.",
        "Right breast: oval mass at 10 o'clock and 2 o'clock.",
        "Right breast: oval mass at 10-11 o'clock.",
        "Right breast: oval mass in the upper outer and lower inner quadrants.",
        "Right breast: oval or round mass.",
        "Right breast: mass or asymmetry.",
        "Right breast: oval mass, only in the upper outer quadrant.",
        "Only calcifications in the right breast.",
        "Right breast: oval mass seen on one view.",
        "Right breast: oval mass on CC, not on MLO.",
        "Right breast: oval mass seen on CC, not seen on MLO.",
        "Right breast: oval mass on all views.",
        "Right breast: oval mass seen on CC only, seen on MLO.",
        "Right breast: oval mass on CC only, MLO.",
        "Right breast: oval mass, new, unchanged.",
        "Right breast: oval mass, seen on the prior exam.",
        "Right breast: prior mass, unchanged since the prior exam.",
        "Right breast: oval mass seen in 2019.",
        "Right breast: oval mass, 2019-05-02.",
        "Right breast: the mass has resolved.",
        "Right breast: the mass is no longer seen.",
        "If there is a mass in the right breast, biopsy.",
        "Mammography, two views: right CC, right MLO, left CC, left MLO.",
        "Mammography, four views: right CC, right MLO.",
        "Mammography, two views: right CC, right CC.",
        "Mammography, three views: CC and MLO of both breasts.",
        "Two-view mammography of the right breast.",
        "Mammography of the right breast only: right CC, right MLO.",
        "Both breasts are extremely dense, left MLO.",
        "Right breast: BI-RADS 4, left MLO.",
        "Not only a mass but also calcifications in the left breast.",
    ],
)
def test_a_word_that_no_fact_takes_up_is_unread(text):
    assert not parse_claim(text).fully_read


def test_seen_on_one_view_only_is_another_fact_than_seen_on_it():
    for text in (
        "Right breast: mass, CC only.",
        "Right breast: mass seen only on CC.",
        "Mass, right breast, CC view only.",
    ):
        (fact,) = parse_claim(text).facts
        assert (fact.views, fact.only) == ({Projection.CC}, True)
        assert parse_claim(text).fully_read
    (fact,) = parse_claim("Right breast: mass seen on CC.").facts
    assert (fact.views, fact.only) == ({Projection.CC}, False)
    (fact,) = parse_claim("Right breast: mass seen on both views.").facts
    assert fact.views == set(Projection)


@pytest.mark.parametrize(
    "text",
    [
        "Right breast: oval mass, unchanged since the prior exam of 2020-01-01.",
        "Right breast: oval mass, unchanged since 2020-01-01.",
        "Compared with 2020-01-01, the oval mass in the right breast is unchanged.",
        "Compared with the prior exam of 2020-01-01, no change in the right breast.",
        "Compared with 2020-01-01.",
    ],
)
def test_the_date_of_a_prior_is_a_fact(text):
    parsed = parse_claim(text)
    assert [f.value for f in parsed.facts if f.kind is FactKind.COMPARISON] == ["2020-01-01"]
    assert parsed.fully_read


@pytest.mark.parametrize("text", ["14 x 9 mm", "9 x 14 mm", "14 mm x 9 mm", "1.4 by 0.9 cm"])
def test_both_sides_of_a_size_are_read(text):
    parsed = parse_claim(f"Right breast: oval mass, {text}.")
    assert [(f.size_mm, f.shorter_mm) for f in parsed.facts] == [(14, 9)]
    assert parsed.fully_read


def test_an_unknown_date_is_not_the_same_as_none_stated():
    assert [f.value for f in parse_claim("Compared with the prior exam, date unknown.").facts] == [UNDATED]
    assert [f.value for f in parse_claim("Compared with the prior exam.").facts] == [None]


def test_the_number_of_views_is_read_where_it_is_that_of_the_views_listed():
    assert parse_claim("Mammography, two views: right CC and right MLO.").fully_read
    assert parse_claim("Mammography, four views: CC and MLO of both breasts.").fully_read
    assert parse_claim("Right breast: oval mass on two views, CC and MLO.").fully_read


def _sentences(chart, style: int, seed: int):
    wanted = {
        b.laterality: (b.density, b.assessment.category if b.assessment else None) for b in chart.breasts if b.imaged
    }
    written = reference_statements(chart.search, chart.findings, wanted, style, np.random.default_rng(seed))
    return [*render(chart), *written]


_LOOSE = st.one_of(
    st.sampled_from(sorted(PHRASES)),
    st.sampled_from(["12 mm", "14 x 9 mm", "3 o'clock", "BI-RADS 4a", "ACR c", "R CC"]),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(_LOOSE, max_size=16).map(" ".join))
def test_any_heap_of_known_words_is_read_without_an_error_and_without_a_word_lost(text):
    parsed = parse_claim(text)
    assert parsed.facts or parsed.unread or not re.search(r"\b(?:mass|left|right)\b", text)


_INSERTED = (
    "no", "not", "never", "without", "no longer", "only", "two masses", "another", "possible", "cannot be excluded",
    "is not seen", "2020-01-01", "new", "12 mm", "3 o'clock", "upper outer", "three views", "multiple", "except", "biopsy", "calcifications", "unchanged",
    "smaller",
)  # fmt: skip
_OPPOSITE = {"right": "left", "left": "right", "r": "l", "l": "r"}
_MATTERS = re.compile(r"right|left|[RL]|no|only|CC|MLO|both|new|possible|not|\d+", re.IGNORECASE)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(charts(), st.integers(0, len(STYLES) - 1), st.integers(0, 2**32 - 1), st.data())
def test_a_word_put_into_a_sentence_is_never_overlooked(chart, style, seed, data):
    """Whatever is inserted anywhere: other facts are read, or the sentence is not fully read."""
    for statement in _sentences(chart, style, seed):
        words = statement.sentence.text.split(" ")
        at, word = data.draw(st.integers(0, len(words))), data.draw(st.sampled_from(_INSERTED))
        changed = " ".join([*words[:at], word, *words[at:]])
        if word.split()[0] in statement.sentence.text.lower().split():
            continue  # saying it twice may say nothing new
        parsed = parse_claim(changed)
        assert not (parsed.fully_read and set(parsed.facts) == set(statement.facts)), changed


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(charts(), st.integers(0, len(STYLES) - 1), st.integers(0, 2**32 - 1), st.data())
def test_a_side_that_is_swapped_is_never_overlooked(chart, style, seed, data):
    for statement in _sentences(chart, style, seed):
        words = statement.sentence.text.split(" ")
        sided = [i for i, w in enumerate(words) if w.strip(",.:;").lower() in _OPPOSITE]
        if not sided:
            continue
        at = data.draw(st.sampled_from(sided))
        bare = words[at].strip(",.:;")
        swapped = words[at].replace(bare, _OPPOSITE[bare.lower()])
        changed = " ".join([*words[:at], swapped, *words[at + 1 :]])
        parsed = parse_claim(changed)
        assert not (parsed.fully_read and set(parsed.facts) == set(statement.facts)), changed


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(charts(), st.integers(0, len(STYLES) - 1), st.integers(0, 2**32 - 1), st.data())
def test_sentences_joined_to_one_are_read_as_both(chart, style, seed, data):
    """A finding or denial that follows another is neither swallowed nor turned round by it."""
    stated = [s for s in _sentences(chart, style, seed) if s.facts and s.facts[0].kind.is_finding]
    first, second = data.draw(st.sampled_from(stated)), data.draw(st.sampled_from(stated))
    joint = data.draw(st.sampled_from([" and ", ", ", " - ", ": ", " (", "; ", " but ", ". "]))
    text = first.sentence.text.rstrip(".") + joint + second.sentence.text
    parsed = parse_claim(text)
    wanted = {(f.kind, f.laterality, f.status) for f in (*first.facts, *second.facts)}
    got = {(f.kind, f.laterality, f.status) for f in parsed.facts if f.kind is not FactKind.ASSOCIATED}
    assert got == wanted or not parsed.fully_read, text
    assert {k for k in wanted if k[2] is Status.POSITIVE} <= got or not parsed.fully_read, text
