"""`mammoscribe predict`: many exams from a manifest, one row per breast, resumable, in worker processes and in shards."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.authors import WriterModel, Writes, authorship_of
from mammoscribe.cli.chat_options import (
    ChatEndpoint,
    ChatGiven,
    ChatModel,
    ChatPixels,
    ChatTimeout,
    ChatTokens,
    PromptFile,
)
from mammoscribe.cli.console import errors as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.data_options import Pseudonymous, key_apart_from, personal_data
from mammoscribe.cli.options import (
    Device,
    Formats,
    Model,
    Prevalence,
    SettingName,
    SettingOption,
    WriterName,
    folder_for,
    formats_of,
    is_given,
    prevalence_of,
)
from mammoscribe.cli.predicting import Listed, ReadingJob, Stopped, read_exams, stopping
from mammoscribe.cli.results import ResultsFile, held
from mammoscribe.cli.shards import Shard, merge, shard_of
from mammoscribe.cli.slurm import Slurm, Submit, queue_of, queue_prediction
from mammoscribe.support.errors import InputError

EXAMPLE = "Example: mammoscribe predict manifest.csv --out results.csv --reports reports --workers 4"
Manifest = Annotated[Path | None, typer.Argument(metavar="MANIFEST.csv", help="One row per view: exam_id,...,path.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="CSV", help="The results; exams already in it are kept.")]
Reports = Annotated[
    Path | None, typer.Option("--reports", metavar="DIR", help="Also write each exam's report into DIR/EXAM_ID.")
]
RetryErrors = Annotated[bool, typer.Option("--retry-errors", help="Read again the exams whose row says error.")]
Workers = Annotated[
    int, typer.Option("--workers", min=0, max=512, help="Processes that read side by side; 0 reads in this one.")
]
ShardOption = Annotated[
    str | None,
    typer.Option("--shard", metavar="K/N", help="Read part K of N only, into its own file beside --out."),
]
Merged = Annotated[
    Path | None,
    typer.Option("--merge", metavar="CSV", help="Nothing is read: join the finished shards of CSV into CSV."),
]
STOPPED = 130
"""Exit code of a run that Ctrl-C ended, as shells have it."""


def command(
    context: typer.Context,
    manifest: Manifest = None,
    out: Out = None,
    reports: Reports = None,
    formats: Formats = "html,json",
    model: Model = "starter",
    retry_errors: RetryErrors = False,
    writer: Writes = WriterName.RENDERER,
    writer_model: WriterModel = None,
    chat_endpoint: ChatEndpoint = None,
    chat_model: ChatModel = None,
    prompts: PromptFile = None,
    chat_timeout: ChatTimeout = None,
    chat_tokens: ChatTokens = None,
    chat_px: ChatPixels = None,
    setting: SettingOption = SettingName.SCREENING,
    prevalence: Prevalence = None,
    pseudonymous: Pseudonymous = None,
    device: Device = "cpu",
    workers: Workers = 0,
    shard: ShardOption = None,
    merged: Merged = None,
    slurm: Slurm = None,
    submit: Submit = False,
) -> None:
    """Read many exams: one row per breast, and a row with the reason for an exam that cannot be read.

    A run that was stopped goes on where it left off. Rows are in the order of the manifest, whoever was first. Each
    worker holds the model once, and an equal share of the cores.
    """
    if merged is not None:
        _merge(context, merged)
        return
    if manifest is None or out is None:
        raise InputError("no MANIFEST.csv" if manifest is None else "no --out CSV", "predict MANIFEST.csv --out CSV")
    part = None if shard is None else shard_of(shard)
    wanted, prevalence = formats_of(formats), prevalence_of(prevalence)
    if reports is not None:
        folder_for(reports)
    names = None if pseudonymous is None else key_apart_from(pseudonymous, *([reports] if reports else []))
    chat = ChatGiven(chat_endpoint, chat_model, prompts, chat_timeout, chat_tokens, chat_px)
    authorship = authorship_of(writer, writer_model, chat)
    authorship.check_workers(workers)
    job = ReadingJob(manifest, model, device, setting.value, prevalence, reports, wanted, names, authorship)
    queue = queue_of(slurm, submit)
    if queue is not None:
        queue_prediction(queue, context, sum(1 for _ in job.exams()), out)
        return
    counts = _predict(job, out, part, retry_errors, workers)
    if counts and set(counts) == {"error"}:
        raise typer.Exit(1)


def _predict(job: ReadingJob, out: Path, part: Shard | None, retry_errors: bool, workers: int) -> Counter[str]:
    """Read what has no rows yet of the manifest, or of a part of it; how many exams ended in which status."""
    made_by = job.made_by()  # the device, the card and the writer are looked at before anything is read
    job.authorship.check()
    order = {exam: n for n, (exam, _) in enumerate(job.exams()) if part is None or part.takes(n)}
    if part is not None:
        out, made_by = part.file(out), {**made_by, **part.provenance(job.manifest, len(order))}
    try:
        with stopping(), held(out), ResultsFile(out, made_by, retry_errors, order) as results:
            counts, kept = _run(job, job.exams(), results, order, workers)
    except KeyboardInterrupt as stopped:
        _say(f"{out}: stopped; what was done is kept, and the same command goes on from there")
        raise typer.Exit(stopped.exit_code if isinstance(stopped, Stopped) else STOPPED) from None
    summary = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "nothing new"
    _say(f"{out}: {summary}; {kept} kept from before")
    _say(_personal(out, job.reports, job.names is not None))
    return counts


def _personal(out: Path, reports: Path | None, pseudonyms: bool) -> str:
    """What of patients is in what was written."""
    files = f"{out} and {reports}" if reports else f"{out}"
    if pseudonyms:
        hold = "hold pseudonyms and no paths" if reports else "holds pseudonyms and no paths"
        return f"{files} {hold}; letters burnt into a picture are still in it; keep the key apart"
    if reports:
        return personal_data(f"{files} hold patient and exam ids, dates, file paths and pictures")
    return personal_data(f"{files} holds exam ids and, in messages, file paths")


def _run(
    job: ReadingJob, exams: Iterator[Listed], results: ResultsFile, order: Mapping[str, int], workers: int
) -> tuple[Counter[str], int]:
    """Read every exam of `order` that has no rows yet; how many ended in which status, and how many were kept."""
    counts: Counter[str] = Counter()
    done = results.done
    kept = sum(exam_id in done for exam_id in order)
    to_read = (exam for exam in exams if exam[0] in order and exam[0] not in done)
    with progress_bar() as progress, closing(read_exams(job, to_read, workers)) as finished:
        task = progress.add_task("exams", total=len(order), completed=kept)
        for rows in finished:
            results.add(rows)
            counts[max((row["status"] for row in rows), key=("ok", "partial", "error").index)] += 1
            progress.advance(task)
    return counts, kept


def _merge(context: typer.Context, out: Path) -> None:
    """Join shards; any other option given beside would go unused."""
    given = [name for name in context.params if name != "merged" and is_given(context, name)]
    if given:
        raise InputError(f"{given[0]} given together with --merge", "--merge CSV alone, the --out of the shards")
    num_exams, num_shards = merge(out)
    _say(f"{out}: {num_exams} exams of {num_shards} shards")


def _say(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
