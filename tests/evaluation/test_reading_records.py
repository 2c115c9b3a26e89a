"""From a reading to its record, without weights: the reading is made by hand from a small drawn truth."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mammoscribe.domain.evidence import Claim, Evidence, EvidenceKind, Writer
from mammoscribe.domain.finding import FindingType
from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.reading_records import cache_path, decode_phantom, read_seeds, record_of
from mammoscribe.evaluation.records import ExamRecord
from mammoscribe.models.reader.judging import ReaderOutput
from mammoscribe.phantom import BreastTruth
from mammoscribe.reading import Reading
from mammoscribe.reporting.chart import Chart
from mammoscribe.reporting.compose import compose_report

BOX = Box(50, 50, 70, 70)


@dataclass(frozen=True)
class Drawn:
    exam: object
    findings: tuple
    breasts: tuple
    pixels: dict


@pytest.fixture
def drawn(exam, make_finding):
    truth = make_finding("t1", FindingType.MASS, "R", {"R_CC": BOX, "R_MLO": BOX}, ("shape.oval",))
    right, left = (BreastTruth(s, "b", 0.1, "1", s is Laterality.RIGHT) for s in Laterality)
    pixels = {v.id: np.full((200, 200), 4095, np.uint16) for v in exam.views}
    return Drawn(exam, (truth,), (right, left), pixels)


def test_drawn_pixels_are_decoded_to_the_unit_range(drawn, exam):
    picture = decode_phantom(drawn)(exam.views[0])
    assert picture.pixels.dtype == np.float32
    assert picture.pixels.min() == picture.pixels.max() == 1.0


def test_the_decoder_is_measured_before_and_after_the_gate(drawn, make_report, make_finding):
    found = make_finding("f1", FindingType.MASS, "R", {"R_CC": BOX, "R_MLO": BOX}, ("shape.oval",))
    claims = (Claim("Right breast: oval mass."), Claim("Left breast: spiculated mass."))
    plain = make_report([found])
    chart = Chart(plain.exam, plain.search, plain.breasts, (found,))
    report = compose_report(chart, plain.provenance, claims, Writer.DECODER)
    reading = Reading(report, ReaderOutput((found,), (), (found,), {}), {}, claims)
    record = record_of(drawn, reading, Writer.DECODER, 1.0)
    oval = {("R", "mass"), ("R", "mass", "shape", "oval")}
    spiculated = {("L", "mass"), ("L", "mass", "margin", "spiculated")}
    assert record.facts["truth"] == record.facts["rendered"] == record.facts["decoder_report"] == oval
    assert record.facts["decoder_before_gate"] == oval | spiculated
    assert record.facts["decoder_after_gate"] == oval
    assert record.claims == {"corrected": 1, "unsupported": 1}
    assert [(b.density, b.density_given, b.malignant, b.prob_malignant) for b in record.breasts] == [
        ("b", "b", True, 0.5),
        ("b", "b", False, 0.5),
    ]


@pytest.mark.parametrize(("writer", "name"), [(Writer.DECODER, "decoder"), (Writer.EXTERNAL, "model")])
def test_every_text_is_kept_with_the_boxes_that_it_rests_on(drawn, make_report, make_finding, writer, name):
    found = make_finding("f1", FindingType.MASS, "R", {"R_CC": BOX, "R_MLO": BOX}, ("shape.oval",))
    cited = (Evidence(EvidenceKind.FINDING, "f1"),)
    claims = (Claim("Right breast: oval mass.", pointers=cited), Claim("Left breast: spiculated mass."))
    plain = make_report([found])
    chart = Chart(plain.exam, plain.search, plain.breasts, (found,))
    report = compose_report(chart, plain.provenance, claims, writer)
    kept = record_of(drawn, Reading(report, ReaderOutput((found,), (), (found,), {}), {}, claims), writer, 1.0).reports
    assert list(kept) == ["rendered", f"{name}_before_gate", f"{name}_after_gate", f"{name}_report"]
    boxes = (("R_CC", BOX), ("R_MLO", BOX))
    assert [(s.text, s.boxes) for s in kept[f"{name}_before_gate"]] == [(claims[0].text, boxes), (claims[1].text, ())]
    assert [s.text for s in kept["rendered"]] == [s.text for s in plain.sentences]
    assert {s.boxes for s in kept["rendered"] if "mass" in s.text and "Left" not in s.text} == {boxes}
    assert [s.text for s in kept[f"{name}_report"]] == [s.text for s in report.sentences]
    assert set(kept[f"{name}_after_gate"]) < set(kept[f"{name}_report"])


def test_a_reader_that_does_not_write_has_no_decoder_facts(drawn, make_report):
    reading = Reading(make_report(()), ReaderOutput((), (), (), {}), {})
    record = record_of(drawn, reading, Writer.RENDERER, 1.0)
    assert set(record.facts) == {"truth", "rendered"} and set(record.reports) == {"rendered"}
    assert record.claims == {}


def test_other_thresholds_start_a_new_file_of_partial_results(tmp_path):
    from mammoscribe.models.reader.card import ModelCard, OperatingPoint
    from mammoscribe.models.reader.network import small_config

    levels = {t.value: 0.5 for t in FindingType}
    point = OperatingPoint("none", levels, levels, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0.5, 10)
    card = ModelCard("starter", "nothing", small_config(), "0" * 64, point, point)
    stricter = replace(card, synthetic=replace(point, thresholds={t.value: 0.6 for t in FindingType}))
    first = cache_path(tmp_path, card, "jsonl")
    assert first == cache_path(tmp_path, card, "jsonl") != cache_path(tmp_path, stricter, "jsonl")
    first.write_text("old")
    assert not cache_path(tmp_path, card, "jsonl", fresh=True).exists()


def test_exams_of_seeds_are_read_once_and_a_stopped_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("mammoscribe.evaluation.reading_records.draw_exam", lambda seed, spec: f"{spec}-{seed}")
    read, kept = [], tmp_path / "records.jsonl"

    def note(drawn, stop=None):
        if drawn == stop:
            raise KeyboardInterrupt
        read.append(drawn)
        return ExamRecord(drawn, ("R_CC",), False, (), (), (), (), (), {"truth": frozenset()}, {}, 0.0)

    with pytest.raises(KeyboardInterrupt):
        read_seeds([5, 3, 4], "phantom", kept, lambda drawn: note(drawn, "phantom-4"))
    assert read == ["phantom-5", "phantom-3"]
    found = read_seeds([4, 5, 3], "phantom", kept, note)
    assert read == ["phantom-5", "phantom-3", "phantom-4"]
    assert [record.exam_id for record in found] == ["phantom-4", "phantom-5", "phantom-3"]
