"""The how-to of RE-tune holds: its commands run on random files in the published layout and pictures of noise."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.docs.page import BLOCK, HOW_TO, commands, run_commands
from tests.models.tiny_joint import write_published_folder

pytest.importorskip("transformers")
pytest.importorskip("accelerate")
PAGE = HOW_TO / "retune.md"


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
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")
            draw(tmp_path / block["file"])
    assert len(commands(PAGE)) == 5
    run_commands(PAGE)
    for scenario in ("class", "joint"):
        for name in ("adaptors.safetensors", "heat_map.html", "result.json"):
            assert Path("runs", scenario, "model", name).is_file()
    assert Path("runs/temporal/model/heads.safetensors").is_file()
