"""`mammoscribe phantom`: draws synthetic exams with their full ground truth."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import folder_for

EXAMPLE = "Example: mammoscribe phantom --exams 10 --seed 1 --out phantoms --format dicom"


class ImageFormat(StrEnum):
    """How the views are written."""

    PNG = "png"
    DICOM = "dicom"


def command(
    exams: Annotated[int, typer.Option("--exams", min=1, help="How many exams.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the first exam; the next ones count up.")] = 0,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder; one sub-folder per exam.")] = Path(
        "phantoms"
    ),
    image_format: Annotated[ImageFormat, typer.Option("--format", help="File format of the views.")] = ImageFormat.PNG,
    prior: Annotated[
        bool | None, typer.Option("--prior/--no-prior", help="An earlier exam beside each one; by default beside some.")
    ] = None,
) -> None:
    """Draw synthetic exams: views, labels, boxes and masks, of nobody."""
    folder = folder_for(out)
    from mammoscribe.phantom import TRAINING_SPEC, draw_exam, write_dicom_exam, write_png_exam

    spec = TRAINING_SPEC if prior is None else replace(TRAINING_SPEC, prior_probability=float(prior))
    write = write_dicom_exam if image_format is ImageFormat.DICOM else write_png_exam
    with progress_bar() as progress:
        for number in progress.track(range(seed, seed + exams), description="drawing"):
            write(draw_exam(number, spec), folder / f"exam_{number:06d}")
    console.print(f"wrote {exams} exams to {folder}", highlight=False, markup=False, soft_wrap=True)
