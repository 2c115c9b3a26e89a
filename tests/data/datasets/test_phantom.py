"""Synthetic exams as a dataset: what was drawn comes back as labels, regions and a prior."""

import json
from dataclasses import replace

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.phantom import PHANTOM
from mammoscribe.data.supervision import Question
from mammoscribe.domain.view import Laterality
from mammoscribe.phantom import TRAINING_SPEC, GeneratorVersion, draw_exam, write_png_exam
from tests.data.datasets.makers.phantom import files


@pytest.fixture
def items(tmp_path):
    files(tmp_path)
    return {i.id: i for i in PHANTOM.editions[0].read(tmp_path)}


def test_the_prior_is_a_record_of_its_own_and_the_exam_names_it(items):
    assert items["phantom-5"].prior_id == "phantom-5-prior"
    assert items["phantom-5-prior"].breasts == {}
    assert items["phantom-6"].prior_id is None


def test_the_card_says_what_the_labels_teach(items):
    right, left = (items["phantom-5"].breasts[side] for side in Laterality)
    teaches = PHANTOM.supervision
    assert [teaches.answer("breast", Question.RECALL, b) for b in (right, left)] == ["1", "0"]
    assert [teaches.answer("breast", Question.BIRADS, b) for b in (right, left)] == ["5", "1"]
    cc = next(v for v in items["phantom-5"].images if v.path == "phantom-5/R_CC.png")
    (region,) = cc.regions
    assert teaches.answer("region", Question.KIND, region.labels) == "mass"
    assert teaches.answer("region", Question.DESCRIPTORS, region.labels) == "shape.irregular,margin.spiculated"
    assert teaches.answer("region", Question.CHANGE, region.labels) == "new"


def test_boxes_of_one_finding_share_its_name_across_views(items):
    names = {r.labels["finding"] for v in items["phantom-5"].images for r in v.regions}
    assert names == {"m1"}
    assert sum(len(v.regions) for v in items["phantom-5"].images) == 2


def test_a_truth_file_that_cannot_be_read_is_one_fault_and_the_others_go_on(tmp_path):
    files(tmp_path)
    (tmp_path / "phantom-5" / "truth.json").write_text("{")
    found = list(PHANTOM.editions[0].read(tmp_path))
    assert [i.where for i in found if isinstance(i, Fault)] == ["phantom-5/truth.json"]
    assert [i.id for i in found if not isinstance(i, Fault)] == ["phantom-6"]


@pytest.mark.parametrize("version", GeneratorVersion)
def test_what_the_phantom_writes_is_read_as_it_was_drawn(tmp_path, version):
    drawn = draw_exam(100_003, replace(TRAINING_SPEC, generator=version))
    write_png_exam(drawn, tmp_path / "exam")
    records = {r.id: r for r in PHANTOM.editions[0].read(tmp_path)}
    current = records[drawn.exam.id]
    assert len(current.images) == len(drawn.exam.current)
    boxes = [r.box for v in current.images for r in v.regions]
    assert sorted(b.as_list() for b in boxes) == sorted(m.box.as_list() for f in drawn.findings for m in f.marks)
    assert {s: labels["density"] for s, labels in current.breasts.items()} == {
        b.laterality: b.density for b in drawn.breasts
    }


def test_reference_reports_are_read_in_their_sections_where_there_are_any(tmp_path):
    files(tmp_path)
    sentences = [
        {"text": "No prior.", "section": "comparison"},
        {"text": "R: mass.", "section": "findings"},
        {"text": "L: none.", "section": "findings"},
    ]
    (tmp_path / "references" / "phantom-5").mkdir(parents=True)
    (tmp_path / "references" / "phantom-5" / "report.json").write_text(json.dumps({"sentences": sentences}))
    records = {r.id: r for r in PHANTOM.editions[0].read(tmp_path)}
    report = records["phantom-5"].report
    assert report.raw == "No prior.\nR: mass.\nL: none."
    assert dict(report.sections) == {"comparison": "No prior.", "findings": "R: mass.\nL: none."}
    assert records["phantom-6"].report is None and records["phantom-5-prior"].report is None


def test_exams_of_a_bench_are_always_in_the_test_split(tmp_path):
    files(tmp_path)
    for folder, seed in (("phantom-5", 900_000), ("phantom-6", 977_363)):
        path = tmp_path / folder / "truth.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": seed, "exam_id": f"phantom-{seed}"}))
    records = {r.id: r for r in PHANTOM.editions[0].read(tmp_path)}
    assert {i: r.split for i, r in records.items()} == dict.fromkeys(records, "test")
    assert len(records) == 3


def test_other_exams_have_no_split_of_their_own(items):
    assert {r.split for r in items.values()} == {None}
