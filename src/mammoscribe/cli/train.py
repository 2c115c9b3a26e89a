"""`mammoscribe train`: trains a recipe on prepared data, in one process or several, and lists the recipes."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mammoscribe.cli.console import errors, note, progress_bar
from mammoscribe.cli.console import out as console
from mammoscribe.cli.options import folder_for
from mammoscribe.cli.plain_help import PlainCommand, PlainGroup
from mammoscribe.cli.slurm import Slurm, Submit, queue_of, queue_training
from mammoscribe.cli.train_chat import FromScript, Given, ScriptOut, ScriptProcesses, as_the_script_says
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.training.engine.run import Run

EXAMPLE = "Example: mammoscribe train reader --data prepared --out runs/ours"
RECIPES = {
    "reader": "findings, boxes and breast labels from mammograms: by boxes, by labels, or by reports alone",
    "joint-space": "the text side of a reader, which finds phrases on mammograms and mammograms by phrases",
    "decoder": "the report decoder of a reader, on random tables of facts",
    "probe": "a linear head on an image tower, frozen or trained with it, on all labels or a share of them",
    "retune": "adaptors that teach a frozen image-text model new classes one after the other (RE-tune)",
    "temporal": "linear heads on pairs of images that say improving, stable or worsening",
    "crop-refiner": "what sees each mark of a reader again at 200 um: kind, words, suspicion and change",
    "calcifications": "the network of a reader that searches views for calcifications at 100 um",
    "text-mlm": "a text model of BioViL-T's kind on masked tokens, with a vocabulary of its own or from a BERT",
    "text-sections": "a text model to match findings with the impression of the same report",
    "biovil-t": "an image and a text model of BioViL-T's kind on pictures with their reports and earlier pictures",
    "biovil-t-report": "a decoder that writes reports from the patches of such an image model",
    "chat": "a chat model that sees pictures (see `chat list`) on conversations about them, or on reports",
    "chat-words": "the projector of a new starter-chat, on words for what labels say of each part of a view",
}
"""Recipes with what each trains; the functions are in `training.recipe_list`."""

app = typer.Typer(cls=PlainGroup, help="Train on prepared data, and see which recipes there are.", no_args_is_help=True)

Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="PREPARED",
        help="Folder of `mammoscribe data prepare`, repeatable; for probes a file of `mammoscribe features`; for chat models also a file in LLaVA's JSON.",
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the run; one found there goes on.")]
Init = Annotated[
    Path | None,
    typer.Option("--init", metavar="WEIGHTS", help="Weights to start from; of a part, the reader that it is for."),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A field of the recipe; repeatable.")
]
Processes = Annotated[int, typer.Option("--processes", min=1, help="Processes on this machine, one for each GPU.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cuda, cpu or mps.")]
DeepSpeed = Annotated[
    Path | None,
    typer.Option(
        "--deepspeed", metavar="JSON", help="DeepSpeed settings; their stage of ZeRO says how networks are spread."
    ),
]


@app.command("list", cls=PlainCommand, epilog="Example: mammoscribe train list")
def list_recipes() -> None:
    """The recipes and what each trains."""
    for name, what in RECIPES.items():
        console.print(f"{name}: {what}", highlight=False, markup=False, soft_wrap=True)


@app.command("show", cls=PlainCommand, epilog="Example: mammoscribe train show reader --data prepared")
def show(
    recipe: Annotated[str, typer.Argument(help="A recipe of `mammoscribe train list`.")],
    data: Data = None,
    init: Init = None,
    set_fields: Set = None,
) -> None:
    """What a recipe does, and with the data or model that it needs every field that --set can change."""
    look_up(recipe, RECIPES, "recipe")
    from mammoscribe.training.recipe_list import RECIPES as FUNCTIONS

    console.print(_about(FUNCTIONS[recipe].__doc__ or ""), highlight=False, markup=False)
    if data or init:
        run = FUNCTIONS[recipe](data or [], init).with_set(fields_of(set_fields))
        console.print(json.dumps(run.fields(), indent=1), highlight=False, markup=False)


def _about(docstring: str) -> str:
    """A docstring for people at a terminal: without its sections for programmers, each paragraph one line that wraps there."""
    text, _, _ = cleandoc(docstring).partition("\n\nArgs:")
    paragraphs = (paragraph.splitlines() for paragraph in text.split("\n\n"))
    return "\n\n".join(
        "\n".join(lines) if any(line.startswith((" ", "- ", "|")) for line in lines) else " ".join(lines)
        for lines in paragraphs
    )


def _command(recipe: str) -> Callable[..., None]:
    """The command that trains one recipe."""

    def command(
        context: typer.Context, data: Data = None, out: Out = Path("runs/run"), init: Init = None, set_fields: Set = None,
        processes: Processes = 1, device: Device = "auto", deepspeed: DeepSpeed = None, slurm: Slurm = None,
        submit: Submit = False,
    ) -> None:  # fmt: skip
        folder_for(out)
        queue = queue_of(slurm, submit)
        if queue is None and processes > 1 and not _is_worker():
            raise typer.Exit(_launched(processes))
        run = _run_of(recipe, data or [], init, fields_of(set_fields), device, deepspeed)
        if queue is not None:
            queue_training(queue, context, run, out)
            return
        raise typer.Exit(_trained(run, out))

    command.__doc__ = f"Train {RECIPES[recipe]}; a run that was stopped goes on."
    return command


def _run_of(
    recipe: str, data: list[Path], init: Path | None, given: Mapping[str, str], device: str, deepspeed: Path | None
) -> "Run":
    """The run that the options of a command describe."""
    from mammoscribe.training.recipe_list import RECIPES as FUNCTIONS

    fields = {**given, "execution.device": device}
    if deepspeed is not None:
        from mammoscribe.training.engine.distribution import kind_of

        fields["distribution.deepspeed"] = str(deepspeed)
        fields.setdefault("distribution.kind", kind_of(deepspeed).value)
    return FUNCTIONS[recipe](data, init).with_set(fields)


def _from_chat_script() -> Callable[..., None]:
    """The command that trains the recipe `chat`, which can take what it does from a script of LLaVA."""
    train_chat = _command("chat")

    def command(
        context: typer.Context, data: Data = None, out: ScriptOut = None, init: Init = None, set_fields: Set = None,
        processes: ScriptProcesses = None, device: Device = "auto", deepspeed: DeepSpeed = None, slurm: Slurm = None,
        submit: Submit = False, from_script: FromScript = None,
    ) -> None:  # fmt: skip
        given = Given(data or [], out, init, set_fields or [], processes, deepspeed)
        if from_script is not None:
            given = as_the_script_says(from_script, given, quiet=_is_worker())
        train_chat(
            context, given.data, given.out or Path("runs/run"), given.init, given.set_fields, given.processes or 1,
            device, given.deepspeed, slurm, submit,
        )  # fmt: skip

    command.__doc__ = train_chat.__doc__
    return command


_NEEDS = {
    "reader": "--data prepared",
    "joint-space": "--init runs/reader --data prepared",
    "decoder": "--init runs/reader",
    "probe": "--data prepared",
    "retune": "--data features.npz",
    "temporal": "--data features.npz",
    "crop-refiner": "--init runs/reader --data prepared",
    "calcifications": "--init runs/reader --data prepared",
    "text-mlm": "--data prepared",
    "text-sections": "--init runs/mlm --data prepared",
    "biovil-t": "--init runs/sections --data prepared",
    "biovil-t-report": "--init runs/joint --data prepared",
    "chat": "--init llava-1.5-7b-hf --data train.json",
    "chat-words": "--init starter-chat --data prepared",
}
for _name in RECIPES:
    app.command(
        _name,
        cls=PlainCommand,
        epilog=f"Example: mammoscribe train {_name} {_NEEDS[_name]} --out runs/ours --set steps=500",
    )(_from_chat_script() if _name == "chat" else _command(_name))


def fields_of(given: list[str] | None) -> Mapping[str, str]:
    """The fields that `--set` gives; InputError for one that is no FIELD=VALUE, or is given twice."""
    fields: dict[str, str] = {}
    for option in given or []:
        name, separator, value = option.partition("=")
        if not separator or not name:
            raise InputError(f"--set {option!r}", "FIELD=VALUE, such as steps=500")
        if fields.setdefault(name.strip(), value.strip()) != value.strip():
            raise InputError(f"--set gives {name} two values", "one")
    return fields


def _is_worker() -> bool:
    """Whether this process is one of several that were started together (launch, torchrun, the script of --slurm)."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _launched(processes: int) -> int:
    from mammoscribe.training.engine.launch import launch

    code = "from mammoscribe.cli import main; main()"
    return launch([sys.executable, "-c", code, *sys.argv[1:]], processes)


class _Bar:
    """The bar of a run, opened by its first note or row: what builds the run may have a bar, and a terminal shows one at a time."""

    def __init__(self, steps: int) -> None:
        self._progress = progress_bar()
        self._task = self._progress.add_task("training", total=steps)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """A note of the run, which is built by then."""
        self._progress.start()
        note(text)

    def row(self, row: Mapping[str, Any]) -> None:
        """A line of metrics.jsonl."""
        self._progress.start()
        loss = row.get("loss/total")
        words = f"training, loss {loss:.3f}" if loss is not None else "training"
        self._progress.update(self._task, completed=row["step"], description=words)


def _trained(run: "Run", out: Path) -> int:
    """Train with a bar; the exit code says whether the run is done (0) or can go on (85)."""
    from mammoscribe.training.engine.train import train

    with _Bar(run.steps) as bar:
        outcome = train(run, out, bar.row, bar.note)
    summary = out / "model" / "summary.md"
    if not _is_first():
        return outcome.exit_code
    if outcome.finished:
        if summary.is_file():
            console.print(summary.read_text(encoding="utf-8").rstrip(), highlight=False, markup=False, soft_wrap=True)
        console.print(f"model in {out / 'model'}", highlight=False, markup=False, soft_wrap=True)
    else:
        errors.print(f"stopped at step {outcome.step}: start the same command again to go on", highlight=False)
    return outcome.exit_code
