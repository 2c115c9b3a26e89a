"""Reference reports of drawn exams: they say what was drawn and nothing else, and every positive sentence has its boxes."""

import json
from pathlib import Path

import jsonschema
import pytest

from mammoscribe.data.report_files import read_reports
from mammoscribe.evaluation.facts import text_keys, truth_keys
from mammoscribe.evaluation.oracle import objections
from mammoscribe.evaluation.reference_reports import (
    grounded,
    reference_report,
    report_text,
    write_reference_report,
    write_reference_table,
)
from mammoscribe.evaluation.report_card.card import make_card
from mammoscribe.evaluation.report_card.pairs import join
from mammoscribe.exports import schema
from mammoscribe.reporting.facts import FactKind
from mammoscribe.reporting.parse import parse_report


def test_the_oracle_has_nothing_against_a_reference(drawn_for_bench):
    for drawn in drawn_for_bench:
        report = reference_report(drawn)
        assert {s.text: objections(s, report) for s in report.sentences} == {s.text: () for s in report.sentences}


def test_the_oracle_objects_when_a_reference_is_held_against_another_exam(drawn_for_bench):
    texts = [reference_report(drawn) for drawn in drawn_for_bench]
    wrong = [objections(s, texts[0]) for s in texts[2].sentences if any(e.kind == "breast" for e in s.evidence)]
    assert any(wrong)


def test_a_reader_of_the_text_finds_the_facts_that_were_drawn(drawn_for_bench):
    for drawn in drawn_for_bench:
        assert text_keys([report_text(reference_report(drawn))]) == truth_keys(drawn.findings)


def test_the_categories_and_densities_are_those_of_the_truth(drawn_for_bench):
    for drawn in drawn_for_bench:
        stated = {(f.kind, f.laterality, f.value) for f in parse_report(report_text(reference_report(drawn))).facts}
        for breast in drawn.breasts:
            assert (FactKind.BIRADS, breast.laterality, breast.category.value) in stated
            assert (FactKind.DENSITY, breast.laterality, breast.density) in stated


def test_an_exam_always_has_the_same_reference_and_exams_differ_in_style(drawn_for_bench):
    texts = [report_text(reference_report(drawn)) for drawn in drawn_for_bench]
    assert texts == [report_text(reference_report(drawn)) for drawn in drawn_for_bench]
    compared = [t.splitlines()[0] for t, d in zip(texts, drawn_for_bench, strict=True) if d.exam.prior]
    assert len(set(compared)) == len(compared) == 2  # the same statement, worded otherwise


def test_what_is_written_comes_back_with_every_box_of_the_truth(drawn_for_bench, tmp_path):
    for drawn in drawn_for_bench:
        report = reference_report(drawn)
        path = write_reference_report(report, tmp_path / "references")
        jsonschema.validate(json.loads(path.read_text()), schema())
        read = read_reports(tmp_path / "references")[drawn.exam.id]
        assert (read.text, read.patient) == (report_text(report), drawn.exam.patient_id)
        assert read.sentences == grounded(report)
        true = sorted((m.view_id, m.box.as_list()) for f in drawn.findings for m in f.marks)
        assert sorted((view, box.as_list()) for s in read.sentences for view, box in s.boxes) == true


def test_the_table_has_the_same_texts(drawn_for_bench, tmp_path: Path):
    texts = {d.exam.id: report_text(reference_report(d)) for d in drawn_for_bench}
    path = write_reference_table([(i, f"p-{i}", t) for i, t in texts.items()], tmp_path / "references.csv")
    read = read_reports(path)
    assert {i: r.text for i, r in read.items()} == texts
    assert {r.patient for r in read.values()} == {f"p-{i}" for i in texts}


def test_references_measured_against_themselves_have_no_error_and_every_box_in_its_place(drawn_for_bench, tmp_path):
    for drawn in drawn_for_bench:
        write_reference_report(reference_report(drawn), tmp_path)
    read = read_reports(tmp_path)
    card = make_card("references", [("the same", join(read, read))], num_draws=100)
    values = {line.figure.name: line.entries[0].value for line in card.lines}
    assert card.systems[0].unread == 0
    assert values["R-GREEN: facts right / (facts right + errors)"] == 1
    assert values["errors of all kinds, per 100 reports"] == 0
    assert values["R-RadFact spatial precision"] == values["R-RadFact spatial recall"] == 1
    assert values["density exact"] == values["BI-RADS exact (4A to 4C as 4)"] == values["change right"] == 1


@pytest.fixture
def drawn_for_bench(bench_exams):
    """Exams without a finding, with calcifications and a prior, with an asymmetry that is new."""
    assert [len(d.findings) for d in bench_exams] == [0, 2, 1]
    assert [bool(d.exam.prior) for d in bench_exams] == [False, True, True]
    return bench_exams
