"""`mammoscribe phantom`: draws synthetic exams with their full ground truth, and a manifest of them."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import progress_bar
from mammoscribe.cli.options import folder_for
from mammoscribe.support.files import write_text
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.phantom import PhantomExam

EXAMPLE = "Example: mammoscribe phantom --exams 10 --seed 1 --out phantoms --format dicom"
COLUMNS: tuple[str, ...] = (
    "exam_id",
    "patient_id",
    "laterality",
    "view",
    "path",
    "date",
    "is_prior",
    "density",
    "malignant",
)


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
    lesions: Annotated[
        str,
        typer.Option(
            "--lesions",
            metavar="NAME",
            help="How often which lesions are drawn: training, enriched (more of all but calcifications), calcifications (mostly these) or screening.",
        ),
    ] = "training",
    generator: Annotated[
        str,
        typer.Option(
            "--generator",
            metavar="VERSION",
            help="1, or 2, which adds what real pictures show beside tissue: skin folds, turned nipples, nodes, implants, markers, clips, wires, letters, film borders, other machines and films.",
        ),
    ] = "1",
) -> None:
    """Draw synthetic exams: views, labels and boxes, of nobody.

    DIR/manifest.csv names every view, ready for `mammoscribe predict`; truth.json holds what is true of an exam.
    """
    folder = folder_for(out)
    from mammoscribe.phantom import SPECS, GeneratorVersion, draw_exam

    version = look_up(generator, {v.value: v for v in GeneratorVersion}, "generator version")
    spec = replace(look_up(lesions, SPECS, "way to draw lesions"), generator=version)
    spec = spec if prior is None else replace(spec, prior_probability=float(prior))
    rows: list[dict[str, object]] = []
    with progress_bar() as progress:
        for number in progress.track(range(seed, seed + exams), description="drawing"):
            drawn = draw_exam(number, spec)
            rows += _written(drawn, folder, drawn.exam.id, image_format)
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = write_text(folder / "manifest.csv", table.getvalue())
    console.print(f"wrote {exams} exams; {path} names their views", highlight=False, markup=False, soft_wrap=True)


def _written(drawn: "PhantomExam", folder: Path, name: str, image_format: ImageFormat) -> Iterator[dict[str, object]]:
    """Write one exam into `folder / name`; gives its manifest rows, with paths from `folder` on."""
    from mammoscribe.phantom import write_dicom_exam, write_png_exam
    from mammoscribe.phantom.png import truth_record

    if image_format is ImageFormat.DICOM:
        write_dicom_exam(drawn, folder / name)
        write_text(folder / name / "truth.json", json.dumps(truth_record(drawn), indent=1) + "\n")
    else:
        write_png_exam(drawn, folder / name)
    truth = {breast.laterality: breast for breast in drawn.breasts}
    for view in drawn.exam.views:
        is_prior = view in drawn.exam.prior
        dicom = f"{view.role}/{view.laterality}_{view.projection}.dcm"
        yield {
            "exam_id": drawn.exam.id,
            "patient_id": drawn.exam.patient_id,
            "laterality": view.laterality.value,
            "view": view.projection.value,
            "path": f"{name}/{dicom if image_format is ImageFormat.DICOM else f'{view.id}.png'}",
            "date": view.date.isoformat() if view.date else "",
            "is_prior": int(is_prior),
            "density": "" if is_prior else truth[view.laterality].density,
            "malignant": "" if is_prior else int(truth[view.laterality].malignant),
        }
