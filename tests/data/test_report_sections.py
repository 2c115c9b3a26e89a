"""Sections of reports in English and Spanish."""

import csv
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.report_sections import report_of, split_sections
from mammoscribe.data.report_text import Section
from mammoscribe.support.errors import InputError

FINAL = """                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with cough

 FINDINGS:\x20

 Clear.

 IMPRESSION:\x20

 Normal.
"""
I, C, T, B, F, M, O = Section  # noqa: E741  indication, comparison, technique, composition, findings, impression, other


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("FINDINGS: A mass.\nIMPRESSION: Benign.", {F: "A mass.", M: "Benign."}),
        ("Findings: A mass. Impression: Benign.", {F: "A mass.", M: "Benign."}),
        ("IMPRESSION\nBenign.\n", {M: "Benign."}),
        ("1. FINDINGS: a\n2. IMPRESSION: b", {F: "a", M: "b"}),
        ("**Findings:** a\n**Impression:** b", {F: "a", M: "b"}),
        ("FINDINGS - a\nIMPRESSION - b", {F: "a", M: "b"}),
        ("INDICATION: Pain. COMPARISON: None. FINDINGS: Clear.", {I: "Pain.", C: "None.", F: "Clear."}),
        (FINAL,
         {T: "CHEST (PA AND LAT)", I: "___F with cough", F: "Clear.", M: "Normal."}),
        ("Breast Composition:\nACR B\n\nBIRADS: 1\n\nFindings:\nNothing", {B: "ACR B", M: "BIRADS: 1", F: "Nothing"}),
        ("BI-RADS CATEGORY: 4. ACR: c", {M: "BI-RADS CATEGORY: 4.", B: "ACR: c"}),
        ("PAST MEDICAL HISTORY: Cancer.", {I: "Cancer."}),
        ("FINDINGS AND IMPRESSION: a", {F: "a"}),
        ("FINDINGS: a\nADDENDUM: b\nFINDINGS: c", {F: "a\nc", O: "b"}),
        ("Clear lungs.", {O: "Clear lungs."}),
        ("In short the findings: none.", {O: "In short the findings: none."}),
        ("The Impression: of a mass", {O: "The Impression: of a mass"}),
        ("Technique\nCC and MLO.\nRIGHT BREAST: a mass", {T: "CC and MLO.", F: "RIGHT BREAST: a mass"}),
        ("Normal history", {O: "Normal history"}),
        ("FINDINGS:\n\nIMPRESSION: b", {M: "b"}),
    ],
)  # fmt: skip
def test_headings_of_many_kinds_begin_their_sections(raw, expected):
    assert split_sections(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Datos clínicos: Nódulo palpable.\nHallazgos: Masa.\nConclusión: BI-RADS 4.",
         {I: "Nódulo palpable.", F: "Masa.", M: "BI-RADS 4."}),
        ("TÉCNICA: CC y MLO. COMPOSICIÓN MAMARIA: b. IMPRESIÓN DIAGNÓSTICA: Normal.",
         {T: "CC y MLO.", B: "b.", M: "Normal."}),
        ("Estudios previos: 2019.\nBIRADS: 2", {C: "2019.", M: "BIRADS: 2"}),
        ("sin hallazgos de interes", {O: "sin hallazgos de interes"}),
    ],
)  # fmt: skip
def test_spanish_headings_too(raw, expected):
    assert split_sections(raw, "es") == expected


HEADS = st.sampled_from(
    ["FINDINGS:", "Impression:", "comparison", "BIRADS:", "word", "Mass.", "\n", "1.", "x:", "ACR: b"]
)


@given(st.lists(HEADS).map(" ".join))
def test_every_word_that_is_no_heading_is_in_one_section(raw):
    heading = re.compile(r"FINDINGS:|Impression:|comparison")
    found = " ".join(split_sections(raw).values())
    for word in ("word", "Mass.", "x:", "b", "BIRADS:"):
        assert found.split().count(word) == heading.sub(" ", raw).split().count(word)


def test_blank_text_is_no_report_and_an_unknown_language_is_told():
    assert report_of(" \n") is None
    with pytest.raises(InputError, match="no language with report headings is called 'fr'"):
        report_of("Poumons clairs.", "fr")


@pytest.mark.real
def test_real_mammography_reports_have_their_three_parts(data_root):
    with (data_root / "dmid_reports" / "dmid_reports.csv").open(newline="", encoding="utf-8") as stream:
        found = [split_sections(row["report"]) for row in csv.DictReader(stream)]
    assert len(found) == 414
    assert sum({B, F, M} <= set(sections) for sections in found) >= 400
