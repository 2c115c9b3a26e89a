"""Claims of a text: every sentence once, with the breast that it is about."""

import pytest

from mammoscribe.domain.evidence import Evidence, EvidenceKind, Writer
from mammoscribe.domain.view import Laterality
from mammoscribe.writers.claims import Passage, claims_of
from tests.nouns import make_exam


def texts(text: str) -> list[str]:
    return [c.text for c in claims_of([Passage(text)])]


def view_of(side: Laterality):
    return next(v for v in make_exam().current if v.laterality is side)


@pytest.mark.parametrize("side", Laterality)
def test_a_sentence_about_a_view_that_names_no_breast_is_about_that_of_the_view(side):
    view, heading = view_of(side), f"{side.word.capitalize()} breast: "
    claims = claims_of([Passage("There is an oval mass. No mass in the left breast. The breasts are dense.", view)])
    assert [c.text for c in claims] == [
        f"{heading}There is an oval mass.", "No mass in the left breast.", "The breasts are dense."
    ]  # fmt: skip
    assert all(c.writer is Writer.EXTERNAL for c in claims)
    assert {c.pointers for c in claims} == {(Evidence(EvidenceKind.VIEW, view.id),)}


@pytest.mark.parametrize("side", Laterality)
def test_a_sentence_of_a_text_about_one_breast_is_about_that_breast_unless_it_is_about_the_exam(side):
    said = "Comparison: A prior exam was compared.\nFindings: There is a mass. No mass in the left breast.\nImpression: BI-RADS 4."
    heading = f"{side.word.capitalize()} breast: "
    assert [c.text for c in claims_of([Passage(said, side=side)])] == [
        "Comparison: A prior exam was compared.", f"{heading}There is a mass.", "No mass in the left breast.",
        f"{heading}BI-RADS 4.",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", ". !", "\n - \n", "***"])
def test_what_holds_no_word_claims_nothing(text):
    assert texts(text) == []


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Right breast:\nThere is a mass.\nLeft breast:\n- No mass.\n- No calcifications.",
         ["Right breast: There is a mass.", "Left breast: No mass.", "Left breast: No calcifications."]),
        ("Right breast: There is a mass. It is oval.", ["Right breast: There is a mass.", "Right breast: It is oval."]),
        ("Both breasts:\nNo mass.", ["Both breasts: No mass."]),
        ("Left breast:\nA mass.\nIMPRESSION:\nBI-RADS 4.", ["Left breast: A mass.", "BI-RADS 4."]),
        ("A mass in the left breast. A MASS in the left breast.", ["A mass in the left breast."]),
        ("Findings: A mass in the left breast.\nImpression: Left BI-RADS 4.", ["A mass in the left breast.", "Left BI-RADS 4."]),
        ("Left breast:\nFindings: A mass. No cyst.", ["Left breast: A mass.", "Left breast: No cyst."]),
        ("Composition: The breasts are dense.", ["The breasts are dense."]),
        ("Composition: b.", ["Composition: b."]),
        ("Assessment: BI-RADS 2.", ["BI-RADS 2."]),
        ("Assessment: benign.", ["Assessment: benign."]),
        ("Findings:", []),
        ("Clinical history: her mother had cancer.", ["Clinical history: her mother had cancer."]),
        ("A mass of 1.2 cm in the left breast.", ["A mass of 1.2 cm in the left breast."]),
    ],
)  # fmt: skip
def test_a_sentence_begins_with_the_breast_of_its_heading(text, claims):
    assert texts(text) == claims


def test_no_word_of_a_text_is_dropped_but_headings():
    text = "Indication: screening.\nThere is a mass in the left breast.\nThe moon is made of cheese.\nSigned, Dr. Who."
    said = " ".join(texts(text))
    assert all(word in said for word in ("screening", "mass", "cheese", "Who"))
