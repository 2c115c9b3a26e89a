"""The page on training BioViL-T: every command runs on generated files, with few steps."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.explain.load import load_space
from mammoscribe.models.biovil.report_model import load_report_model
from mammoscribe.models.biovil.text_model import load_text_model
from tests.data.datasets.made import write_lines
from tests.docs.page import HOW_TO, commands
from tests.models.tiny_joint import write_published_folder, write_published_text
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
    for n in range(NUMBER):
        blocks = np.random.default_rng(n).integers(0, 255, (7, 6)).astype(np.uint8)
        picture = root / "images" / "images_normalized" / f"{n}_IM-0001-1001.dcm.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(blocks, np.ones((16, 16), np.uint8))).save(picture)


def test_the_page_runs_on_small_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chest_reports(tmp_path / "files")
    write_published_text(tmp_path / "weights" / "cxr-bert")
    write_published_folder(tmp_path / "weights" / "biovil-t")
    prepared(documents(), tmp_path / "more")
    about = tmp_path / "more" / "prepared" / "prepared.json"
    about.write_text(about.read_text().replace('"listed"', '"pubmed"'))
    lines = commands(HOW_TO / "train_biovil_t.md")
    assert len(lines) == 13
    for line in lines:
        options = shlex.split(line)[1:]
        new = options[1] == "text-mlm" and "--init" not in options
        quick = [*QUICK, *(["--set", "preset=debug"] if new else [])] if options[0] == "train" else []
        if options[1] == "biovil-t":
            quick += ["--set", "batch=4", "--set", "size_px=64"]
            quick += [] if "weights/biovil-t" in options else ["--set", "task.image.preset=debug"]
        quick += ["--set", "batch=4"] if options[1] == "biovil-t-report" else []
        shown = CliRunner().invoke(app, [*options, *quick])
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
    assert load_text_model(tmp_path / "runs" / "sections" / "model").model.joint_dim == 128
    assert load_text_model(tmp_path / "runs" / "continued" / "model").model.bert.config.hidden_size == 32
    assert (tmp_path / "grounding" / "overlay.png").is_file()
    assert "not checked" in shown.stdout and load_report_model(tmp_path / "runs" / "report").card.pictures == "chest"
    space = load_space("runs/continued-joint/model")
    assert space.dim == 16 and space.embed_texts(["a mass"]).shape == (1, 16)
    assert "mammograms" in (tmp_path / "runs" / "mixed" / "model" / "vocab.txt").read_text().split()
