"""The how-to of probes holds: its commands run on chest pictures of noise and files of random weights, with few steps."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mammoscribe.cli import app
from tests.models.tiny_joint import write_published_image
from tests.training.probes.lab import chest_files

pytest.importorskip("accelerate")
PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "probe.md"
BLOCK = re.compile(r"^```console\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
QUICK = ["--set", "steps=2", "--set", "num_draws=5", "--device", "cpu"]


def test_the_page_runs_on_small_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weights/biovil-t").mkdir(parents=True)
    write_published_image(Path("weights/biovil-t/biovil_t_image_model_proj_size_128.pt"))
    chest_files(tmp_path / "files", patients=80)
    lines = [line for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")) for line in block["text"].splitlines()]
    assert len(lines) == 6
    for line in lines:
        name, *options = shlex.split(line.removeprefix("$ "))
        assert name == "mammoscribe"
        shown = CliRunner().invoke(app, [*options, *(QUICK if options[0] == "train" else [])])
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
    for run in ("all", "ten", "full"):
        assert Path("runs", run, "model", "results.json").is_file()
    assert len(list(Path("prepared.features").glob("*.safetensors"))) == 2
