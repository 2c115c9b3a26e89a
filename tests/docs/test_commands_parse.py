"""Every command that a document or a help text names exists as it is written: command, options, values, fields, scripts.

Nothing is run here; the commands of a how-to page are run by the test of that page.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from mammoscribe.cli import app
from mammoscribe.support.errors import MammoscribeError
from mammoscribe.training.biovil.task import BiovilSettings
from mammoscribe.training.biovil_report.task import ReportSettings
from mammoscribe.training.calcifications.task import CalcificationSettings
from mammoscribe.training.chat.task import ChatSettings
from mammoscribe.training.chat_words.task import WordSettings
from mammoscribe.training.crop_refiner.task import CropRefinerSettings
from mammoscribe.training.decoder.task import DecoderSettings
from mammoscribe.training.engine.fields import leaves
from mammoscribe.training.engine.run import Run
from mammoscribe.training.joint.task import JointSettings
from mammoscribe.training.probes.probe import ProbeSettings
from mammoscribe.training.probes.retune import RetuneSettings
from mammoscribe.training.probes.temporal import TemporalSettings
from mammoscribe.training.reader.task import ReaderSettings
from mammoscribe.training.recipe_list import RECIPES
from mammoscribe.training.text.mlm import MlmSettings
from mammoscribe.training.text.sections import SectionSettings

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "benchmarks", "docs", "docs/how_to")
PAGES = [page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md")) if page.name != "map.md"]
SETTINGS = {
    "reader": ReaderSettings, "joint-space": JointSettings, "decoder": DecoderSettings, "probe": ProbeSettings,
    "retune": RetuneSettings, "temporal": TemporalSettings, "crop-refiner": CropRefinerSettings,
    "calcifications": CalcificationSettings, "text-mlm": MlmSettings, "text-sections": SectionSettings,
    "biovil-t": BiovilSettings, "biovil-t-report": ReportSettings, "chat": ChatSettings, "chat-words": WordSettings,
}  # fmt: skip
ROOT_COMMAND = typer.main.get_command(app)
PLACEHOLDER = re.compile(r"[A-Z]+|\.\.\.|…")
BLOCK = re.compile(r"^```(?:console|bash|sh)\b.*?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`(?P<text>[^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Command:
    """A command as it is written.

    Args:
        place: where.
        words: of the shell, from the program on.
        whole: whether it can be run as it stands; a command within a sentence may leave out what it needs.
    """

    place: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.place}: {' '.join(self.words)}"


def simple_commands(text: str) -> Iterator[tuple[str, ...]]:
    """The commands of a shell text, without comments, variables, loops, pipes and where their output goes."""
    text = re.sub(r"\\\n\s*", " ", text).replace("$i", "0")
    for line in text.splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=";&|>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";&|>"):
                yield tuple(words[1:] if words[:1] == ["do"] else words)
                words = []
            else:
                words.append(word)


def written(page: Path) -> Iterator[Command]:
    """The commands of a page: of its console blocks, and of the spans of code in its text."""
    text, place = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
    for whole, pattern in ((True, BLOCK), (False, SPAN)):
        for found in pattern.finditer(text):
            if whole or found["text"].split()[0] in ("mammoscribe", "python", "make"):
                yield from (Command(place, words, whole) for words in simple_commands(found["text"]) if words)


def helped(command: Any, path: tuple[str, ...] = ("mammoscribe",)) -> Iterator[Command]:
    """The examples of the help texts of a command and of those below it."""
    for found in re.finditer(r"(?:Examples?: |`)(mammoscribe [^`\n]+)", f"{command.epilog}\n{command.help}"):
        whole = not found[0].startswith("`")
        yield from (Command(f"{' '.join(path)} --help", words, whole) for words in simple_commands(found[1]) if words)
    for name, below in getattr(command, "commands", {}).items():
        yield from helped(below, (*path, name))


WRITTEN = [command for page in PAGES for command in written(page)] + list(helped(ROOT_COMMAND))


def of_program(name: str) -> list[Command]:
    """All that are of one program; each once."""
    return list({(c.words, c.whole): c for c in WRITTEN if c.words[0] == name}.values())


def check(command: Command) -> None:
    """Fail where the command line would refuse the command before it looks at any file."""
    group, words = ROOT_COMMAND, list(command.words[1:])
    context = group.context_class(group, info_name="mammoscribe")
    while hasattr(group, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0).rstrip(",")
        if PLACEHOLDER.fullmatch(name) and not command.whole:
            return
        assert name in group.commands, f"{command}: no command {name!r}"
        group = group.commands[name]
        context = group.context_class(group, parent=context, info_name=name)
    if "--help" in words or hasattr(group, "commands"):
        assert not command.whole or words, command
        return
    if not command.whole:
        check_options(group, words, command)
        return
    try:
        group.parse_args(context, words)
    except Exception as error:  # typer brings its own copy of click, with its own classes of errors
        pytest.fail(f"{command}: {error}")
    recipe = context.params.get("recipe", context.info_name)
    if context.parent.info_name == "train" and recipe in RECIPES:
        run_of(recipe, context.params["set_fields"] or [])


def check_options(leaf: Any, words: list[str], command: Command) -> None:
    """Fail for an option that the command does not have; values may be left out or stand for others."""
    there = {name for parameter in leaf.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        name = word.rstrip(",").partition("=")[0]
        assert not name.startswith("--") or name in there, f"{command}: no option {name}"


def run_of(recipe: str, given: list[str]) -> Run:
    """A run of a recipe with these fields; an error for one that it does not have, or a value that it cannot take."""
    sources = [name.split("=")[0].partition(".")[2] for name in given if name.startswith("batch.")] or ["data"]
    run = Run(recipe, SETTINGS[recipe](), 1, dict.fromkeys(sources, 1))
    return run.with_set(dict(text.split("=", 1) for text in given))


def test_there_are_settings_for_every_recipe():
    assert set(SETTINGS) == set(RECIPES)


def test_the_pages_name_many_commands():
    assert len(of_program("mammoscribe")) > 100 and len(of_program("python")) > 20
    assert {c.place for c in of_program("mammoscribe")} >= {
        "README.md", "docs/how_to/train_parts.md", "mammoscribe read --help",
    }  # fmt: skip


@pytest.mark.parametrize("command", of_program("mammoscribe"), ids=str)
def test_a_command_parses(command):
    check(command)


@pytest.mark.parametrize("field", sorted({f for p in PAGES for f in re.findall(r"`--set ([\w.]+)=", p.read_text())}))
def test_a_field_that_is_named_alone_is_one_of_some_recipe(field):
    fields = {f".{full}" for recipe in RECIPES for full in leaves(run_of(recipe, []))} | {".batch.NAME"}
    assert any(full.endswith(f".{field}") for full in fields)


@pytest.mark.parametrize("command", of_program("python"), ids=str)
def test_a_script_is_there_and_has_the_options(command):
    script = next((w for w in command.words[1:] if w.endswith(".py")), None)
    if script is None:
        return  # python -c, python -m
    source = (ROOT / script).read_text(encoding="utf-8")
    if "from bench_setup import" in source:
        source += (ROOT / "benchmarks" / "bench_setup.py").read_text(encoding="utf-8")
    for word in command.words[2:]:
        name = word.partition("=")[0]
        assert not name.startswith("--") or f'"{name}"' in source, f"{command}: no option {name}"


@pytest.mark.parametrize("command", of_program("make"), ids=str)
def test_a_target_of_make_is_there(command):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(command.words[1:2]) <= set(targets)


@pytest.mark.parametrize(
    "words",
    [
        "mammoscribe raed exam/", "mammoscribe data split", "mammoscribe read exam/ --frmat html", "mammoscribe phantom --exams 0",
        "mammoscribe train reader --data p --set stepps=3", "mammoscribe train reader --data p --set steps=many",
    ],
)  # fmt: skip
def test_a_wrong_command_is_found(words):
    with pytest.raises((AssertionError, MammoscribeError, pytest.fail.Exception)):
        check(Command("here", tuple(words.split()), True))
