"""Conversations as LLaVA has them: a record becomes `{id, image | images, conversations}`, and back without loss.

The format is that of haotian-liu/LLaVA, docs/Finetune_Custom_Data.md: `from` is `human` or `gpt`, and every picture is an
`<image>` in a human turn. One picture is `image`, several are `images`.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

from mammoscribe.data.records import ImageText, Kind, ListedImage, MammoExam, Record, TextDocument, Turn
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InputError, MammoscribeError
from mammoscribe.support.lookup import look_up

IMAGE_TOKEN = "<image>"  # noqa: S105  (a token of text, no secret)
RAW = "raw"
_PLACES = ("views", "indication")
_KEPT = ("id", "image", "images", "conversations")
_ORIGINAL_ID, _KEY, _EXTRA = "llava_id", "llava_pictures", "llava_key:"


@dataclass(frozen=True)
class Prompt:
    """What is asked and answered for one kind of record.

    Args:
        prompts: questions, one of which is chosen by the record's id; `{views}` and `{indication}` are filled in.
        answer: sections in order, or `raw`.
        headings: whether each section begins with its name.
    """

    prompts: tuple[str, ...]
    answer: tuple[str, ...]
    headings: bool

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


def read_prompts(path: Path | None = None) -> Mapping[Kind, Prompt]:
    """The prompts of a TOML file; those that come with the package when None. Anything malformed raises InputError."""
    if path is None:
        text, name = (
            resources.files("mammoscribe.data.exchange").joinpath("llava_prompts.toml").read_text("utf-8"),
            "prompts",
        )
    elif not path.is_file():
        raise InputError(f"{path} is not there", "a TOML file of prompts")
    else:
        text, name = path.read_text("utf-8", errors="replace"), str(path)
    try:
        tables = tomllib.loads(text)
        return {_kind(key): _prompt(key, table) for key, table in tables.items()}
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is not TOML ({error})") from error
    except MammoscribeError as error:
        raise InputError(f"{name}: {error.found}", error.expected, error.do) from error


def _kind(key: str) -> Kind:
    return look_up(key, {str(k): k for k in (Kind.MAMMO_EXAM, Kind.IMAGE_TEXT)}, "kind of record")


def _prompt(key: str, table: object) -> Prompt:
    if not isinstance(table, dict) or set(table) != {"prompts", "answer", "headings"}:
        raise InputError(f"[{key}] is not as it should be", "prompts, answer and headings, and nothing else")
    lists = [table["prompts"], table["answer"]]
    if not all(isinstance(v, list) and all(isinstance(e, str) for e in v) for v in lists):
        raise InputError(f"[{key}] prompts and answer", "lists of texts")
    if not isinstance(table["headings"], bool):
        raise InputError(f"[{key}] headings", "true or false")
    return Prompt(tuple(lists[0]), tuple(lists[1]), table["headings"])


def entry_of(record: Record, prompts: Mapping[Kind, Prompt]) -> dict[str, Any] | None:
    """The LLaVA entry of a record, None when it has no text to learn from.

    Raises:
        InputError: for a text document, a picture without a path, a text that holds `<image>`, or a kind without prompts.
    """
    if isinstance(record, TextDocument):
        raise InputError(f"{record.id} is a text without pictures", "images with text")
    paths = [_path(record, image.path) for image in record.images]
    if isinstance(record, ImageText) and record.conversation:
        return _conversation_entry(record, paths)
    prompt = prompts.get(record.kind)
    if prompt is None:
        raise InputError(f"no prompts for a {record.kind}", f"a table [{record.kind}] in the file of prompts")
    if record.report is None or not (answer := answer_of(record.report, prompt)):
        return None
    if IMAGE_TOKEN in answer:
        raise InputError(f"the report of {record.id} holds {IMAGE_TOKEN}", "a text without it")
    question = "\n".join([IMAGE_TOKEN] * len(paths) + [_question(record, prompt)])
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"id": record.id, **_pictures(paths), "conversations": turns}


def answer_of(report: ReportText, prompt: Prompt) -> str:
    """The text that is to be learnt, "" when the report has none of the wanted sections."""
    if prompt.answer == (RAW,):
        return report.raw.strip()
    parts = [(Section(name), report.sections.get(Section(name), "").strip()) for name in prompt.answer]
    said = [(name, text) for name, text in parts if text]
    return "\n".join(f"{name.capitalize()}: {text}" if prompt.headings else text for name, text in said)


def _question(record: MammoExam | ImageText, prompt: Prompt) -> str:
    number = int.from_bytes(hashlib.sha256(record.id.encode()).digest()[:8], "big") % len(prompt.prompts)
    views = ", ".join(_view_name(image) for image in record.images) or "none"
    indication = record.report.sections.get(Section.INDICATION, "").strip() if record.report is not None else ""
    return prompt.prompts[number].format(views=views, indication=indication or "not given")


def _view_name(image: Any) -> str:
    if isinstance(image, ListedImage):
        return image.view or "unnamed"
    return f"{image.laterality.word} {image.projection}"


def _path(record: Record, path: str | None) -> str:
    if path is None:
        raise InputError(f"{record.id} has a picture without a file", "the pictures beside the tables")
    return path


def _pictures(paths: list[str]) -> dict[str, Any]:
    if not paths:
        return {}
    return {"image": paths[0]} if len(paths) == 1 else {"images": paths}


def _conversation_entry(record: ImageText, paths: list[str]) -> dict[str, Any]:
    """A record that came from a LLaVA file, as it was there."""
    extra = {k.removeprefix(_EXTRA): json.loads(v) for k, v in record.labels.items() if k.startswith(_EXTRA)}
    turns = [{"from": turn.speaker, "value": turn.text} for turn in record.conversation]
    name = json.loads(record.labels[_ORIGINAL_ID]) if _ORIGINAL_ID in record.labels else record.id
    pictures = {record.labels[_KEY]: paths} if _KEY in record.labels else _pictures(paths)
    return {"id": name, **pictures, "conversations": turns, **extra}


def record_of(entry: object, unique_id: str, split: str | None = None) -> ImageText:
    """The record of a LLaVA entry; `entry_of` gives the same entry back.

    Args:
        entry: one object of the JSON list.
        unique_id: the record's id: the entry's own, or another where it comes more than once in the file.
        split: the part of the data that the file is.

    Raises:
        InputError: when the entry is not of the format, or its `<image>` are not as many as its pictures.
    """
    if not isinstance(entry, dict):
        raise InputError(f"an entry that is a {type(entry).__name__}", "an object with id, image and conversations")
    key, paths = _paths(entry)
    turns = _turns(entry)
    tokens = sum(turn.text.count(IMAGE_TOKEN) for turn in turns if turn.speaker == "human")
    if tokens != len(paths):
        raise InputError(f"{tokens} {IMAGE_TOKEN} in the human turns for {len(paths)} pictures", "as many of both")
    labels = {f"{_EXTRA}{k}": json.dumps(v, ensure_ascii=False) for k, v in entry.items() if k not in _KEPT}
    if entry.get("id") != unique_id:
        labels[_ORIGINAL_ID] = json.dumps(entry.get("id"), ensure_ascii=False)
    if key is not None and {key: entry[key]} != _pictures(paths):  # a list of one, or of none
        labels[_KEY] = key
    answer = "\n\n".join(turn.text for turn in turns if turn.speaker == "gpt").strip()
    report = ReportText(answer, {Section.OTHER: answer}) if answer else None
    images = tuple(ListedImage(path) for path in paths)
    return ImageText(unique_id, unique_id, images, report=report, labels=labels, split=split, conversation=turns)


def _paths(entry: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The key under which the pictures stand, None when there is none, and their paths."""
    if "image" in entry and "images" in entry:
        raise InputError("both image and images", "one of them")
    key = next((name for name in ("image", "images") if name in entry), None)
    found = entry[key] if key is not None else []
    paths = [found] if isinstance(found, str) and key == "image" else found
    if not isinstance(paths, list) or not all(isinstance(p, str) and p for p in paths):
        raise InputError(f"pictures {found!r}", "a path, or a list of paths")
    return key, paths


def _turns(entry: Mapping[str, Any]) -> tuple[Turn, ...]:
    said = entry.get("conversations")
    if not isinstance(said, list) or not said:
        raise InputError("no conversations", 'a list of {"from": "human" or "gpt", "value": text}')
    for turn in said:
        if not isinstance(turn, dict) or set(turn) != {"from", "value"} or not isinstance(turn["value"], str):
            raise InputError(f"a turn {str(turn)[:60]!r}", '{"from": "human" or "gpt", "value": text}')
    return tuple(Turn(str(turn["from"]), turn["value"]) for turn in said)
