"""`--slurm site.toml` and `--submit`: the same command as a job of a SLURM cluster, instead of here."""

import os
import shlex
import signal
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import warn
from mammoscribe.cli.options import file_for, is_given
from mammoscribe.cli.predicting import Stopped
from mammoscribe.support.errors import InputError
from mammoscribe.support.slurm.script import Order, merge_script, predict_script, train_script
from mammoscribe.support.slurm.site import Site
from mammoscribe.support.slurm.site_file import read_site
from mammoscribe.support.slurm.submit import find_sbatch, submit, write_scripts

if TYPE_CHECKING:
    from mammoscribe.training.engine.run import Run

Slurm = Annotated[
    Path | None,
    typer.Option(
        "--slurm",
        metavar="TOML",
        help="Do not begin here: write a script for the SLURM cluster of this file, beside --out.",
    ),
]
Submit = Annotated[bool, typer.Option("--submit", help="With --slurm: submit the script with sbatch.")]


@dataclass(frozen=True)
class Queue:
    """Where a command is to run instead of here.

    Args:
        path: the TOML file of the cluster.
        site: what it says.
        submits: whether the scripts are submitted too.
    """

    path: Path
    site: Site
    submits: bool


def queue_of(slurm: Path | None, submits: bool) -> Queue | None:
    """The queue that the options name, None where the command is to run here.

    Raises:
        InputError: for --submit alone or without sbatch on this machine, and for what is wrong in the file.
    """
    if slurm is None:
        if submits:
            raise InputError("--submit without --slurm", "--slurm site.toml beside it, the file of the cluster")
        return None
    if submits:
        find_sbatch()
    return Queue(slurm, read_site(slurm), submits)


def queue_training(queue: Queue, context: typer.Context, run: "Run", out: Path) -> None:
    """Write the script of a training beside `out`, and submit it where that was asked for.

    Raises:
        InputError: for a file without [train], --processes beside it, items that cannot be divided over the processes, and
            a script that is there already.
    """
    job = queue.site.train
    if job is None:
        raise InputError(f"{queue.path} without [train]", "a table with the time, nodes and GPUs of a training")
    if is_given(context, "processes"):
        raise InputError("--processes together with --slurm", "processes_per_node in [train] of the TOML file")
    for name in run.batch:
        run.share(name, job.processes)
    from mammoscribe.training.engine.stop import REQUEUE

    script, log = _beside(out, ".sbatch"), _beside(out, "")
    order = _order(words_of(context, "train"), log)
    write_scripts({script: train_script(queue.site, job, order, REQUEUE)})
    _submit_or_say_how(queue, script)


def queue_prediction(queue: Queue, context: typer.Context, exams: int, out: Path) -> None:
    """Write the script of an array that reads exams, and of the job that joins its tables; submit both where asked for.

    Raises:
        InputError: for a file without [predict], --shard beside it, and a script that is there already.
    """
    job = queue.site.predict
    if job is None:
        raise InputError(f"{queue.path} without [predict]", "a table with the time and shards of the array")
    if is_given(context, "shard"):
        raise InputError("--shard together with --slurm", "shards in [predict] of the TOML file")
    if job.shards > exams:
        warn(
            f"{queue.path}: {job.shards} shards for {exams} exams; {job.shards - exams} jobs will have nothing to read"
        )
    base = file_for(out, "a CSV file").with_suffix("")
    read, merge = _beside(base, ".predict.sbatch"), _beside(base, ".merge.sbatch")
    reading = _order(words_of(context), _beside(base, ".predict"))
    joining = _order(["mammoscribe", "predict", *_option("--merge", out)], _beside(base, ".merge"))
    again = Stopped(signal.SIGTERM).exit_code
    write_scripts({
        read: predict_script(queue.site, job, reading, again), merge: merge_script(queue.site, queue.site.merge, joining)
    })  # fmt: skip
    number = _submit_or_say_how(queue, read)
    # `afterok` would wait for ever after a shard in which every exam has an error; the merge itself refuses what is unfinished
    _submit_or_say_how(queue, merge, f"--dependency=afterany:{number or 'ARRAY_JOB'}")


def words_of(context: typer.Context, *group: str) -> list[str]:
    """The words of the command that is running, as they were given, without --slurm and --submit.

    Args:
        context: of the command.
        group: commands above it, without the program.
    """
    options: list[str] = []
    places: list[str] = []
    for parameter in context.command.params:
        if parameter.name in (None, "slurm", "submit") or not is_given(context, parameter.name):
            continue
        given: Any = context.params[parameter.name]
        for value in given if isinstance(given, list | tuple) else [given]:
            if parameter.param_type_name == "argument":
                text = _plain(value)
                places.append(
                    f"./{text}" if text.startswith("-") else text
                )  # a file, which must not look like an option
            elif isinstance(value, bool):
                options.append(parameter.opts[0] if value else parameter.secondary_opts[0])
            else:
                options += _option(parameter.opts[0], value)
    return ["mammoscribe", *group, str(context.info_name), *places, *options]


def _option(name: str, value: object) -> list[str]:
    text = _plain(value)
    return [f"{name}={text}"] if text.startswith("-") else [name, text]


def _plain(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _beside(out: Path, ending: str) -> Path:
    """A path beside `out` whose name begins with that of `out`, from the root on."""
    whole = Path(os.path.abspath(out))
    if not whole.name:
        raise InputError(f"--out {out}", "a name beside which a script can be written")
    return whole.with_name(f"{whole.name}{ending}")


def _order(words: list[str], log: Path) -> Order:
    return Order(words, Path.cwd(), log.name, log)


def _submit_or_say_how(queue: Queue, script: Path, *options: str) -> str:
    """Submit a script, or say how it is done; the number of the job, "" for one that was not submitted."""
    if queue.submits:
        number = submit(script, *options)
        said = f"job {number}: {script}"
    else:
        number, said = "", f"wrote {script}; submit it with: {shlex.join(['sbatch', *options, str(script)])}"
    console.print(said, highlight=False, markup=False, soft_wrap=True)
    return number
