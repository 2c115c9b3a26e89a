"""Which words fit the tokens of a view: a grid of 4 x 2 tokens on pictures of 320 x 220 pixels, each token 80 x 110."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.records import Region
from mammoscribe.domain.view import Box
from mammoscribe.training.chat.facts import facts_of
from mammoscribe.training.chat.shown import current
from mammoscribe.training.chat_words.cells import words_of
from mammoscribe.training.chat_words.vocabulary import GROUPS, KIND, MALIGNANT, TISSUE, UNLABELLED
from tests.training.chat.labelled import ALL, CC, HIGH, MASSES, MLO, WIDE, L, R, exam, mass, stored, view

GRID = (4, 2)


def boxed(*boxes, pixels=None, supervision=ALL, **labels):
    """Words of the tokens of a right CC with a mass in each box, by group: word or None for each token."""
    one = replace(view(R, CC, **labels), regions=tuple(Region(box, mass(f"m{n}")) for n, box in enumerate(boxes)))
    return said(exam("e", [one]), pixels, supervision)[0]


def said(record, pixels=None, supervision=ALL):
    given = stored(record)
    grey = np.full((HIGH, WIDE), 100, np.uint8) if pixels is None else pixels
    given = replace(given, pictures=tuple(replace(picture, pixels=grey) for picture in given.pictures))
    shown = current(given)
    found = words_of(shown, facts_of(record, shown, supervision), GRID)
    return {number: as_words(own) for number, own in found.items()}


def as_words(numbers):
    assert numbers.shape == (8, len(GROUPS))
    return {
        group: [None if n == UNLABELLED else words[n] for n in numbers[:, place]]
        for place, (group, words) in enumerate(GROUPS.items())
    }


def test_a_token_that_holds_the_whole_of_a_small_box_is_a_mass_and_all_others_are_normal_tissue():
    assert boxed(Box(120, 90, 140, 110))[KIND] == [*["tissue"] * 3, "mass", *["tissue"] * 4]


def test_a_box_over_several_tokens_is_at_each_that_it_fills_and_those_that_it_touches_have_no_kind():
    found = boxed(Box(0, 80, 110, 245))[KIND]  # rows 1 and 2 of the first column whole, 5 pixels of row 3
    assert [found[2], found[4], found[6]] == ["mass", "mass", None]
    assert [found[n] for n in (0, 1, 3, 5, 7)] == ["tissue"] * 5


def test_a_box_that_no_token_holds_much_of_is_at_the_one_with_most_of_it():
    found = boxed(Box(90, 60, 131, 101))[KIND]  # its quarters lie in four tokens, with 20 x 20 to 21 x 21 pixels each
    assert found.count("mass") == 1 and found[3] == "mass"
    assert [found[n] for n in (0, 1, 2)] == [None] * 3


def test_what_is_no_breast_is_air_also_where_findings_are_not_known():
    pixels = np.zeros((HIGH, WIDE), np.uint8)
    pixels[:160] = 80
    assert boxed(pixels=pixels)[KIND] == [*["tissue"] * 4, *["air"] * 4]
    assert boxed(pixels=pixels, supervision=MASSES)[KIND] == [*[None] * 4, *["air"] * 4]


def test_density_is_said_of_tokens_that_are_mostly_breast():
    pixels = np.zeros((HIGH, WIDE), np.uint8)
    pixels[:100] = 80  # a quarter of the second row
    record = exam("e", [view(R, CC)], breasts={R: {"density": "c"}})
    found = said(record, pixels)[0][TISSUE]
    assert found == [*["heterogeneously dense"] * 2, *[None] * 6]


@pytest.mark.parametrize(("label", "word"), [({"cancer": "1"}, "malignant"), ({"cancer": "0"}, "benign"), ({}, None)])
def test_a_finding_has_its_descriptors_and_whether_it_is_malignant_where_its_box_is(label, word):
    region = mass("m", descriptors="shape.oval|margin.spiculated", **label)
    found = said(exam("e", [view(R, CC, region)]))[0]  # box (20, 100) to (40, 130): token 2
    for group, expected in (("shape", "oval"), ("margin", "spiculated"), (MALIGNANT, word), ("density", None)):
        assert found[group] == [expected if token == 2 else None for token in range(8)]
    assert found["morphology"] == [None] * 8


def test_each_view_has_the_findings_that_are_boxed_on_it():
    record = exam("e", [view(R, CC, mass("m")), view(R, MLO), view(L, CC)])
    found = said(record)
    assert sorted("mass" in own[KIND] for own in found.values()) == [False, False, True]


def test_where_something_is_boxed_of_which_nobody_says_what_it_is_no_tissue_is_normal():
    one = replace(view(R, CC), regions=(Region(Box(10, 10, 30, 30), {}),))
    assert set(said(exam("e", [one]))[0][KIND]) == {None}
