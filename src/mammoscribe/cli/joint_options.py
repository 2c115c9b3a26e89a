"""Options that the commands of the joint space share: model, pre-processing, views, boxes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.options import views_of
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.domain.view import Box
    from mammoscribe.models.joint_space import JointSpace


class Mode(StrEnum):
    """Pre-processing of a published model: exactly as published, or the whole picture, for mammograms."""

    PUBLISHED = "published"
    WHOLE = "whole"


class Interpolation(StrEnum):
    """How the grid of patches becomes pixels."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


SpaceModel = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME_OR_DIR",
        help="The model: one that ships here, or a folder of BioViL-T or BioViL files.",
    ),
]
SpaceMode = Annotated[
    Mode | None,
    typer.Option("--mode", help="Pre-processing for BioViL files: as published (centre crop), or the whole picture."),
]
Views = Annotated[
    list[str] | None,
    typer.Option("--view", metavar="FILE=RCC", help="Which view a plain mammogram file shows; repeatable."),
]
Bfloat16 = Annotated[
    bool,
    typer.Option("--bfloat16", help="BioViL files, on a processor with AMX: twice as quick, cosines right to 0.0005."),
]


def open_space(
    model: str, mode: Mode | None, view: list[str] | None, many: bool = False, bfloat16: bool = False
) -> "JointSpace":
    """Load the joint space that the options name; for `many` pictures, quick copies of a published model."""
    from mammoscribe.explain.load import load_space

    names = {Path(file).name: kind for file, kind in views_of(view or []).items()}
    quick = "bfloat16" if bfloat16 else "float32" if many else None
    return load_space(model, None if mode is None else mode.value, names, quick)


def box_of(text: str | None) -> "Box | None":
    """`x0,y0,x1,y1` as a box in stored pixels; anything else raises InputError."""
    if text is None:
        return None
    from mammoscribe.domain.view import Box

    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
        return Box(x0, y0, x1, y1)
    except ValueError as error:  # InvalidNoun is one
        raise InputError(f"--box {text!r}", "x0,y0,x1,y1 in pixels of the file, x0 < x1 and y0 < y1") from error
