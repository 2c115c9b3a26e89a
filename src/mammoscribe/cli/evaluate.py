"""`mammoscribe evaluate`: reads drawn exams whose truth is known and prints the report card of a reader."""

from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import Device, Model, folder_for
from mammoscribe.support.lookup import look_up

EXAMPLE = "Example: mammoscribe evaluate --exams 40 --out runs/validation"


def command(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for records and figures; a run goes on there.")
    ],
    exams: Annotated[int, typer.Option("--exams", min=1, help="How many validation exams.")] = 80,
    bench: Annotated[
        str | None,
        typer.Option("--bench", metavar="NAME", help="Read a frozen test bench instead, bench_v1 or bench_v2."),
    ] = None,
    model: Model = "starter",
    device: Device = "cpu",
) -> None:
    """Measure a reader on synthetic exams: finds, false marks, density, facts in the text, malignancy, change.

    Validation exams are for choosing; a bench is for the last look only, and nothing is tuned on it.
    """
    folder = folder_for(out)
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
