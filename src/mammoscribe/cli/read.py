"""`mammoscribe read`: one exam in, its report out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.authors import READS_PRIOR_REPORTS, WriterModel, Writes, authorship_of, refused_words
from mammoscribe.cli.chat_options import (
    ChatEndpoint,
    ChatGiven,
    ChatModel,
    ChatPixels,
    ChatTimeout,
    ChatTokens,
    PromptFile,
)
from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import warn, working
from mammoscribe.cli.options import (
    Device,
    Formats,
    Model,
    OutDir,
    Prevalence,
    PriorReport,
    SettingName,
    SettingOption,
    WriterName,
    folder_for,
    formats_of,
    prevalence_of,
    prior_text_of,
    views_of,
)
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.data.deidentify import DeidentifiedExam
    from mammoscribe.data.load import LoadedExam
    from mammoscribe.domain.view import View
    from mammoscribe.imaging.picture import Picture

    Decode = Callable[[View], Picture]
    _Given = tuple[list[Path], list[Path], Mapping[str, str], Path | None, str | None]

NoPatient = Annotated[
    bool,
    typer.Option(
        "--no-patient",
        help="Write and print nothing that says whose exam it is: no ids, names, dates, UIDs or paths of files.",
    ),
]
Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="A folder or files (DICOM, PNG, JPEG, PGM, TIFF), or an exam.json."),
]
Priors = Annotated[
    list[Path] | None,
    typer.Option("--prior", metavar="PATH", help="A folder or file of the earlier exam; repeatable."),
]
Views = Annotated[
    list[str] | None,
    typer.Option("--view", metavar="FILE=RCC", help="Which view a plain image file shows; repeatable."),
]
Manifest = Annotated[
    Path | None, typer.Option("--manifest", metavar="CSV", help="A manifest that names the files of the exam.")
]
EXAMPLE = "Example: mammoscribe read exam/ --prior exam_2024/ --out out --format html,json"


def command(
    paths: Paths = None,
    prior: Priors = None,
    out: OutDir = Path("out"),
    formats: Formats = "html,json,txt",
    model: Model = "starter",
    view: Views = None,
    manifest: Manifest = None,
    exam: Annotated[str | None, typer.Option("--exam", metavar="ID", help="The exam to read from --manifest.")] = None,
    writer: Writes = WriterName.RENDERER,
    writer_model: WriterModel = None,
    prior_report: PriorReport = None,
    chat_endpoint: ChatEndpoint = None,
    chat_model: ChatModel = None,
    prompts: PromptFile = None,
    chat_timeout: ChatTimeout = None,
    chat_tokens: ChatTokens = None,
    chat_px: ChatPixels = None,
    setting: SettingOption = SettingName.SCREENING,
    prevalence: Prevalence = None,
    device: Device = "cpu",
    no_patient: NoPatient = False,
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
    chat = ChatGiven(chat_endpoint, chat_model, prompts, chat_timeout, chat_tokens, chat_px)
    authorship = authorship_of(writer, writer_model, chat)
    said = _prior_text(writer, prior_report, no_patient)
    given = (paths or [], prior or [], views_of(view or []), manifest, exam)
    from mammoscribe.cli.summary import summary_of
    from mammoscribe.domain.assessment import Setting
    from mammoscribe.models.devices import chosen_device
    from mammoscribe.reading import load_reader, read_exam, write_outputs

    where = chosen_device(device)
    authorship.check()
    opened, decode = _opened_without_patient(given, out) if no_patient else _opened(given)
    for message in opened.warnings:
        warn(message)
    with working("reading"):
        reader = load_reader(model, where)
        reading = read_exam(
            opened.exam, reader, authorship.author(reader, where), decode, images="html" in wanted,
            setting=Setting(setting.value), prevalence=prevalence, prior_report=said,
        )  # fmt: skip
        written = write_outputs(reading, folder, wanted)
    console.print(summary_of(reading.report))
    if refused := refused_words(reading.report):
        console.print(f"claims of {reading.report.provenance.author}: {refused}", highlight=False, markup=False)
    for path in written:
        console.print(f"wrote {path}", highlight=False, markup=False, soft_wrap=True)


def _prior_text(writer: WriterName, prior_report: Path | None, no_patient: bool) -> str | None:
    """The text of --prior-report; InputError for a writer that does not read it."""
    if prior_report is not None and writer not in READS_PRIOR_REPORTS:
        raise InputError("--prior-report, which no other writer reads", "--writer biovil-t or chat with it")
    if prior_report is not None and no_patient:
        raise InputError("--prior-report with --no-patient", "one of them: a model may repeat who the report is about")
    return None if prior_report is None else prior_text_of(prior_report)


def _opened(given: "_Given") -> "tuple[LoadedExam, Decode]":
    """The exam and how its views are decoded."""
    from mammoscribe.data.load import load_exam
    from mammoscribe.imaging.decode import decode_view

    return load_exam(*given), decode_view


def _opened_without_patient(given: "_Given", out: Path) -> "tuple[DeidentifiedExam, Decode]":
    """The same without identifiers; InputError for an --out that holds one of them."""
    from mammoscribe.data.deidentify import redactor_of_exam, without_identity
    from mammoscribe.data.load import load_exam

    paths, priors, _, manifest, exam_id = given
    redactor = redactor_of_exam(paths, priors, manifest, exam_id)
    with redactor.errors():
        opened = without_identity(load_exam(*given), redactor)
    if redactor.names_patient(str(out)):
        raise InputError("the folder of --out names the patient or the exam", "another name with --no-patient")
    return opened, opened.decode
