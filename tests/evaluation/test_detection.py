"""Marks against lesions: matching, curves, operating points, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.detection import (
    KINDS,
    Match,
    ViewMarks,
    froc,
    is_hit,
    match_findings,
    match_marks,
    operating_point,
    sensitivity_at,
    threshold_at,
    views_of,
)
from mammoscribe.support.errors import InputError


def square(x: float, y: float, side: float = 10) -> Box:
    return Box(x, y, x + side, y + side)


def test_a_hit_is_a_centre_inside_or_an_iou_of_a_fifth():
    truth = square(0, 0)
    assert is_hit(square(4, 4), truth)  # centre inside
    assert not is_hit(square(5, 5), truth)  # centre on the open edge, IoU 1/7
    assert is_hit(Box(-20, 0, 30, 10), truth)  # centre inside a long mark
    assert is_hit(Box(0, 0, 22, 22), Box(0, 0, 10, 10))  # IoU 0.207, centre outside
    assert not is_hit(Box(0, 0, 23, 23), Box(0, 0, 10, 10))


def test_a_second_mark_on_one_lesion_is_a_false_mark():
    marks = ((square(0, 0), 0.5), (square(1, 1), 0.9))
    assert match_marks(marks, [square(0, 0)]) == (Match(1, 0),)
    point = operating_point([ViewMarks(marks, (("e/1", square(0, 0)),))])
    assert (point.found, point.false_marks) == (1, 1)


def test_the_better_scored_mark_takes_the_lesion_it_overlaps_most():
    truth = [square(0, 0), square(4, 0)]
    assert match_marks([(square(3, 0), 0.9), (square(1, 0), 0.8)], truth) == (Match(0, 1), Match(1, 0))


boxes = st.builds(square, st.integers(0, 20), st.integers(0, 20), st.integers(4, 12))
scored = st.lists(st.tuples(boxes, st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])), max_size=5).map(tuple)


@st.composite
def view_sets(draw):
    views = []
    for _ in range(draw(st.integers(1, 3))):
        names = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
        views.append(ViewMarks(draw(scored), tuple((n, draw(boxes)) for n in names)))
    return views


@given(view_sets(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_the_curve_equals_matching_anew_at_every_threshold(views, by_lesion):
    curve = froc(views, by_lesion)
    for threshold, sensitivity, false in zip(curve.thresholds, curve.sensitivity, curve.false_per_view, strict=True):
        cut = [ViewMarks(tuple(m for m in v.marks if m[1] >= threshold), v.lesions) for v in views]
        found, num_false = set(), 0
        for i, view in enumerate(cut):
            matches = match_marks(view.marks, [b for _, b in view.lesions])
            found |= {view.lesions[m.truth][0] if by_lesion else (i, m.truth) for m in matches}
            num_false += len(view.marks) - len(matches)
        assert false == pytest.approx(num_false / len(views))
        if curve.num_lesions:
            assert sensitivity == pytest.approx(len(found) / curve.num_lesions)


@given(view_sets())
@settings(max_examples=40, deadline=None)
def test_both_ends_of_the_curve_only_grow_as_the_threshold_falls(views):
    curve = froc(views)
    assert (np.diff(curve.false_per_view) >= 0).all()
    assert not curve.num_lesions or (np.diff(curve.sensitivity) >= 0).all()


def test_a_lesion_found_in_one_of_its_two_views_is_found():
    views = [ViewMarks(((square(0, 0), 0.9),), (("e/1", square(0, 0)),)), ViewMarks((), (("e/1", square(5, 5)),))]
    assert froc(views).sensitivity[-1] == 1.0
    assert froc(views, by_lesion=False).sensitivity[-1] == 0.5


def test_the_threshold_for_a_false_mark_budget_gives_that_budget_back():
    lesion = square(0, 0)
    views = [
        ViewMarks(((lesion, 0.8), (square(50, 50), 0.9)), (("a", lesion),)),
        ViewMarks(((lesion, 0.4), (square(50, 50), 0.2)), (("b", lesion),)),
    ]
    curve = froc(views)
    assert threshold_at(curve, 0.5) == 0.4
    assert sensitivity_at(curve, 0.5) == 1.0
    assert threshold_at(curve, 0.1) == float("inf")
    assert sensitivity_at(curve, 0.1) == 0.0
    point = operating_point(views, threshold=0.5)
    assert (point.sensitivity, point.false_per_view) == (0.5, 0.5)


def test_no_views_are_refused():
    with pytest.raises(InputError, match="no views"):
        froc([])


def test_views_without_lesions_still_count_false_marks():
    curve = froc([ViewMarks(((square(0, 0), 0.5),)), ViewMarks()])
    assert np.isnan(curve.sensitivity).all()
    assert curve.false_per_view.tolist() == [0.5]


def test_a_suspicious_mark_on_benign_calcifications_is_a_false_mark(exam, make_finding):
    benign = make_finding("t1", FindingType.CALCIFICATION, "R", {"R_CC": square(50, 50)}, ("morphology.round",))
    called = make_finding("f1", FindingType.CALCIFICATION, "R", {"R_CC": square(51, 50)}, ("morphology.amorphous",))
    views = views_of(exam.id, [v.id for v in exam.current], [called], [benign], KINDS["suspicious_calcification"])
    point = operating_point(views)
    assert (point.lesions, point.false_marks, point.views) == (0, 1, 4)
    either = operating_point(
        views_of(exam.id, [v.id for v in exam.current], [called], [benign], KINDS["calcification"])
    )
    assert (either.found, either.false_marks) == (1, 0)


def test_findings_match_by_type_breast_and_place(make_finding):
    truth = [
        make_finding("t1", FindingType.MASS, "R", {"R_CC": square(50, 50), "R_MLO": square(60, 60)}),
        make_finding("t2", FindingType.ASYMMETRY, "L", {"L_CC": square(50, 50)}),
    ]
    seen = [
        make_finding("f1", FindingType.MASS, "R", {"R_CC": square(150, 50), "R_MLO": square(61, 60)}),
        make_finding("f2", FindingType.MASS, "L", {"L_CC": square(50, 50)}),
    ]
    assert match_findings(seen, truth) == (Match(0, 0),)


def test_one_truth_finding_is_matched_once(make_finding):
    truth = [make_finding("t1", FindingType.MASS, "R", {"R_CC": square(50, 50)})]
    seen = [make_finding(f"f{i}", FindingType.MASS, "R", {"R_CC": square(50 + i, 50)}, score=i / 10) for i in (1, 2)]
    assert match_findings(seen, truth) == (Match(1, 0),)
