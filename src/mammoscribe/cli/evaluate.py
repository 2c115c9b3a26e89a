"""`mammoscribe evaluate`: a card of readers on labelled exams, of a reader on drawn ones, or of anybody's reports."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.evaluate_faithfulness import Who, WrittenAbout, measure_writer
from mammoscribe.cli.evaluate_options import (
    Abstain,
    Anyway,
    Bench,
    Candidates,
    Common,
    Data,
    Draws,
    Exams,
    Faithfulness,
    Features,
    FoldOption,
    IdColumn,
    Models,
    MustPass,
    Out,
    PatientColumn,
    PlanFile,
    Predictions,
    Reference,
    Robustness,
    Specificity,
    Split,
    TextColumn,
    ThresholdSplit,
    ThresholdValue,
    Train,
    TrainedOn,
)
from mammoscribe.cli.evaluate_readers import measure_readers, of_fold
from mammoscribe.cli.evaluate_reports import ReportFiles, print_must_pass, score_reports
from mammoscribe.cli.options import Device, SettingName, SettingOption, WriterName, folder_for, is_given
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.evaluation.plan import Plan

EXAMPLE = (
    "Example: mammoscribe evaluate --exams 40 --out runs/validation\n\n"
    "Example: mammoscribe evaluate --model runs/ours/model --data prepared --split test --out runs/card\n\n"
    "Example: mammoscribe evaluate --predictions results.csv --data prepared --out runs/card\n\n"
    "Example: mammoscribe evaluate --faithfulness --writer decoder --exams 20 --out runs/faithfulness\n\n"
    "Example: mammoscribe evaluate --reference references.csv --candidate candidates.csv --out runs/card"
)
_OF_DRAWN = frozenset({"exams", "bench", "model", "device"})
_OF_LABELLED = frozenset(
    {
        "data", "split", "fold", "predictions", "model", "device", "setting", "threshold", "specificity", "threshold_split", "abstain",
        "trained_on", "common", "draws", "anyway", "plan", "robustness",
    }
)  # fmt: skip
_OF_WRITERS = frozenset(
    {
        "faithfulness", "exams", "bench", "data", "split", "fold", "model", "device", "setting", "draws", "anyway",
        "writer", "writer_model", "chat_endpoint", "chat_model", "prompts", "chat_timeout", "chat_tokens", "chat_px",
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
    context: typer.Context, out: Out = None, exams: Exams = 80, bench: Bench = None, model: Models = None, device: Device = "cpu",
    data: Data = None, split: Split = "test", fold: FoldOption = None, predictions: Predictions = None,
    setting: SettingOption = SettingName.SCREENING, threshold: ThresholdValue = None, specificity: Specificity = None,
    abstain: Abstain = None, threshold_split: ThresholdSplit = "val", trained_on: TrainedOn = None,
    reference: Reference = None, candidate: Candidates = None, id_column: IdColumn = None, text_column: TextColumn = None,
    patient_column: PatientColumn = None, common: Common = False, draws: Draws = 1000, anyway: Anyway = False,
    train: Train = None, features: Features = None, plan: PlanFile = None, must_pass: MustPass = False,
    robustness: Robustness = False, faithfulness: Faithfulness = False, writer: Writes = WriterName.RENDERER,
    writer_model: WriterModel = None, chat_endpoint: ChatEndpoint = None, chat_model: ChatModel = None,
    prompts: PromptFile = None, chat_timeout: ChatTimeout = None, chat_tokens: ChatTokens = None, chat_px: ChatPixels = None,
) -> None:  # fmt: skip
    """Measure readers on labelled or synthetic exams, or score reports that anybody wrote against reference reports.

    With --data: malignancy, recall, density, BI-RADS and findings against the labels of a prepared split, for a reader or for
    results of predict. With --reference and --candidate: facts, BI-RADS, density, errors and word overlap of reports. Both
    write card.json, card.md and card.html. With neither: a reader on synthetic exams; validation exams are for choosing, a
    bench is for the last look only, and nothing is tuned on it. With --faithfulness: whether what a reader or a --writer
    writes follows from the pictures, on synthetic exams or those of --data.
    """
    given = {name for name in context.params if is_given(context, name)} - {"out"}
    if must_pass:
        _refuse(given - {"must_pass"}, "--must-pass")
        print_must_pass()
        return
    if out is None:
        raise InputError("no --out", "a folder for the results", "add --out DIR")
    if faithfulness:
        _refuse(given - _OF_WRITERS, "--faithfulness")
        chat = ChatGiven(chat_endpoint, chat_model, prompts, chat_timeout, chat_tokens, chat_px)
        who = Who(tuple(model or ("starter",)), authorship_of(writer, writer_model, chat), setting.value, device)
        measure_writer(who, WrittenAbout(data, split, fold, exams, bench, "split" in given), out, draws, anyway)
        return
    asked = {
        "split": split, "draws": draws, "threshold": threshold, "specificity": specificity, "threshold_split": threshold_split,
    }  # fmt: skip
    if reference is not None:
        _refuse(given - _OF_REPORTS, "--reference")
        files = ReportFiles(
            reference, tuple(candidate or ()), id_column, text_column, patient_column, common, train, features, anyway
        )
        _score_reports(out, given, plan, asked, files)
    elif data is not None:
        _measure_readers(
            out, given, plan, asked, fold, abstain, data=data, models=tuple(model or ()), predictions=tuple(predictions or ()),
            setting=setting.value, device=device, trained_on=tuple(trained_on or ()), common_only=common, anyway=anyway,
            robustness=exams if robustness else None,
        )  # fmt: skip
    else:
        _read_exams(out, given, exams, bench, model or ["starter"], device)


def _score_reports(out: Path, given: set[str], plan: Path | None, asked: dict[str, Any], files: ReportFiles) -> None:
    """Score reports; `asked` are the options that a plan may fix."""
    planned = _planned(plan, asked, given, ("draws",))
    score_reports(replace(files, plan=planned), out, asked["draws"])


def _measure_readers(
    out: Path,
    given: set[str],
    plan: Path | None,
    asked: dict[str, Any],
    fold: str | None,
    abstain: float | None,
    setting: str,
    **systems: Any,
) -> None:
    """Measure readers on labelled exams; `asked` are the options that a plan may fix."""
    _refuse(given - _OF_LABELLED - ({"exams"} if "robustness" in given else set()), "--data")
    planned = _planned(plan, asked, given, tuple(asked))
    if fold is not None and "split" in given:
        raise InputError(f"--fold {fold} with the split {asked['split']}", "one of them")
    fixed = _fixed(given, asked["threshold"], asked["specificity"], asked["threshold_split"], abstain)
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.evaluation.reader_card.run import Fixed, Request

    request = Request(
        split=asked["split"], num_draws=asked["draws"], plan=planned, setting=Setting(setting),
        fixed=None if fixed is None else Fixed(*fixed), **of_fold(fold, systems["models"]), **systems,
    )  # fmt: skip
    measure_readers(request, out)


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
    given: set[str], value: float | None, specificity: float | None, split: str, abstain: float | None
) -> tuple[float | None, float | None, str, float | None] | None:
    """How thresholds are fixed: (number, specificity, split, error rate); InputError for contradicting options."""
    if value is not None and specificity is not None:
        raise InputError("--threshold with --specificity", "one of them")
    if "threshold_split" in given and specificity is None and abstain is None:
        raise InputError("--threshold-split without --specificity or --abstain", "one of these with it")
    return None if value is None and specificity is None and abstain is None else (value, specificity, split, abstain)


def _refuse(names: set[str], beside: str) -> None:
    """InputError where options were given that would not be used."""
    if names:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(names))
        raise InputError(f"{options} with {beside}", "options that belong together", "see mammoscribe evaluate --help")


def _read_exams(out: Path, given: set[str], exams: int, bench: str | None, models: Sequence[str], device: str) -> None:
    """Read drawn exams, go on where a run stopped, and print the card."""
    _refuse(given - _OF_DRAWN, "no --reference and no --data")
    if len(models) > 1:
        raise InputError(f"{len(models)} models on synthetic exams", "one, or --data to compare two")
    folder = folder_for(out)
    from mammoscribe.models.devices import chosen_device

    where = chosen_device(device)
    from mammoscribe.evaluation.bench import bench_rows
    from mammoscribe.evaluation.card import markdown, write_rows
    from mammoscribe.evaluation.reading_records import read_record, read_seeds
    from mammoscribe.phantom import TRAINING_SPEC
    from mammoscribe.phantom.bench import BENCHES, VALIDATION_SEEDS
    from mammoscribe.reading import load_reader

    seeds, spec = VALIDATION_SEEDS[:exams], TRAINING_SPEC
    if bench is not None:
        frozen = look_up(bench, BENCHES, "bench")
        seeds, spec = frozen.seeds, frozen.spec
    reader = load_reader(models[0], where)
    measured = f"{bench or 'validation'}-{reader.card.weights_sha256[:12]}"
    path = folder / f"records-{measured}{'' if where.type == 'cpu' else f'-{where.type}'}.jsonl"
    with progress_bar() as progress:
        shown = progress.track(seeds, description="exams")
        rows = bench_rows(read_seeds(shown, spec, path, lambda drawn: read_record(drawn, reader)))
    write_rows(rows, path.with_suffix(".json"))
    console.print(markdown(rows), highlight=False, markup=False, soft_wrap=True)
