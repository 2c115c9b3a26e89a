"""What a cluster and its jobs may be: times as sbatch reads them, and no noun that would make a script sbatch refuses."""

from pathlib import Path

import pytest

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.support.slurm.site import Job, PredictJob, Site, TrainJob, seconds_of


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("90", 5400), ("90:30", 5430), ("12:00:00", 43200), ("1-12", 129600), ("1-12:30", 131400), ("2-00:00:01", 172801),
    ],
)  # fmt: skip
def test_a_time_is_read_as_sbatch_reads_it(time, seconds):
    assert seconds_of(time) == seconds


@pytest.mark.parametrize("time", ["", "0", "0-0", "1 day", "12h", "1:2:3:4", "1-", "-5", "10:99", "٣", "5\n"])
def test_a_time_that_sbatch_would_not_take_is_refused(time):
    with pytest.raises(InvalidNoun, match="hours:minutes:seconds"):
        Job(time)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"memory": "64 GB"}, "64G"),
        ({"memory": "٣G"}, "64G"),
        ({"cpus_per_process": 0}, "1 or more"),
        ({"gpus_per_node": -1}, "0 or more"),
        ({"gpu_type": "a100"}, "without gpus_per_node"),
        ({"partition": "gpu long"}, "blank"),
        ({"account": "a\nb"}, "line break"),
        ({"sbatch": {"time": "1:00"}}, "set time"),
        ({"sbatch": {"signal": "USR1@60"}}, "set requeue_minutes"),
        ({"sbatch": {"dependency": "afterok:1"}}, "leave it out"),
        ({"sbatch": {"gpus-per-task": 1}}, "set gpus_per_node"),
        ({"sbatch": {"--qos": "long"}}, "without dashes"),
        ({"sbatch": {"p": "gpu"}}, "a long option"),
        ({"sbatch": {"qos": "a\nb"}}, "line break"),
        ({"sbatch": {"exclusive": False}}, "leave it out"),
    ],
)
def test_a_job_that_would_be_refused_cannot_be_built(fields, words):
    with pytest.raises(InvalidNoun) as caught:
        Job("1:00:00", **fields)
    assert words in caught.value.sentence()


@pytest.mark.parametrize("fields", [{"nodes": 0}, {"processes_per_node": -1}])
def test_a_training_needs_nodes(fields):
    with pytest.raises(InvalidNoun, match="1 or more"):
        TrainJob("1:00:00", **fields)


@pytest.mark.parametrize("fields", [{"shards": 0}, {"shards": 2, "at_once": -1}])
def test_an_array_needs_shards(fields):
    with pytest.raises(InvalidNoun, match="1 or more shards"):
        PredictJob("1:00:00", **fields)


@pytest.mark.parametrize(
    ("fields", "on_a_node", "together"),
    [
        ({}, 1, 1), ({"gpus_per_node": 4, "nodes": 2}, 4, 8), ({"processes_per_node": 3}, 3, 3),
        ({"gpus_per_node": 4, "processes_per_node": 2}, 2, 2),
    ],
)  # fmt: skip
def test_there_is_a_process_for_each_gpu_unless_another_number_is_given(fields, on_a_node, together):
    job = TrainJob("1:00:00", **fields)
    assert (job.tasks_per_node, job.processes) == (on_a_node, together)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"modules": ("cuda 12",)}, "'cuda 12'"),
        ({"modules": ("--force",)}, "setup"),
        ({"modules": ("",)}, "''"),
        ({"venv": Path("venv")}, "from the root on"),
        ({"scratch": Path("/a\nb")}, "line break"),
        ({"setup": ("a\nb",)}, "line break"),
        ({"environment": {"A": "a\rb"}}, "control character"),
        ({"environment": {"A B": "a"}}, "letters, digits"),
        ({"environment": {"A": "$HOME/cache"}}, "nothing is replaced"),
        ({"environment": {"WORLD_SIZE": "2"}}, "sets itself"),
        ({"requeue_minutes": 0}, "1 to 1092"),
        ({"train": TrainJob("00:05:00")}, "longer"),
        ({"predict": PredictJob("5", shards=2)}, "longer"),
    ],
)
def test_a_site_whose_script_would_not_run_cannot_be_built(fields, words):
    with pytest.raises(InvalidNoun) as caught:
        Site(**fields)
    assert words in caught.value.sentence()


def test_libraries_stay_off_the_network_and_out_of_the_home_folder():
    variables = Site(scratch=Path("/scratch/lab"), environment={"HF_HUB_OFFLINE": "0", "A": "5$"}).variables()
    assert variables["TRANSFORMERS_OFFLINE"] == "1" and variables["HF_HUB_OFFLINE"] == "0" and variables["A"] == "5$"
    caches = {name: value for name, value in variables.items() if "CACHE" in name or name.endswith("_HOME")}
    assert len(caches) == 4 and all(value.startswith("/scratch/lab") for value in caches.values())
    assert set(Site().variables()) == {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}
