"""A conversation about pictures, whatever layout it is written in; made from a report, or kept from a file that was read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mammoscribe.data.exchange.prompts import IMAGE_TOKEN
from mammoscribe.data.records import ImageText, Turn
from mammoscribe.data.texts.report_text import ReportText, Section
from mammoscribe.support.errors import InvalidNoun

OTHER_TOKENS = ("<video>", "<audio>")
"""Marks of media that trainers look for in every text and that no conversation here has."""
ID, KEY, TURN_KEY = "llava_id", "llava_key:", "llava_turn:"
"""Labels in which a record keeps what its conversation had in the file: id, further keys, further keys of a turn."""


@dataclass(frozen=True)
class Chat:
    """A conversation.

    Args:
        id: as the file has it: a text or number, None when it has none.
        pictures: paths, in the order of their `<image>` in the turns.
        turns: a system turn at most, then human and gpt in alternation, ending with an answer.
        extra: further keys of the entry.
        turn_extra: further keys of a turn, by its index.

    Raises:
        InvalidNoun: when turns do not alternate, one is empty, the last is no answer, an `<image>` is in an answer, or
            there are not as many `<image>` as pictures.
    """

    id: Any
    pictures: tuple[str, ...]
    turns: tuple[Turn, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)
    turn_extra: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_order(self.turns)
        _check_tokens(self.turns, len(self.pictures))


def _check_order(turns: Sequence[Turn]) -> None:
    spoken = [(number, turn) for number, turn in enumerate(turns, start=1) if number > 1 or turn.speaker != "system"]
    if not spoken:
        raise InvalidNoun("no turns", "a question and an answer")
    for place, (number, turn) in enumerate(spoken):
        wanted = ("human", "gpt")[place % 2]
        if turn.speaker != wanted:
            raise InvalidNoun(
                f"turn {number} is from {turn.speaker}", f"{wanted}: human and gpt alternate, human first"
            )
        if not turn.text.strip():
            raise InvalidNoun(f"turn {number} ({turn.speaker}) is empty", "a text")
    if len(spoken) % 2:
        raise InvalidNoun(f"turn {spoken[-1][0]}, the last one, is a question", "an answer of gpt at the end")


def _check_tokens(turns: Sequence[Turn], num_pictures: int) -> None:
    for number, turn in enumerate(turns, start=1):
        for token in OTHER_TOKENS:
            if token in turn.text:
                raise InvalidNoun(f"turn {number} holds {token}", "text and pictures")
        if turn.speaker != "human" and IMAGE_TOKEN in turn.text:
            raise InvalidNoun(f"turn {number} ({turn.speaker}) holds {IMAGE_TOKEN}", "it in human turns only")
    tokens = sum(turn.text.count(IMAGE_TOKEN) for turn in turns)
    if tokens != num_pictures:
        found = f"{tokens} {IMAGE_TOKEN} in the human turns for {num_pictures} {'picture' if num_pictures == 1 else 'pictures'}"
        raise InvalidNoun(found, "as many of both, counted over all turns")


def chat_about(name: str, pictures: Sequence[str], question: str, answer: str) -> Chat:
    """The conversation about the report of a record: all pictures, the question, the answer.

    Raises:
        InvalidNoun: when the report holds `<image>` or the mark of another medium.
    """
    asked = Turn("human", "\n".join([*[IMAGE_TOKEN] * len(pictures), question]))
    return Chat(name, tuple(pictures), (asked, Turn("gpt", answer)))


def kept_chat(record: ImageText, pictures: Sequence[str], turns: Sequence[Turn]) -> Chat:
    """The conversation of a record that came from a file, with its id and further keys as they were there."""
    extra: dict[str, Any] = {}
    turn_extra: dict[int, dict[str, Any]] = {}
    for name, value in record.labels.items():
        if name.startswith(KEY):
            extra[name.removeprefix(KEY)] = json.loads(value)
        elif name.startswith(TURN_KEY):
            number, _, key = name.removeprefix(TURN_KEY).partition(":")
            turn_extra.setdefault(int(number), {})[key] = json.loads(value)
    name = json.loads(record.labels[ID]) if ID in record.labels else record.id
    return Chat(name, tuple(pictures), tuple(turns), extra, turn_extra)


def record_of(chat: Chat, unique_id: str, images: Sequence[Any], split: str | None) -> ImageText:
    """The record that keeps a conversation; `kept_chat` gives the same conversation back.

    Args:
        chat: as it was read.
        unique_id: the record's id: the conversation's own, or another where it comes more than once in a file.
        images: a `ListedImage` for each picture.
        split: the part of the data that the file is, None when its name is no split.
    """
    labels = {f"{KEY}{key}": _json(value) for key, value in chat.extra.items()}
    labels |= {
        f"{TURN_KEY}{number}:{key}": _json(value)
        for number, keys in chat.turn_extra.items()
        for key, value in keys.items()
    }
    if chat.id != unique_id:
        labels[ID] = _json(chat.id)
    answer = "\n\n".join(turn.text for turn in chat.turns if turn.speaker == "gpt").strip()
    report = ReportText(answer, {Section.OTHER: answer})
    return ImageText(
        unique_id, unique_id, tuple(images), report=report, labels=labels, split=split, conversation=chat.turns
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
