"""The nouns of a SLURM cluster: what a job asks the queue for, and what it sets up before the work."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mammoscribe.support.errors import InvalidNoun

OWN_OPTIONS = {
    "account": "account", "array": "shards", "chdir": "", "cpus-per-task": "cpus_per_process", "dependency": "",
    "error": "", "gpu-bind": "", "gpus-per-node": "gpus_per_node", "gpus-per-task": "gpus_per_node", "job-name": "", "mem": "memory", "no-requeue": "", "nodes": "nodes",
    "ntasks": "processes_per_node", "ntasks-per-node": "processes_per_node", "open-mode": "", "output": "",
    "partition": "partition", "requeue": "", "signal": "requeue_minutes", "time": "time", "wrap": "",
}  # fmt: skip
"""Options of sbatch that the scripts set or that would hide GPUs from their processes, with the key to use, or ""."""
OWN_VARIABLES = ("LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE")
"""Variables that the scripts set for each process."""
MAX_REQUEUE_MINUTES = 1092
"""SLURM takes at most 65,535 seconds between the signal and the limit (sbatch, --signal)."""
_TIMES = (
    r"(?P<minutes>\d+)(:(?P<seconds>[0-5]?\d))?",
    r"(?P<hours>\d+):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d)",
    r"(?P<days>\d+)-(?P<hours>\d+)(:(?P<minutes>[0-5]?\d)(:(?P<seconds>[0-5]?\d))?)?",
)
_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION = re.compile(r"[a-z][a-z0-9-]+")
Value = str | int | bool


@dataclass(frozen=True)
class Job:
    """What one job asks the queue for.

    Args:
        time: the limit, as sbatch takes it: `90` (minutes), `12:00:00` or `1-12:00:00` (days-hours:minutes:seconds).
        partition, account: of the cluster; "" leaves them to its defaults.
        memory: of each node, such as `64G`; "" leaves it to the cluster's default.
        cpus_per_process: cores of each process.
        gpus_per_node: 0 asks for none.
        gpu_type: as the cluster calls it, such as `a100`; "" takes any.
        sbatch: further options of sbatch by their long names, without dashes; true for one that has no value.

    Raises:
        InvalidNoun: for values that sbatch would refuse, or that contradict each other.
    """

    time: str
    partition: str = ""
    account: str = ""
    memory: str = ""
    cpus_per_process: int = 1
    gpus_per_node: int = 0
    gpu_type: str = ""
    sbatch: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seconds_of(self.time)
        if self.memory and not re.fullmatch(r"[0-9]+[KMGT]?", self.memory):
            raise InvalidNoun(f"memory {self.memory!r}", "a number with K, M, G or T, such as 64G")
        if self.cpus_per_process < 1 or self.gpus_per_node < 0:
            found = f"cpus_per_process {self.cpus_per_process}, gpus_per_node {self.gpus_per_node}"
            raise InvalidNoun(found, "1 or more; 0 or more")
        if self.gpu_type and not self.gpus_per_node:
            raise InvalidNoun(f"gpu_type {self.gpu_type!r} without gpus_per_node", "the number of GPUs beside it")
        for text in (self.partition, self.account, self.gpu_type):
            if re.search(r"\s", check_line(text)):
                raise InvalidNoun(f"{text!r} with a blank in it", "a name as the cluster has it")
        for option, value in self.sbatch.items():
            _check_option(option, value)


@dataclass(frozen=True)
class TrainJob(Job):
    """What a training asks for.

    Args:
        nodes: machines that train together.
        processes_per_node: 0 starts one for each GPU, or one where there are none.
    """

    nodes: int = 1
    processes_per_node: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nodes < 1 or self.processes_per_node < 0:
            raise InvalidNoun(f"nodes {self.nodes}, processes_per_node {self.processes_per_node}", "1 or more of each")

    @property
    def tasks_per_node(self) -> int:
        """Processes on each node."""
        return self.processes_per_node or max(1, self.gpus_per_node)

    @property
    def processes(self) -> int:
        """Processes on all nodes together."""
        return self.nodes * self.tasks_per_node


@dataclass(frozen=True)
class PredictJob(Job):
    """What each job of an array asks for that reads the exams of a manifest.

    Args:
        shards: jobs of the array; each reads an equal share of the exams.
        at_once: how many of them may run at the same time; 0 sets no limit.
    """

    shards: int = 0
    at_once: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shards < 1 or self.at_once < 0:
            raise InvalidNoun(f"shards {self.shards}, at_once {self.at_once}", "1 or more shards; 0 or more at once")


@dataclass(frozen=True)
class Site:
    """A cluster, and what is set up in each job.

    Args:
        train, predict: what these jobs ask for; None where the file has no such table.
        merge: what the job asks for that joins the shards of `predict`.
        modules: loaded with `module load`, in this order.
        venv: folder of the virtual environment that is activated; None uses the programs on PATH.
        setup: lines of shell that run after that as they are.
        environment: variables, with their values as they are.
        scratch: folder under which libraries keep their caches; None leaves them in the home folder.
        requeue_minutes: how long before the time limit a job is asked to stop and go on in a new one.

    Raises:
        InvalidNoun: for names that the shell would not take, paths that depend on where they are used, line breaks.
    """

    train: TrainJob | None = None
    predict: PredictJob | None = None
    merge: Job = field(default_factory=lambda: Job("1:00:00"))
    modules: tuple[str, ...] = ()
    venv: Path | None = None
    setup: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    scratch: Path | None = None
    requeue_minutes: int = 5

    def __post_init__(self) -> None:
        for name in self.modules:
            if not name or re.search(r"\s", check_line(name)) or name.startswith("-"):
                raise InvalidNoun(f"the module {name!r}", "a name such as python/3.11", "options belong into setup")
        for line in (*self.setup, *self.environment.values()):
            check_line(line)
        for path in (self.venv, self.scratch):
            if path is not None and not path.is_absolute():
                raise InvalidNoun(f"the path {path}", "one from the root on, such as /scratch/lab or ~/venv")
            check_line(str(path))
        for name, value in self.environment.items():
            _check_variable(name, value)
        self._check_requeue()

    def _check_requeue(self) -> None:
        if not 1 <= self.requeue_minutes <= MAX_REQUEUE_MINUTES:
            raise InvalidNoun(f"requeue_minutes {self.requeue_minutes}", f"1 to {MAX_REQUEUE_MINUTES}")
        for name, job in (("train", self.train), ("predict", self.predict)):
            if job is not None and seconds_of(job.time) <= 60 * self.requeue_minutes:
                found = f"requeue_minutes {self.requeue_minutes} and a time of {job.time} in [{name}]"
                raise InvalidNoun(found, "a time limit that is longer", "raise time, or set requeue_minutes")

    def variables(self) -> dict[str, str]:
        """Variables of every job: no network for libraries, caches under `scratch`, then those of `environment`."""
        offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        caches = {} if self.scratch is None else {
            "XDG_CACHE_HOME": f"{self.scratch}", "HF_HOME": f"{self.scratch / 'huggingface'}",
            "TORCH_HOME": f"{self.scratch / 'torch'}", "TRITON_CACHE_DIR": f"{self.scratch / 'triton'}",
        }  # fmt: skip
        return {**offline, **caches, **self.environment}


def seconds_of(time: str) -> int:
    """Seconds of a time limit as sbatch takes it; InvalidNoun for one that it would not take, or of no length."""
    match = next((m for pattern in _TIMES if (m := re.fullmatch(pattern, time, re.ASCII))), None)
    seconds = 0 if match is None else sum(_SECONDS[unit] * int(n) for unit, n in match.groupdict().items() if n)
    if not seconds:
        raise InvalidNoun(f"time {time!r}", "minutes, hours:minutes:seconds or days-hours:minutes:seconds")
    return seconds


def check_line(text: str) -> str:
    """`text`, which may go into one line of a script; InvalidNoun where it holds a line break or a control character."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise InvalidNoun(f"{text!r} holds a line break or a control character", "one line of text")
    return text


def _check_option(option: str, value: Value) -> None:
    if option in OWN_OPTIONS:
        key = OWN_OPTIONS[option]
        raise InvalidNoun(
            f"{option} in [sbatch], which is decided by the script", "", f"set {key}" if key else "leave it out"
        )
    if not _OPTION.fullmatch(option):
        raise InvalidNoun(f"the option {option!r} in [sbatch]", "a long option of sbatch without dashes, such as qos")
    if value is False:
        raise InvalidNoun(f"{option} = false in [sbatch]", "true, a text or a number", "leave it out")
    check_line(str(value))


def _check_variable(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidNoun(f"the variable {name!r}", "letters, digits and _, not beginning with a digit")
    if name in OWN_VARIABLES:
        raise InvalidNoun(f"{name} in [environment], which the script sets itself", "", "leave it out")
    if re.search(r"\$[\w{(]", value):
        do = f"write it out, or put `export {name}=...` into setup"
        raise InvalidNoun(f"{name} = {value!r} in [environment]", "a value as it is: nothing is replaced in it", do)
