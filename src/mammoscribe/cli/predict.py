"""`mammoscribe predict`: many exams from a manifest, one row per breast, resumable."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import errors as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.data_options import Pseudonymous, key_apart_from, personal_data
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
    from mammoscribe.data.deidentify import DeidentifiedExam
    from mammoscribe.data.load import LoadedExam
    from mammoscribe.data.manifest import ManifestRow
    from mammoscribe.data.pseudonyms import Pseudonyms
    from mammoscribe.domain.view import View
    from mammoscribe.imaging.picture import Picture

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
    pseudonymous: Pseudonymous = None,
) -> None:
    """Read many exams: one row per breast, and a row with the reason for an exam that cannot be read.

    A run that was stopped goes on where it left off.
    """
    wanted, prevalence = formats_of(formats), prevalence_of(prevalence)
    if reports is not None:
        folder_for(reports)
    from mammoscribe.data.manifest import exam_groups
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    names = None if pseudonymous is None else key_apart_from(pseudonymous, *([reports] if reports else []))
    num_exams = sum(1 for _ in exam_groups(manifest))
    reader = load_reader(model)

    def read_one(listed: "list[ManifestRow] | InputError") -> list[Row]:
        if isinstance(listed, InputError):
            raise listed
        loaded, decode = _opened(listed, manifest, names)
        reading = read_exam(
            loaded.exam, reader, decode=decode, images=reports is not None and "html" in wanted, setting=Setting(setting.value),
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
    groups = exam_groups(manifest)
    if names is not None:
        from mammoscribe.data.deidentify import pseudonymous_groups

        groups, made_by["pseudonyms"] = pseudonymous_groups(groups, names), names.fingerprint
    with held(out):
        counts, kept = _run(groups, num_exams, read_one, ResultsFile(out, made_by, retry_errors))
    told = ", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "nothing new"
    console.print(f"{out}: {told}; {kept} kept from before", highlight=False, markup=False, soft_wrap=True)
    console.print(_personal(out, reports, names is not None), highlight=False, markup=False, soft_wrap=True)
    if counts and set(counts) == {"error"}:
        raise typer.Exit(1)


def _opened(
    rows: "list[ManifestRow]", manifest: Path, names: "Pseudonyms | None"
) -> "tuple[LoadedExam | DeidentifiedExam, Callable[[View], Picture]]":
    """An exam and how its views are decoded; with `names`, under pseudonyms."""
    if names is None:
        from mammoscribe.data.load import load_rows
        from mammoscribe.imaging.decode import decode_view

        return load_rows(rows, manifest), decode_view
    from mammoscribe.data.deidentify import load_pseudonymous

    opened = load_pseudonymous(rows, manifest, names)
    return opened, opened.decode


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
