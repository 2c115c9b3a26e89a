"""Lines, headings, list marks and wrapped sentences of reports that people write."""

import pytest

from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.layout import lines_of, side_at_start, split_sentences
from mammoscribe.reporting.parse import parse_report
from tests.reporting.reading import short

R, L = Laterality.RIGHT, Laterality.LEFT


def facts(text: str) -> list[str]:
    return [short(f) for f in parse_report(text).facts]


@pytest.mark.parametrize(
    ("heading", "sides"),
    [
        ("Right breast:", (R,)),
        ("RIGHT:", (R,)),
        ("RT. BREAST -", (R,)),
        ("Left breast findings:", (L,)),
        ("LEFT MAMMOGRAM:", (L,)),
        ("L:", (L,)),
        ("Both breasts:", (R, L)),
        ("Bilateral breasts:", (R, L)),
        ("B/L breasts:", (R, L)),
        ("Overall:", (None,)),
        ("IMPRESSION:", (None,)),
    ],
)
def test_a_heading_gives_its_breasts_to_the_lines_below_it(heading, sides):
    (line,) = lines_of(f"{heading}\nNo mass.")
    assert (line.text, line.sides) == ("No mass.", sides)


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Right breast: mass", (R,)),
        ("Rt. breast - mass", (R,)),
        ("L: mass", (L,)),
        ("Left breast, mass", (L,)),
        ("Both breasts: no mass", (R, L)),
        ("Right breast shows a mass", None),
        ("Lateral mass", None),
        ("Rim calcifications", None),
    ],
)
def test_a_side_before_a_colon_dash_or_comma_is_the_heading_of_its_line(text, sides):
    assert side_at_start(text) == sides


def test_lists_are_read_item_by_item():
    text = "RIGHT BREAST:\n- No mass\n- no calcification\n2. Skin thickening\n• asymmetry\nLEFT BREAST:\n* oval mass"
    assert facts(text) == [
        "no mass R",
        "no calcification R",
        "associated R skin_thickening",
        "asymmetry R",
        "mass L oval",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Right breast: a small well-defined oval mass seen in the upper outer\nquadrant suggests a benign\nlesion",
        "An oval, well-defined mass\nSeen in the outer quadrant of the right breast",
        "Oval mass which is well-defined in the\nright breast",
    ],
)
def test_wrapped_lines_are_one_sentence(text):
    assert facts(text) == ["mass R circumscribed oval"]


def test_lines_that_end_without_a_full_stop_are_not_joined_when_each_says_its_own():
    text = "No mass\nVascular calcifications\nskin and nipple normal\nbenign calcification seen\nno axillary adenopathy"
    assert [f for f in facts(text) if "associated" not in f] == [
        "no mass -",
        "calcification - vascular",
        "calcification -",
    ]


def test_abbreviated_sides_do_not_end_a_sentence():
    assert split_sentences("Mass in the rt. breast. No mass in the lt. breast.") == [
        "Mass in the rt. breast.",
        "No mass in the lt. breast.",
    ]


def test_sentences_without_a_space_between_them_are_two():
    assert facts("Oval mass (BIRADS 4c).No abnormal calcification in the right breast.")[-1] == "no calcification R"


@pytest.mark.parametrize("heading", ["Indication:", "CLINICAL HISTORY:", "Reason for exam:", "Clinical information:"])
def test_what_was_known_before_is_no_finding(heading):
    text = f"{heading} lump, mass in the right breast.\nCalcifications before.\nFINDINGS: No mass in the left breast."
    assert facts(text) == ["no mass L"]
    assert facts(f"{heading}\nMass in the right breast.\nFindings:\nNo mass in the left breast.") == ["no mass L"]
