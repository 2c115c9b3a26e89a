"""A chat model of few layers and random weights, from config.json alone: what one that is too large to be built here takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammoscribe.models.chat.chat_model import ChatModel, opened
from mammoscribe.models.chat.families import STARTER_CHAT, family_of
from mammoscribe.models.chat.family import Preparation
from mammoscribe.models.chat.library import in_one_sentence, library_class, quiet
from mammoscribe.models.chat.network import NETWORKS
from mammoscribe.support.errors import InputError

STACKS = (("text_config", "num_hidden_layers"), ("vision_config", "num_hidden_layers"), ("vision_config", "depth"))
"""Where config.json says how many layers language model and image encoder have; an image encoder says it in one of two ways."""


def stacks_of(folder: Path) -> dict[str, int]:
    """Stacks of equal layers of a folder's model, as `text_config.num_hidden_layers`, with their layers; none of starter-chat.

    Its weights need not be there.

    Raises:
        InputError: for a folder without such a configuration, and for families whose layers are not equal.
    """
    family = family_of(folder)
    if family is STARTER_CHAT:
        return {}
    if family.crosses:
        raise InputError(
            f"a plan for {family.name}, whose layers are not all alike", "a family whose layers are",
            "plan LLaVA-1.5 of about as many parameters",
        )  # fmt: skip
    _, _, config = opened(folder)
    return {f"{part}.{name}": int(n) for part, name in STACKS if (n := getattr(getattr(config, part), name, None))}


def shallow_chat_model(folder: Path, preparation: Preparation | None, layers: Mapping[str, int]) -> ChatModel:
    """The model of a folder with so many layers of each of its `stacks_of`, and random weights of 32 bits.

    Raises:
        InputError: as `load_chat_model`.
    """
    adapter, tokenizer, config = opened(folder, preparation)
    for stack, count in layers.items():
        part, name = stack.split(".")
        _cut(getattr(config, part), name, count)
    with in_one_sentence("config.json", folder), quiet():
        network = library_class(NETWORKS[config.model_type])(config)
    return ChatModel(adapter, network.float().eval(), tokenizer, folder)


def _cut(config: Any, name: str, count: int) -> None:
    setattr(config, name, count)
    if getattr(config, "layer_types", None):  # the kind of attention of each layer
        config.layer_types = config.layer_types[:count]
