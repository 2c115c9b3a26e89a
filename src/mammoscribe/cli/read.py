"""`mammoscribe read`: one exam in, its report out."""

from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import warn, working
from mammoscribe.cli.options import (
    Formats,
    Model,
    OutDir,
    Prevalence,
    SettingName,
    SettingOption,
    WriterName,
    folder_for,
    formats_of,
    prevalence_of,
    views_of,
)
from mammoscribe.support.errors import InputError

EXAMPLE = "Example: mammoscribe read exam/ --prior exam_2024/ --out out --format html,json"


def command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="A folder or files (DICOM, PNG, JPEG, PGM, TIFF), or an exam.json."),
    ] = None,
    prior: Annotated[
        list[Path] | None,
        typer.Option("--prior", metavar="PATH", help="A folder or file of the earlier exam; repeatable."),
    ] = None,
    out: OutDir = Path("out"),
    formats: Formats = "html,json,txt",
    model: Model = "starter",
    view: Annotated[
        list[str] | None,
        typer.Option("--view", metavar="FILE=RCC", help="Which view a plain image file shows; repeatable."),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", metavar="CSV", help="A manifest that names the files of the exam.")
    ] = None,
    exam: Annotated[str | None, typer.Option("--exam", metavar="ID", help="The exam to read from --manifest.")] = None,
    writer: Annotated[
        WriterName, typer.Option("--writer", help="Who writes; the decoder always passes the gate.")
    ] = WriterName.RENDERER,
    setting: SettingOption = SettingName.SCREENING,
    prevalence: Prevalence = None,
) -> None:
    """Read one exam and write its report.

    Any subset of R/L CC/MLO, with or without a prior. Plain image files say their view in the name (R_CC, RCC,
    right-mlo), in a manifest, or by --view.
    """
    wanted, folder, prevalence = formats_of(formats), folder_for(out), prevalence_of(prevalence)
    if not paths and manifest is None:
        raise InputError(
            "nothing to read", "a folder, files, or --manifest CSV --exam ID", "see mammoscribe read --help"
        )
    from mammoscribe.cli.summary import summary_of
    from mammoscribe.data.load import load_exam
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.domain.evidence import Writer
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    loaded = load_exam(paths or [], prior or [], views_of(view or []), manifest, exam)
    for message in loaded.warnings:
        warn(message)
    with working("reading"):
        reading = read_exam(
            loaded.exam, load_reader(model), Writer(writer.value), images="html" in wanted,
            setting=Setting(setting.value), prevalence=prevalence,
        )  # fmt: skip
        written = write_outputs(reading, folder, wanted)
    console.print(summary_of(reading.report))
    for path in written:
        console.print(f"wrote {path}", highlight=False, markup=False, soft_wrap=True)
