"""R-RadFact and entities: worked out by hand on short reports, boxes as pixels of a mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.report_card.entailment import entities_of, grounded_counts, logical_counts, share_inside
from mammoscribe.evaluation.report_card.fact_table import read_table
from mammoscribe.evaluation.report_card.severity import weight_of

MASS_R = "There is a spiculated mass in the right breast at 10 o'clock."
MASS_L = "There is a spiculated mass in the left breast at 2 o'clock."
HERE, NEAR, FAR = Box(10, 10, 30, 30), Box(10, 10, 30, 22), Box(60, 60, 80, 80)


def logical(reference: str, candidate: str) -> dict[str, float]:
    return logical_counts(read_table(reference), read_table(candidate))


def test_a_vaguer_candidate_is_entailed_and_does_not_entail():
    found = logical(MASS_R, "There is a mass in the right breast.")
    assert (found["radfact given"], found["radfact given entailed"]) == (1, 1)
    assert (found["radfact true"], found["radfact true entailed"]) == (1, 0)


@pytest.mark.parametrize("candidate", [MASS_L, "There is an oval mass in the right breast at 10 o'clock."])
def test_a_finding_elsewhere_or_with_a_wrong_word_is_not_entailed(candidate):
    assert logical(MASS_R, candidate)["radfact given entailed"] == 0


def test_density_categories_and_denials_are_facts_too():
    text = "No mass in the right breast. BI-RADS 2 right. ACR C."
    same = logical(text, text)
    assert same["radfact given"] == same["radfact given entailed"] == same["radfact true entailed"] == 3
    other = logical(text, "No mass in the right breast. BI-RADS 4 right. ACR B.")
    assert (other["radfact given"], other["radfact given entailed"]) == (3, 1)


def grounded(reference, candidate) -> dict[str, float]:
    sides = [
        [GroundedSentence(t, tuple(("R_CC", b) for b in boxes)) for t, boxes in side] for side in (reference, candidate)
    ]
    tables = tuple(read_table("\n".join(s.text for s in side)) for side in sides)
    found = grounded_counts(sides[0], sides[1], (tables[0], tables[1]))
    return {name.removeprefix("radfact "): v for name, v in found.items()}


def test_a_sentence_in_its_place_is_entailed_in_logic_and_in_space():
    found = grounded([(MASS_R, [HERE])], [(MASS_R, [NEAR]), ("Breast density is category C.", [])])
    assert found == {
        "given grounded": 1, "given grounded entailed": 1, "given grounded in place": 1,
        "true grounded": 1, "true grounded entailed": 1, "true grounded in place": 1,
    }  # fmt: skip


def test_a_sentence_with_a_box_elsewhere_is_entailed_in_logic_alone():
    found = grounded([(MASS_R, [HERE])], [(MASS_R, [FAR])])
    assert (found["given grounded entailed"], found["given grounded in place"]) == (1, 0)


def test_half_of_a_box_must_be_inside():
    narrow = Box(10, 10, 30, 19)  # 9 of 20 rows of the reference's box
    found = grounded([(MASS_R, [HERE])], [(MASS_R, [narrow])])
    assert found["given grounded in place"] == 1  # all of the candidate's box is inside
    assert found["true grounded in place"] == 0  # and 45 % of the reference's


def test_a_box_in_the_right_place_does_not_save_a_wrong_sentence():
    found = grounded([(MASS_R, [HERE])], [(MASS_L, [HERE])])
    assert (found["given grounded"], found["given grounded entailed"], found["given grounded in place"]) == (1, 0, 0)


starts, lengths = st.integers(0, 11), st.integers(1, 12)
boxes = st.tuples(starts, starts, lengths, lengths).map(
    lambda e: Box(e[0], e[1], min(12, e[0] + e[2]), min(12, e[1] + e[3]))
)


@given(boxes, st.lists(boxes, max_size=4))
@settings(max_examples=80, deadline=None)
def test_the_share_inside_is_that_of_pixels(box, others):
    mask = np.zeros((12, 12), dtype=bool)
    for b in others:
        mask[int(b.y0) : int(b.y1), int(b.x0) : int(b.x1)] = True
    expected = mask[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].mean()
    assert share_inside("R_CC", box, [("R_CC", b) for b in others]) == pytest.approx(expected)
    assert share_inside("R_CC", box, [("L_CC", b) for b in others]) == 0


def test_entities_are_findings_places_suspicion_and_doubt():
    found = entities_of(read_table(f"{MASS_R} BI-RADS 4 right."), weight_of)
    kinds = sorted(e[0] for e in found)
    assert kinds.count("finding") == 1 and kinds.count("suspicion") == 1 and kinds.count("location") >= 1
    assert entities_of(read_table(f"{MASS_R} BI-RADS 5 right."), weight_of) == found  # as suspicious
    possible = entities_of(read_table("Possible mass in the right breast."), weight_of)
    assert ("uncertainty", "R", "mass") in possible
