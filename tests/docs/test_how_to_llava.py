"""The page on chat models: every command runs on tiny models, with few steps."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mammoscribe.cli import app
from mammoscribe.models.chat.chat_model import load_chat_model
from mammoscribe.training.chat.script import _TABLE
from tests.data.datasets.made import write_dicom
from tests.docs.page import HOW_TO, commands, write_files
from tests.models.tiny_chat import picture, write_llava
from tests.training.biovil.lab import breast_lab, breast_records, prepared
from tests.training.chat.lab import text_entry
from tests.training.fine_lab import fine_lab

pytest.importorskip("accelerate")
pytest.importorskip("transformers")
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
    write_llava(Path("llava-1.5-7b-hf"), positions=4096)
    prepared(breast_records(tmp_path, 3), tmp_path, "plain").rename("prepared")
    breast_lab(tmp_path / "reports", 3).rename("texts")
    fine_lab(tmp_path / "phantoms", 3, "plain").rename("labelled")
    lines = commands(PAGE)
    assert len(lines) == 9
    for line in lines:
        options = shlex.split(line)[1:]
        small = [] if "--from-script" in options else ["--set", "batch=2"]
        if "labelled" in options and "prepared" in options:  # several datasets: each has its own number
            small = ["--set", "batch.listed=2", "--set", "batch.phantom=2"]
        shown = CliRunner().invoke(app, [*options, *(QUICK + small if options[0] == "train" else [])])
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
    assert load_chat_model(Path("runs/reports/model")).family.name == "llava-1.5"
    assert load_chat_model(Path("runs/second/model")).family.name == "llava-1.5"


def test_every_flag_that_the_page_names_is_understood():
    table = PAGE.read_text().split("| in the script | here |")[1].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {flag for row in rows for flag in re.findall(r"--(\w+)", row)}
    assert len(named) > 25 and named <= _TABLE.keys()
