"""The blocks of a page of the documentation: its files, its commands, and running those."""

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from mammoscribe.cli import app

HOW_TO = Path(__file__).parents[2] / "docs" / "how_to"
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, kind: str) -> list[re.Match[str]]:
    """The blocks of a kind (`toml`, `console`), in order."""
    return [b for b in BLOCK.finditer(page.read_text(encoding="utf-8")) if b["kind"] == kind]


def commands(page: Path, without: tuple[str, ...] = ()) -> list[str]:
    """Every line of its console blocks, without the prompt; `without` are beginnings of lines that are passed over."""
    lines = [line.removeprefix("$ ") for b in blocks(page, "console") for line in b["text"].splitlines()]
    return [line for line in lines if not line.startswith(without)]


def write_files(page: Path) -> None:
    """Write every block that has the name of a file, into the working folder."""
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")


def run_commands(page: Path, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Run every command in order; each must succeed. Gives command -> what it printed."""
    printed = {}
    for line in commands(page, without):
        name, *options = shlex.split(line)
        assert name == "mammoscribe", line
        shown = CliRunner().invoke(app, options)
        assert shown.exit_code == 0, f"{line}\n{shown.output}\n{shown.exception!r}"
        printed[line] = shown.output
    return printed
