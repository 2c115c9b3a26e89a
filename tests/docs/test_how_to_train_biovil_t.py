"""The page on training BioViL-T: every command runs on generated files, with few steps."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.models.biovil.text_model import load_text_model
from tests.data.datasets.made import write_lines
from tests.docs.page import HOW_TO, commands
from tests.models.tiny_joint import write_published_text
from tests.training.text.lab import documents, findings_of, prepared

pytest.importorskip("accelerate")
QUICK = ["--set", "steps=2", "--device", "cpu"]
NUMBER = 60


def chest_reports(root: Path) -> None:
    """Reports without their pictures, in the layout of Kaggle's tables."""
    rows = [
        f"{n},normal,normal,PA,Cough,None.,{findings_of('left', 'base', f'shadow {n}', n)},Shadow {n} at the left base."
        for n in range(NUMBER)
    ]
    write_lines(
        root / "indiana_reports.csv", "uid,MeSH,Problems,image,indication,comparison,findings,impression", *rows
    )
    views = [f"{n},{n}_IM-0001-1001.dcm.png,Frontal" for n in range(NUMBER)]
    write_lines(root / "indiana_projections.csv", "uid,filename,projection", *views)


def test_the_page_runs_on_small_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chest_reports(tmp_path / "files")
    write_published_text(tmp_path / "weights" / "cxr-bert")
    prepared(documents(), tmp_path / "more")
    about = tmp_path / "more" / "prepared" / "prepared.json"
    about.write_text(about.read_text().replace('"listed"', '"pubmed"'))
    lines = commands(HOW_TO / "train_biovil_t.md")
    assert len(lines) == 7
    for line in lines:
        options = line.split()[1:]
        new = options[1] == "text-mlm" and "--init" not in options
        quick = [*QUICK, *(["--set", "preset=debug"] if new else [])] if options[0] == "train" else []
        shown = CliRunner().invoke(app, [*options, *quick])
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
    assert load_text_model(tmp_path / "runs" / "sections" / "model").model.joint_dim == 128
    assert load_text_model(tmp_path / "runs" / "continued" / "model").model.bert.config.hidden_size == 32
    assert "mammograms" in (tmp_path / "runs" / "mixed" / "model" / "vocab.txt").read_text().split()
