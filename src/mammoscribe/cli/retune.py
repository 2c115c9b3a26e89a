"""`mammoscribe retune`: incremental fine-tuning of adaptors on a feature set, with a heat map of class by task."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import folder_for, names_of
from mammoscribe.support.errors import InputError

EXAMPLE = "Example: mammoscribe retune features.npz --model weights/biovil-t --scenario class --out runs/class"


class ScenarioName(StrEnum):
    """How classes and pictures arrive."""

    CLASS = "class"
    LABEL = "label"
    DATA = "data"
    JOINT = "joint"
    ZERO_SHOT = "zero-shot"


class AdaptorName(StrEnum):
    """Shape of an adaptor."""

    MLP = "mlp"
    LINEAR = "linear"


class SidesName(StrEnum):
    """What is adapted."""

    BOTH = "both"
    SHARED = "shared"
    IMAGE = "image"
    TEXT = "text"


class HeldOut(StrEnum):
    """The split that is measured."""

    TEST = "test"
    VAL = "val"


TRAINING = ("adaptor", "sides", "rate", "epochs", "batch", "seed", "reset_below", "device")
"""Options that a run without training would not use."""

Features = Annotated[Path, typer.Argument(metavar="FEATURES", help="A feature set of `mammoscribe features`.")]
FeatureModel = Annotated[
    str, typer.Option("--model", metavar="NAME_OR_DIR", help="The model of the feature set; it embeds the prompts.")
]
AScenario = Annotated[
    ScenarioName,
    typer.Option("--scenario", help="Classes one by one, labels or data growing, all at once, or no training."),
]
PromptFile = Annotated[
    Path | None, typer.Option("--prompts", metavar="FILE", help="Prompts by class (TOML); the shipped by default.")
]
Classes = Annotated[
    str | None, typer.Option("--classes", metavar="LIST", help="Comma-separated classes in the order of learning.")
]
PositivesOnly = Annotated[
    bool, typer.Option("--positives-only", help="Scenario class: a task sees only pictures with its class.")
]
Adaptor = Annotated[AdaptorName, typer.Option("--adaptor", help="Shape of an adaptor.")]
AdaptedSides = Annotated[
    SidesName, typer.Option("--sides", help="One adaptor each for image and text, a shared one, or one side only.")
]
Rate = Annotated[float, typer.Option("--rate", min=1e-8, help="Learning rate of Adam.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, help="Passes over a task's pictures.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Pictures in a step.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of parts, initial weights and order.")]
ResetBelow = Annotated[
    float, typer.Option("--reset-below", min=0, max=0.999, help="Put back weights that moved less than this share.")
]
Device = Annotated[str, typer.Option("--device", help="Torch device.")]


def command(
    context: typer.Context,
    features: Features,
    model: FeatureModel,
    scenario: AScenario,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for result, heat map and adaptors.")],
    prompts: PromptFile = None,
    classes: Classes = None,
    parts: Annotated[int | None, typer.Option("--parts", min=2, help="Parts of scenario data; 5 by default.")] = None,
    positives_only: PositivesOnly = False,
    test_on: Annotated[HeldOut, typer.Option("--test-on", help="The split that is measured.")] = HeldOut.TEST,
    adaptor: Adaptor = AdaptorName.MLP,
    sides: AdaptedSides = SidesName.BOTH,
    rate: Rate = 1e-4,
    epochs: Epochs = 10,
    batch: Batch = 6144,
    seed: Seed = 27,
    reset_below: ResetBelow = 0.0,
    device: Device = "cpu",
) -> None:
    """Fine-tune adaptors on frozen features, task by task (RE-tune), and measure every class after every task.

    Writes result.json, heat_map.html and adaptors.safetensors.
    """
    folder = folder_for(out)
    given = [name for name in TRAINING if _given(context, name)]
    if scenario is ScenarioName.ZERO_SHOT and given:
        raise InputError(f"--{given[0].replace('_', '-')}, which scenario zero-shot does not use", "a run that trains")
    from mammoscribe.evaluation.heat_map import summary
    from mammoscribe.explain.load import load_space
    from mammoscribe.models.biovil.adaptors import AdaptorKind, Sides
    from mammoscribe.training import retune_run
    from mammoscribe.training.feature_cache import load_features
    from mammoscribe.training.retune import RetuneSchedule
    from mammoscribe.training.scenarios import Scenario

    schedule = RetuneSchedule(rate, batch, epochs, seed, reset_below, device)
    settings = retune_run.RunSettings(
        Scenario(scenario.value), parts, positives_only, test_on.value, AdaptorKind(adaptor.value), Sides(sides.value),
        schedule,
    )  # fmt: skip
    chosen = retune_run.presence_classes(load_features(features), names_of(classes))
    bank = retune_run.bank_for(chosen, load_space(model), prompts)
    with progress_bar() as progress:
        task = progress.add_task("epochs", total=None)
        net, result = retune_run.run(
            chosen, bank, settings, lambda done, total, _: progress.update(task, completed=done, total=total)
        )
    retune_run.write_run(folder, net, result, settings, chosen)
    console.print(f"{settings.title}, {summary(result)}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"see {folder / 'heat_map.html'}", highlight=False, markup=False, soft_wrap=True)


def _given(context: typer.Context, name: str) -> bool:
    """Whether an option was written on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
