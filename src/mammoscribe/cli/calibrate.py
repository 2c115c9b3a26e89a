"""`mammoscribe calibrate`: fixes a trained reader's thresholds and probabilities on patients it did not learn from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import folder_for

if TYPE_CHECKING:
    from mammoscribe.models.reader.card import ModelCard

EXAMPLE = (
    "Example: mammoscribe calibrate --model runs/ours/model --data prepared --out models/ours\n\n"
    "Example: mammoscribe calibrate --model starter --data our-site --split all --out models/our-site"
)


def command(
    model: Annotated[
        str, typer.Option("--model", metavar="NAME_OR_DIR", help="The trained reader, such as the model/ of a run.")
    ],
    data: Annotated[
        list[Path],
        typer.Option("--data", metavar="PREPARED", help="Prepared exams with a `val` split, or see --split; repeatable."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the calibrated model.")],
    fold: Annotated[
        list[Path] | None,
        typer.Option(
            "--fold", metavar="RUN",
            help="A run of `train reader --set left_out=I/K`, one for each I: real exams are then seen by the run that left their patient out.",
        ),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            "--parts", metavar="NAME_OR_DIR",
            help="A model whose crop refiner, calcification network and decoder are added where --model has none.",
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            help="val, train or test; or all, for the labelled exams of a new site that the model has learned nothing from.",
        ),
    ] = "val",
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=512, help="Processes that see exams side by side, about 1 GB of memory each.")
    ] = 1,
    name: Annotated[str | None, typer.Option("--name", help="Name of the new model.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Version of the new model.")] = None,
) -> None:  # fmt: skip
    """Fix thresholds, words and probabilities on labelled exams, and measure how often sentences are right.

    Drawn and real exams get an operating point each, which names its population: a report says on what its probabilities were
    calibrated, and warns of images that are unlike these exams. With --fold also writes breasts.csv and marks.json of the patients
    who were left out, which the benchmarks read. Runs of folds must not start from weights that learned from those patients.
    """
    target = folder_for(out)
    from mammoscribe.training.calibration.calibrate import Calibration, calibrate

    asked = Calibration(model, tuple(data), tuple(fold or ()), parts, name, version, split)
    with progress_bar() as progress:
        task = progress.add_task("exams", total=None)
        card = calibrate(asked, target, workers, lambda exams: progress.advance(task, exams))
    _say(card)
    console.print(f"model in {target}", highlight=False, markup=False, soft_wrap=True)


def _say(card: "ModelCard") -> None:
    """What each operating point was fixed on, and how often its sentences are right."""
    for origin, point in {"synthetic images": card.synthetic, "acquired images": card.real}.items():
        console.print(f"{origin}: {point.population}, {point.n} breasts", highlight=False, markup=False, soft_wrap=True)
        used_to = point.familiar
        said = (
            "not known, so no image is called unlike"
            if used_to is None
            else f"{used_to.num_views} of {used_to.population}"
        )
        console.print(f"  familiar views: {said}", highlight=False, markup=False, soft_wrap=True)
        for line in point.reliability:
            console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
