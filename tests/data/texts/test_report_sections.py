"""Sections of reports in English and Spanish; every report here was written for the test."""

import csv
import html
import re
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.texts.report_sections import headings_in, report_of, split_sections
from mammoscribe.data.texts.report_text import Section
from mammoscribe.support.errors import InputError

FINAL = """WET READ: ___ ___ ___ 5:34 PM
  No acute process.
______________________________________________________________________________
                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with pain in the ___

 FINDINGS:\x20

 Clear.

 IMPRESSION:\x20

 1.  Normal.
 2.  No pneumonia.
"""
I, C, T, B, F, M, O = Section  # noqa: E741  indication, comparison, technique, composition, findings, impression, other


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("FINDINGS: A mass.\nIMPRESSION: Benign.", {F: "A mass.", M: "Benign."}),
        ("Findings: A mass. Impression: Benign.", {F: "A mass.", M: "Benign."}),
        ("findings: a mass\nimpression: benign", {F: "a mass", M: "benign"}),
        ("no mass. impression: benign.", {O: "no mass.", M: "benign."}),
        ("IMPRESSION\nBenign.\n", {M: "Benign."}),
        ("IMPRESSION.\nBenign.\n", {M: "Benign."}),
        ("Findings\r\nA mass.\r\nImpression\r\nBenign.\r\n", {F: "A mass.", M: "Benign."}),
        ("1. FINDINGS: a\n2. IMPRESSION: b", {F: "a", M: "b"}),
        ("**Findings:** a\n**Impression:** b", {F: "a", M: "b"}),
        ("Clear. **Impression:** b", {O: "Clear.", M: "b"}),
        ("# Findings\nA mass\n# Impression\nb", {F: "A mass", M: "b"}),
        ("FINDINGS - a\nIMPRESSION - b", {F: "a", M: "b"}),
        ("FINDINGS : a", {F: "a"}),
        ("INDICATION: Pain. COMPARISON: None. FINDINGS: Clear.", {I: "Pain.", C: "None.", F: "Clear."}),
        ("EXAM: CHEST COMPARISON: NONE FINDINGS: CLEAR", {T: "CHEST", C: "NONE", F: "CLEAR"}),
        ("INDICATION: cough for FINDINGS: Clear.", {I: "cough for", F: "Clear."}),
        ("HISTORY: a\nCLINICAL INFORMATION: b\nREASON FOR EXAM: c", {I: "a\nb\nc"}),
        (FINAL, {
            O: "___ ___ ___ 5:34 PM\n  No acute process.\n" + 78 * "_", T: "CHEST (PA AND LAT)", I: "___F with pain in the ___",
            F: "Clear.", M: "1.  Normal.\n 2.  No pneumonia."}),
        ("WET READ VERSION #1 ___ 9:54 PM\n  Clear.", {O: "WET READ VERSION #1 ___ 9:54 PM\n  Clear."}),
        ("Breast Composition:\nACR B\n\nBIRADS: 1\n\nFindings:\nNothing", {B: "ACR B", M: "BIRADS: 1", F: "Nothing"}),
        ("BI-RADS CATEGORY: 4. ACR: c", {M: "BI-RADS CATEGORY: 4.", B: "ACR: c"}),
        ("FINDINGS: No mass.\nBI-RADS 2: Benign", {F: "No mass.", M: "BI-RADS 2: Benign"}),
        ("FINDINGS: It fits with the\nBI-RADS 4 lesion.", {F: "It fits with the\nBI-RADS 4 lesion."}),
        ("PAST MEDICAL HISTORY: Cancer.", {I: "Cancer."}),
        ("FINDINGS AND IMPRESSION: a", {F: "a"}),
        ("Findings and Impression: a", {F: "a"}),
        ("IMPRESSION & RECOMMENDATIONS: a", {M: "a"}),
        ("FINDINGS (compared to 2019): a", {F: "(compared to 2019): a"}),
        ("FINDINGS: a\nADDENDUM: b\nFINDINGS: c", {F: "a\nc", O: "b"}),
        ("Impression: Benign. Recommendation: Return.", {M: "Benign.\nReturn."}),
        ("Technique\nCC and MLO.\nRIGHT BREAST: a mass", {T: "CC and MLO.", F: "RIGHT BREAST: a mass"}),
        ("IMPRESSION:\nRIGHT BREAST: BI-RADS 4\nLEFT BREAST: BI-RADS 2",
         {M: "RIGHT BREAST: BI-RADS 4\nLEFT BREAST: BI-RADS 2"}),
        ("EXAMINATION:\nMammogram\nFINDINGS:\nx", {T: "Mammogram", F: "x"}),
        ("FINDINGS:\n\nIMPRESSION: b", {M: "b"}),
        # no headings
        ("Clear lungs.\n\nNormal.", {O: "Clear lungs.\n\nNormal."}),
        ("In short the findings: none.", {O: "In short the findings: none."}),
        ("The Impression: of a mass", {O: "The Impression: of a mass"}),
        ("THE FINDINGS: NONE", {O: "THE FINDINGS: NONE"}),
        ("We discussed the following\nfindings: a mass.", {O: "We discussed the following\nfindings: a mass."}),
        ("This was seen at the earlier\nexamination", {O: "This was seen at the earlier\nexamination"}),
        ("This was seen with the\nExamination\nof May.", {O: "This was seen with the\nExamination\nof May."}),
        ("Normal history", {O: "Normal history"}),
        ("Mass. Density: high. Margin: sharp.", {O: "Mass. Density: high. Margin: sharp."}),
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
        ("TECNICA: CC.\nCOMPARACION: 2019.\nIMPRESION DIAGNOSTICA: Normal.", {T: "CC.", C: "2019.", M: "Normal."}),
        ("HALLAZGOS.-\nMasa. CONCLUSIÓN.- Benigna", {F: "Masa.", M: "Benigna"}),
        ("Composición mamaria\nTipo b.\nMama derecha: Masa.", {B: "Tipo b.", F: "Mama derecha: Masa."}),
        ("Estudios previos: 2019.\nBIRADS: 2", {C: "2019.", M: "BIRADS: 2"}),
        ("Se observa: una masa.", {O: "Se observa: una masa."}),
        ("sin hallazgos de interes", {O: "sin hallazgos de interes"}),
        ("Se comentan los siguientes\nhallazgos: masa.", {O: "Se comentan los siguientes\nhallazgos: masa."}),
    ],
)  # fmt: skip
def test_spanish_headings_too(raw, expected):
    assert split_sections(raw, "es") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Indicação: Rastreamento.\nAchados: Nódulo.\nImpressão: BI-RADS 4.\nConduta: biópsia.",
         {I: "Rastreamento.", F: "Nódulo.", M: "BI-RADS 4.\nbiópsia."}),
        ("TÉCNICA: CC e MLO. COMPOSIÇÃO MAMÁRIA: b. CONCLUSÃO: Normal.", {T: "CC e MLO.", B: "b.", M: "Normal."}),
        ("INDICACAO: Dor.\nEXAMES ANTERIORES: 2019.\nIMPRESSAO DIAGNOSTICA: Normal.", {I: "Dor.", C: "2019.", M: "Normal."}),
        ("Laudo\nMamas densas.\nMama direita: Massa.\nCategoria 4 BI-RADS.", {F: "Mamas densas.\nMama direita: Massa.", M: "Categoria 4 BI-RADS."}),
        ("Descrição dos achados:\nMassa.\nOpinião:\nBIRADS II", {F: "Massa.", M: "BIRADS II"}),
        ("Observa-se: uma massa.", {O: "Observa-se: uma massa."}),
        ("sem achados de interesse", {O: "sem achados de interesse"}),
    ],
)  # fmt: skip
def test_portuguese_headings_too(raw, expected):
    assert split_sections(raw, "pt") == expected


PIECES = st.sampled_from(
    ["FINDINGS:", "Impression:", "comparison", "BIRADS: 2", "word", "Mass.", "\n", "\n\n", "1.", "x:", "ACR: b", "___", "**",
     "THE", "IMPRESSION", "RIGHT BREAST:", "FINAL REPORT", "History -", "(a)", "TECHNIQUE (b):", "\r\n", "–", "#"]
)  # fmt: skip


@given(st.lists(PIECES).map(" ".join))
def test_every_word_that_is_no_heading_is_in_exactly_one_section(raw):
    rest, end = "", 0
    for heading in headings_in(raw):
        rest += raw[end : heading.start if heading.kind == "plain" else heading.end] + " "
        end = heading.end
    words = sorted(" ".join(split_sections(raw).values()).split())
    assert words == sorted((rest + raw[end:]).split())


NAMES = {
    "HISTORY": I,
    "Comparison": C,
    "TECHNIQUE": T,
    "Breast composition": B,
    "Findings": F,
    "IMPRESSION": M,
    "NOTE": O,
}
FORMS = st.sampled_from(["{}: {}", "{}:\n{}", "{}\n{}", "**{}:** {}", "{} : {}"])
BODIES = st.lists(st.sampled_from(["Mass.", "3.5 cm", "No cyst.", "(b)", "___"]), min_size=1).map(" ".join)


@given(st.lists(st.tuples(FORMS, st.sampled_from(list(NAMES)), BODIES)), st.sampled_from(["\n", "\n\n"]))
def test_a_report_put_together_from_sections_is_taken_apart_into_them(parts, between):
    expected = {}
    for _, name, body in parts:
        expected[NAMES[name]] = "\n".join([*expected.get(NAMES[name], "").split("\n"), body]).strip()
    raw = between.join(form.format(name, body) for form, name, body in parts)
    assert split_sections(raw) == expected


def test_a_heading_knows_where_it_stands_and_whether_it_stays():
    found = headings_in("Clear.\n2. IMPRESSION: x\nBI-RADS: 2")
    assert [(h.start, h.end, h.section, h.kind) for h in found] == [(7, 21, M, "plain"), (24, 32, M, "numbered")]


def test_blank_text_is_no_report_and_an_unknown_language_is_told():
    assert report_of(" \n") is None
    with pytest.raises(InputError, match="no language with report headings is called 'fr'"):
        report_of("Poumons clairs.", "fr")


def test_a_report_keeps_its_raw_text_and_language():
    report = report_of("Hallazgos: masa.", "es")
    assert (report.raw, report.language, report.sections) == ("Hallazgos: masa.", "es", {F: "masa."})


@pytest.mark.real
def test_real_mammography_reports_have_their_three_parts(data_root):
    with (data_root / "dmid_reports" / "dmid_reports.csv").open(newline="", encoding="utf-8") as stream:
        found = [split_sections(row["report"]) for row in csv.DictReader(stream)]
    assert len(found) == 414
    assert sum({B, F, M} <= set(sections) for sections in found) >= 400


@pytest.mark.real
def test_real_chest_reports_put_together_from_their_sections_are_taken_apart_again(data_root):
    right = total = 0
    with tarfile.open(data_root / "iu_xray_text" / "NLMCXR_reports.tgz") as archive:
        for member in archive:
            if not member.name.endswith(".xml"):
                continue
            xml = archive.extractfile(member).read().decode()
            said = re.findall(r'<AbstractText Label="(\w+)">([^<]*)<', xml)
            parts = [(label, html.unescape(text).strip()) for label, text in said if text.strip()]
            total += 1
            found = split_sections("\n".join(f"{label}: {text}" for label, text in parts))
            right += found == {Section(label.lower()): text for label, text in parts}
    assert total == 3955
    assert (
        right == 3937
    )  # the others hold headings of their own in a section, or marks of HTML and HL7, which are undone


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("EXAMINATION: Chest.\n\nLungs clear.\n\nNo effusion.", {"technique": "Chest.", "other": "Lungs clear.\n\nNo effusion."}),
        ("EXAMINATION:\n\nChest.\n \nLungs clear.", {"technique": "Chest.", "other": "Lungs clear."}),
        (
            "INDICATION: Lump.\n\nDense tissue.\n\nIMPRESSION: BI-RADS 2.\n\nBiopsy.",
            {"indication": "Lump.", "other": "Dense tissue.", "impression": "BI-RADS 2.\n\nBiopsy."},
        ),
        ("TECHNIQUE: CC.\n\nMLO.\n\nFINDINGS: A mass.\n\nCalm.", {"technique": "CC.\n\nMLO.", "findings": "A mass.\n\nCalm."}),
        ("INDICATION: Lump\nsince May.\n", {"indication": "Lump\nsince May."}),
    ],
)  # fmt: skip
def test_paragraphs_behind_an_introduction_are_no_part_of_it_where_no_heading_begins_the_findings(
    text: str, sections: dict[str, str]
) -> None:
    assert {str(name): words for name, words in split_sections(text).items()} == sections
