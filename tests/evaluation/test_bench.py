"""The bench's figures from hand-made records, the records' round trip, and the card they are printed on."""

import json
import math
from dataclasses import replace

import pytest

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.grounded import GroundedSentence
from mammoscribe.domain.view import Box
from mammoscribe.evaluation.bench import bench_rows
from mammoscribe.evaluation.bootstrap import Interval
from mammoscribe.evaluation.card import Row, Sense, markdown, write_rows
from mammoscribe.evaluation.facts import truth_keys
from mammoscribe.evaluation.records import (
    BreastRecord,
    ExamRecord,
    dump_record,
    parse_record,
    read_records,
    write_records,
)
from mammoscribe.support.errors import InputError

BOX, AWAY = Box(50, 50, 70, 70), Box(120, 120, 140, 140)


@pytest.fixture
def record(exam, make_finding) -> ExamRecord:
    """One of two masses found with its change right, one false mark, densities b (right) and c for b (wrong)."""
    truth = (
        make_finding("t1", FindingType.MASS, "R", {"R_CC": BOX, "R_MLO": BOX}, ("shape.oval",), change=Change.NEW),
        make_finding("t2", FindingType.MASS, "L", {"L_CC": BOX}, change=Change.STABLE),
    )
    found = make_finding("f1", FindingType.MASS, "R", {"R_CC": BOX, "R_MLO": AWAY}, ("shape.round",), change=Change.NEW)
    late = make_finding("f2", FindingType.MASS, "L", {"L_CC": BOX}, score=0.1)
    return ExamRecord(
        exam_id="e1",
        view_ids=tuple(v.id for v in exam.current),
        has_prior=True,
        truth=truth,
        reported=(found,),
        possible=(late,),
        candidates=(found, late),
        breasts=(BreastRecord("R", "b", True, "b", 0.9), BreastRecord("L", "b", False, "c", 0.2)),
        facts={"truth": truth_keys(truth), "rendered": truth_keys([found]), "decoder_before_gate": frozenset()},
        claims={"consistent": 3, "unsupported": 1},
        seconds=1.5,
        reports={
            "rendered": (GroundedSentence("Right breast: oval mass.", (("R_CC", BOX),)), GroundedSentence("None."))
        },
    )


def test_a_record_survives_its_line_of_json(record, tmp_path):
    again = parse_record(dump_record(record))
    assert again == record
    write_records([record, replace(record, exam_id="e2")], tmp_path / "records.jsonl")
    assert list(read_records(tmp_path / "records.jsonl")) == ["e1", "e2"]
    assert read_records(tmp_path / "none.jsonl") == {}


def test_a_line_from_before_reports_were_kept_has_none(record):
    plain = json.loads(dump_record(record))
    del plain["reports"]
    assert parse_record(json.dumps(plain)) == replace(record, reports={})


def test_a_line_that_is_no_record_is_refused():
    with pytest.raises(InputError, match="no exam record"):
        parse_record('{"exam_id": "e1"}')


def test_every_figure_of_the_bench(record):
    rows = {r.what: r for r in bench_rows([record, replace(record, exam_id="e2")])}
    assert rows["mass, in sentences: found"].value == 0.5
    assert rows["mass, in sentences: found"].met is None
    assert rows["mass, in sentences: false marks per view"].value == 0.25
    assert rows["mass, weaker marks shown: found"].value == 1.0
    assert rows["mass, weaker marks shown: found"].met is True
    assert rows["mass, weaker marks shown: false marks per view"].met is True
    assert rows["mass, in sentences: boxes found"].value == pytest.approx(1 / 3)
    assert rows["mass: found at 0.5 false marks per view, any threshold"].value == 1.0
    assert math.isnan(rows["suspicious calcification, in sentences: found"].value)
    assert rows["density exact"].value == 0.5
    assert rows["facts F1, rendered report"].value == pytest.approx(2 / 5)  # R mass right, round wrong; 2 missed
    assert rows["facts F1, rendered report: breast and kind only"].value == pytest.approx(2 / 3)
    assert rows["facts F1, decoder before the gate"].value == 0.0
    assert "facts F1, decoder's report (omissions appended)" not in rows
    assert rows["decoder's claims unsupported"].value == 0.25
    assert rows["malignancy AUC per breast"].value == 1.0
    assert rows["change since the prior right"].value == 1.0
    assert rows["change since the prior right"].n == "2 matched findings"


def test_an_exam_without_a_density_answer_is_not_exact(record):
    silent = replace(
        record, breasts=(BreastRecord("R", "b", None, None, None), BreastRecord("L", "b", None, "b", None))
    )
    rows = {r.what: r.value for r in bench_rows([silent])}
    assert rows["density exact"] == 0.5
    assert "malignancy AUC per breast" not in rows


def test_one_exam_with_nothing_in_it_still_gives_a_table(record):
    empty = replace(
        record, truth=(), reported=(), possible=(), candidates=(), facts={"truth": frozenset(), "rendered": frozenset()}
    )
    rows = {r.what: r for r in bench_rows([empty])}
    assert math.isnan(rows["mass, in sentences: found"].value)
    assert rows["mass, in sentences: found"].interval is None
    assert rows["facts F1, rendered report"].value == 1.0
    assert rows["facts F1, rendered report"].interval is None


def test_the_card_says_which_bars_are_met(tmp_path):
    rows = [
        Row("a", 0.8, "5 masses", Interval(0.6, 0.9), 0.85),
        Row("b", 2.0, "4 runs", None, 3.0, Sense.AT_MOST, 1),
        Row("c", math.nan, "0"),
    ]
    lines = markdown(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [c.strip() for c in lines[2].split("|")[1:-1]] == [
        "a",
        "0.800",
        "0.600 to 0.900",
        "5 masses",
        ">= 0.85",
        "no",
    ]
    assert [c.strip() for c in lines[3].split("|")[1:-1]] == ["b", "2.0", "", "4 runs", "<= 3", "yes"]
    assert "not defined" in lines[4]
    written = json.loads(write_rows(rows, tmp_path / "rows.json").read_text())
    assert [r["met"] for r in written] == [False, True, None]
    assert written[2]["value"] is None
