"""The how-to of RE-tune holds: its commands run on random files in the published layout and pictures of noise."""

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mammoscribe.cli import app
from tests.models.tiny_joint import write_published_folder

pytest.importorskip("transformers")
pytest.importorskip("accelerate")
PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "retune.md"
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def draw(table: Path) -> None:
    """Every picture that a table names, as noise that its own path decides."""
    with table.open() as stream:
        names = {row[c] for row in csv.DictReader(stream) for c in ("path", "prior_path") if row.get(c)}
    for name in sorted(names):
        path = table.parent / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(list(name.encode())).integers(0, 255, (64, 48)).astype(np.uint8)).save(
            path
        )


def test_the_page_runs_on_tiny_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_published_folder(tmp_path / "weights" / "biovil-t")
    blocks = list(BLOCK.finditer(PAGE.read_text(encoding="utf-8")))
    for block in blocks:
        if block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")
            draw(tmp_path / block["file"])
    lines = [line for b in blocks if b["kind"] == "console" for line in b["text"].splitlines()]
    assert len(lines) == 5
    for line in lines:
        name, *options = shlex.split(line.removeprefix("$ "))
        assert name == "mammoscribe"
        shown = CliRunner().invoke(app, options)
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
    for scenario in ("class", "joint"):
        for name in ("adaptors.safetensors", "heat_map.html", "result.json"):
            assert Path("runs", scenario, "model", name).is_file()
    assert Path("runs/temporal/model/heads.safetensors").is_file()
