"""`evaluate`: reads each exam once, goes on where it stopped, prints the report card."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import mammoscribe.evaluation.records as records
from mammoscribe.evaluation.records import ExamRecord


def empty_record(exam_id: str) -> ExamRecord:
    return ExamRecord(exam_id, ("R_CC",), False, (), (), (), (), (), {"truth": frozenset()}, {}, 0.1)


@pytest.fixture
def looked_at(house, monkeypatch):
    """Seeds that were read, with drawing and reading left out."""
    seen: list[str] = []

    def read_record(drawn, reader):
        seen.append(drawn.id)
        return empty_record(drawn.id)

    stand_in = ModuleType("mammoscribe.evaluation.reading_records")
    stand_in.read_record = read_record  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    monkeypatch.setattr("mammoscribe.phantom.draw_exam", lambda seed, spec: SimpleNamespace(id=f"phantom-{seed}"))
    return seen


def test_a_run_goes_on_where_it_stopped(run, looked_at, tmp_path):
    assert run("evaluate", "--out", tmp_path, "--exams", 2).exit_code == 0
    shown = run("evaluate", "--out", tmp_path, "--exams", 3)
    assert looked_at == ["phantom-100000", "phantom-100001", "phantom-100002"]
    assert "| what" in shown.stdout
    (path,) = tmp_path.glob("records-validation-*.jsonl")
    assert len(records.read_records(path)) == 3


def test_another_reader_has_its_own_records(run, looked_at, house, tmp_path):
    run("evaluate", "--out", tmp_path, "--exams", 1)
    house.sha = "b" * 64
    run("evaluate", "--out", tmp_path, "--exams", 1)
    assert looked_at == ["phantom-100000"] * 2


def test_an_unknown_bench_is_refused_with_the_known_one(run, looked_at, tmp_path):
    shown = run("evaluate", "--out", tmp_path, "--bench", "bench_v9")
    assert shown.exit_code == 2
    assert "bench_v1" in shown.stderr
