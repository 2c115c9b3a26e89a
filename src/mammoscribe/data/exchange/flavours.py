"""What each trainer reads: one conversation as LLaVA, LLaVA-NeXT, the messages layout and `datasets` have it, and its files.

Read in the trainers' own loaders and documentation: haotian-liu/LLaVA and LLaVA-VL/LLaVA-NeXT (llava/train/train.py),
LLaMA-Factory (data/README.md), ms-swift (Custom-dataset), TRL (prepare_multimodal_messages), datasets (image_dataset).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mammoscribe.data.exchange.chat import Chat
from mammoscribe.data.exchange.prompts import IMAGE_TOKEN
from mammoscribe.data.records import Turn
from mammoscribe.support.errors import InputError

_ROLES: Mapping[str, str] = {"human": "user", "gpt": "assistant", "system": "system"}


class Flavour(StrEnum):
    """Which trainer the conversations are for."""

    LLAVA = "llava"
    LLAVA_NEXT = "llava-next"
    MESSAGES = "messages"
    HF = "hf"


class Views(StrEnum):
    """What becomes of a record with several pictures."""

    TOGETHER = "together"
    EACH = "each"
    MONTAGE = "montage"


@dataclass(frozen=True)
class Layout:
    """Where a flavour's files are, from the folder that is written; `{part}` is train, val, test or all.

    Args:
        entry: a conversation as one JSON object.
        file: the entries.
        lines: one object a line; else one JSON list.
        images: folder of the pictures.
        start: folder that the paths in an entry start from.
        root: folder to name with `data import --images`.
        several: whether one entry may show several pictures.
    """

    entry: Callable[[Chat], dict[str, Any]]
    file: str
    lines: bool
    images: str
    start: str
    root: str
    several: bool = True


def llava_entry(chat: Chat) -> dict[str, Any]:
    """For LLaVA: `image` is one path. Its loader asks for `image` only: with `images` it would train without pictures."""
    if len(chat.pictures) > 1:
        raise InputError(f"{len(chat.pictures)} pictures in one conversation", "one, for the flavour llava")
    picture = {"image": chat.pictures[0]} if chat.pictures else {}
    return {"id": chat.id, **picture, "conversations": _from_value(chat), **chat.extra}


def llava_next_entry(chat: Chat) -> dict[str, Any]:
    """For LLaVA-NeXT: `image` is a list of paths, and its `<image>` stay where they are in the text."""
    pictures = {"image": list(chat.pictures)} if chat.pictures else {}
    return {"id": chat.id, **pictures, "conversations": _from_value(chat), **chat.extra}


def messages_entry(chat: Chat) -> dict[str, Any]:
    """For LLaMA-Factory and ms-swift: `messages` with roles, and as many `images` as `<image>`, in every row.

    Rows become columns of one type there, so the id is a text and further keys are left to the sidecar.
    """
    messages = [{"role": _ROLES[turn.speaker], "content": turn.text} for turn in chat.turns]
    return {"id": str(chat.id), "messages": messages, "images": list(chat.pictures)}


def hf_entry(chat: Chat) -> dict[str, Any]:
    """For `datasets.load_dataset("imagefolder")`: `images_file_names` becomes the column `images` of opened pictures.

    `messages` are content blocks as TRL and chat templates of `transformers` take them: an image block per picture.
    """
    messages = [{"role": _ROLES[turn.speaker], "content": _blocks(turn.text)} for turn in chat.turns]
    return {"id": str(chat.id), "images_file_names": list(chat.pictures), "messages": messages}


def _from_value(chat: Chat) -> list[dict[str, Any]]:
    """Turns with `from` and `value`. Both LLaVA loaders know human and gpt only, so a system turn opens the first question."""
    turns: Sequence[Turn] = chat.turns
    extra = [chat.turn_extra.get(number, {}) for number in range(len(turns))]
    if turns[0].speaker == "system":
        system, first, *rest = turns
        turns, extra = [Turn("human", _opened(system.text, first.text)), *rest], extra[1:]
    return [{"from": turn.speaker, "value": turn.text, **more} for turn, more in zip(turns, extra, strict=True)]


def _opened(system: str, question: str) -> str:
    """The question after the system text; pictures at the beginning stay there."""
    body = question.lstrip()
    tokens = 0
    while body.startswith(IMAGE_TOKEN):
        body, tokens = body.removeprefix(IMAGE_TOKEN).lstrip(), tokens + 1
    return "\n".join([*[IMAGE_TOKEN] * tokens, system, body])


def _blocks(text: str) -> list[dict[str, str]]:
    """Text and image blocks in the order of the text."""
    blocks: list[dict[str, str]] = []
    for number, piece in enumerate(text.split(IMAGE_TOKEN)):
        if number:
            blocks.append({"type": "image"})
        if piece.strip():
            blocks.append({"type": "text", "text": piece.strip("\n")})
    return blocks


LAYOUTS: Mapping[Flavour, Layout] = {
    Flavour.LLAVA: Layout(llava_entry, "{part}.json", False, "images", "images", "images", several=False),
    Flavour.LLAVA_NEXT: Layout(llava_next_entry, "{part}.json", False, "images", "images", "images"),
    Flavour.MESSAGES: Layout(messages_entry, "{part}.jsonl", True, "images", "", ""),
    Flavour.HF: Layout(hf_entry, "{part}/metadata.jsonl", True, "{part}/images", "{part}", ""),
}


def dataset_info(parts: Sequence[str]) -> dict[str, Any]:
    """LLaMA-Factory's dataset_info.json for the parts, so that `--dataset_dir OUT --dataset train` finds them."""
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    columns = {"messages": "messages", "images": "images"}
    described = {"formatting": "sharegpt", "columns": columns, "tags": tags | {"system_tag": "system"}}
    return {part: {"file_name": LAYOUTS[Flavour.MESSAGES].file.format(part=part), **described} for part in parts}
