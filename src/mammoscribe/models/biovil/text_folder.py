"""Folders of text models in the published layout: what a run of the text stage begins with, and what it writes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save

from mammoscribe.models.biovil.card import JointCard, write_joint_card
from mammoscribe.models.biovil.text_model import SHAPE, WEIGHTS, JointTextModel, text_weights
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of, write_bytes, write_text

CONFIG, VOCABULARY = "config.json", "vocab.txt"
TOKENIZER_FILES = (VOCABULARY, "tokenizer_config.json")
"""What makes the tokeniser of a folder; the second is not always there."""


def text_weights_at(place: Path) -> Path:
    """The weights file of a text folder, of a run of the text stage (its `model/`), or that file itself.

    Raises:
        InputError: when there is none.
    """
    if place.is_file() and place.name in WEIGHTS:
        return place
    inside = place / "model"
    if (place / "run.json").is_file() and not inside.is_dir():
        raise InputError(f"{place} is a run that has not ended", "one with model/", "start its command again to go on")
    return text_weights(inside if (inside / CONFIG).is_file() else place)


def write_text_folder(model: JointTextModel, files: Mapping[str, bytes], folder: Path, name: str) -> JointCard:
    """Write `config.json`, the tokeniser's files and `model.safetensors` with its card, as `load_text_model` takes them.

    The keys are those of the published file, the tied copies of the masked-token head among them, and the configuration is
    that of a plain BERT, so that `BertForMaskedLM.from_pretrained` and `AutoTokenizer` of transformers take the folder too.

    Args:
        model: what is written, in full precision.
        files: name -> content of the tokeniser's files; `vocab.txt` has to be among them.
        folder: an existing folder.
        name: what the card calls it.
    """
    tensors = {k: v.detach().to("cpu").clone().contiguous() for k, v in model.state_dict().items()}
    if model.cls is not None:
        tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    path = folder / WEIGHTS[0]
    write_bytes(path, save(tensors, {"format": "pt"}))
    for file, content in files.items():
        write_bytes(folder / file, content)
    write_text(folder / CONFIG, json.dumps(_config(model), indent=1) + "\n")
    digest = sha256_of(path)
    card = JointCard(name, path.name, digest, digest)
    write_joint_card(card, path)
    return card


def _config(model: JointTextModel) -> dict[str, Any]:
    values: dict[str, Any] = {"architectures": ["BertForMaskedLM"], "model_type": "bert"}
    values |= {field: getattr(model.bert.config, field) for field in SHAPE}
    return values if model.joint_dim is None else values | {"projection_size": model.joint_dim}
