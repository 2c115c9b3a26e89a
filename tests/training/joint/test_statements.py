"""Phrases and the findings they are true of."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.view import Laterality
from mammoscribe.models.reader.detection_head import TYPES
from mammoscribe.models.reader.queries import CHANGES
from mammoscribe.training.samples import LabelledFinding, LabelledMark, TrainingExam, ViewSample
from mammoscribe.training.statements import Statement, describe, findings_of_view, nothing, of_kind

CANVAS = np.zeros((384, 224), np.uint8)


@pytest.fixture
def exam() -> TrainingExam:
    """A spiculated mass in the upper outer quadrant of the right breast in CC and MLO, calcifications left in CC."""
    mass = LabelledFinding(0, ("shape.irregular", "margin.spiculated"), 0.9, CHANGES.index(Change.NEW))
    calc = LabelledFinding(1, ("morphology.amorphous",), 0.6)
    box, nipple = (60.0, 80.0, 80.0, 100.0), (150.0, 190.0)
    views = (
        ViewSample(0, CANVAS, nipple, 0.5, (LabelledMark(0, box),), True),
        ViewSample(2, CANVAS, nipple, 0.5, (LabelledMark(0, (60.0, 40.0, 80.0, 60.0)),), True),
        ViewSample(1, CANVAS, nipple, 0.5, (LabelledMark(1, box),), True),
        ViewSample(3, CANVAS, nipple, 0.5, (), True),
    )
    return TrainingExam("e", "p", "phantom", views, (mass, calc))


def test_a_finding_of_two_views_gets_its_quadrant_and_one_of_one_view_a_half(exam):
    ((mass, box),) = findings_of_view(exam, 0)
    assert mass.type is FindingType.MASS and mass.laterality is Laterality.RIGHT and box == (60.0, 80.0, 80.0, 100.0)
    assert mass.location.quadrant == "upper outer" and mass.change is Change.NEW
    ((calc, _),) = findings_of_view(exam, 2)
    assert calc.location.half == "outer" and calc.laterality is Laterality.LEFT
    assert findings_of_view(exam, 3) == []


def test_a_description_fits_its_own_finding_whatever_it_leaves_out(exam):
    rng = np.random.default_rng(0)
    ((mass, _),) = findings_of_view(exam, 0)
    ((calc, _),) = findings_of_view(exam, 2)
    texts = set()
    for _ in range(60):
        said = describe(mass, rng)
        texts.add(said.text)
        assert said.fits(mass) and said.true_of([mass, calc])
        assert not said.fits(calc) and not said.true_of([calc]) and not said.true_of([])
    assert len(texts) > 15
    assert any("spiculated" in t or "stellate" in t for t in texts)


def test_a_phrase_with_another_margin_side_or_place_does_not_fit(exam):
    ((mass, _),) = findings_of_view(exam, 0)
    whole = Statement("words", mass, mass.laterality)
    assert whole.fits(mass)
    assert not whole.fits(replace(mass, descriptors=("shape.irregular", "margin.indistinct")))
    assert not whole.fits(replace(mass, laterality=Laterality.LEFT))
    assert not whole.fits(replace(mass, location=replace(mass.location, clock=4)))
    assert not whole.fits(replace(mass, change=None))


@pytest.mark.parametrize("kind", TYPES)
def test_absent_and_present_kinds_are_opposites(exam, kind):
    rng = np.random.default_rng(1)
    ((mass, _),) = findings_of_view(exam, 0)
    there, gone = of_kind(kind, False, rng), of_kind(kind, True, rng)
    assert there.true_of([mass]) is (kind is FindingType.MASS)
    assert gone.true_of([mass]) is (kind is not FindingType.MASS)
    assert gone.true_of([]) and not there.true_of([])


def test_nothing_is_true_of_empty_views_alone(exam):
    ((mass, _),) = findings_of_view(exam, 0)
    said = nothing(np.random.default_rng(2))
    assert said.true_of([]) and not said.true_of([mass])
