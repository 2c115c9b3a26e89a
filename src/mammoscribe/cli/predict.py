"""`mammoscribe predict`: many exams from a manifest, one row per breast, resumable."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import errors as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import Formats, Model, folder_for, formats_of
from mammoscribe.cli.results import ResultsFile, Row, error_row, rows_of
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.support.names import folder_name

EXAMPLE = "Example: mammoscribe predict manifest.csv --out results.csv --reports reports"


def command(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST.csv", help="One row per view: exam_id,...,path.")],
    out: Annotated[Path, typer.Option("--out", metavar="CSV", help="The results; exams already in it are kept.")],
    reports: Annotated[
        Path | None, typer.Option("--reports", metavar="DIR", help="Also write each exam's report into DIR/EXAM_ID.")
    ] = None,
    formats: Formats = "html,json",
    model: Model = "starter",
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Read again the exams whose row says error.")
    ] = False,
) -> None:
    """Read many exams: one row per breast, and a row with the reason for an exam that cannot be read.

    A run that was stopped goes on where it left off.
    """
    wanted = formats_of(formats)
    if reports is not None:
        folder_for(reports)
    from mammoscribe.data.load import load_exam
    from mammoscribe.data.manifest import read_manifest
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    exam_ids = list(dict.fromkeys(row.exam_id for row in read_manifest(manifest)))
    reader = load_reader(model)
    results = ResultsFile(
        out, reader={"model": reader.card.name, "weights_sha256": reader.card.weights_sha256}, retry_errors=retry_errors
    )

    def read_one(exam_id: str) -> list[Row]:
        loaded = load_exam([], manifest=manifest, exam_id=exam_id)
        reading = read_exam(loaded.exam, reader, images=reports is not None and "html" in wanted)
        if reports is not None:
            write_outputs(reading, reports / folder_name(exam_id), wanted)
        return rows_of(reading.report, loaded.warnings, set_aside=bool(loaded.set_aside))

    counts = _run([e for e in exam_ids if e not in results.done], read_one, results)
    kept = len(set(exam_ids) & results.done) - counts.total()
    told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "nothing new"
    console.print(f"{out}: {told}; {kept} kept from before", highlight=False, markup=False, soft_wrap=True)
    if counts and set(counts) == {"error"}:
        raise typer.Exit(1)


def _run(exam_ids: list[str], read_one: Callable[[str], list[Row]], results: ResultsFile) -> Counter[str]:
    """Read every exam and add its rows; returns how many exams ended in which status."""
    counts: Counter[str] = Counter()
    with progress_bar() as progress:
        task = progress.add_task("exams", total=len(exam_ids))
        for exam_id in exam_ids:
            try:
                rows = read_one(exam_id)
            except MammoscribeError as error:
                rows = [error_row(exam_id, error.sentence())]
            except Exception as error:  # one exam must not stop a night's run
                rows = [error_row(exam_id, f"unexpected {type(error).__name__}: {error}")]
            results.add(rows)
            counts[max((row["status"] for row in rows), key=("ok", "partial", "error").index)] += 1
            progress.advance(task)
    return counts
