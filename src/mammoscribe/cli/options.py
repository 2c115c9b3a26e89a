"""Options that several commands share, and how their text is read."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up

FORMATS = {"html": "report.html", "json": "report.json", "txt": "report.txt"}

Model = Annotated[
    str, typer.Option("--model", metavar="NAME_OR_DIR", help="The reader: one that ships here, or a folder of weights.")
]
Device = Annotated[
    str,
    typer.Option(
        "--device", metavar="NAME", help="Where the networks run: cpu, cuda, cuda:1 or mps (cuda, mps: not tried yet)."
    ),
]
Formats = Annotated[
    str, typer.Option("--format", metavar="LIST", help=f"Comma-separated, out of {', '.join(FORMATS)}.")
]
OutDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the report; made when absent.")]


class WriterName(StrEnum):
    """Who writes the sentences: the renderer (facts to sentences), or behind the gate the decoder or another model."""

    RENDERER = "renderer"
    DECODER = "decoder"
    BIOVIL_T = "biovil-t"
    CHAT = "chat"


class SettingName(StrEnum):
    """Why the exam was made: screening ends in 0, 1 or 2; diagnostic gives every category."""

    SCREENING = "screening"
    DIAGNOSTIC = "diagnostic"


PriorReport = Annotated[
    Path | None,
    typer.Option("--prior-report", metavar="TXT", help="For a writer that reads it: the report of what --prior shows."),
]
SettingOption = Annotated[
    SettingName, typer.Option("--setting", help="Screening ends in BI-RADS 0, 1 or 2; diagnostic gives all categories.")
]
Prevalence = Annotated[
    float | None,
    typer.Option(
        "--prevalence", metavar="SHARE",
        help="Share of breasts with cancer among your exams, such as 0.006: the probability is moved to it.",
    ),
]  # fmt: skip


def prior_text_of(path: Path) -> str:
    """The text of a prior report; InputError for a file that holds none."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise InputError(f"no file {path}", "a text file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8", "a text file") from error
    if not text:
        raise InputError(f"{path} is empty", "the prior report")
    return text


def prevalence_of(value: float | None) -> float | None:
    """`value`, which is a share between 0 and 1 where it is given; InputError otherwise."""
    if value is not None and not 0 < value < 1:
        raise InputError(f"--prevalence {value}", "a share between 0 and 1, such as 0.006")
    return value


def formats_of(text: str) -> tuple[str, ...]:
    """`html,json` as names, each known; an unknown or empty list raises InputError."""
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not names:
        raise InputError(f"--format {text!r} names no format", f"one or more of {', '.join(FORMATS)}")
    for name in names:
        look_up(name, FORMATS, "report format")
    return names


def names_of(text: str | None) -> tuple[str, ...] | None:
    """`a, b` as names in their order, each once; None stays None, and a list without a name raises InputError."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise InputError(f"the list {text!r} holds no name", "names with commas between them")
    return names


def is_given(context: typer.Context, name: str) -> bool:
    """Whether a parameter was given on the command line, and has not its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def folder_for(out: Path) -> Path:
    """`out`, which may be absent but not a file; checked before the work, not after it."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file", "a folder to write into", "give another name")
    _check_writable(out)
    return out


def file_for(out: Path, what: str) -> Path:
    """`out`, which may be absent but not a folder; checked before the work, not after it."""
    if out.is_dir():
        raise InputError(f"{out} is a folder", what, "give another name")
    _check_writable(out.parent)
    return out


def _check_writable(folder: Path) -> None:
    """InputError where a folder can neither be written into nor made."""
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file", "a folder to write into", "give another name")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there} cannot be written into", "a folder of yours", "give another name")


def views_of(options: list[str]) -> dict[str, str]:
    """`FILE=RCC` options as file -> view; a malformed or repeated one raises InputError."""
    views: dict[str, str] = {}
    for option in options:
        file, separator, view = option.rpartition("=")
        if not separator or not file or not view:
            raise InputError(f"--view {option!r}", "FILE=RCC, for example --view scan1.png=RCC")
        if views.setdefault(file, view) != view:
            raise InputError(f"--view calls {file} both {views[file]} and {view}", "one view per file")
    return views
