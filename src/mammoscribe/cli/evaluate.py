"""`mammoscribe evaluate`: a card of readers on labelled exams, of a reader on drawn ones, or of anybody's reports."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.evaluate_readers import measure_readers
from mammoscribe.cli.evaluate_reports import ReportFiles, print_must_pass, score_reports
from mammoscribe.cli.options import Device, SettingName, SettingOption, folder_for, is_given
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.evaluation.plan import Plan

EXAMPLE = (
    "Example: mammoscribe evaluate --exams 40 --out runs/validation\n\n"
    "Example: mammoscribe evaluate --model runs/ours/model --data prepared --split test --out runs/card\n\n"
    "Example: mammoscribe evaluate --predictions results.csv --data prepared --out runs/card\n\n"
    "Example: mammoscribe evaluate --reference references.csv --candidate candidates.csv --out runs/card"
)
_OF_DRAWN = frozenset({"exams", "bench", "model", "device"})
_OF_LABELLED = frozenset(
    {
        "data", "split", "predictions", "model", "device", "setting", "threshold", "specificity", "threshold_split",
        "trained_on", "common", "draws", "anyway", "plan",
    }
)  # fmt: skip
_OF_REPORTS = frozenset(
    {
        "reference",
        "candidate",
        "id_column",
        "text_column",
        "patient_column",
        "common",
        "draws",
        "train",
        "features",
        "anyway",
        "plan",
    }
)


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
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME_OR_DIR",
            help="The reader: one that ships here (starter), or a folder of weights; with --data twice to compare two.",
        ),
    ] = None,
    device: Device = "cpu",
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="PREPARED", help="Measure on the labelled exams of a prepared dataset instead."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="With --data: train, val or test.")] = "test",
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            "--predictions",
            metavar="CSV_OR_DIR",
            help="With --data: results.csv of predict, a table like it, or the folder of its --reports.",
        ),
    ] = None,
    setting: SettingOption = SettingName.SCREENING,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=0, max=1, help="With --data: probability from which a breast counts as malignant."
        ),
    ] = None,
    specificity: Annotated[
        float | None,
        typer.Option("--specificity", min=0, max=1, help="With --data: fix that threshold at this specificity on val."),
    ] = None,
    threshold_split: Annotated[
        str, typer.Option("--threshold-split", help="Where --specificity fixes it; never the split that is measured.")
    ] = "val",
    trained_on: Annotated[
        list[Path] | None,
        typer.Option(
            "--trained-on",
            metavar="PREPARED",
            help="With --data: another dataset that the reader learned from, whose patients must not be measured.",
        ),
    ] = None,
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
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Measure although something looks wrong; the card says what.")
    ] = False,
    train: Annotated[
        Path | None,
        typer.Option(
            "--train", metavar="FILE", help="With --reference: reports learned from; no patient may be in both."
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            metavar="NPZ",
            help="With --train: pictures of both by exam id (mammoscribe features), for the nearest neighbour's report.",
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="TOML", help="Endpoints, bars and thresholds, written before the look."),
    ] = None,
    must_pass: Annotated[
        bool, typer.Option("--must-pass", help="Print how many of the must-pass pairs every score gets right.")
    ] = False,
) -> None:
    """Measure readers on labelled or synthetic exams, or score reports that anybody wrote against reference reports.

    With --data: malignancy, recall, density, BI-RADS and findings against the labels of a prepared split, for a reader or for
    results of predict. With --reference and --candidate: facts, BI-RADS, density, errors and word overlap of reports. Both
    write card.json, card.md and card.html. With neither: a reader on synthetic exams; validation exams are for choosing, a
    bench is for the last look only, and nothing is tuned on it.
    """
    given = {name for name in context.params if is_given(context, name)} - {"out"}
    if must_pass:
        _refuse(given - {"must_pass"}, "--must-pass")
        print_must_pass()
        return
    if out is None:
        raise InputError("no --out", "a folder for the results", "add --out DIR")
    asked = {
        "split": split, "draws": draws, "threshold": threshold, "specificity": specificity, "threshold_split": threshold_split,
    }  # fmt: skip
    if reference is not None:
        _refuse(given - _OF_REPORTS, "--reference")
        planned = _planned(plan, asked, given, ("draws",))
        files = ReportFiles(
            reference,
            tuple(candidate or ()),
            id_column,
            text_column,
            patient_column,
            common,
            train,
            features,
            anyway,
            planned,
        )
        score_reports(files, out, asked["draws"])
    elif data is not None:
        _refuse(given - _OF_LABELLED, "--data")
        planned = _planned(plan, asked, given, tuple(asked))
        fixed = _fixed(given, asked["threshold"], asked["specificity"], asked["threshold_split"])
        _measure_readers(
            out, data=data, split=asked["split"], models=tuple(model or ()), predictions=tuple(predictions or ()),
            setting=setting.value, device=device, fixed=fixed, trained_on=tuple(trained_on or ()), num_draws=asked["draws"],
            common_only=common, anyway=anyway, plan=planned,
        )  # fmt: skip
    else:
        _refuse(given - _OF_DRAWN, "no --reference and no --data")
        if len(model or ()) > 1:
            raise InputError("two models on synthetic exams", "one, or --data to compare two")
        _read_exams(folder_for(out), exams, bench, (model or ["starter"])[0], device)


def _planned(path: Path | None, asked: dict[str, Any], given: set[str], used: tuple[str, ...]) -> "Plan | None":
    """The plan; what it fixes is put into `asked`. InputError where the command line says otherwise, or it is not used."""
    if path is None:
        return None
    from mammoscribe.evaluation.plan import read_plan

    plan = read_plan(path)
    for name, value in plan.options.items():
        option = f"--{name.replace('_', '-')}"
        if name not in used:
            raise InputError(f"{plan.name} fixes {name}, which reports have not", "a plan for reports")
        if name in given and asked[name] != value:
            raise InputError(f"{option} {asked[name]} beside {plan.name}, which says {value}", "what the plan says")
        asked[name] = value
    if asked["draws"] < 100:
        raise InputError(f"{plan.name}: draws = {asked['draws']}", "100 or more")
    given.update(plan.options)
    return plan


def _fixed(
    given: set[str], value: float | None, specificity: float | None, split: str
) -> tuple[float | None, float | None, str] | None:
    """How a threshold is fixed: (number, specificity, split); InputError for contradicting options."""
    if value is not None and specificity is not None:
        raise InputError("--threshold with --specificity", "one of them")
    if "threshold_split" in given and specificity is None:
        raise InputError("--threshold-split without --specificity", "both, or neither")
    return None if value is None and specificity is None else (value, specificity, split)


def _measure_readers(out: Path, **asked: Any) -> None:
    """Check what is asked and measure it."""
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.evaluation.reader_card.run import Fixed, Request

    fixed = None if asked["fixed"] is None else Fixed(*asked["fixed"])
    measure_readers(Request(**{**asked, "setting": Setting(asked["setting"]), "fixed": fixed}), out)


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
