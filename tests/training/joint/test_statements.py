"""Phrases and the facts that they state."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.finding import Change
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.reporting.facts import Status
from mammoscribe.reporting.parse import parse_report
from mammoscribe.training.joint.statements import (
    COMPOSITION,
    describe,
    facts_of,
    findings_of_view,
    nothing,
    of_kind,
    of_tissue,
)
from mammoscribe.training.reader.samples import LabelledFinding, LabelledMark, TrainingExam, ViewSample

CANVAS = np.zeros((384, 224), np.uint8)
ALL = frozenset(range(len(TYPES)))


@pytest.fixture
def exam() -> TrainingExam:
    """A spiculated mass in the upper outer quadrant of the right breast in CC and MLO, calcifications left in CC."""
    mass = LabelledFinding(0, ("shape.irregular", "margin.spiculated"), 0.9, CHANGES.index(Change.NEW))
    calc = LabelledFinding(1, ("morphology.amorphous",), 0.6)
    box, nipple = (60.0, 80.0, 80.0, 100.0), (150.0, 190.0)
    views = (
        ViewSample(0, CANVAS, nipple, 0.5, (LabelledMark(0, box),), ALL),
        ViewSample(2, CANVAS, nipple, 0.5, (LabelledMark(0, (60.0, 40.0, 80.0, 60.0)),), ALL),
        ViewSample(1, CANVAS, nipple, 0.5, (LabelledMark(1, box),), ALL),
        ViewSample(3, CANVAS, nipple, 0.5, (), ALL),
    )
    return TrainingExam("e", "p", views, (mass, calc))


def test_a_finding_of_two_views_gets_its_quadrant_and_one_of_one_view_a_half(exam):
    facts = facts_of(findings_of_view(exam, 0)[0])
    assert facts["quadrant"] == "upper outer" and facts["change"] == "new" and facts["side"] == "R"
    assert (facts["kind"], facts["shape"], facts["margin"]) == ("mass", "shape.irregular", "margin.spiculated")
    only_cc = facts_of(findings_of_view(exam, 2)[1])
    assert only_cc["half"] == "outer" and "quadrant" not in only_cc and only_cc["side"] == "L"
    assert findings_of_view(exam, 3) == {}


def test_a_second_picture_of_a_view_has_its_own_box(exam):
    again = replace(exam.views[0], marks=(LabelledMark(0, (60.0, 200.0, 80.0, 220.0)),))
    both = replace(exam, views=(*exam.views, again))
    assert facts_of(findings_of_view(both, 0)[0])["quadrant"] == "upper outer"
    assert facts_of(findings_of_view(both, 4)[0]).get("quadrant") != "upper outer"


def test_descriptors_that_do_not_fit_the_kind_or_contradict_each_other_are_not_stated(exam):
    words = ("shape.oval", "shape.round", "margin.spiculated", "morphology.amorphous", "associated.skin_thickening")
    other = replace(exam, findings=(replace(exam.findings[0], descriptors=words), exam.findings[1]))
    facts = facts_of(findings_of_view(other, 0)[0])
    assert "shape" not in facts and "morphology" not in facts
    assert facts["margin"] == "margin.spiculated" and facts["associated.skin_thickening"] == "yes"


def test_a_description_states_facts_of_its_finding_alone_in_many_wordings(exam):
    rng = np.random.default_rng(0)
    mass = findings_of_view(exam, 0)[0]
    texts = set()
    for _ in range(60):
        said = describe(mass, rng)
        texts.add(said.text)
        assert said.facts.items() <= facts_of(mass).items() and said.facts["kind"] == "mass" and not said.denies
    assert len(texts) > 15
    assert any("spiculated" in t or "stellate" in t for t in texts)


def test_a_phrase_that_names_no_margin_states_none(exam):
    rng = np.random.default_rng(1)
    mass = findings_of_view(exam, 0)[0]
    short = [s for s in (describe(mass, rng) for _ in range(80)) if "side" not in s.facts]
    assert short
    for said in short:
        assert ("margin" in said.facts) == ("spiculated" in said.text.lower())
        assert ("quadrant" in said.facts) == ("quadrant" in said.text.lower())


@pytest.mark.parametrize("kind", TYPES)
def test_absent_and_present_kinds_are_read_as_such_by_the_report_parser(kind):
    rng = np.random.default_rng(1)
    for _ in range(8):
        for denies in (False, True):
            said = of_kind(kind, denies, rng)
            assert (said.facts, said.denies) == ({"kind": kind.value}, denies)
            read = [f for f in parse_report(said.text).facts if f.kind.value == kind.value]
            assert len(read) == 1 and (read[0].status is Status.NEGATIVE) is denies, said.text


def test_nothing_and_the_tissue():
    rng = np.random.default_rng(2)
    assert nothing(rng).facts == {} and nothing(rng).denies
    assert {of_tissue("c", rng).text for _ in range(20)} == set(COMPOSITION["c"])
    assert of_tissue("c", rng).facts == {"kind": "tissue", "composition": "c"}
