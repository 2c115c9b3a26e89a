from dataclasses import replace
from pathlib import Path

import pytest

from mammoscribe.domain.exam import Exam
from mammoscribe.exports import report_text
from mammoscribe.exports.words import NOTICE, percent
from tests.exports.golden_file import same_as_golden
from tests.exports.samples import one_film, two_findings_with_prior


@pytest.mark.parametrize("name", ["prior", "film"])
def test_text_is_as_it_was(name):
    report = {"prior": two_findings_with_prior, "film": one_film}[name]()
    same_as_golden(Path(__file__).parent / "golden" / f"{name}.txt", report_text(report))


def test_sections_stand_in_standard_order_and_empty_ones_are_left_out():
    lines = report_text(two_findings_with_prior()).splitlines()
    headings = ["TECHNIQUE", "COMPARISON", "BREAST COMPOSITION", "FINDINGS", "IMPRESSION", "RECOMMENDATION", "LIMITS"]
    assert [line for line in lines if line in {*headings, "INDICATION"}] == headings
    film = [line for line in report_text(one_film()).splitlines() if line in {*headings, "INDICATION"}]
    assert film == ["INDICATION", "TECHNIQUE", "BREAST COMPOSITION", "FINDINGS", "IMPRESSION", "LIMITS"]


def test_the_notice_and_the_population_of_every_probability_are_printed():
    text = " ".join(report_text(two_findings_with_prior()).split())
    assert NOTICE in text
    assert "46% (calibrated on RSNA screening subset, out of fold; prevalence 14%, n = 674)" in text


def test_evidence_ids_are_optional():
    report = two_findings_with_prior()
    assert "15 mm. [f1]" in report_text(report)
    assert "[f1" not in report_text(report, evidence=False)


def test_a_refused_claim_is_never_in_the_text():
    assert "skin thickening" not in report_text(two_findings_with_prior())


def test_an_unimaged_breast_says_so():
    text = report_text(one_film())
    assert "Right: not imaged" in text
    assert "probability of malignancy: not assessed" in text
    assert "Sizes in millimetres" in text


def test_a_line_break_in_an_exam_id_cannot_fake_a_section():
    report = one_film()
    film = replace(report.exam.views[0], source="a.pgm\nIMPRESSION\nAll is well.")
    exam = Exam(report.exam.id, (film,))
    assert report_text(replace(report, exam=exam)).splitlines().count("IMPRESSION") == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0.0%"), (0.0004, "< 0.1%"), (0.0312, "3.1%"), (0.46, "46%"), (0.956, "95.6%"), (0.9999, "> 99.9%"), (1.0, "100.0%")],
)  # fmt: skip
def test_probabilities_are_never_rounded_to_certainty(value, words):
    assert percent(value) == words
