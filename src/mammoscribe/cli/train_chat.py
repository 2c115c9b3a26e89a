"""`mammoscribe train chat --from-script`: what a script of LLaVA means, flag by flag, as options of the command."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mammoscribe.cli.console import out as console
from mammoscribe.support.errors import InputError

if TYPE_CHECKING:
    from mammoscribe.training.chat.script import Script

FromScript = Annotated[
    Path | None,
    typer.Option(
        "--from-script",
        metavar="SH",
        help="Script that fine-tunes LLaVA; prints what each flag means here. Options that are given go before it.",
    ),
]
ScriptOut = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the run; one found there goes on. [runs/run]")
]
ScriptProcesses = Annotated[
    int | None,
    typer.Option("--processes", min=1, help="Processes on this machine, one for each GPU; 1, or as the script says."),
]


@dataclass(frozen=True)
class Given:
    """The options of `train chat` that a script may set, too."""

    data: list[Path]
    out: Path | None
    init: Path | None
    set_fields: list[str]
    processes: int | None
    deepspeed: Path | None


def as_the_script_says(path: Path, given: Given, quiet: bool) -> Given:
    """The options with what the script says where none is given; prints what each of its flags means.

    Args:
        path: of the script.
        given: options of the command, which go before the script.
        quiet: in a process that is one of several.

    Raises:
        InputError: for a script that cannot be read, or a model or data that is not there.
    """
    from mammoscribe.training.chat.conversations import sources_of
    from mammoscribe.training.chat.script import read_script

    script = read_script(path)
    if not quiet:
        _print(script)
    data = given.data or ([] if script.data is None else [script.data])
    for place in data:
        if not place.exists():
            raise InputError(f"{place} is not there", "the data of the script", "give it with --data")
    processes = given.processes or script.processes or 1
    fields = replace_data(script, data).fields(processes, next(iter(sources_of(data)), "")) if data else {}
    own = {option.partition("=")[0].strip() for option in given.set_fields}
    kept = [
        f"{name}={value}"
        for name, value in fields.items()
        if not own & {name, name.rpartition(".")[2], name.partition(".")[0]}
    ]
    return Given(
        data, given.out or script.out, given.init or _model(script), [*kept, *given.set_fields], processes,
        given.deepspeed or script.deepspeed,
    )  # fmt: skip


def replace_data(script: "Script", data: list[Path]) -> "Script":
    """The script with the data that is trained on; passes are counted over its first file."""
    return replace(script, data=data[0])


def _model(script: "Script") -> Path:
    name = script.model or ""
    if not Path(name).is_dir():
        raise InputError(
            f"the script begins with {name!r}, which is no folder here", "the folder of a chat model; nothing is fetched",
            "give it with --init; see `mammoscribe chat list`",
        )  # fmt: skip
    return Path(name)


def _print(script: "Script") -> None:
    for meaning in script.meanings:
        text = f"{meaning.flag} {meaning.value}".strip()
        console.print(f"{text}: {meaning.verdict}: {meaning.words}", highlight=False, markup=False, soft_wrap=True)
