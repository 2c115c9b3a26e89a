"""The card of a chat model that was trained here: its family, licence, and how its pictures were prepared."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mammoscribe.models.chat.family import Canvas, Family, Preparation
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.support.files import write_text

CARD = "mammoscribe.json"
FORMAT = "mammoscribe.chat/1"


@dataclass(frozen=True)
class ChatCard:
    """What goes beside the weights.

    Args:
        name: of the model: the recipe and its data.
        family: name of the family.
        licence: of the weights that training began with; it holds for these, too.
        preparation: of each view in training. Views have to be prepared so again.
        begun_with_sha256: of the weights that training began with.
        by_breast: whether it learned to report on one breast at a time, and is asked so.
    """

    name: str
    family: str
    licence: str
    preparation: Preparation
    begun_with_sha256: str
    by_breast: bool = False
    format: str = FORMAT


def write_card(card: ChatCard, folder: Path) -> None:
    """Write `mammoscribe.json` into a model folder."""
    write_text(folder / CARD, json.dumps(asdict(card), indent=1) + "\n")


def read_card(folder: Path, family: Family) -> ChatCard | None:
    """The card of a folder, None where there is none.

    Raises:
        InputError: for one that cannot be read, or is of another family than the weights.
    """
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values.pop("preparation")
        if found["pad_rgb"] is not None:
            found["pad_rgb"] = tuple(found["pad_rgb"])
        if found.get("canvas") is not None:
            found["canvas"] = canvas_from(found["canvas"])
        card = ChatCard(preparation=Preparation(**found), **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InvalidNoun) as error:
        raise InputError(f"{path} is not a readable card ({error})", f"JSON of {FORMAT}") from error
    if card.format != FORMAT or card.family != family.name:
        raise InputError(f"{path} is a {card.format} of {card.family}", f"{FORMAT} of {family.name}")
    return card


def canvas_from(values: dict[str, Any]) -> Canvas:
    """A canvas from plain values; a key too many or too few raises TypeError."""
    return Canvas(**{**values, "size_px": tuple(values["size_px"])})
