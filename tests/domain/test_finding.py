"""Findings and marks: a wrong one cannot be built."""

import pytest

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.location import Location, Quadrant
from mammoscribe.support.errors import InvalidNoun
from tests.nouns import CC, MLO, R, make_finding, make_mark

ONE_VIEW = (make_mark(R, CC),)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id": ""}, "without an id"),
        ({"marks": ()}, "no mark"),
        ({"marks": (make_mark(), make_mark())}, "two marks in one view"),
        ({"score": 1.1}, "0 to 1"),
        ({"score": float("nan")}, "0 to 1"),
        ({"suspicion": -0.1}, "0 to 1"),
        ({"descriptors": ("margin.fuzzy",)}, "not a lexicon term"),
        ({"descriptors": ("morphology.amorphous",)}, "does not describe a mass"),
        ({"descriptors": ("composition.a",)}, "does not describe a mass"),
        ({"descriptors": ("shape.oval", "shape.round")}, "two values for shape"),
        ({"marks": ONE_VIEW, "location": Location(quadrant=Quadrant.UPPER_OUTER)}, "from one view"),
        ({"marks": ONE_VIEW, "location": Location(clock=10)}, "from one view"),
        ({"marks": (make_mark(R, CC), make_mark(R, MLO)), "unpaired": True}, "seen in both projections"),
    ],
)
def test_a_wrong_finding_cannot_be_built(wrong, message):
    with pytest.raises(InvalidNoun, match=message):
        make_finding(**wrong)


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan")])
def test_a_mark_score_outside_zero_to_one_is_refused(score):
    with pytest.raises(InvalidNoun, match="mark score"):
        make_mark(score=score)


def test_a_finding_may_have_several_associated_features():
    features = ("associated.skin_thickening", "associated.nipple_retraction")
    assert make_finding(FindingType.MASS, "shape.oval", *features).associated == features


def test_a_quadrant_needs_marks_in_both_projections():
    located = make_finding(location=Location(quadrant=Quadrant.LOWER_INNER, clock=4))
    assert {m.projection for m in located.marks} == {CC, MLO}


def test_descriptors_and_marks_are_found_by_axis_and_view():
    mass = make_finding(FindingType.MASS, "shape.oval", "margin.circumscribed")
    assert mass.descriptor(Axis.MARGIN) == "margin.circumscribed"
    assert mass.descriptor(Axis.DENSITY) is None
    mark = mass.mark_in("R_MLO")
    assert mark is not None
    assert mark.projection is MLO
    assert mass.mark_in("L_CC") is None


@pytest.mark.parametrize(
    ("kind", "descriptors", "suspicious"),
    [
        (FindingType.MASS, ("margin.circumscribed", "shape.oval"), False),
        (FindingType.MASS, ("margin.spiculated",), True),
        (FindingType.MASS, ("margin.circumscribed", "associated.skin_retraction"), True),
        (FindingType.CALCIFICATION, ("morphology.vascular",), False),
        (FindingType.CALCIFICATION, ("morphology.amorphous",), True),
        (FindingType.CALCIFICATION, ("morphology.round", "distribution.segmental"), False),
        (FindingType.DISTORTION, (), True),
        (FindingType.ASYMMETRY, ("asymmetry.focal",), False),
        (FindingType.ASYMMETRY, ("asymmetry.developing",), True),
    ],
)
def test_what_counts_as_suspicious(kind, descriptors, suspicious):
    assert make_finding(kind, *descriptors).suspicious is suspicious
