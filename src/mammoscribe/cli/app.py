"""The `mammoscribe` command: its sub-commands, and errors as one line on stderr with exit code 2."""

from typing import Annotated, Any

import typer

from mammoscribe import __version__
from mammoscribe.cli import (
    calibrate,
    chat,
    chat_ask,
    compare,
    data,
    demo,
    doctor,
    draft,
    evaluate,
    features,
    ground,
    match,
    phantom,
    plan,
    predict,
    read,
    search,
    train,
    weights,
)
from mammoscribe.cli.console import MAX_LINE_CHARS, errors, quiet_libraries
from mammoscribe.cli.plain_help import PlainCommand, PlainGroup
from mammoscribe.support.errors import MammoscribeError, printable

DESCRIPTION = (
    "Reads a mammography exam and writes a BI-RADS report in which every sentence points at the place in the image "
    "it rests on.\n\nResearch software. Not a medical device."
)
EXAMPLE = "Example: mammoscribe demo"


class _OneLineErrors(PlainGroup):
    """A user's mistake is one clear sentence, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        quiet_libraries()
        try:
            return super().invoke(ctx)
        except MammoscribeError as error:
            message = error.sentence()
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            where = "" if error.filename is None else f"{error.filename}: "
            message = f"{where}{error.strerror}."
        errors.print(f"[bold red]error[/] {_plain(message)}", highlight=False, soft_wrap=True)
        raise typer.Exit(2)


def _plain(message: str) -> str:
    """The message on one line of visible characters, its square brackets not read as markup."""
    return " ".join(printable(message, MAX_LINE_CHARS).split()).replace("[", r"\[")


app = typer.Typer(
    cls=_OneLineErrors,
    help=DESCRIPTION,
    epilog=EXAMPLE,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
COMMANDS = {
    "demo": demo,
    "read": read,
    "predict": predict,
    "phantom": phantom,
    "plan": plan,
    "calibrate": calibrate,
    "evaluate": evaluate,
    "features": features,
    "ground": ground,
    "match": match,
    "search": search,
    "compare": compare,
    "draft": draft,
    "doctor": doctor,
}
for _name, _module in COMMANDS.items():
    app.command(_name, cls=PlainCommand, epilog=_module.EXAMPLE)(_module.command)
app.add_typer(data.app, name="data", epilog=data.EXAMPLE)
app.add_typer(train.app, name="train", epilog=train.EXAMPLE)
app.add_typer(weights.app, name="weights", epilog=weights.EXAMPLE)
chat.app.command("ask", cls=PlainCommand, epilog=chat_ask.EXAMPLE)(chat_ask.command)
app.add_typer(chat.app, name="chat", epilog=chat.EXAMPLE)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mammoscribe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of the command itself; typer takes the help text from the app."""


def main() -> None:
    """Entry point of the installed `mammoscribe` command."""
    app(prog_name="mammoscribe")
