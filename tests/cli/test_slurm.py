"""`--slurm` and `--submit` of train and predict: the same command in a script, and nothing begun or half-written here."""

import re
import shlex

import pytest

from tests.cli.conftest import house  # noqa: F401 (fixture)
from tests.support.slurm.bash import asked

SITE = '[train]\ntime = "1:00:00"\n{train}\n[predict]\ntime = "1:00:00"\nshards = 2\n{predict}\n'
DECODER = ("train", "decoder", "--init", "starter", "--set", "task.preset=debug")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "manifest.csv").write_text("one exam")
    describe(tmp_path)
    return tmp_path


def describe(folder, train="", predict=""):
    (folder / "site.toml").write_text(SITE.format(train=train, predict=predict))


def with_sbatch(folder, *texts):
    """A stand-in for sbatch that keeps what it is given; one text for each call, the last for all later ones."""
    (folder / "bin").mkdir()
    lines = [f"if [ $n -eq {n} ]; then {text}; fi" for n, text in enumerate(texts)]
    script = f'#!/bin/bash\ncd {folder}\nread n < count || n=0\necho "$((n + 1))" > count\necho "$*" >> submitted\n'
    (folder / "bin" / "sbatch").write_text(script + "\n".join(lines) + "\n")
    (folder / "bin" / "sbatch").chmod(0o755)


def words_in(script):
    command = re.search(r"^command=\(\n(.*?)^\)$", script.read_text(), re.MULTILINE | re.DOTALL)
    return shlex.split(command[1])


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"bin/sbatch"}


def test_a_training_becomes_a_script_with_the_same_command(run, folder):
    shown = run(*DECODER, "--set", "batch=8", "--device", "cpu", "--out", "runs/o ne", "--slurm", "site.toml")
    assert shown.exit_code == 0, shown.output
    script = folder / "runs" / "o ne.sbatch"
    assert files(folder) == {"manifest.csv", "site.toml", "runs/o ne.sbatch"}
    words = words_in(script)
    assert words[:3] == ["mammoscribe", "train", "decoder"]
    pairs = sorted(zip(words[3::2], words[4::2], strict=True))
    given = [("--init", "starter"), ("--set", "task.preset=debug"), ("--set", "batch=8"), ("--device", "cpu"), ("--out", "runs/o ne")]  # fmt: skip
    assert pairs == sorted(given) and words.index("task.preset=debug") < words.index("batch=8")
    assert f"cd {folder} || exit 2" in script.read_text()
    options = asked(script.read_text())
    assert (options["job-name"], options["output"]) == ("o ne", f"{folder}/runs/o ne-%j.out")
    assert f"submit it with: sbatch '{script}'" in shown.stdout


def test_the_command_of_the_script_is_one_that_can_be_given(run, folder):
    arguments = ("--set=task.memory_noise=0.2", "--out=-dash", "--slurm", "site.toml")
    assert run(*DECODER, *arguments).exit_code == 0
    words = words_in(folder / "-dash.sbatch")
    assert "--out=-dash" in words
    again = run(*words[1:], "--slurm", "site.toml")
    assert again.exit_code == 0 and words_in(folder / "-dash.sbatch") == words


def test_a_script_that_is_there_and_differs_is_kept(run, folder):
    script = folder / "runs" / "run.sbatch"
    assert run(*DECODER, "--slurm", "site.toml").exit_code == 0
    assert run(*DECODER, "--slurm", "site.toml").exit_code == 0
    script.write_text("edited by hand")
    shown = run(*DECODER, "--slurm", "site.toml")
    assert shown.exit_code == 2 and "run.sbatch is there already" in shown.stderr
    assert script.read_text() == "edited by hand"


@pytest.mark.parametrize(
    ("arguments", "train", "words"),
    [
        (("--submit",), "", "--submit without --slurm"),
        (("--slurm", "site.toml", "--submit"), "", "no sbatch on this machine"),
        (("--slurm", "nowhere.toml"), "", "nowhere.toml is not there"),
        (("--slurm", "site.toml"), "node = 2", "did you mean nodes"),
        (("--slurm", "site.toml", "--processes", "2"), "", "processes_per_node in [train]"),
        (("--slurm", "site.toml", "--set", "batch=6"), "nodes = 4", "a multiple of 4"),
        (("--slurm", "site.toml", "--set", "stepps=6"), "", "steps"),
        (("--slurm", "site.toml", "--set", "task.preset=deubg"), "", "debug"),
        (("--slurm", "site.toml", "--out", "a\nb"), "", "line break"),
        (("--slurm", "site.toml", "--out", "a\\b"), "", "backslash"),
        (("--slurm", "site.toml", "--out", "manifest.csv"), "", "is a file"),
        (("--slurm", "site.toml", "--out", "/"), "", "beside which a script"),
    ],
)
def test_what_is_wrong_with_a_training_is_one_sentence_and_leaves_nothing(run, folder, arguments, train, words):
    describe(folder, train)
    shown = run("train", "decoder", "--init", "starter", *arguments)
    assert shown.exit_code == 2, shown.output
    assert words in " ".join(shown.stderr.split()) and "Traceback" not in shown.output
    assert files(folder) == {"manifest.csv", "site.toml"}


def test_a_file_without_the_table_of_the_command_is_named(run, folder, house):  # noqa: F811
    (folder / "site.toml").write_text('partition = "gpu"')
    for arguments, words in (
        (DECODER, "without [train]"),
        (("predict", "manifest.csv", "--out", "r.csv"), "without [predict]"),
    ):
        shown = run(*arguments, "--slurm", "site.toml")
        assert shown.exit_code == 2 and words in shown.stderr
    assert files(folder) == {"manifest.csv", "site.toml"}


def test_a_training_is_submitted_and_its_number_printed(run, folder):
    with_sbatch(folder, "echo 17")
    shown = run(*DECODER, "--slurm", "site.toml", "--submit")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.split() == ["job", "17:", f"{folder}/runs/run.sbatch"]
    assert (folder / "submitted").read_text().split() == ["--parsable", f"{folder}/runs/run.sbatch"]
    assert not {"--slurm", "--submit", "site.toml"} & set(words_in(folder / "runs" / "run.sbatch"))


def test_what_sbatch_refuses_is_one_sentence(run, folder):
    with_sbatch(folder, "echo 'sbatch: error: invalid partition' >&2; exit 1")
    shown = run(*DECODER, "--slurm", "site.toml", "--submit")
    assert shown.exit_code == 2 and "invalid partition" in shown.stderr and "Traceback" not in shown.output


def test_predict_becomes_an_array_and_a_merge(run, folder, house):  # noqa: F811
    house.exam_ids = ("a", "b", "c")
    arguments = ("--out", "results.csv", "--reports", "reports", "--workers", "3", "--retry-errors")
    shown = run("predict", "manifest.csv", *arguments, "--slurm", "site.toml")
    assert shown.exit_code == 0, shown.output
    assert files(folder) == {"manifest.csv", "site.toml", "results.predict.sbatch", "results.merge.sbatch"}
    reading, merging = folder / "results.predict.sbatch", folder / "results.merge.sbatch"
    assert words_in(merging) == ["mammoscribe", "predict", "--merge", "results.csv"]
    words = words_in(reading)
    assert words[:3] == ["mammoscribe", "predict", "manifest.csv"] and words[-2:] == [
        "--shard",
        "$SLURM_ARRAY_TASK_ID/2",
    ]
    assert {"--retry-errors", "reports", "results.csv", "3"} < set(words)
    assert asked(reading.read_text())["array"] == "1-2" and "array" not in asked(merging.read_text())
    assert house.read == [] and "--dependency=afterany:ARRAY_JOB" in shown.stdout


def test_a_manifest_that_begins_with_a_dash_stays_a_manifest(run, folder, house):  # noqa: F811
    (folder / "-m.csv").write_text("one exam")
    assert run("predict", "--out", "results.csv", "--slurm", "site.toml", "--", "-m.csv").exit_code == 0
    words = words_in(folder / "results.predict.sbatch")
    assert words[2] == "./-m.csv" and "--" not in words


def test_the_merge_waits_for_the_array(run, folder, house):  # noqa: F811
    with_sbatch(folder, "echo '20;main'", "echo 21")
    shown = run("predict", "manifest.csv", "--out", "results.csv", "--slurm", "site.toml", "--submit")
    assert shown.exit_code == 0, shown.output
    assert [line.split(":")[0] for line in shown.stdout.splitlines()] == ["job 20", "job 21"]
    first, second = (folder / "submitted").read_text().splitlines()
    assert first == f"--parsable {folder}/results.predict.sbatch"
    assert second == f"--parsable --dependency=afterany:20 {folder}/results.merge.sbatch"


def test_a_merge_that_is_refused_leaves_word_how_to_submit_it(run, folder, house):  # noqa: F811
    with_sbatch(folder, "echo 20", "exit 1")
    shown = run("predict", "manifest.csv", "--out", "results.csv", "--slurm", "site.toml", "--submit")
    assert shown.exit_code == 2 and "job 20" in shown.stdout
    assert f"sbatch --dependency=afterany:20 {folder}/results.merge.sbatch" in shown.stderr


def test_more_shards_than_exams_are_a_warning(run, folder, house):  # noqa: F811
    describe(folder, predict="at_once = 1")
    shown = run("predict", "manifest.csv", "--out", "results.csv", "--slurm", "site.toml")
    assert shown.exit_code == 0 and "2 shards for 1 exams" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("manifest.csv", "--submit"), "--submit without --slurm"),
        (("manifest.csv", "--slurm", "site.toml", "--submit"), "no sbatch"),
        (("manifest.csv", "--slurm", "site.toml", "--shard", "1/2"), "shards in [predict]"),
        (("manifest.csv", "--slurm", "site.toml", "--prevalence", "2"), "a share between"),
        (("absent.csv", "--slurm", "site.toml"), "no manifest"),
        (("--merge", "results.csv", "--slurm", "site.toml"), "together with --merge"),
        (("manifest.csv", "--slurm", "site.toml", "--out", "."), "is a folder"),
    ],
)
def test_what_is_wrong_with_predict_is_one_sentence_and_leaves_nothing(run, folder, house, arguments, words):  # noqa: F811
    out = () if {"--merge", "--out"} & set(arguments) else ("--out", "results.csv")
    shown = run("predict", *arguments, *out)
    assert shown.exit_code == 2, shown.output
    assert words in " ".join(shown.stderr.split()) and "Traceback" not in shown.output
    assert files(folder) == {"manifest.csv", "site.toml"}
