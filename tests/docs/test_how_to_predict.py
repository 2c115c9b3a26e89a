"""The how-to of many exams holds: its commands run, and its script gives every shard once, with a stand-in for srun."""

import os
import re
import shlex
import subprocess

import pytest

from tests.cli.conftest import house, run  # noqa: F401 (fixtures)
from tests.cli.reading_jobs import JobByName
from tests.docs.page import BLOCK, HOW_TO

PAGE = HOW_TO / "predict.md"
STAND_INS = {"srun": '#!/bin/bash\nexec "$@"\n', "mammoscribe": '#!/bin/bash\nprintf "%s\\n" "$*" >> given.txt\n'}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifest.csv").write_text("one exam")
    for name, text in STAND_INS.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def test_the_page_runs_and_its_script_reads_every_shard_once(run, house, folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr("mammoscribe.cli.predict.ReadingJob", JobByName)
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["file"]:
            numbers = re.search(r"--array=(\d+)-(\d+)", block["text"])
            assert numbers is not None
            given = of_the_array(folder, block["text"], range(int(numbers[1]), int(numbers[2]) + 1))
            commands = [line.replace("--workers 8", "--workers 0") for line in given]
        else:
            commands = [line.removeprefix("$ mammoscribe ") for line in block["text"].splitlines()]
        for command in commands:
            shown = run(*shlex.split(command))
            assert shown.exit_code == 0, shown.output
    assert "1 exams of 16 shards" in shown.stderr


def of_the_array(folder, script, numbers):
    """What the stand-in for mammoscribe was given by the jobs of an array."""
    (folder / "predict.sbatch").write_text(script)
    for number in numbers:
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "SLURM_ARRAY_TASK_ID": str(number)}
        subprocess.run(["bash", "predict.sbatch"], cwd=folder, env=environment, check=True)
    return (folder / "given.txt").read_text().splitlines()
