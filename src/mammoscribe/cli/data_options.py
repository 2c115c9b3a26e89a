"""What the `data` commands share: which dataset is meant, and progress over records whose number nobody knows yet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mammoscribe.cli.console import MAX_LINE_CHARS, errors
from mammoscribe.cli.console import out as console
from mammoscribe.support.errors import InputError, printable
from mammoscribe.support.lookup import look_up

if TYPE_CHECKING:
    from mammoscribe.data.dataset import Dataset
    from mammoscribe.data.pseudonyms import Pseudonyms

What = Annotated[
    str,
    typer.Argument(
        metavar="DATASET", help="A name of `mammoscribe data list`, or a TOML file that describes a folder."
    ),
]
Where = Annotated[
    Path | None, typer.Argument(metavar="FOLDER", help="Where the dataset lies; a TOML file says it itself.")
]
EditionName = Annotated[
    str | None, typer.Option("--edition", metavar="NAME", help="The layout, where a folder holds several.")
]
Pseudonymous = Annotated[
    Path | None,
    typer.Option(
        "--pseudonymous",
        metavar="KEYFILE",
        help="Replace ids, dates and paths by pseudonyms of this key; it is made when it is not there. Keep it apart.",
    ),
]
CatalogueDir = Annotated[Path, typer.Argument(metavar="CATALOGUE", help="A folder made by `mammoscribe data ingest`.")]


def dataset_at(what: str, where: Path | None) -> tuple["Dataset", Path]:
    """The dataset that is meant, and its folder."""
    from mammoscribe.data.datasets.known import DATASETS
    from mammoscribe.data.own_folder.folder import folder_dataset

    if what.lower().endswith(".toml"):
        if where is not None:
            raise InputError(f"both {what} and the folder {where}", "the TOML file alone", "set root in it")
        return folder_dataset(Path(what))
    dataset = look_up(what, DATASETS, "dataset")
    if where is None:
        raise InputError(f"no folder for {what}", "the folder it was downloaded to")
    return dataset, where


def key_apart_from(key_file: Path, *folders: Path) -> "Pseudonyms":
    """The pseudonyms of a key, which is made where there is none; InputError for a key inside one of these folders."""
    from mammoscribe.data.pseudonyms import read_or_make_key

    return read_or_make_key(key_file, folders)


def say(line: str, style: str | None = None) -> None:
    """One line of a result, whole; a line break in it is kept."""
    shown = "\n".join(printable(part, MAX_LINE_CHARS) for part in line.split("\n"))
    console.print(shown, style=style, markup=False, highlight=False, soft_wrap=True)


def personal_data(what: str) -> str:
    """One line that says what of patients a command has written: `what` is the file and what it holds."""
    return f"personal data: {what}, as the source has them; keep it as you keep the source"


@contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A line on stderr that counts up; with a total, a bar with the time left."""
    from mammoscribe.cli.console import progress_bar

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"))
    bar = progress_bar() if total else Progress(*columns, TimeElapsedColumn(), console=errors, transient=True)
    with bar as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
