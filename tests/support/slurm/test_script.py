"""Batch scripts: they ask for what was asked, give the command its words unchanged, and queue themselves again when it says so."""

import re
import shlex
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammoscribe.support.errors import InputError
from mammoscribe.support.slurm.script import Order, merge_script, predict_script, train_script
from mammoscribe.support.slurm.site import Job, PredictJob, Site, TrainJob
from tests.support.slurm.bash import Pretended, asked

WORDS = ("mammoscribe", "train", "reader", "--data", "prepared", "--set", "steps=4")
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
NASTY = st.one_of(TEXTS, st.text("'\"\\$`!*?[]{}()<>|&;#~% \u00a0é", max_size=12))


@pytest.fixture
def cluster(tmp_path):
    return Pretended.made(tmp_path)


def an_order(folder=Path("/"), words=WORDS, name="ours", log=Path("/runs/ours")):
    return Order(words, folder, name, log)


def a_training(order=None, site=None, again=85, **job):
    return train_script(site or Site(), TrainJob("1:00:00", **job), order or an_order(), again)


def an_array(order=None, **job):
    return predict_script(Site(), PredictJob("1:00:00", **job), order or an_order(), 143)


def test_a_training_asks_for_what_its_job_says():
    job = TrainJob(
        "1-00:00:00", "gpu", "lab", "200G", 8, 4, "a100", {"qos": "long", "exclusive": True, "nice": 10}, nodes=2
    )
    script = train_script(Site(requeue_minutes=10), job, an_order(), 85)
    assert script.startswith("#!/bin/bash\n#SBATCH ")
    assert asked(script) == {
        "job-name": "ours", "output": "/runs/ours-%j.out", "open-mode": "append", "time": "1-00:00:00", "partition": "gpu",
        "account": "lab", "mem": "200G", "cpus-per-task": "8", "gpus-per-node": "a100:4", "qos": "long", "exclusive": "",
        "nice": "10", "nodes": "2", "ntasks-per-node": "4", "requeue": "", "signal": "USR1@600",
    }  # fmt: skip


def test_what_is_not_said_is_left_to_the_cluster():
    assert set(asked(a_training())) == {
        "job-name", "output", "open-mode", "time", "cpus-per-task", "nodes", "ntasks-per-node", "requeue", "signal",
    }  # fmt: skip


def test_an_array_asks_for_its_shards_and_ends_by_a_signal_that_its_workers_ignore():
    options = asked(an_array(shards=16, at_once=3))
    assert (options["array"], options["signal"], options["ntasks"]) == ("1-16%3", "TERM@300", "1")
    assert options["output"] == "/runs/ours-%A_%a.out"
    assert asked(an_array(shards=16))["array"] == "1-16"


def test_the_script_is_bash_whatever_shell_is_the_users(cluster):
    assert "bash" in a_training().splitlines()[0]
    assert a_training(site=Site(modules=("cuda",))).splitlines()[0] == "#!/bin/bash -l"


@given(st.lists(NASTY, max_size=6), NASTY, NASTY)
@settings(max_examples=100, deadline=None)
def test_words_names_and_paths_come_back_as_they_were(words, name, folder):
    log = Path("/") / folder.replace("\\", "").replace("\0", "") / "x"
    script = a_training(an_order(Path("/") / folder, ("mammoscribe", *words), name, log))
    command = re.search(r"^command=\(\n(.*?)^\)$", script, re.MULTILINE | re.DOTALL)
    assert command is not None and shlex.split(command[1]) == ["mammoscribe", *words]
    assert asked(script)["job-name"] == name
    assert asked(script)["output"] == f"{log}".replace("%", "%%") + "-%j.out"
    cd = next(line for line in script.splitlines() if line.startswith("cd "))
    assert shlex.split(cd) == ["cd", str(Path("/") / folder), "||", "exit", "2"]


@given(st.lists(NASTY, min_size=1, max_size=6), NASTY)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bash_gives_the_command_and_the_environment_as_they_were(cluster, words, value):
    value = re.sub(r"\$", "", value)
    site = Site(environment={"VALUE": value})
    assert cluster.run(a_training(an_order(words=("mammoscribe", *words)), site)) == 0
    assert cluster.noted("words") == words
    assert cluster.environment()["VALUE"] == value


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "a\x1bb"])
def test_a_line_break_is_refused_wherever_it_comes_from(text):
    for fields in ({"words": ("x", text)}, {"name": text}, {"folder": Path(f"/{text}")}, {"log": Path(f"/{text}")}):
        with pytest.raises(InputError, match="line break"):
            an_order(**fields)


def test_a_log_with_a_backslash_is_refused_since_slurm_reads_a_sign_into_it():
    with pytest.raises(InputError, match="backslash"):
        an_order(log=Path("/a\\b"))


def test_a_job_sets_up_what_the_site_says_and_runs_in_the_folder_of_the_command(cluster, tmp_path):
    (tmp_path / "my venv" / "bin").mkdir(parents=True)
    (tmp_path / "my venv" / "bin" / "activate").write_text("export ACTIVE=yes\n")
    module = tmp_path / "bin" / "module"
    module.write_text('#!/bin/bash\necho "$*" > "$NOTES/module"\n')
    module.chmod(0o755)
    site = Site(
        modules=("python/3.11", "cuda"), venv=tmp_path / "my venv", setup=("export TWICE=$ACTIVE$ACTIVE",),
        scratch=Path("/scratch/a b"), environment={"A": "it's"},
    )  # fmt: skip
    folder = tmp_path / "a folder"
    folder.mkdir()
    assert cluster.run(a_training(an_order(folder), site, cpus_per_process=6)) == 0
    seen = cluster.environment()
    assert cluster.noted("module") == ["load python/3.11 cuda"] and cluster.noted("pwd") == [str(folder)]
    assert (seen["TWICE"], seen["A"], seen["OMP_NUM_THREADS"]) == ("yesyes", "it's", "6")
    assert (seen["HF_HUB_OFFLINE"], seen["HF_HOME"]) == ("1", "/scratch/a b/huggingface")
    assert "--cpus-per-task=6" in cluster.noted("srun") and "--export=ALL" in cluster.noted("srun")


@pytest.mark.parametrize(
    ("site", "folder"),
    [(Site(venv=Path("/nowhere")), "/"), (Site(modules=("nothing",)), "/"), (Site(), "/nowhere")],
)
def test_a_job_that_cannot_be_set_up_ends_before_its_work(cluster, site, folder):
    script = a_training(an_order(Path(folder)), site).replace("bash -l", "bash")
    assert cluster.run(script) == 2
    assert cluster.noted("srun") == [] and cluster.noted("scontrol") == []


def test_a_command_that_is_not_there_is_one_sentence(cluster):
    process = cluster.start(a_training(an_order(words=("absent-program", "train"))))
    _, printed = process.communicate()
    assert process.returncode == 2
    assert (
        printed.strip() == "absent-program is not on PATH: set venv, modules or setup in the TOML file of the cluster"
    )


@pytest.mark.parametrize(
    ("code", "requeued"), [(0, False), (85, True), (1, False), (2, False), (130, False), (137, False)]
)
def test_a_training_is_queued_again_only_when_it_stopped_with_a_checkpoint(cluster, code, requeued):
    assert cluster.run(a_training(), code) == code
    assert cluster.noted("scontrol") == (["requeue 34567"] if requeued else [])


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (143, True), (85, False), (1, False), (130, False)])
def test_one_job_of_an_array_is_queued_again_and_not_the_whole_array(cluster, code, requeued):
    array = {"SLURM_ARRAY_JOB_ID": "20000", "SLURM_ARRAY_TASK_ID": "3"}
    assert cluster.run(an_array(shards=16), code, **array) == code
    assert cluster.noted("scontrol") == (["requeue 20000_3"] if requeued else [])
    assert cluster.noted("words") == [*WORDS[1:], "--shard", "3/16"]


@pytest.mark.parametrize("code", [0, 1, 2, 85, 143])
def test_a_merge_ends_with_the_code_of_its_command_and_is_never_queued_again(cluster, code):
    assert cluster.run(merge_script(Site(), Job("10"), an_order()), code) == code
    assert cluster.noted("scontrol") == [] and cluster.noted("words") == list(WORDS[1:])


@pytest.mark.parametrize(("script", "code"), [(a_training(), 85), (an_array(shards=2), 143)])
def test_a_cancelled_job_waits_for_the_end_of_its_work_and_is_not_queued_again(cluster, tmp_path, script, code):
    process = cluster.start(script, code, COMMAND_SECONDS="1", SLURM_ARRAY_JOB_ID="1", SLURM_ARRAY_TASK_ID="1")
    until = time.monotonic() + 20
    while not (tmp_path / "notes" / "running").exists() and time.monotonic() < until:
        time.sleep(0.02)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == code and time.monotonic() - begun > 0.5
    assert cluster.noted("scontrol") == []


def test_a_queue_that_refuses_to_requeue_is_named_and_the_code_stays(cluster):
    process = cluster.start(a_training(), 85, SCONTROL_CODE="1")
    _, printed = process.communicate()
    assert process.returncode == 85 and "submit this script once more" in printed


def test_processes_on_several_nodes_find_each_other(cluster):
    assert cluster.run(a_training(nodes=2, processes_per_node=2), 0, tasks=4) == 0
    seen = [cluster.environment(rank) for rank in range(4)]
    assert [(e["RANK"], e["LOCAL_RANK"]) for e in seen] == [("0", "0"), ("1", "1"), ("2", "0"), ("3", "1")]
    same = {(e["WORLD_SIZE"], e["LOCAL_WORLD_SIZE"], e["MASTER_ADDR"], e["MASTER_PORT"]) for e in seen}
    assert same == {("4", "2", "first", "24567")}
    assert cluster.noted("words") == list(WORDS[1:])


def test_processes_that_cannot_find_each_other_are_not_started(cluster):
    assert cluster.run(a_training(nodes=2), tasks=2, SCONTROL_CODE="1") == 2
    assert cluster.noted("srun") == []


def test_the_end_of_one_process_does_not_cut_off_the_others_at_once(cluster):
    cluster.run(a_training(processes_per_node=2), 0, tasks=2)
    assert {"--kill-on-bad-exit=0", "--wait=300"} <= set(cluster.noted("srun"))


def test_one_process_is_started_as_it_would_be_without_slurm(cluster):
    assert cluster.run(a_training()) == 0
    assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} & set(cluster.environment())
