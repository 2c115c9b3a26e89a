"""The TOML of a cluster: what is shared goes to every job, and what is wrong is one sentence naming file and key."""

from pathlib import Path

import pytest

from mammoscribe.support.errors import InputError
from mammoscribe.support.slurm.site_file import read_site

WHOLE = """
partition = "gpu"
account = "lab"
modules = ["python/3.11", "cuda"]
setup = ["ulimit -n 4096"]
venv = "~/venv"
scratch = "${STORE}/mine"
requeue_minutes = 10
[environment]
NCCL_DEBUG = "WARN"
[sbatch]
qos = "long"
[train]
time = "1-00:00:00"
nodes = 2
gpus_per_node = 4
gpu_type = "a100"
processes_per_node = 2
cpus_per_process = 8
memory = "200G"
[train.sbatch]
exclusive = true
qos = "short"
[predict]
time = "4:00:00"
shards = 16
at_once = 3
partition = "cpu"
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/users/lab")
    monkeypatch.setenv("STORE", "/scratch")

    def read(text):
        path = tmp_path / "site.toml"
        path.write_text(text)
        return read_site(path)

    return read


def test_every_key_has_its_place(read):
    site = read(WHOLE)
    assert (site.modules, site.setup, site.requeue_minutes) == (("python/3.11", "cuda"), ("ulimit -n 4096",), 10)
    assert (site.venv, site.scratch) == (Path("/users/lab/venv"), Path("/scratch/mine"))
    assert site.environment == {"NCCL_DEBUG": "WARN"}
    train, predict, merge = site.train, site.predict, site.merge
    assert (train.partition, predict.partition, merge.partition) == ("gpu", "cpu", "gpu")
    assert {train.account, predict.account, merge.account} == {"lab"}
    assert train.sbatch == {"qos": "short", "exclusive": True} and predict.sbatch == merge.sbatch == {"qos": "long"}
    assert (train.nodes, train.gpus_per_node, train.gpu_type, train.processes_per_node) == (2, 4, "a100", 2)
    assert (train.cpus_per_process, train.memory, train.time) == (8, "200G", "1-00:00:00")
    assert (predict.shards, predict.at_once, predict.time, merge.time) == (16, 3, "4:00:00", "1:00:00")


def test_a_file_without_jobs_has_none_but_the_merge(read):
    site = read("")
    assert site.train is None and site.predict is None and site.merge.partition == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('partiton = "gpu"', ["partition"]),
        ('[train]\ntime = "90"\ngpus_per_nod = 4', ["[train]", "gpus_per_node"]),
        ('[predict]\ntime = "90"\nshard = 4', ["[predict]", "shards"]),
        ('[predict]\ntime = "90"\nshards = 4\nnodes = 2', ["nodes", "[train]"]),
        ('time = "90"', ["time in this file", "[train] or [predict] or [merge]"]),
        ('[train]\ntime = "90"\nmodules = ["cuda"]', ["modules comes below [train]", "move modules up"]),
        ('[environment]\nvenv = "/venv"', ["venv comes below [environment]"]),
        ('[environment]\npartition = "gpu"', ["partition comes below [environment]"]),
        ('[sbatch]\nscratch = "/a"', ["scratch comes below [sbatch]"]),
        ("[train]\nnodes = 2", ["[train] without time"]),
        ('[predict]\ntime = "90"', ["[predict] without shards"]),
        ("[train]\ntime = 90", ["time = 90", "quotation marks"]),
        ("[train]\ntime = 12:00:00", ["quotation marks"]),
        ('[train]\ntime = "90"\nnodes = "2"', ["nodes = '2'", "whole number"]),
        ('[train]\ntime = "90"\nnodes = true', ["whole number"]),
        ('[train]\ntime = "90"\nnodes = 0', ["[train]: nodes 0"]),
        ('modules = "cuda"', ["a list of texts"]),
        ("modules = [1]", ["a list of texts"]),
        ("train = 3", ["a table"]),
        ("[environment]\nA = 1", ["A = 1", "quotation marks"]),
        ("[sbatch]\nqos = 1.5", ["qos = 1.5"]),
        ("[sbatch.qos]\na = 1", ["qos"]),
        ('scratch = "$NOWHERE_SET/a"', ["NOWHERE_SET is not set"]),
        ('venv = "~nobody_here/a"', ["~nobody_here/a"]),
        ('venv = "venv"', ["from the root on"]),
        ("requeue_minutes = 5.5", ["whole number"]),
        ("a = ", ["is not TOML"]),
    ],
)
def test_what_is_wrong_is_one_sentence(read, text, words):
    with pytest.raises(InputError) as caught:
        read(text)
    sentence = caught.value.sentence()
    assert "site.toml" in sentence and "\n" not in sentence
    assert all(word in sentence for word in words), sentence


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.toml is not there.*slurm.md"):
        read_site(tmp_path / "nowhere.toml")
