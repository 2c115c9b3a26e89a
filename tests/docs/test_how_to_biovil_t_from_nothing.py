"""The page on BioViL-T from nothing: every command runs on small drawn exams, with few steps."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mammoscribe.cli import app
from tests.docs.page import HOW_TO, blocks, commands
from tests.training.fine_lab import VIEWS, fine_files

pytest.importorskip("accelerate")
PAGE = HOW_TO / "biovil_t_from_nothing.md"
ROOT = Path(__file__).parents[2]
DRAWN, SMALL = "phantom-30000000", "phantom-0"
"""The exam that the page names, and the one that takes its place."""
QUICK = {
    "text-mlm": ("steps=2", "preset=debug"),
    "text-sections": ("steps=2", "batch=4"),
    "biovil-t": ("steps=2", "batch=4", "size_px=64", "task.image.preset=debug"),
    "biovil-t-report": ("steps=2", "batch=4"),
}


def drawn_exams(root: Path) -> None:
    """Ten small exams with what `mammoscribe phantom` writes beside them, as far as the page needs it."""
    fine_files(root, exams=10)
    lines = ["exam_id,patient_id,laterality,view,path"]
    for exam in sorted(p.parent.name for p in root.glob("*/truth.json")):
        lines += [f"{exam},{exam},{v[0]},{v[2:]},{exam}/{v}.png" for v in VIEWS]
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")


def steps(line: str) -> list[str]:
    """The options of a line, at the size of a test."""
    _, *options = shlex.split(line.replace(DRAWN, SMALL))
    if options[0] != "train":
        return options
    kept = [o for o in options if not o.startswith(("steps=", "batch=", "size_px="))]
    kept = [o for o, after in zip(kept, [*kept[1:], ""], strict=True) if o != "--set" or "=" in after]
    return [*kept, *(part for s in QUICK[options[1]] for part in ("--set", s)), "--device", "cpu"]


def test_every_stage_of_the_page_runs_from_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn_exams(tmp_path / "phantoms")
    script = blocks(PAGE, "sh")[0]["text"].split()[1:]
    subprocess.run([sys.executable, ROOT / script[0], *script[1:]], check=True, timeout=60)
    lines = commands(PAGE, without=("mammoscribe phantom",))
    assert [line.split()[2] for line in lines if line.startswith("mammoscribe train")] == list(QUICK)
    for line in lines:
        shown = CliRunner().invoke(app, steps(line))
        warned = line.startswith("mammoscribe data")  # the audit ends with 1 for reports that are word for word alike
        assert shown.exit_code in ((0, 1) if warned else (0,)), f"{line}\n{shown.output}\n{shown.exception!r}"
    page = (tmp_path / "read" / "report.html").read_text()
    assert (
        "claims were written by biovil-t-report on phantom (weights " in page
    )  # the report names who wrote beside the reader
