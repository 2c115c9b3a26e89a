"""The how-to of many exams holds: its commands run, and the script that it writes gives every shard once, with a stand-in for srun."""

import os
import re
import shlex
import subprocess

import pytest

from tests.cli.conftest import house, run  # noqa: F401 (fixtures)
from tests.cli.reading_jobs import JobByName
from tests.docs.page import HOW_TO, commands, write_files

PAGE = HOW_TO / "predict.md"
STAND_INS = {
    "srun": '#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n',
    "mammoscribe": '#!/bin/bash\nprintf "%s\\n" "$*" >> given.txt\n',
}


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
    write_files(PAGE)
    for line in commands(PAGE):
        given = [line.removeprefix("mammoscribe ")]
        if "--slurm" in line:
            assert run(*shlex.split(given[0])).exit_code == 0
            script = (folder / "results.predict.sbatch").read_text()
            numbers = re.search(r"--array=(\d+)-(\d+)", script)
            assert numbers is not None
            given = of_the_array(folder, range(int(numbers[1]), int(numbers[2]) + 1))
        for command in given:
            shown = run(*shlex.split(command.replace("--workers 8", "--workers 0")))
            assert shown.exit_code == 0, shown.output
    assert "1 exams of 16 shards" in shown.stderr


def of_the_array(folder, numbers):
    """What the stand-in for mammoscribe was given by the jobs of an array."""
    for number in numbers:
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "SLURM_ARRAY_TASK_ID": str(number)}
        subprocess.run(["bash", "results.predict.sbatch"], cwd=folder, env=environment, check=True)
    return (folder / "given.txt").read_text().splitlines()
