"""The how-to of phantom-bench holds: its commands run on one exam, with a reader of random weights."""

import json
from dataclasses import replace
from pathlib import Path

from mammoscribe.data.report_files import read_reports
from mammoscribe.phantom import BENCHES
from tests.cli.tiny_reader import write_tiny_reader
from tests.docs.page import HOW_TO, blocks, run_commands

PAGE = HOW_TO / "phantom_bench.md"


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = {name: replace(bench, seeds=bench.seeds[1:2]) for name, bench in BENCHES.items()}
    monkeypatch.setattr("mammoscribe.phantom.BENCHES", short)
    write_tiny_reader(Path("made")).rename("ours")
    printed = run_commands(PAGE)
    drawn = next(text for command, text in printed.items() if "--bench" in command)
    assert "1 exams are: 1 equal" in " ".join(drawn.split())
    card = json.loads(Path("runs/ours/card.json").read_text())
    assert card["exams"] == 1
    of_marks = json.loads(Path("runs/results/card.json").read_text())
    assert (of_marks["split"], of_marks["synthetic"], of_marks["exams"]) == ("test", True, 1)


def test_a_report_with_the_keys_of_the_page_is_read_with_its_boxes(tmp_path):
    (block,) = [b for b in blocks(PAGE, "json") if b["file"] == "report.json"]
    (tmp_path / "phantom-900037").mkdir()
    (tmp_path / "phantom-900037" / "report.json").write_text(block["text"])
    (report,) = read_reports(tmp_path).values()
    assert (report.id, report.patient) == ("phantom-900037", "PHANTOM-900037")
    ((view, box),) = report.sentences[0].boxes
    assert (view, box.as_list()) == ("L_CC", [310, 402, 371, 450])
