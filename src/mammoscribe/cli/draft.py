"""`mammoscribe draft`: the report that a model of BioViL-T's family writes about a picture of the chest, marked as not checked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import warn, working
from mammoscribe.cli.options import Device, PriorReport, file_for, prior_text_of
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.models.biovil.report_model import ReportModel

EXAMPLE = (
    "Example: mammoscribe draft chest.png --prior chest_2024.png --prior-report report_2024.txt --model runs/report"
)


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="DICOM, PNG, JPEG, TIFF or PGM.")],
    model: Annotated[
        Path,
        typer.Option("--model", metavar="DIR", help="A run of `mammoscribe train biovil-t-report`, or its model/."),
    ],
    prior: Annotated[Path | None, typer.Option("--prior", metavar="IMAGE", help="The earlier picture.")] = None,
    prior_report: PriorReport = None,
    beams: Annotated[
        int, typer.Option("--beams", min=1, help="Drafts followed side by side; 1 takes the best word each time.")
    ] = 1,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Of the report; as many as the model takes by default.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="TXT", help="Also write the text to this file.")] = None,
    device: Device = "cpu",
) -> None:
    """Write the report of a picture of the chest. Nothing checks what the model writes, and each output says so.

    Mammograms are for `mammoscribe read`, where every claim has to agree with findings that point at the image.
    """
    target = None if out is None else file_for(out, "a text file")
    if prior_report is not None and prior is None:
        raise InputError("--prior-report without --prior", "both: the model learned from them together")
    said = None if prior_report is None else prior_text_of(prior_report)
    from mammoscribe.models.biovil.report_model import GATED, UNCHECKED, Pictures, load_report_model
    from mammoscribe.models.biovil.report_search import Limits
    from mammoscribe.models.devices import chosen_device
    from mammoscribe.support.files import write_text

    writer = load_report_model(model).to(chosen_device(device))
    if writer.card.pictures is not Pictures.CHEST:
        raise InputError(f"{model} writes about mammograms", "a model of chest pictures", GATED)
    with working("writing"):
        before = None if prior is None else writer.prepare(prior)
        (written,) = writer.write([writer.prepare(image)], [before], [said], Limits(beams, max_tokens))
    if written.is_cut:
        warn("the model came to no end: the sentence that the limit cut off is left out")
    text = f"{written.text or '(no whole sentence)'}\n\n{UNCHECKED} {_made_by(writer)}"
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    if target is not None:
        write_text(target, text + "\n")
        console.print(f"wrote {target}", highlight=False, markup=False, soft_wrap=True)


def _made_by(writer: "ReportModel") -> str:
    return f"Model: {writer.card.name}, weights {writer.card.weights_sha256[:12]}."
