"""One entry of a file of conversations: LLaVA's layout or messages, read into a Chat, or one sentence about what is wrong."""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from mammoscribe.data.exchange.chat import Chat
from mammoscribe.data.exchange.prompts import IMAGE_TOKEN
from mammoscribe.data.records import Turn
from mammoscribe.support.errors import InputError
from mammoscribe.support.lookup import look_up
from mammoscribe.support.parsing import kind_of_value

TURN_LISTS = {"conversations": ("from", "value"), "messages": ("role", "content")}
"""Key of the turns -> keys of a turn."""
PICTURE_KEYS = ("image", "images", "images_file_names", "file_names", "file_name")
_SPEAKERS = {"human": "human", "user": "human", "gpt": "gpt", "assistant": "gpt", "system": "system"}
_OTHER_MEDIA = ("video", "videos", "audio", "audios")
_KNOWN = ("id", "system", *TURN_LISTS, *PICTURE_KEYS)
_NEAR = 0.8
"""Likeness from which a further key is taken for a misspelt one, where the right one is absent."""
_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm", ".tif", ".tiff", ".bmp", ".webp", ".pgm")
_SHOWN = 60


def chat_of(entry: object) -> Chat:
    """The conversation in one entry; its pictures are the paths as the entry has them.

    Read are `conversations` with `from` and `value`, and `messages` with `role` and `content` (a text, or blocks of text
    and image); pictures under `image`, `images` or the keys of an imagefolder, as one path or a list.

    Raises:
        InputError: when the entry has another form, or a key looks misspelt; InvalidNoun: as Chat.
    """
    if not isinstance(entry, dict):
        raise InputError(f"an entry that is {kind_of_value(entry)}", "an object with id, image and conversations")
    _check_keys(entry)
    turns, turn_extra = _turns(entry)
    if isinstance(system := entry.get("system"), str) and system.strip() and turns[0].speaker != "system":
        turns, turn_extra = (Turn("system", system), *turns), {n + 1: keys for n, keys in turn_extra.items()}
    extra = {key: value for key, value in entry.items() if key not in _KNOWN}
    return Chat(entry.get("id"), tuple(_pictures(entry)), turns, extra, turn_extra)


def _check_keys(entry: Mapping[str, Any]) -> None:
    for key in _OTHER_MEDIA:
        if not _empty(entry.get(key)):
            raise InputError(f"the key {key}", "pictures and text only")
    present = [key for key in TURN_LISTS if key in entry]
    has_picture = any(not _empty(entry.get(key)) for key in PICTURE_KEYS)
    missing = [*([] if present else TURN_LISTS), *([] if has_picture else PICTURE_KEYS)]
    for key, value in entry.items():
        near = difflib.get_close_matches(key.strip().lower(), missing, n=1, cutoff=_NEAR)
        if key in _KNOWN or not isinstance(value, str | list | dict) or _empty(value):
            continue
        if near:
            raise InputError(f"the key {_short(key)}", "", f"did you mean {near[0]}?")
        if not has_picture and _names_picture(value):
            raise InputError(
                f"the key {_short(key)} with the picture {_short(value)}", "pictures under image or images"
            )
    if len(present) != 1:
        found = "both conversations and messages" if present else f"no conversations; its keys are {_listed(entry)}"
        raise InputError(found, 'one list of {"from": "human" or "gpt", "value": text}')


def _names_picture(value: object) -> bool:
    first = value[0] if isinstance(value, list) else value
    return isinstance(first, str) and first.lower().endswith(_PICTURE_SUFFIXES)


def _listed(entry: Mapping[str, Any]) -> str:
    return ", ".join(_short(key) for key in list(entry)[:8]) or "none"


def _empty(value: object) -> bool:
    """Whether a key says that there is nothing: null, "", [], or NaN as tables are written to JSON."""
    return value is None or value == "" or value == [] or (isinstance(value, float) and math.isnan(value))


def _pictures(entry: Mapping[str, Any]) -> list[str]:
    """The paths of the pictures, none for a conversation in text only."""
    keys = [key for key in PICTURE_KEYS if not _empty(entry.get(key))]
    if len(keys) > 1:
        raise InputError(f"both {keys[0]} and {keys[1]}", "one of them")
    if not keys:
        return []
    found = entry[keys[0]]
    paths = [_path_in(value) for value in (found if isinstance(found, list) else [found])]
    if not all(isinstance(path, str) and path.strip() for path in paths):
        raise InputError(f"{keys[0]} is {_short(found)}", "a path, or a list of paths")
    return [path for path in paths if path is not None]


def _path_in(value: object) -> str | None:
    """A path, or the `path` of an object as `datasets` writes pictures."""
    if isinstance(value, dict):
        value = value.get("path")
    return value if isinstance(value, str) else None


def _turns(entry: Mapping[str, Any]) -> tuple[tuple[Turn, ...], dict[int, dict[str, Any]]]:
    """The turns, and further keys of each."""
    key = next(key for key in TURN_LISTS if key in entry)
    listed = entry[key]
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{key} is {_short(listed)}", f"a list of turns with {' and '.join(TURN_LISTS[key])}")
    turns, extra = [], {}
    for number, turn in enumerate(listed):
        try:
            who, what = _keys_of(turn, key)
            turns.append(_turn(turn, who, what))
        except InputError as error:
            raise InputError(f"turn {number + 1}: {error.found}", error.expected, error.do) from error
        if more := {name: value for name, value in turn.items() if name not in (who, what)}:
            extra[number] = more
    return tuple(turns), extra


def _keys_of(turn: object, layout: str) -> tuple[str, str]:
    """The keys of who and what: those of the layout, or of the other one where a turn has both of them."""
    if isinstance(turn, dict):
        for who, what in (TURN_LISTS[layout], *TURN_LISTS.values()):
            if who in turn and what in turn:
                return who, what
    return TURN_LISTS[layout]


def _turn(turn: object, who: str, what: str) -> Turn:
    if not isinstance(turn, dict):
        raise InputError(_short(turn), f"an object with {who} and {what}")
    for key in (who, what):
        if key not in turn:
            others = [name for name in turn if name not in (who, what)]
            near = difflib.get_close_matches(key, others, n=1)
            do = f"the key {_short(near[0])} looks like it" if near else ""
            raise InputError(f"no {key}", f"{who} and {what}", do)
    if not isinstance(turn[who], str):
        raise InputError(f"{who} is {_short(turn[who])}", "human or gpt")
    return Turn(look_up(turn[who].strip().lower(), _SPEAKERS, "speaker"), _text(turn[what]))


_IN_BLOCKS = ("image", "path", "url", "image_url")
"""Keys under which other layouts name a picture within its block."""


def _text(content: object) -> str:
    """A text as it is; blocks of text and image as a text with a mark for each image."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InputError(f"a text that is {_short(content)}", "a text")
    pieces: list[str] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "image":
            if named := [block[key] for key in _IN_BLOCKS if block.get(key)]:
                raise InputError(f"a block that names its picture {_short(named[0])}", "pictures under image or images")
            pieces.append(IMAGE_TOKEN)
        elif kind == "text" and isinstance(text := block.get("text"), str):
            pieces.append(text)
        else:
            raise InputError(f"a block {_short(block)}", "blocks of text and image")
    return "\n".join(pieces)


def _short(value: object) -> str:
    """A value as it is shown in a sentence."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
