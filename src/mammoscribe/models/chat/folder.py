"""Folders of chat models as they are written: names of weights that all tools read, and the files beside them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mammoscribe.models.chat.card import CARD, ChatCard, write_card
from mammoscribe.models.chat.families import CONFIG
from mammoscribe.models.chat.family import Family
from mammoscribe.models.chat.library import preprocessing_place, say_for_transformers_4
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import file_mode, write_bytes, write_text

SHARD_BYTES = 4 * 1024**3
_WEIGHT_FILE = re.compile(r".*\.(safetensors|bin|pt|pth|gguf|index\.json)$")
_MOST_BYTES = 256 * 1024**2
"""Of a file beside the weights; the largest is a tokeniser of some ten megabytes."""


def published_names(tensors: Mapping[str, Tensor], family: Family) -> dict[str, Tensor]:
    """Weights under the names of the family's published folders.

    The names that `save_pretrained` of transformers 5.23 writes leave the image encoder random in 4.57 and in servers that
    build on it. Qwen2-VL's names inside the network are read by all.

    Raises:
        InputError: for a name that is of no part of the network.
    """
    if not family.names:
        return dict(tensors)
    named: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        rule = next((rule for rule in family.names if name.startswith(rule[0])), None)
        if rule is None:
            raise InputError(f"a weight {name}", f"one of a {family.name} network")
        named[rule[1] + name.removeprefix(rule[0])] = tensor
    return named


def write_weights(tensors: Mapping[str, Tensor], folder: Path, shard_bytes: int = SHARD_BYTES) -> list[Path]:
    """Write weights as model.safetensors, or as shards with their index where they are larger than one."""
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().to("cpu").contiguous()
        own = tensor.numel() * tensor.element_size()
        if shards[-1] and size + own > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name], size = tensor, size + own
    count = len(shards)
    names = (
        ["model.safetensors"]
        if count == 1
        else [f"model-{n:05d}-of-{count:05d}.safetensors" for n in range(1, count + 1)]
    )
    for file, shard in zip(names, shards, strict=True):
        save_file(shard, folder / file, {"format": "pt"})
        (folder / file).chmod(file_mode())  # safetensors makes it readable by its owner alone
    if count > 1:
        total = sum(t.numel() * t.element_size() for shard in shards for t in shard.values())
        places = {name: file for file, shard in zip(names, shards, strict=True) for name in shard}
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
        write_text(folder / "model.safetensors.index.json", json.dumps(index, indent=2) + "\n")
    return [folder / file for file in names]


def files_beside(folder: Path) -> dict[str, bytes]:
    """The files of a model folder that are no weights: configuration, tokeniser, templates, licence."""
    kept = {}
    for path in sorted(folder.iterdir()):
        is_weights = _WEIGHT_FILE.match(path.name) or path.name == CARD or path.name.startswith(".")
        if path.is_file() and not is_weights and path.stat().st_size <= _MOST_BYTES:
            kept[path.name] = path.read_bytes()
    return kept


@dataclass(frozen=True)
class Beside:
    """What goes into a model folder beside the weights.

    Args:
        files: name -> content; see `files_beside`.
        card: what the model is.
        tied: names of weights, inside the network, that are others under a second name; no file holds them.
    """

    files: Mapping[str, bytes]
    card: ChatCard
    tied: tuple[str, ...] = ()


def write_chat_folder(
    tensors: Mapping[str, Tensor], beside: Beside, family: Family, folder: Path, dtype: torch.dtype | None = None
) -> None:
    """Write a model folder that `load_chat_model`, and `from_pretrained` of transformers, read without a key to spare.

    Args:
        tensors: weights under their names inside the network.
        beside: what else goes into it.
        family: of the model.
        folder: an existing, empty folder.
        dtype: of the weights in the file; None as they are.
    """
    named = published_names({n: t for n, t in tensors.items() if n not in beside.tied}, family)
    write_weights(
        {n: t if dtype is None or not t.is_floating_point() else t.to(dtype) for n, t in named.items()}, folder
    )
    for name, content in beside.files.items():
        write_bytes(folder / name, content)
    say_for_transformers_4(folder)
    if dtype is not None:
        _say_type(folder / CONFIG, dtype)
    if "llava" in family.model_types:
        _say_that_it_pads(folder)
    write_card(beside.card, folder)


def _say_type(path: Path, dtype: torch.dtype) -> None:
    """The type of the weights in config.json, by its name of today and the one before, also of the parts that name one."""
    values = json.loads(path.read_text(encoding="utf-8"))
    name = str(dtype).removeprefix("torch.")
    values |= {"dtype": name, "torch_dtype": name}
    for inside in values.values():
        if isinstance(inside, dict):
            inside.update({key: name for key in ("dtype", "torch_dtype") if key in inside})
    write_text(path, json.dumps(values, indent=2) + "\n")


def _say_that_it_pads(folder: Path) -> None:
    """LLaVA's published pre-processing crops the middle of a picture; whoever opens this folder is to pad, as in training."""
    path, held, values = preprocessing_place(folder)
    values |= {"do_pad": True, "image_processor_type": "LlavaImageProcessor"}
    write_text(path, json.dumps(held, indent=2) + "\n")
