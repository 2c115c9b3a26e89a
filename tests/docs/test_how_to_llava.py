"""The page on chat models: every command runs on tiny models, with few steps."""

import hashlib
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.data.arrays import exam_of_arrays
from mammoscribe.domain.view import Laterality
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.models.chat.families import FAMILIES
from mammoscribe.training.chat.script import _TABLE
from mammoscribe.writers.author import Case
from mammoscribe.writers.chat import ChatAuthor
from mammoscribe.writers.chat_local import load_local_chat
from mammoscribe.writers.chat_prompts import read_prompts
from tests.cli.identified import visits_in
from tests.cli.tiny_reader import write_tiny_reader
from tests.data.datasets.made import write_dicom
from tests.docs.page import HOW_TO, commands, write_files
from tests.models.tiny_chat import learn_by_heart, picture, write_llava
from tests.training.biovil.lab import breast_lab, breast_records, prepared
from tests.training.chat.lab import text_entry
from tests.training.fine_lab import fine_lab
from tests.writers.test_chat_pictures import drawn

pytest.importorskip("accelerate")
pytest.importorskip("transformers")
LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT
FALSE = "There is a halo of gold in the left breast."
PAGE = HOW_TO / "llava.md"
QUICK = ["--set", "steps=1", "--device", "cpu", "--set", "accumulate=1"]
SCRIPT = """#!/bin/bash
deepspeed llava/train/train_mem.py --model_name_or_path liuhaotian/llava-v1.5-7b --version v1 --data_path data/train.json \\
  --image_aspect_ratio pad --bf16 True --num_train_epochs 1 --per_device_train_batch_size 2 --model_max_length 2048
"""


def test_the_page_runs_on_small_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    write_files(PAGE)
    for number, name in enumerate(("R_CC", "L_CC", "R_MLO", "L_MLO")):
        grey = picture(number, 80, 64).astype(np.uint16) * 16
        write_dicom(Path("data/exam-1") / f"{name}.dcm", Rows=80, Columns=64, PixelData=grey.tobytes())
    Path("data/val.json").write_text(json.dumps([text_entry(0)]))
    Path("finetune.sh").write_text(SCRIPT)
    learned = json.loads(Path("data/train.json").read_text())[0]["conversations"][0]["value"]
    learn_by_heart(write_llava(Path("llava-1.5-7b-hf"), positions=4096), FALSE, learned)
    prepared(breast_records(tmp_path, 3), tmp_path, "plain").rename("prepared")
    breast_lab(tmp_path / "reports", 3).rename("texts")
    fine_lab(tmp_path / "phantoms", 3, "plain").rename("labelled")
    write_an_exam(tmp_path)
    lines = commands(PAGE)
    assert len(lines) == 13
    for line in lines:
        shown = CliRunner().invoke(app, quick(shlex.split(line)[1:]))
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
    assert load_chat_model(Path("runs/reports/model")).family.name == "llava-1.5"
    assert load_chat_model(Path("runs/second/model")).family.name == "llava-1.5"
    digits = hashlib.sha256(Path("runs/llava/model/model.safetensors").read_bytes()).hexdigest()[:12]
    for report in (Path("out/report.json"), Path("reports/e1/report.json")):
        written = json.loads(report.read_text())
        assert written["provenance"]["author"].endswith(f"(weights {digits})")
        assert [claim["text"] for claim in written["rejected_claims"]] == [
            FALSE
        ]  # one step does not change what it says


def write_an_exam(folder):
    """The exam and the manifest that the last commands name, and a tiny reader for them."""
    Path("exam").mkdir()
    for path, name in zip(visits_in(folder / "archive")["current"], ("R_CC", "L_CC", "R_MLO", "L_MLO"), strict=True):
        path.rename(Path("exam") / f"{name}.dcm")
    Path("manifest.csv").write_text("exam_id,path\n" + "".join(f"e1,{path}\n" for path in Path("exam").iterdir()))
    Path("tiny").mkdir()
    write_tiny_reader(Path("tiny"))


def quick(options):
    """A command with little to learn and little to write."""
    if options[0] == "train":
        small = [] if "--from-script" in options else ["--set", "batch=2"]
        if "labelled" in options and "prepared" in options:  # several datasets: each has its own number
            small = ["--set", "batch.listed=2", "--set", "batch.phantom=2"]
        return [*options, *QUICK, *small]
    short = ["--chat-tokens", "40"] if "--chat-model" in options else []
    return [*options, *short, *(["--model", "tiny"] if options[0] in ("read", "predict") else [])]


def test_the_table_of_families_says_of_each_what_is_built():
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `")
    ]
    rows = {row[0].strip("`"): row for row in rows if len(row) == 8}
    assert list(rows) == [family.name for family in FAMILIES]
    for family in FAMILIES:
        _, models, views, tokens, context, fits, prepared, licence = rows[family.name]
        assert views.startswith(f"{family.most_images}, ") and ("one picture" in views) == (family.policy == "montage")
        assert f"{family.view_tokens[1]:,}" in tokens and context == f"{family.context:,}"
        assert fits == ", ".join("yes" if fit else "no" for fit in (family.takes_exam, family.takes_prior))
        assert prepared.startswith(("padded to", "as LLaVA")) == family.preparation.pads_to_square
        assert licence.split()[0] in family.licence and len(models) > 5


def test_the_prompts_of_the_page_ask_as_its_data_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    write_files(PAGE)
    learned = json.loads(Path("data/train.json").read_text())[0]["conversations"][0]["value"]
    prompts, asked = read_prompts(Path("trained.toml")), []

    class Heard(Exception):
        pass

    def hear(_, questions, *__):
        asked.extend(questions)
        raise Heard

    monkeypatch.setattr("mammoscribe.writers.chat_local.answer", hear)
    views = {f"{s}{p}": drawn(side).pixels for s, side in (("L", LEFT), ("R", RIGHT)) for p in ("MLO", "CC")}
    exam = exam_of_arrays(views)
    model = load_local_chat(write_llava(tmp_path / "tiny"), torch.device("cpu"), 9)
    with pytest.raises(Heard):
        ChatAuthor(model, prompts, 64).write(Case(exam.exam, exam.decode, (), ()))
    assert asked[0].turns[0].text == learned


def test_every_flag_that_the_page_names_is_understood():
    table = PAGE.read_text().split("| in the script | here |")[1].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {flag for row in rows for flag in re.findall(r"--(\w+)", row)}
    assert len(named) > 25 and named <= _TABLE.keys()
