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
from mammoscribe.cli.console import progress_bar, warn
from mammoscribe.cli.options import folder_for, is_given
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.evaluation.bench_digests import ExamDigest
    from mammoscribe.phantom import Bench, PhantomExam

EXAMPLE = (
    "Example: mammoscribe phantom --exams 10 --seed 1 --out phantoms --format dicom\n\n"
    "Example: mammoscribe phantom --bench bench_v1 --out bench"
)
LABELS = ("density", "malignant")
"""Columns that the manifest of a bench has not: who reads its exams must not see what is true of them."""
REFERENCES = "references"
_OF_DRAWN = ("exams", "seed", "lesions", "generator", "prior")
"""Options that say what is drawn, which a bench does itself."""
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
    context: typer.Context,
    exams: Annotated[int, typer.Option("--exams", min=1, help="How many exams.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the first exam; the next ones count up.")] = 0,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder; one sub-folder per exam, and one for their reports.")
    ] = Path("phantoms"),
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
    bench: Annotated[
        str | None,
        typer.Option(
            "--bench",
            metavar="NAME",
            help="Draw a frozen test bench instead, bench_v1 or bench_v2, and compare it with the published one.",
        ),
    ] = None,
) -> None:
    """Draw synthetic exams: views, labels, boxes and reports, of nobody.

    DIR/manifest.csv names every view, ready for `mammoscribe predict`; truth.json holds what is true of an exam.
    DIR/references and DIR/references.csv hold its report, with and without boxes, ready for `mammoscribe evaluate --reference`.
    """
    if bench is not None:
        _refuse_beside_bench(context)
    folder = folder_for(out)
    from mammoscribe.phantom import BENCHES, SPECS, Bench, GeneratorVersion

    if bench is not None:
        drawing = look_up(bench, BENCHES, "bench")
    else:
        version = look_up(generator, {v.value: v for v in GeneratorVersion}, "generator version")
        spec = replace(look_up(lesions, SPECS, "way to draw lesions"), generator=version)
        spec = spec if prior is None else replace(spec, prior_probability=float(prior))
        drawing = Bench("", spec, tuple(range(seed, seed + exams)))
    _check_folder(folder, {f"phantom-{s}" for s in drawing.seeds})
    digests = _draw(drawing, folder, image_format)
    path = folder / "manifest.csv"
    _say(f"wrote {len(drawing.seeds)} exams; {path} names their views")
    if bench is not None:
        _compare(bench, digests, folder)


def _refuse_beside_bench(context: typer.Context) -> None:
    given = [name for name in _OF_DRAWN if is_given(context, name)]
    if given:
        raise InputError(f"--{given[0]} with --bench, whose exams are fixed", "one of them")


def _check_folder(folder: Path, exams: set[str]) -> None:
    """InputError where the folder holds reports of other exams: all of a folder is measured, or trained on, together."""
    others = sorted(f.parent.name for f in folder.glob(f"{REFERENCES}/*/report.json") if f.parent.name not in exams)
    if others:
        found = f"{folder} holds {len(others)} exams of another draw ({others[0]})"
        raise InputError(found, "a folder of its own for each draw", "give another --out")


def _draw(drawing: "Bench", folder: Path, image_format: ImageFormat) -> "dict[str, ExamDigest]":
    """Draw and write every exam, then the tables; gives the digests of a bench's exams, of others none."""
    from mammoscribe.evaluation.bench_digests import digest_exam
    from mammoscribe.evaluation.reference_reports import (
        reference_report,
        report_text,
        write_reference_report,
        write_reference_table,
    )
    from mammoscribe.phantom import draw_exam

    rows: list[dict[str, object]] = []
    texts: list[tuple[str, str, str]] = []
    digests = {}
    with progress_bar() as progress:
        for number in progress.track(drawing.seeds, description="drawing"):
            drawn = draw_exam(number, drawing.spec)
            rows += _written(drawn, folder, drawn.exam.id, image_format)
            reference = reference_report(drawn)
            write_reference_report(reference, folder / REFERENCES)
            texts.append((drawn.exam.id, drawn.exam.patient_id or drawn.exam.id, report_text(reference)))
            if drawing.name:
                digests[drawn.exam.id] = digest_exam(drawn, reference)
    table = io.StringIO()
    columns = [c for c in COLUMNS if not drawing.name or c not in LABELS]
    writer = csv.DictWriter(table, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_reference_table(texts, folder / f"{REFERENCES}.csv")
    write_text(folder / "manifest.csv", table.getvalue())
    return digests


def _compare(bench: str, digests: "dict[str, ExamDigest]", folder: Path) -> None:
    """Write the digests, and say whether the bench is the published one; exit code 1 where it is not."""
    from mammoscribe.evaluation.bench_digests import (
        Agreement,
        agreement,
        agreement_words,
        dump_digests,
        published_digests,
    )

    write_text(folder / "digests.json", dump_digests(bench, digests))
    published = published_digests(bench)
    found = {name: agreement(digest, published.get(name)) for name, digest in digests.items()}
    _say(agreement_words(found.values()))
    different = [name for name, a in found.items() if a is Agreement.DIFFERENT]
    if different:
        warn(f"this is not {bench}: {different[0]} is another exam than the published one")
        raise typer.Exit(1)


def _say(line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)


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
