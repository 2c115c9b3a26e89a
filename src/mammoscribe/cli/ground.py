"""`mammoscribe ground`: where a phrase is on a picture, as a heat map, a box and figures."""

from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import working
from mammoscribe.cli.joint_options import Interpolation, SpaceMode, SpaceModel, Views, box_of, open_space
from mammoscribe.cli.options import folder_for

EXAMPLE = 'Example: mammoscribe ground R_MLO.dcm "irregular spiculated mass" --out grounding'


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="DICOM, PNG, JPEG, TIFF or PGM.")],
    phrase: Annotated[str, typer.Argument(metavar="PHRASE", help="What to look for, in quotes.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the three files; made when absent.")],
    model: SpaceModel = "starter",
    mode: SpaceMode = None,
    prior: Annotated[
        Path | None, typer.Option("--prior", metavar="IMAGE", help="The earlier picture, for a model that compares.")
    ] = None,
    box: Annotated[
        str | None,
        typer.Option("--box", metavar="x0,y0,x1,y1", help="Where it is, in pixels of the file: adds CNR and mIoU."),
    ] = None,
    view: Views = None,
    interpolation: Annotated[
        Interpolation | None,
        typer.Option("--interpolation", help="Patches to pixels; nearest in the mode published, else bilinear."),
    ] = None,
) -> None:
    """Find a phrase on a picture: overlay.png, heat.npy (cosines in the file's pixels) and grounding.json.

    Colours run from -1 to 1. The best place is where the map lies above half of the way from its median to its maximum.
    """
    folder, given = folder_for(out), box_of(box)
    from mammoscribe.evaluation.grounding import contrast_to_noise, mean_iou
    from mammoscribe.explain import grounding as explain
    from mammoscribe.explain.grounding_files import Grounded, write_grounding

    space = open_space(model, mode, view)
    with working("grounding"):
        picture = space.prepare(image)
        before = None if prior is None else space.prepare(prior)
        way = None if interpolation is None else explain.Interpolation(interpolation.value)
        found = explain.ground(space, picture, phrase, before, way)
        figures = {}
        if given is not None:
            figures = {"CNR": contrast_to_noise(found.heat, [given]), "mIoU": mean_iou(found.heat, [given])}
        grounded = Grounded(found, picture, image, prior, space.name, given, figures)
        written = write_grounding(grounded, folder)
    console.print(f"{grounded.summary}; wrote {written[0]}", highlight=False, markup=False, soft_wrap=True)
