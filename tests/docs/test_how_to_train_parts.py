"""The how-to of a reader's further networks, folds and calibration holds: its commands run on small files, at debug size."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.models.reader.loading import load_reader
from tests.docs.page import HOW_TO
from tests.training.fine_lab import fine_lab, tiny_reader
from tests.training.reader.lab import labelled_lab

pytest.importorskip("accelerate")
PAGE = HOW_TO / "train_parts.md"
QUICK = ("preset=debug", "steps=1", "validate_every=1")
"""Fields that a `train` command gets here where the page does not set them."""


def section(title: str) -> list[str]:
    """The commands of a section, the turns of a loop one by one."""
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines: list[str] = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            loop = re.fullmatch(r"\$ for i in (.*?); do (.*); done", line)
            lines += [loop[2].replace("$i", i) for i in loop[1].split()] if loop else [line.removeprefix("$ ")]
    return lines


def done(lines: list[str]) -> None:
    """Run the commands; each must succeed. The drawn half-discs look alike, so the audit in `data` may end with 1: leaks."""
    for line in lines:
        name, *options = shlex.split(line)
        assert name == "mammoscribe", line
        if options[0] == "train":
            given = {text.split("=")[0].rpartition(".")[2] for text in options if "=" in text}
            fields = (*QUICK, "held_out=2") if options[1] == "decoder" else QUICK
            options += ["--device", "cpu", *(f"--set={f}" for f in fields if f.split("=")[0] not in given)]
        shown = CliRunner().invoke(app, options)
        leaks = options[0] == "data" and re.search(r" [1-9]\d* leaks", shown.output) is not None
        assert shown.exit_code == int(leaks), f"{line}\n{shown.output}\n{shown.exception!r}"


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A prepared catalogue of fine pictures, a reader in runs/ours, and an exam of two views."""
    monkeypatch.chdir(tmp_path)
    fine_lab(tmp_path, 4, "calcifications")
    tiny_reader(Path("runs/ours/model"))
    Path("exam").mkdir()
    for view in ("R_CC", "R_MLO"):
        shutil.copy(f"files/phantom-1/{view}.png", f"exam/{view}.png")
    shutil.copy("exam/R_MLO.png", "R_MLO.dcm")  # what a file is, its bytes say


def test_the_parts_that_learn_from_text(drawn):
    lines = section("The parts of a reader that learn from text")
    assert len(lines) == 4
    done(lines)
    reader = load_reader("runs/decoder/model")
    assert reader.decoder is not None and reader.phrases is not None
    assert Path("grounding/overlay.png").is_file() and Path("out/report.json").is_file()


def test_the_further_networks(drawn):
    lines = section("The further networks of a reader")
    assert len(lines) == 4
    done(lines)
    reader = load_reader("runs/fine/model")
    assert reader.crop_refiner is not None and reader.patch_net is not None
    assert json.loads(Path("out/report.json").read_text())["schema"] == "mammoscribe.report/1"


def test_folds_and_calibration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labelled_lab(tmp_path, 16)
    lines = section("Measure and calibrate on patients that were left out")
    assert len(lines) == 7
    done(lines)
    card = json.loads(Path("models/ours/card.json").read_text())
    assert card["real"]["population"] == "patients left out of training (5 folds) of rsna-2023"
    assert Path("models/ours/breasts.csv").is_file() and Path("models/ours/marks.json").is_file()
