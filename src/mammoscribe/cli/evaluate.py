"""`mammoscribe evaluate`: the report card of a reader on drawn exams, or of anybody's reports against references."""

from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.evaluate_reports import ReportFiles, print_must_pass, score_reports
from mammoscribe.cli.options import Device, Model, folder_for
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

EXAMPLE = (
    "Example: mammoscribe evaluate --exams 40 --out runs/validation\n\n"
    "Example: mammoscribe evaluate --reference references.csv --candidate candidates.csv --out runs/card"
)
_OF_A_READER = ("exams", "bench", "model", "device")
_OF_REPORTS = ("reference", "candidate", "id_column", "text_column", "patient_column", "common", "draws")


def command(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for records and figures; a run goes on there.")
    ] = None,
    exams: Annotated[int, typer.Option("--exams", min=1, help="How many validation exams.")] = 80,
    bench: Annotated[
        str | None,
        typer.Option("--bench", metavar="NAME", help="Read a frozen test bench instead, bench_v1 or bench_v2."),
    ] = None,
    model: Model = "starter",
    device: Device = "cpu",
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference", metavar="FILE", help="Score reports against these: CSV, JSONL, JSON, folder of .txt."
        ),
    ] = None,
    candidate: Annotated[
        list[Path] | None,
        typer.Option("--candidate", metavar="FILE", help="Reports to be scored; twice to compare two systems."),
    ] = None,
    id_column: Annotated[str | None, typer.Option("--id-column", metavar="NAME", help="Column of exam ids.")] = None,
    text_column: Annotated[str | None, typer.Option("--text-column", metavar="NAME", help="Column of reports.")] = None,
    patient_column: Annotated[
        str | None, typer.Option("--patient-column", metavar="NAME", help="Column of patients, in the reference file.")
    ] = None,
    common: Annotated[bool, typer.Option("--common", help="Score only exams that every file has, and say so.")] = False,
    draws: Annotated[int, typer.Option("--draws", min=100, help="Bootstrap samples of patients.")] = 1000,
    must_pass: Annotated[
        bool, typer.Option("--must-pass", help="Print how many of the must-pass pairs every score gets right.")
    ] = False,
) -> None:
    """Measure a reader on synthetic exams, or score reports that anybody wrote against reference reports.

    Without --reference: finds, false marks, density, facts in the text, malignancy, change. Validation exams are for
    choosing; a bench is for the last look only, and nothing is tuned on it. With --reference and --candidate: facts,
    BI-RADS, density, errors and word overlap, with intervals, written as card.json and card.md.
    """
    given = {name for name in context.params if _is_given(context, name)}
    if must_pass:
        _refuse(given - {"must_pass"}, "--must-pass")
        print_must_pass()
        return
    if out is None:
        raise InputError("no --out", "a folder for the results", "add --out DIR")
    if reference is not None:
        _refuse(given.intersection(_OF_A_READER), "--reference")
        files = ReportFiles(reference, tuple(candidate or ()), id_column, text_column, patient_column, common)
        score_reports(files, out, draws)
        return
    _refuse(given.intersection(_OF_REPORTS), "no --reference")
    _read_exams(folder_for(out), exams, bench, model, device)


def _is_given(context: typer.Context, name: str) -> bool:
    """Whether the option is on the command line; typer brings its own copy of click, so the source is known by name only."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse(names: set[str], beside: str) -> None:
    """InputError where options were given that would not be used."""
    if names:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(names))
        raise InputError(f"{options} with {beside}", "options that belong together", "see mammoscribe evaluate --help")


def _read_exams(folder: Path, exams: int, bench: str | None, model: str, device: str) -> None:
    """Read drawn exams, go on where a run stopped, and print the card."""
    from mammoscribe.models.devices import chosen_device

    where = chosen_device(device)
    from mammoscribe.evaluation.bench import bench_rows
    from mammoscribe.evaluation.card import markdown, write_rows
    from mammoscribe.evaluation.reading_records import read_record
    from mammoscribe.evaluation.records import read_records, write_records
    from mammoscribe.phantom import TRAINING_SPEC, draw_exam
    from mammoscribe.phantom.bench import BENCHES, VALIDATION_SEEDS
    from mammoscribe.reading import load_reader

    seeds, spec = VALIDATION_SEEDS[:exams], TRAINING_SPEC
    if bench is not None:
        frozen = look_up(bench, BENCHES, "bench")
        seeds, spec = frozen.seeds, frozen.spec
    reader = load_reader(model, where)
    measured = f"{bench or 'validation'}-{reader.card.weights_sha256[:12]}"
    path = folder / f"records-{measured}{'' if where.type == 'cpu' else f'-{where.type}'}.jsonl"
    records = read_records(path)
    with progress_bar() as progress:
        for seed in progress.track(seeds, description="exams"):
            if f"phantom-{seed}" not in records:
                record = read_record(draw_exam(seed, spec), reader)
                records[record.exam_id] = record
                write_records(records.values(), path)
    rows = bench_rows([records[f"phantom-{seed}"] for seed in seeds])
    write_rows(rows, path.with_suffix(".json"))
    console.print(markdown(rows), highlight=False, markup=False, soft_wrap=True)
