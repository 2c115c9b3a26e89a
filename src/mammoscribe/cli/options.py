"""Options that several commands share, and how their text is read."""

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
Formats = Annotated[
    str, typer.Option("--format", metavar="LIST", help=f"Comma-separated, out of {', '.join(FORMATS)}.")
]
OutDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the report; made when absent.")]


class WriterName(StrEnum):
    """Who writes the sentences: the renderer (facts to sentences), or the decoder behind the gate."""

    RENDERER = "renderer"
    DECODER = "decoder"


def formats_of(text: str) -> tuple[str, ...]:
    """`html,json` as names, each known; an unknown or empty list raises InputError."""
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not names:
        raise InputError(f"--format {text!r} names no format", f"one or more of {', '.join(FORMATS)}")
    for name in names:
        look_up(name, FORMATS, "report format")
    return names


def folder_for(out: Path) -> Path:
    """`out`, which may be absent but not a file; checked before the work, not after it."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file", "a folder to write into", "give another --out")
    return out
