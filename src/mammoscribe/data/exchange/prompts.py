"""What is asked and what is answered about a record: the file of prompts, and the texts that it gives."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Formatter

from mammoscribe.data.records import ImageText, Kind, ListedImage, ListedView, MammoExam
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.lookup import look_up

IMAGE_TOKEN = "<image>"  # noqa: S105  (a token of text, no secret)
"""Marks the place of a picture in a turn, in every layout of conversations that is read or written here."""
RAW = "raw"
_PLACES = ("views", "indication")
_KINDS = (str(Kind.MAMMO_EXAM), str(Kind.IMAGE_TEXT))
_KEYS = ("prompts", "answer", "headings")


@dataclass(frozen=True)
class Prompt:
    """What is asked and answered for one kind of record.

    Args:
        prompts: questions, one of which is chosen by the record's id; `{views}` and `{indication}` are filled in.
        answer: sections in order, or `raw`.
        headings: whether each section begins with its name.
        datasets: datasets of images with text for whose records this is used instead of `[image-text]`.
    """

    prompts: tuple[str, ...]
    answer: tuple[str, ...]
    headings: bool
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.prompts or not self.answer:
            raise InputError("no prompts or no answer", "at least one of each")
        for name in self.answer:
            look_up(name, {RAW: None, **dict.fromkeys(Section)}, "section of a report")
        if RAW in self.answer and len(self.answer) > 1:
            raise InputError("an answer of raw and sections", "raw alone, or sections")
        for prompt in self.prompts:
            if IMAGE_TOKEN in prompt:
                raise InputError(f"the prompt {prompt!r} holds {IMAGE_TOKEN}", "text; the pictures are added to it")
            for place in _places(prompt):
                look_up(place, dict.fromkeys(_PLACES), "place in a prompt")


def _places(prompt: str) -> list[str]:
    try:
        return [place for _, place, _, _ in Formatter().parse(prompt) if place is not None]
    except ValueError as error:
        raise InputError(f"the prompt {prompt!r} ({error})", "braces only around views and indication") from error


def read_prompts(path: Path | None = None) -> Mapping[str, Prompt]:
    """The tables of a TOML file of prompts by name; those that come with the package when None.

    Raises:
        InputError: when the file is absent or malformed.
    """
    if path is None:
        text, name = resources.files("mammoscribe.data.exchange").joinpath("prompts.toml").read_text("utf-8"), "prompts"
    elif not path.is_file():
        raise InputError(f"{path} is not there", "a TOML file of prompts")
    else:
        text, name = path.read_text("utf-8", errors="replace"), str(path)
    try:
        return {key: _prompt(key, table) for key, table in tomllib.loads(text).items()}
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is not TOML ({error})") from error
    except MammoscribeError as error:
        raise InputError(f"{name}: {error.found}", error.expected, error.do) from error


def _prompt(key: str, table: object) -> Prompt:
    named = isinstance(table, dict) and "datasets" in table
    if not named:
        look_up(key, dict.fromkeys(_KINDS), "kind of record")
    elif key in _KINDS:
        raise InputError(f"[{key}] has datasets", "datasets in a table of another name")
    wanted = {*_KEYS, *(["datasets"] if named else [])}
    if not isinstance(table, dict) or set(table) != wanted:
        raise InputError(f"[{key}] is not as it should be", "prompts, answer and headings, and nothing else")
    lists = [table["prompts"], table["answer"], table.get("datasets", [])]
    if not all(isinstance(v, list) and all(isinstance(e, str) for e in v) for v in lists):
        raise InputError(f"[{key}] prompts, answer or datasets", "lists of texts")
    if not isinstance(table["headings"], bool):
        raise InputError(f"[{key}] headings", "true or false")
    return Prompt(tuple(lists[0]), tuple(lists[1]), table["headings"], tuple(lists[2]))


def prompt_for(kind: Kind, dataset: str, prompts: Mapping[str, Prompt]) -> Prompt:
    """The prompt for records of one kind in one dataset; a mammography exam always has that of `[mammo-exam]`.

    Raises:
        InputError: when there is none.
    """
    if kind is Kind.IMAGE_TEXT:
        for prompt in prompts.values():
            if dataset in prompt.datasets:
                return prompt
    if kind not in prompts:
        raise InputError(f"no prompts for a {kind}", f"a table [{kind}] in the file of prompts")
    return prompts[kind]


def question_of(record: MammoExam | ImageText, prompt: Prompt) -> str:
    """The question about a record, without the marks of its pictures; always the same for one record id."""
    number = int.from_bytes(hashlib.sha256(record.id.encode()).digest()[:8], "big") % len(prompt.prompts)
    indication = record.report.sections.get(Section.INDICATION, "").strip() if record.report is not None else ""
    return prompt.prompts[number].format(views=view_names(record), indication=indication or "not given")


def view_names(record: MammoExam | ImageText) -> str:
    """`right CC, left MLO`; `none` for a record without pictures."""
    return ", ".join(view_name(image) for image in record.images) or "none"


def view_name(image: ListedView | ListedImage) -> str:
    """`right CC`; for other pictures the dataset's word for the view, or `unnamed`."""
    if isinstance(image, ListedImage):
        return image.view or "unnamed"
    return f"{image.laterality.word} {image.projection}"


def answer_of(report: ReportText, prompt: Prompt) -> str:
    """The text to be learnt: the wanted sections, or all of a report without known headings; "" when there is none."""
    if prompt.answer == (RAW,):
        return report.raw.strip()
    sections = [(Section(name), report.sections.get(Section(name), "").strip()) for name in prompt.answer]
    found = [(name, text) for name, text in sections if text]
    if not found and set(report.sections) == {Section.OTHER}:
        return report.sections[Section.OTHER].strip()
    return "\n".join(f"{name.capitalize()}: {text}" if prompt.headings else text for name, text in found)
