"""One citation of PubMed: what its elements become, and one sentence for what is not whole."""

import datetime as dt

import pytest

from mammoscribe.data.formats.pubmed_xml import deleted_pmids, read_citation
from mammoscribe.support.errors import InputError
from tests.data.datasets.makers.pubmed import LABELLED, citation, plain


def read(*args, **more):
    return read_citation(citation(*args, **more).encode())


def test_a_labelled_abstract_is_a_line_per_part_without_mark_up():
    (document,) = read(12, LABELLED).documents
    assert document.text == "BACKGROUND: Dense breasts hide T1 cancers.\nRESULTS: AUC < 0.9."
    assert (document.id, document.patient_id, document.title, document.language) == ("12", None, "Title of 12.", "en")
    assert document.date == dt.date(2020, 3, 5)
    assert document.labels == {
        "journal": "Radiology", "year": "2020", "types": "Journal Article|Review", "languages": "eng", "mesh": "Mammography",
    }  # fmt: skip


def test_an_unlabelled_part_and_a_blank_one_add_no_label():
    abstract = (
        '<Abstract><AbstractText Label="UNLABELLED">One.</AbstractText><AbstractText Label="AIM"> </AbstractText>'
        "<AbstractText>Two\n  words.</AbstractText></Abstract>"
    )
    assert read(1, abstract).documents[0].text == "One.\nTwo words."


def test_formulas_are_read_as_text_whether_their_prefix_is_bound_or_not():
    math = "x <mml:math><mml:mi>y</mml:mi></mml:math> z"
    assert read(1, plain(math)).documents[0].text == "x y z"


def test_an_abstract_in_another_language_is_a_document_that_stays_with_the_first():
    other = '<OtherAbstract Type="Publisher" Language="{}"><AbstractText>{}</AbstractText></OtherAbstract>'
    spanish, summary = other.format("spa", "Mamas densas."), other.format("eng", "In short.")
    elsewhere = other.format("fre", "Abstract available from the publisher.")
    title = "<VernacularTitle>Título.</VernacularTitle>"
    first, second, third = read(
        14, plain("Dense."), elsewhere + spanish + summary, language="spa", article=title
    ).documents
    assert (second.id, second.patient_id, second.language, second.title) == ("14-3", "14", "es", "Título.")
    assert (third.id, third.patient_id, third.language, third.title) == ("14-4", "14", "en", "Title of 14.")
    assert (second.text, second.labels["abstract"], second.labels["languages"]) == ("Mamas densas.", "Publisher", "spa")
    assert "abstract" not in first.labels


def test_an_unknown_language_keeps_its_code():
    other = '<OtherAbstract Type="Publisher" Language="epo"><AbstractText>Densaj mamoj.</AbstractText></OtherAbstract>'
    assert [d.language for d in read(1, "", other).documents] == ["epo"]


def test_a_citation_without_an_abstract_has_no_document():
    found = read(13)
    assert (found.pmid, found.version, found.documents) == ("13", 1, ())


def test_a_version_is_told_when_it_is_not_the_first():
    found = read(20029614, plain("Text."), version=10)
    assert (found.version, found.documents[0].labels["version"]) == (10, "10")


@pytest.mark.parametrize(
    ("published", "date", "year"),
    [
        ("<Year>2020</Year><Month>3</Month><Day>05</Day>", dt.date(2020, 3, 5), "2020"),
        ("<Year>2020</Year><Month>Mar</Month>", None, "2020"),
        ("<Year>2020</Year><Season>Spring</Season>", None, "2020"),
        ("<MedlineDate>1998 Dec-1999 Jan</MedlineDate>", None, "1998"),
        ("<Year>2020</Year><Month>Feb</Month><Day>30</Day>", None, "2020"),
    ],
)
def test_a_date_is_one_that_is_known_to_the_day(published, date, year):
    text = citation(1, plain("x")).replace("<Year>2020</Year><Month>Mar</Month><Day>05</Day>", published)
    (document,) = read_citation(text.encode()).documents
    assert (document.date, document.labels["year"]) == (date, year)


def test_the_day_of_online_publication_counts_where_the_printed_one_is_not_known():
    online = '<ArticleDate DateType="Electronic"><Year>2019</Year><Month>12</Month><Day>31</Day></ArticleDate>'
    text = citation(1, plain("x"), article=online).replace("<Day>05</Day>", "")
    assert read_citation(text.encode()).documents[0].date == dt.date(2019, 12, 31)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("</Article>", "", "no whole element"),
        ("Title of 1.", "&bomb;", "no whole element"),
        ("Title of 1.", "\0", "no whole element"),
        ('<PMID Version="1">1</PMID>', "", "the PMID ''"),
        (">1</PMID><Article", ">one</PMID><Article", "the PMID 'one'"),
        ('<PMID Version="1">1', '<PMID Version="x">1', "version 'x'"),
    ],
)
def test_what_is_not_whole_is_one_sentence(before, after, said):
    text = citation(1, plain("x"))
    assert before in text
    with pytest.raises(InputError, match=said):
        read_citation(text.replace(before, after, 1).encode())


def test_deleted_citations_are_listed():
    assert deleted_pmids(b'<DeleteCitation><PMID Version="1">15</PMID><PMID>99</PMID></DeleteCitation>') == ["15", "99"]
