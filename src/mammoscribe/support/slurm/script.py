"""The text of batch scripts for SLURM: a training, an array of jobs that read exams, and the job that joins their tables."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.slurm.site import Job, PredictJob, Site, TrainJob, check_line

WAIT_S = 300
"""How long the other processes of a training may run on after one has ended, before SLURM ends them."""
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_RANKS = (
    "# SLURM numbers the processes; torch looks for the numbers and the address of the first process under these names.",
    'nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST") || exit 2',
    "MASTER_ADDR=${nodes%%$'\\n'*}",
    "MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000))",
    "export MASTER_ADDR MASTER_PORT",
    "numbered='export RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID WORLD_SIZE=$SLURM_NTASKS '",
    "numbered+='LOCAL_WORLD_SIZE=$SLURM_NTASKS_PER_NODE; exec \"$@\"'",
    "",
)


@dataclass(frozen=True)
class Order:
    """What a job runs, and where.

    Args:
        words: the command; each goes into the script quoted.
        folder: it runs there, so that relative paths in it mean the same.
        name: of the job in the queue.
        log: how the name of the file begins that the job prints to; the number of the job and `.out` follow.

    Raises:
        InputError: for words, a name or paths that do not fit in one line of a script.
    """

    words: Sequence[str]
    folder: Path
    name: str
    log: Path

    def __post_init__(self) -> None:
        try:
            for text in (*self.words, str(self.folder), self.name, str(self.log)):
                check_line(text)
        except InvalidNoun as error:
            raise InputError(error.found, "names and values in one line", "rename it") from error
        if "\\" in str(self.log):  # SLURM takes it for a sign of its own in the name of a log
            raise InputError(f"{self.log} with a backslash in it", "a path without one", "choose another --out")


def train_script(site: Site, job: TrainJob, order: Order, again: int) -> str:
    """A training that is queued again when it ends with the exit code `again`: it has stopped with a checkpoint.

    Args:
        site: what is set up.
        job: what is asked for.
        order: the command; started in several processes, it trains one network in all of them.
        again: exit code.
    """
    signal = ["requeue", f"signal=USR1@{60 * site.requeue_minutes}"]
    asked = [*_asked(job, order, "%j"), f"nodes={job.nodes}", f"ntasks-per-node={job.tasks_per_node}", *signal]
    several = job.processes > 1
    srun = f'--wait={WAIT_S} --kill-on-bad-exit=0 bash -c "$numbered" bash' if several else ""
    body = [*_command(order.words), *(_RANKS if several else ()), *_run(job, srun), *_requeue(again, "$SLURM_JOB_ID")]
    return _text(asked, site, job, order, body)


def predict_script(site: Site, job: PredictJob, order: Order, again: int) -> str:
    """An array of jobs: each reads one shard, and is queued again when it ends with the exit code `again`.

    Args:
        site: what is set up.
        job: what each job asks for.
        order: the command, without `--shard`.
        again: exit code of a run that SIGTERM ended.
    """
    array = f"array=1-{job.shards}" + (f"%{job.at_once}" if job.at_once else "")
    # The signal must not be USR1: it reaches all processes of a job, and is what ends the workers of `predict`.
    signal = ["requeue", f"signal=TERM@{60 * site.requeue_minutes}"]
    asked = [*_asked(job, order, "%A_%a"), "nodes=1", "ntasks=1", array, *signal]
    shard = f'  --shard "$SLURM_ARRAY_TASK_ID/{job.shards}"'
    number = "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"  # the number of the array alone would stand for all its jobs
    body = [*_command(order.words, shard), *_run(job), *_requeue(again, number)]
    return _text(asked, site, job, order, body)


def merge_script(site: Site, job: Job, order: Order) -> str:
    """One job that runs a command once."""
    body = [*_command(order.words), *_run(job)]
    return _text([*_asked(job, order, "%j"), "nodes=1", "ntasks=1"], site, job, order, body)


def _text(asked: Sequence[str], site: Site, job: Job, order: Order, body: Sequence[str]) -> str:
    shell = "#!/bin/bash -l" if site.modules else "#!/bin/bash"  # a login shell knows `module`
    options = (f"#SBATCH --{option}" for option in asked)
    setup = (*_setup(site, job), f"cd {_word(order.folder)} || exit 2")
    return "\n".join((shell, *options, "", *setup, "", *body, 'exit "$code"')) + "\n"


def _asked(job: Job, order: Order, number: str) -> Iterator[str]:
    """Options of sbatch that every job has; `number` is how sbatch calls that of the job in the name of its log."""
    yield f"job-name={_value(order.name)}"
    yield f"output={_value(str(order.log).replace('%', '%%') + f'-{number}.out')}"
    yield "open-mode=append"
    yield f"time={job.time}"
    for name, value in (("partition", job.partition), ("account", job.account), ("mem", job.memory)):
        if value:
            yield f"{name}={_value(value)}"
    yield f"cpus-per-task={job.cpus_per_process}"
    if job.gpus_per_node:
        kind = f"{job.gpu_type}:" if job.gpu_type else ""
        yield f"gpus-per-node={_value(f'{kind}{job.gpus_per_node}')}"
    for name, value in job.sbatch.items():
        yield name if value is True else f"{name}={_value(str(value))}"


def _setup(site: Site, job: Job) -> Iterator[str]:
    """Lines before the work: modules, virtual environment, variables, lines of the site."""
    if site.modules:
        yield f"module load {' '.join(_word(name) for name in site.modules)} || exit 2"
    if site.venv is not None:
        yield f"source {_word(site.venv / 'bin' / 'activate')} || exit 2"
    threads = {} if "OMP_NUM_THREADS" in site.environment else {"OMP_NUM_THREADS": str(job.cpus_per_process)}
    for name, value in {**threads, **site.variables()}.items():
        yield f"export {name}={_word(value)}"
    yield from site.setup


def _command(words: Sequence[str], *further: str) -> Iterator[str]:
    """The command as an array of bash, each option with its value in a line; `further` lines are taken as they are."""
    first = next((n for n, word in enumerate(words) if word.startswith("--")), len(words))
    starts = [0, *(n for n in range(first, len(words)) if words[n].startswith("--"))]
    yield "command=("
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        yield f"  {' '.join(_word(word) for word in words[start:end])}"
    yield from further
    yield ")"
    missing = _word(f"{words[0]} is not on PATH: set venv, modules or setup in the TOML file of the cluster")
    yield f"command -v {_word(words[0])} >/dev/null || {{ echo {missing} >&2; exit 2; }}"
    yield ""


def _run(job: Job, options: str = "") -> Iterator[str]:
    """Run the command and keep its exit code."""
    yield "# SIGTERM comes from scancel, or when SLURM needs the nodes. The script goes on until the command has ended."
    yield "asked_to_end="
    yield "trap 'asked_to_end=yes' TERM"
    yield " ".join(
        filter(None, (f"srun --export=ALL --cpus-per-task={job.cpus_per_process}", options, '"${command[@]}"'))
    )
    yield "code=$?"


def _requeue(again: int, number: str) -> Iterator[str]:
    """Queue the job again, unless SIGTERM came: after that SLURM queues it again itself, or it was cancelled."""
    yield ""
    yield "# Stopped before the time limit, with all that was done kept: the same job goes on from there."
    yield f'if [ "$code" -eq {again} ] && [ -z "$asked_to_end" ]; then'
    yield f'  scontrol requeue "{number}" || echo "not queued again: submit this script once more" >&2'
    yield "fi"


def _word(text: object) -> str:
    """A word as bash reads it."""
    return shlex.quote(str(text))


def _value(text: str) -> str:
    """The value of an option in a line of #SBATCH: in double quotes, sbatch takes a backslash before any character away."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'
