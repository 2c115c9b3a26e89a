"""`mammoscribe doctor`: says whether the installation works, and under which terms."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from mammoscribe import __version__
from mammoscribe.cli.console import out as console

EXAMPLE = "Example: mammoscribe doctor"
SIGNS = {True: ("ok", "green"), False: ("broken", "bold red"), None: ("none", "yellow")}


def command(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that reports would be written to.")] = Path(
        "out"
    ),
) -> None:
    """Check versions, decoders, weights and folders, and print the licence of the weights; exit 1 when broken."""
    from mammoscribe.support import health

    console.print(f"mammoscribe {__version__}: research software, not a medical device", highlight=False)
    broken = 0
    for check in health.installation(out):
        broken += check.ok is False
        word, style = SIGNS[check.ok]
        line = Text.assemble((f"{word:<8}", style), f"{check.name:<34}", check.found)
        console.print(line, soft_wrap=True)
    licence = health.WEIGHTS / "LICENSE"
    if licence.is_file():
        console.print()
        console.print(licence.read_text(encoding="utf-8"), markup=False, highlight=False, soft_wrap=True)
    if broken:
        console.print(f"{broken} of these are broken", style="bold red", highlight=False)
        raise typer.Exit(1)
