"""Which texts are learned from: sections as edited, pairs of findings and impression, documents as they are."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.data.texts.report_sections import report_of
from mammoscribe.data.texts.report_text import Edit, ReportText, Section
from mammoscribe.support.errors import InputError
from mammoscribe.training.text.texts import (
    SectionPair,
    evenly,
    prepared_pairs,
    prepared_texts,
    record_text,
    section_pair,
    text_key,
)
from tests.data.some_records import exam, study
from tests.training.text.lab import documents, one_section, prepared, reports


def test_a_report_is_its_sections_without_headings():
    record = study(report=report_of("FINDINGS: A mass.\n\nIMPRESSION: BI-RADS 4."))
    assert record_text(record).split("\n") == ["A mass.", "BI-RADS 4."]
    assert section_pair(record) == SectionPair("A mass.", "BI-RADS 4.")


def test_mammography_exams_have_texts_too():
    assert section_pair(exam()) == SectionPair("A mass.", "BI-RADS 4.")


def test_what_was_dropped_when_the_data_was_read_is_not_learned_from():
    edit = Edit(Section.FINDINGS, "Unchanged mass.", "")
    partly = study(
        report=ReportText("FINDINGS: Unchanged mass.\nIMPRESSION: Mass.", {Section.IMPRESSION: "Mass."}, edits=(edit,))
    )
    wholly = study(report=ReportText("FINDINGS: Unchanged mass.", {}, edits=(edit,)))
    assert record_text(partly) == "Mass." and section_pair(partly) is None
    assert record_text(wholly) == ""


def test_a_report_that_was_not_divided_is_learned_from_whole():
    assert record_text(study(report=ReportText("A mass."))) == "A mass."


@pytest.mark.parametrize("sections", [("A mass.", ""), ("", "Normal."), ("A mass.", "  \n")])
def test_a_report_with_one_section_gives_no_pair(sections):
    said = dict(zip((Section.FINDINGS, Section.IMPRESSION), sections, strict=True))
    assert section_pair(study(report=ReportText("x", said))) is None
    assert section_pair(replace(study(), report=None, images=study().images)) is None


def test_a_split_holds_the_records_that_have_a_text_or_a_pair(tmp_path):
    silent = study("z9", "z9", images=study().images, report=None)
    folder = prepared([*reports(1), one_section(1), silent], tmp_path, ("train",))
    texts, pairs = prepared_texts(folder, "train"), prepared_pairs(folder, "train")
    assert (len(texts), len(pairs)) == (25, 24)
    assert "Only findings 1." in {texts[n] for n in range(len(texts))}
    assert all(pair.findings and pair.impression for pair in (pairs[n] for n in range(24)))


def test_documents_are_texts_and_give_no_pairs(tmp_path):
    folder = prepared(documents(), tmp_path)
    assert prepared_texts(folder, "train")[0].startswith("We read")
    with pytest.raises(InputError, match="has findings and an impression") as told:
        prepared_pairs(folder, "train")
    assert str(told.value).count(". ") == 0 and str(folder) in str(told.value)


def test_a_split_without_any_text_is_one_sentence(tmp_path):
    folder = prepared([study("a", "a", report=None), study("b", "b", report=None)], tmp_path, ("train", "val"))
    with pytest.raises(InputError, match=r"no record of .* in train has a text"):
        prepared_texts(folder, "train")


def test_keys_are_of_the_words_not_of_case_or_space():
    assert text_key("No  MASS.\n") == text_key("no mass.") != text_key("no mass")
    assert 0 <= text_key("x") < 2**63


def test_places_are_spread_evenly_and_never_more_than_there_are():
    assert evenly(5, 100).tolist() == [0, 1, 2, 3, 4]
    assert evenly(101, 3).tolist() == [0, 50, 100]
    assert evenly(7, 1).tolist() == [0] and np.array_equal(evenly(0, 3), [])
