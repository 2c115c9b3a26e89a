"""What the fine-tuning of a chat model begins with: the model of --init, and which parts of it are trained."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch
from torch import nn

from mammoscribe.models.chat.base import BASE
from mammoscribe.models.chat.chat_model import ChatModel, load_chat_model
from mammoscribe.models.chat.families import STARTER_CHAT, config_of, family_of
from mammoscribe.models.chat.family import Preparation
from mammoscribe.models.chat.place import weights_sha256
from mammoscribe.support.errors import InputError
from mammoscribe.training.engine.run import Kind


class Trained(StrEnum):
    """What of a chat model is trained; the image encoder with it only where that is asked for.

    `full`: projector and language model; `projector`: the projector alone (LLaVA's first stage, alignment); `lora`:
    low-rank updates of the language model, and the projector.
    """

    FULL = "full"
    PROJECTOR = "projector"
    LORA = "lora"


@dataclass(frozen=True)
class ChatStart:
    """The model that a run begins with.

    Args:
        model: in 32 bits.
        stored: type of the weights that it was read from, and that are written.
        sha256: of these weights.
    """

    model: ChatModel
    stored: torch.dtype
    sha256: str


def chat_start(init: Path, preparation: Preparation | None) -> ChatStart:
    """The model beside the weights of --init.

    Args:
        init: the weights of a model folder, or the index of their shards.
        preparation: of the views; None as the folder says.

    Raises:
        InputError: as `load_chat_model`.
    """
    model = load_chat_model(init.parent, torch.float32, preparation)
    return ChatStart(model, _stored(init.parent), weights_sha256(init.parent))


def preparation_of(folder: Path, pad_rgb: tuple[int, ...] | None, exam_px: int | None) -> Preparation | None:
    """How views are prepared where the run sets something of it, None where it sets nothing.

    Raises:
        InputError, InvalidNoun: for what the family of the folder has no use for.
    """
    if pad_rgb is None and exam_px is None:
        return None
    family = family_of(folder)
    squares = family.preparation.pads_to_square
    if exam_px is not None and family.preparation.exam_px is None:
        raise InputError(f"exam_px for {family.name}, whose pictures have one size", "none")
    if pad_rgb is not None and (not squares or len(pad_rgb) != 3):
        raise InputError(f"pad_rgb {pad_rgb} for {family.name}", "red,green,blue for a family that pads; else none")
    red_green_blue = None if pad_rgb is None else (pad_rgb[0], pad_rgb[1], pad_rgb[2])
    return Preparation(squares, red_green_blue, exam_px)


def check_trained(model: ChatModel, trained: Trained, train_vision: bool) -> None:
    """InputError for what a folder of the family cannot hold: of starter-chat, a reader, and a language model from elsewhere."""
    if model.family is not STARTER_CHAT:
        return
    elsewhere = trained is Trained.FULL and not (model.folder / BASE).is_dir()
    if elsewhere or train_vision:
        found = "train_vision=true" if train_vision else f"trained={trained}"
        raise InputError(
            f"{found} for {model.family.name}, which keeps its reader, and a language model outside its folder, as they are",
            "trained=projector or trained=lora", "--set task.trained=lora",
        )  # fmt: skip


def check_four_bits(model: ChatModel, trained: Trained, kind: Kind) -> None:
    """InputError for weights in 4 bits where they are trained themselves, shared out, or kept elsewhere."""
    if trained is not Trained.LORA:
        raise InputError(f"four_bits=true with trained={trained}", "trained=lora", "--set task.trained=lora")
    if model.family is STARTER_CHAT:
        raise InputError(f"four_bits=true for {model.family.name}, whose language model is small", "four_bits=false")
    if kind is not Kind.DDP:
        raise InputError(
            f"four_bits=true with {kind}, which shares out weights that are trained", "distribution.kind=ddp"
        )


def frozen_parts(model: ChatModel, trained: Trained, train_vision: bool) -> tuple[str, ...]:
    """Dotted names of the modules and parameters of the network that are not trained.

    Args:
        model: with its updates of low rank in place, where it has them.
        trained: what is trained.
        train_vision: whether the image encoder is, too.
    """
    parts, unused = model.family.parts, model.adapter.unused(model.network)
    frozen = [*(unused if train_vision else parts.vision)]
    if trained is Trained.PROJECTOR:
        frozen += parts.language
    if trained is Trained.LORA:
        frozen += _without_updates(model.network, parts.language)
    return tuple(frozen)


def _without_updates(network: nn.Module, names: tuple[str, ...]) -> list[str]:
    """The modules inside these that hold weights of their own and are no update of low rank.

    Of a module that holds weights of its own beside updates (the gates of Llama 3.2's cross-attention), the weights.
    """
    found: list[str] = []
    for top in names:
        for inner, module in network.get_submodule(top).named_modules():
            name = f"{top}.{inner}".rstrip(".")
            own = [f"{name}.{weight}" for weight, _ in module.named_parameters(recurse=False)]
            if own and "lora_" not in inner:
                beside = any("lora_" in below for below, _ in module.named_modules())
                found += own if beside else [name]
    return found


def _stored(folder: Path) -> torch.dtype:
    """The type of most weights in the folder's files, as config.json says it; 32 bits where it does not."""
    values = config_of(folder)
    name = str(values.get("dtype") or values.get("torch_dtype") or "float32").removeprefix("torch.")
    found = getattr(torch, name, None)
    return found if isinstance(found, torch.dtype) else torch.float32
