"""`mammoscribe predict`: many exams from a manifest, one row per breast, resumable."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import errors as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import (
    Formats,
    Model,
    Prevalence,
    SettingName,
    SettingOption,
    folder_for,
    formats_of,
    prevalence_of,
)
from mammoscribe.cli.results import ResultsFile, Row, error_row, held, lacks_a_view, rows_of
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.names import folder_name

if TYPE_CHECKING:
    from mammoscribe.data.manifest import ManifestRow

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
    setting: SettingOption = SettingName.SCREENING,
    prevalence: Prevalence = None,
) -> None:
    """Read many exams: one row per breast, and a row with the reason for an exam that cannot be read.

    A run that was stopped goes on where it left off.
    """
    wanted, prevalence = formats_of(formats), prevalence_of(prevalence)
    if reports is not None:
        folder_for(reports)
    from mammoscribe.data.load import load_rows
    from mammoscribe.data.manifest import exam_groups
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    num_exams = sum(1 for _ in exam_groups(manifest))
    reader = load_reader(model)

    def read_one(listed: "list[ManifestRow] | InputError") -> list[Row]:
        if isinstance(listed, InputError):
            raise listed
        loaded = load_rows(listed, manifest)
        reading = read_exam(
            loaded.exam, reader, images=reports is not None and "html" in wanted, setting=Setting(setting.value),
            prevalence=prevalence,
        )  # fmt: skip
        if reports is not None:
            write_outputs(reading, reports / folder_name(loaded.exam.id), wanted)
        notes = list(dict.fromkeys((*loaded.warnings, *reading.report.warnings)))
        return rows_of(reading.report, notes, set_aside=lacks_a_view(loaded.exam))

    made_by = {
        "model": reader.card.name, "weights_sha256": reader.card.weights_sha256, "setting": setting.value,
        "prevalence": prevalence,
    }  # fmt: skip
    with held(out):
        counts, kept = _run(exam_groups(manifest), num_exams, read_one, ResultsFile(out, made_by, retry_errors))
    told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "nothing new"
    console.print(f"{out}: {told}; {kept} kept from before", highlight=False, markup=False, soft_wrap=True)
    if counts and set(counts) == {"error"}:
        raise typer.Exit(1)


def _run(
    exams: "Iterator[tuple[str, list[ManifestRow] | InputError]]",
    num_exams: int,
    read_one: "Callable[[list[ManifestRow] | InputError], list[Row]]",
    results: ResultsFile,
) -> tuple[Counter[str], int]:
    """Read every exam that has no rows yet and add its rows; how many ended in which status, and how many were kept."""
    counts: Counter[str] = Counter()
    kept, done = 0, results.done
    with progress_bar() as progress:
        task = progress.add_task("exams", total=num_exams)
        for exam_id, listed in exams:
            if exam_id in done:
                kept += 1
                progress.advance(task)
                continue
            try:
                rows = read_one(listed)
            except MammoscribeError as error:
                rows = [error_row(exam_id, error.sentence())]
            except Exception as error:  # one exam must not stop a night's run
                rows = [error_row(exam_id, f"unexpected {type(error).__name__}: {error}")]
            results.add(rows)
            counts[max((row["status"] for row in rows), key=("ok", "partial", "error").index)] += 1
            progress.advance(task)
    return counts, kept
