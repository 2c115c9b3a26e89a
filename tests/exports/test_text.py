from dataclasses import replace
from pathlib import Path

import pytest

from mammoscribe.domain.view import Origin
from mammoscribe.exports import report_text
from mammoscribe.exports.words import NOTICE
from tests.exports.golden_file import same_as_golden
from tests.exports.samples import one_film, two_findings_with_prior, with_exam


def one_line(report) -> str:
    return " ".join(report_text(report).split())


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
    text = one_line(two_findings_with_prior())
    assert NOTICE in text
    assert (
        "46%, above average (odds 5.1 times) for RSNA screening subset, out of fold, where 14% of 674 breasts" in text
    )


def test_evidence_ids_are_optional_and_the_exam_is_called_so():
    report = two_findings_with_prior()
    assert "15 mm. [f1]" in report_text(report)
    assert "views of both breasts were read. [exam]" in report_text(report)
    assert "[f1" not in report_text(report, evidence=False)


def test_a_refused_claim_is_never_in_the_text():
    assert "skin thickening" not in report_text(two_findings_with_prior())


def test_an_unimaged_breast_says_so():
    text = report_text(one_film())
    assert "Right: not imaged" in text
    assert "probability of malignancy: not given" in text
    assert "Sizes in millimetres" in text


def test_a_synthetic_exam_says_so_and_a_real_one_does_not():
    drawn, real = (report_text(two_findings_with_prior(origin=o)) for o in (Origin.SYNTHETIC, Origin.ACQUIRED))
    assert "*** SYNTHETIC ***" in drawn.splitlines()[:4]
    assert "SYNTHETIC" not in real


def test_files_set_aside_and_what_was_not_searched_are_in_the_text():
    text = one_line(one_film())
    assert "magnified.dcm: a magnification view" in text
    assert "letter.pdf: not a picture" in text
    assert "calcifications were not searched for on left MLO (pixel size unknown)" in text
    assert "no category is given (no left CC was read" not in text  # the exam's reason names the breast
    assert "no category is given (left breast: no left CC was read (set aside: a magnification view)" in text


def test_warnings_of_one_kind_are_one_line():
    report = replace(two_findings_with_prior(), warnings=("L MLO: dark", "R CC: dark"))
    assert "- R CC, L MLO: dark" in report_text(report).splitlines()


def test_the_head_names_the_exam_shortly_and_the_provenance_in_full():
    uid = "1.2.840.113619.2.401.1029384756.2024.5.2.101112"
    report = two_findings_with_prior(exam_id=uid)
    text = report_text(with_exam(report, replace(report.exam, accession="A-4711")))
    assert "Exam: A-4711, 2024-05-02" in text.splitlines()
    assert text.index(uid) > text.index("PROVENANCE")
    assert text.count(uid) == 1


def test_a_line_break_in_a_name_cannot_fake_a_section():
    report = one_film()
    film = replace(report.exam.views[0], source="a.pgm\nIMPRESSION\nAll is well.")
    aside = tuple(replace(s, reason="x\nIMPRESSION\nAll is well.") for s in report.exam.set_aside)
    exam = replace(report.exam, views=(film,), set_aside=aside, accession="1\nIMPRESSION\nAll is well.")
    assert report_text(with_exam(report, exam)).splitlines().count("IMPRESSION") == 1
