"""Where the chat model of a folder or of a run is, which weights it has, and what it is called."""

import hashlib
import json
from pathlib import Path

from mammoscribe.models.chat.card import canvas_from, read_card
from mammoscribe.models.chat.families import CONFIG, STARTER_CHAT, family_of
from mammoscribe.models.chat.family import Canvas
from mammoscribe.models.chat.library import preprocessing_place
from mammoscribe.models.chat.network import WEIGHTS
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of
from mammoscribe.support.weights_folder import weights_folder

_INDEX = ".index.json"


def chat_folder_at(place: Path) -> Path:
    """The folder of a chat model: the folder itself, or `model/` of a run of `mammoscribe train chat`.

    Raises:
        InputError: for a folder without a chat model of a family that is built here, and for a run that has not ended.
    """
    inside = place / "model"
    if (place / "run.json").is_file() and not inside.is_dir():
        raise InputError(f"{place} is a run that has not ended", "one with model/", "start its command again to go on")
    folder = inside if (inside / CONFIG).is_file() else place
    family_of(folder)
    return folder


STARTER = "starter-chat"
_PACKAGED = Path(__file__).parents[1] / "weights" / STARTER


def starter_place() -> Path:
    """The folder of starter-chat: one in the weights folder, else the one that comes with the package.

    Raises:
        InputError: when there is neither.
    """
    places = (weights_folder() / STARTER, _PACKAGED)
    found = next((place for place in places if (place / CONFIG).is_file()), None)
    if found is None:
        raise InputError(
            f"no --chat-endpoint, no --chat-model, and no {STARTER} in {weights_folder()}",
            "a chat server, the folder of a chat model, or starter-chat",
            "docs/how_to/starter_chat.md says how it is trained; or --chat-endpoint http://localhost:8000/v1 --chat-model NAME, "
            "or --chat-model DIR",
        )  # fmt: skip
    return found


def canvas_of(folder: Path) -> Canvas | None:
    """The canvas on which a chat model is shown views; None for one that is shown pictures of any size.

    Raises:
        InputError: for a starter-chat that does not say it.
    """
    if family_of(folder) is not STARTER_CHAT:
        return None
    try:
        return canvas_from(preprocessing_place(folder)[2])
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"{folder} names no canvas ({error})", "the files of one model", "fetch it again") from error


def reports_by_breast(folder: Path) -> bool:
    """Whether a chat model learned to report on one breast at a time, as its card says; False where it has none.

    Raises:
        InputError: for a card that cannot be read.
    """
    card = read_card(folder, family_of(folder))
    return card is not None and card.by_breast


def weights_or_index(folder: Path) -> Path:
    """The file of the weights of a model folder, or the index of its shards.

    Raises:
        InputError: when there is neither.
    """
    first = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if first is None:
        raise InputError(f"no weights in {folder}", WEIGHTS[0], "fetch the folder again")
    return first


def weights_or_config(folder: Path) -> Path:
    """The weights of a model folder or the index of its shards; config.json where there are none, with which no training begins."""
    return next((folder / name for name in (*WEIGHTS, CONFIG) if (folder / name).is_file()), folder / CONFIG)


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files of the weights that are loaded from a model folder: one, or the shards that an index names.

    Raises:
        InputError: when there are none, or an index names a file that is not there.
    """
    first = weights_or_index(folder)
    if not first.name.endswith(_INDEX):
        return (first,)
    try:
        names = sorted(set(json.loads(first.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{first} cannot be read ({error})", "the index as it was published") from error
    absent = next((name for name in names if not (folder / str(name)).is_file()), None)
    if absent is not None or not names:
        found = f"{first} names no file" if absent is None else f"{first} names {absent}, which is not there"
        raise InputError(found, "an index and all of its shards", "fetch the folder again")
    return tuple(folder / name for name in names)


def weights_sha256(folder: Path) -> str:
    """The SHA-256 of a model folder's weights: of their file, or of the digests of all shards with blanks between them.

    Raises:
        InputError: as `weight_files`.
    """
    digests = [sha256_of(path) for path in weight_files(folder)]
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def model_name(folder: Path) -> str:
    """What a model is called: as its card says, or by its folder where it has none.

    Raises:
        InputError: for a card that cannot be read.
    """
    card = read_card(folder, family_of(folder))
    return folder.resolve().name if card is None else card.name
