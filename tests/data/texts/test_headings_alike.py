"""Headings that are misspelt, cut off or printed letter by letter; words that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.texts.headings_alike import distance
from mammoscribe.data.texts.report_sections import languages, split_sections


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("NDICATION", "indication"), ("NDINGS", "findings"), ("INDINGS", "findings"), ("MPRESSION", "impression"), ("PRESSION", "impression"),
        ("FINDIGNS", "findings"), ("FINDNGS", "findings"), ("Fundings", "findings"), ("FINDINGSS", "findings"),
        ("IMPRESION", "impression"), ("IMPRESSON", "impression"), ("Imprssion", "impression"), ("CONCULSION", "impression"),
        ("TECHINQUE", "technique"), ("COMPARISION", "comparison"), ("COMPARSION", "comparison"), ("CLINCAL HISTORY", "indication"),
        ("BREAST DENSTY", "composition"), ("RECOMENDATION", "impression"), ("RECCOMENDATIONS", "impression"), ("IMPRESSI", "impression"),
        ("F I N D I N G S", "findings"), ("I M P R E S S I O N", "impression"), ("C L I N I C A L  H I S T O R Y", "indication"),
    ],
)  # fmt: skip
def test_a_damaged_heading_begins_its_section(heading, section):
    found = split_sections(f"{heading}: A text of it.\n")
    assert found == {section: "A text of it."}


@pytest.mark.parametrize(
    ("heading", "language", "section"),
    [
        ("ALLAZGOS", "es", "findings"), ("HALLASGOS", "es", "findings"), ("IMPRESION DIAGNOSTCA", "es", "impression"),
        ("CONCLUCIÓN", "es", "impression"), ("Tecnicas", "es", "technique"), ("ACHDOS", "pt", "findings"), ("IMPRESÃO", "pt", "impression"),
        ("CONCLUÇÃO", "pt", "impression"), ("NDICAÇÃO", "pt", "indication"), ("H A L L A Z G O S", "es", "findings"),
    ],
)  # fmt: skip
def test_in_other_languages_too(heading, language, section):
    assert split_sections(f"{heading}: Texto.\n", language) == {section: "Texto."}


@pytest.mark.parametrize(
    "line",
    [
        "Compression: 80 N.", "RESSION: x.", "DICTION: x.", "Pression: 80.", "Dication: x.", "Position: sitting.", "Protection: apron.", "Depression: none.", "Clinic: north.", "Version: 2.",
        "Occlusion: none.", "Lesions: two.", "Mass: oval.", "A B: x.", "Dr. Smith: called.", "we saw the findngs: none.", "Decision: biopsy.",
        "Session: 2.", "Size: 5 mm.", "Margin: sharp.", "Expression: normal.", "USA: x.", "A mass is here: B C D E F.",
    ],
)  # fmt: skip
def test_another_word_before_a_colon_is_no_heading(line):
    assert split_sections(line) == {"other": line}


def test_a_misspelt_heading_in_capitals_is_found_behind_a_sentence_and_alone_on_its_line():
    assert split_sections("INDICATION: Lump. FINDIGNS: A mass.\nIMPRESION\nBI-RADS 4.") == {
        "indication": "Lump.", "findings": "A mass.", "impression": "BI-RADS 4.",
    }  # fmt: skip


def test_a_right_heading_is_never_taken_for_another():
    text = "FINDINGS: a.\nFINDING: b.\nIMPRESSION: c.\nIMPRESSIONS: d."
    assert split_sections(text) == {"findings": "a.\nb.", "impression": "c.\nd."}


@pytest.mark.parametrize(
    ("line", "language", "stays"),
    [
        ("BIRADS IV b", "en", True), ("Birads category-3", "en", True), ("Category 0 – incomplete", "en", True), ("ACR 2", "en", True),
        ("BI-RADS: 4 (suspicious)", "en", True), ("BI-RADS®: 4", "en", True), ("BI-RADS® category 2", "en", True), ("BI-RADS - 4", "en", True),
        ("BI-RADS- 4a", "en", True), ("BIRAD 3", "en", True), ("Bi-Rad: 3", "en", True), ("BIARDS: 3", "en", True), ("BI-RADS VI.", "en", True), ("BI RADS = 4", "en", True),
        ("ID: BI-RADS II bilateral.", "es", False), ("IDX: BI-RADS 2", "es", False), ("Categoría 4", "es", True), ("ACR 3", "es", True),
        ("Categoria 2 BI-RADS", "pt", True), ("BIRADS II", "pt", True),
    ],
)  # fmt: skip
def test_a_category_behind_the_findings_is_the_impression(line, language, stays):
    findings = {"en": "FINDINGS: A mass.", "es": "HALLAZGOS: Masa.", "pt": "ACHADOS: Massa."}[language]
    found = split_sections(f"{findings}\n\n{line}\n", language)
    assert list(found) == ["findings", "impression"]
    assert found["impression"] == (line if stays else line.split(": ")[1])


@pytest.mark.parametrize(
    ("text", "language"),
    [("ID: 4711\nHALLAZGOS: Masa.", "es"), ("ACR 2\nFINDINGS: A mass.", "en"), ("FINDINGS: A mass, category I think.", "en"),
     ("FINDINGS: A mass.\nBirads vision was used.", "en")],
)  # fmt: skip
def test_what_only_looks_like_a_category_is_no_impression(text, language):
    assert "impression" not in split_sections(text, language)


def test_english_is_first_of_the_languages():
    assert languages() == ("en", "es", "pt")


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_the_distance_is_that_of_the_fewest_changes(first, second):
    """Held against a search over all texts that are one change apart, up to two changes."""

    def one_change(text):
        for at in range(len(text) + 1):
            yield from (text[:at] + letter + text[at:] for letter in "abc")
            if at < len(text):
                yield text[:at] + text[at + 1 :]
                yield from (text[:at] + letter + text[at + 1 :] for letter in "abc")
            if at + 1 < len(text):
                yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    near = distance(first, second)
    assert (near == 0) == (first == second)
    assert (near <= 1) == (first == second or second in set(one_change(first)))
    assert near == distance(second, first)
