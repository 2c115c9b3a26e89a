"""The how-to of BioViL-T holds: its commands and its Python run on random files in the published layout."""

import contextlib
import csv
import io
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from mammoscribe.explain.store import VectorStore
from tests.docs.page import BLOCK, HOW_TO, blocks, commands, run_commands, write_files
from tests.models.tiny_joint import write_published_folder

pytest.importorskip("transformers")
PAGE = HOW_TO / "biovil_t.md"
FETCHES = ("pip install", "mammoscribe weights pull")


def run_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything on the page, in its order, in `folder`."""
    monkeypatch.chdir(folder)
    write_files(PAGE)
    run_commands(PAGE, FETCHES)


def check_results(joint_dim: int) -> None:
    """What the page says lies there afterwards."""
    for folder in ("grounding", "grounding_with_prior"):
        record = json.loads(Path(folder, "grounding.json").read_text())
        heat = np.load(Path(folder, "heat.npy"))
        assert list(heat.shape) == record["size_px"][::-1]
        assert Path(folder, "overlay.png").stat().st_size > 10_000
    assert set(json.loads(Path("grounding/grounding.json").read_text())["figures"]) == {"CNR", "mIoU"}
    with open("scores.csv") as stream:
        assert len(list(csv.DictReader(stream))) == 2 * 4
    assert np.load("index/vectors.npy", mmap_mode="r").shape == (8, joint_dim)
    assert len(Path("index/items.jsonl").read_text().splitlines()) == 8
    assert VectorStore(Path("reports")).state.kind == "texts"


def check_python(folder: Path) -> None:
    (block,) = blocks(PAGE, "python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block["text"], str(PAGE), "exec"), {})
    assert "torch.Size([1, " in printed.getvalue()
    assert "Box(" in printed.getvalue()


def test_the_page_runs_on_tiny_files(tmp_path, monkeypatch):
    write_published_folder(tmp_path / "weights" / "biovil-t")
    run_page(tmp_path, monkeypatch)
    check_results(16)
    check_python(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page_runs_on_files_of_the_published_size(tmp_path, monkeypatch):
    write_full_size(tmp_path / "weights" / "biovil-t")
    run_page(tmp_path, monkeypatch)
    check_results(128)
    check_python(tmp_path)


def write_full_size(folder: Path) -> None:
    """The published architecture at its full size, random: 27 million and 110 million parameters."""
    from transformers import BertConfig

    from mammoscribe.models.biovil.image_model import JointImageConfig, JointImageModel
    from mammoscribe.models.biovil.text_model import JointTextModel

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    image = JointImageModel(JointImageConfig()).state_dict()
    unused = {"encoder.encoder.fc.weight": torch.rand(1000, 2048), "encoder.encoder.fc.bias": torch.rand(1000)}
    torch.save({**image, **unused}, folder / "biovil_t_image_model_proj_size_128.pt")
    shape = {"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
    torch.save(JointTextModel(BertConfig(**shape), 128).state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps({**shape, "pad_token_id": 0}))
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "mass",
        "calcifications",
        "the",
        "breast",
        "no",
        "is",
        "left",
    ]
    (folder / "vocab.txt").write_text("\n".join([*words, *(f"w{i}" for i in range(30522 - len(words)))]) + "\n")


def test_every_file_that_a_command_names_is_on_the_page():
    named = {
        token for line in commands(PAGE, FETCHES) for token in shlex.split(line) if token.endswith((".toml", ".csv"))
    }
    written = {b["file"] for b in BLOCK.finditer(PAGE.read_text(encoding="utf-8")) if b["file"]}
    assert named == written | {"scores.csv", "exams/manifest.csv"}
    assert len(commands(PAGE, FETCHES)) >= 10
