"""The how-to of SLURM holds: its files are read, its commands write the script that the page shows, and its table has every key."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from mammoscribe.support.slurm.site import Job, PredictJob, Site, TrainJob
from mammoscribe.support.slurm.site_file import read_site
from mammoscribe.training.engine.run import Run
from mammoscribe.training.reader.task import ReaderSettings
from mammoscribe.training.recipe_list import RECIPES
from tests.cli.conftest import house, run  # noqa: F401 (fixtures)
from tests.docs.page import HOW_TO, blocks, commands, write_files

PAGE = HOW_TO / "slurm.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/users/lab")
    monkeypatch.setitem(RECIPES, "reader", lambda data, init: Run("reader", ReaderSettings(), 1, {"data": 8}))
    Path("manifest.csv").write_text("one exam")
    Path("runs").mkdir()
    write_files(PAGE)
    for script in Path("runs").glob("*.sbatch"):  # a block that shows what comes of a command
        script.unlink()
    return tmp_path


def test_its_commands_write_the_script_that_it_shows(run, house, folder):  # noqa: F811
    house.exam_ids = tuple(f"e{n}" for n in range(20))
    for line in commands(PAGE):
        shown = run(*shlex.split(line)[1:])
        assert shown.exit_code == 0, shown.output
        assert not shown.stderr
    assert {p.name for p in folder.glob("*.sbatch")} == {"results.predict.sbatch", "results.merge.sbatch"}
    (block,) = (b for b in blocks(PAGE, "bash") if b["file"] == "runs/ours.sbatch")
    written = Path("runs/ours.sbatch").read_text().replace(str(folder), "/project/lab/mammograms")
    assert written.startswith(block["text"]) and "#SBATCH" not in written.removeprefix(block["text"])


def test_its_files_describe_clusters(folder):
    files = [b["file"] for b in blocks(PAGE, "toml")]
    assert len(files) >= 3 and all(read_site(Path(name)).train for name in files)
    assert read_site(Path("site.toml")).merge.partition == "cpu"


def test_its_table_has_every_key():
    known = {f.name for noun in (Site, Job, TrainJob, PredictJob) for f in fields(noun)} - {"train", "predict", "merge"}
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert {name.strip("[]") for row in rows for name in re.findall(r"`([^`]+)`", row)} - {"train.sbatch"} == known
