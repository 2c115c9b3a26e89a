"""Where a clause ends: how far a denial reaches, and which breast is meant."""

import pytest

from mammoscribe.reporting.parse import parse_claim
from tests.reporting.reading import read


@pytest.mark.parametrize(
    "text",
    [
        "No mass is seen in the right breast and there are grouped calcifications in the right breast.",
        "No mass in the right breast, there are grouped calcifications in the right breast.",
        "No mass in the right breast: grouped calcifications in the right breast.",
        "No mass in the right breast - grouped calcifications in the right breast.",
        "No mass in the right breast-grouped calcifications in the right breast.",
        "No mass in the right breast (grouped calcifications in the right breast).",
        "No mass in the right breast; grouped calcifications in the right breast.",
        "No mass in the right breast, but grouped calcifications in the right breast.",
        "No mass in the right breast although grouped calcifications are present.",
        "No mass in the right breast, yet grouped calcifications.",
        "No mass in the right breast as well as grouped calcifications in the right breast.",
        "No mass in the right breast plus grouped calcifications.",
        "No mass in the right breast along with grouped calcifications.",
        "No mass in the right breast where grouped calcifications are seen.",
        "No mass in the right breast which shows grouped calcifications.",
        "No mass in the right breast grouped calcifications in the right breast.",
        "A mass is not seen in the right breast and grouped calcifications are present.",
        "The right breast shows no mass and the right breast shows grouped calcifications.",
    ],
)
def test_a_denial_ends_where_the_next_clause_begins(text):
    assert read(text) == {"no mass R", "calcification R grouped"}


@pytest.mark.parametrize("joint", [":", " -", ";", " ("])
def test_a_denial_of_every_finding_ends_before_the_next_one(joint):
    for denial in (
        "R: no suspicious finding",
        "Right breast without suspicious finding",
        "Right breast: no abnormality",
    ):
        assert read(f"{denial}{joint} an oval mass in the right breast.") == {"no any_finding R", "mass R oval"}


def test_a_second_clause_can_contradict_the_first():
    text = "No mass in the right breast, there is an irregular spiculated mass in the right breast."
    assert read(text) == {"no mass R", "mass R spiculated irregular"}


@pytest.mark.parametrize(
    "text",
    [
        "No mass or calcification in the right breast.",
        "No mass nor calcification in the right breast.",
        "Neither mass nor calcification in the right breast.",
        "No mass, no calcification in the right breast.",
        "No suspicious mass or worrisome calcification in the right breast.",
        "Mass and calcification are not seen in the right breast.",
        "Right breast, mass: none. Calcification: none.",
    ],
)
def test_a_denied_list_denies_every_member(text):
    parsed = parse_claim(text)
    assert read(text) == {"no mass R", "no calcification R"}
    assert parsed.unread == ()


@pytest.mark.parametrize(
    "text",
    [
        "No mass and calcification in the right breast.",
        "No mass, calcification in the right breast.",
        "No mass with calcification in the right breast.",
        "No mass showing calcification in the right breast.",
    ],
)
def test_where_it_is_a_guess_whether_the_second_is_denied_the_claim_is_not_fully_read(text):
    assert "no mass R" in read(text)
    assert not parse_claim(text).fully_read


@pytest.mark.parametrize(
    "text",
    [
        "No mass in the left and right breast.",
        "No mass in the right and in the left breast.",
        "No mass in the right breast or the left breast.",
        "No mass in the right as well as the left breast.",
        "No mass in the right breast plus the left breast.",
        "No mass in R/L.",
        "No mass, R and L.",
        "No mass in both breasts.",
        "No mass bilaterally.",
        "No mass in either breast.",
        "No mass B/L.",
        "Bilateral breasts: no mass.",
    ],
)
def test_several_sides_mean_all_of_them(text):
    assert read(text) == {"no mass R", "no mass L"}
    assert parse_claim(text).fully_read


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("The right breast shows no mass and the left breast shows a mass.", {"no mass R", "mass L"}),
        ("The right breast shows no mass, the left a mass.", {"no mass R", "mass L"}),
        ("Right breast: no mass; left: mass.", {"no mass R", "mass L"}),
        ("Mass in the right breast, no mass in the contralateral breast.", {"mass R", "no mass L"}),
        ("Mass in the right breast and the left breast is heterogeneously dense.", {"mass R", "density L c"}),
        ("Right BI-RADS 2, left BI-RADS 4.", {"birads R 2", "birads L 4"}),
        ("BI-RADS 2 right, BI-RADS 4 left.", {"birads R 2", "birads L 4"}),
        ("BI-RADS 2 (right), BI-RADS 4 (left).", {"birads R 2", "birads L 4"}),
        ("The right breast is negative and the left breast shows a mass.", {"no any_finding R", "mass L"}),
        ("Right breast: oval mass, unchanged; left breast unchanged.", {"mass R oval stable", "change L stable"}),
        ("Right breast: oval mass, unchanged, left breast unchanged.", {"mass R oval stable", "change L stable"}),
        ("Mass in the right breast and left breast unchanged.", {"mass R", "change L stable"}),
    ],
)
def test_each_clause_keeps_its_own_side(text, facts):
    assert read(text) == facts


@pytest.mark.parametrize("text", ["No mass in the contralateral breast.", "Oval mass on the opposite side."])
def test_an_opposite_side_without_a_side_to_be_opposite_to_is_not_read(text):
    assert parse_claim(text).facts == ()


@pytest.mark.parametrize(
    "text",
    [
        "Left breast: biopsy is recommended.",
        "Biopsy of the left breast is recommended.",
        "Recommendation: biopsy, left.",
    ],
)
def test_a_recommendation_carries_its_side(text):
    assert read(text) == {"recommendation L biopsy"}


def test_a_recommendation_can_be_denied():
    assert read("Biopsy of the left breast is not recommended.") == {"no recommendation L biopsy"}


def test_associated_calcifications_have_the_id_of_the_lexicon():
    assert read("No associated calcifications in the right breast.") == {"no associated R calcifications"}


@pytest.mark.parametrize(
    "text",
    ["Calcifications within the mass in the right breast.", "Calcifications adjacent to the mass, right breast."],
)
def test_a_finding_that_is_only_referred_to_is_not_stated(text):
    assert read(text) == {"calcification R"}
    assert not parse_claim(text).fully_read


@pytest.mark.parametrize(
    "text",
    ["No abnormality except a mass in the right breast.", "Apart from a mass in the right breast, no abnormality."],
)
def test_a_denial_with_an_exception_is_none(text):
    assert read(text) == {"mass R"}
    assert not parse_claim(text).fully_read
