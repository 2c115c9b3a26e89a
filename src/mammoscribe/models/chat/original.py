"""Folders of LLaVA-1.5 and LLaVA-Med v1.5 in the layout of their own repositories, written anew in that of transformers."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mammoscribe.models.biovil.files import read_checkpoint
from mammoscribe.models.chat.families import CONFIG, LLAVA_1_5, config_of
from mammoscribe.models.chat.folder import write_weights
from mammoscribe.models.chat.library import EXTRA, in_one_sentence, library_class, quiet, say_for_transformers_4
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

TOWER = "vision_tower.vision_model."
_NAMES = (
    (re.compile(r"^model\.mm_projector\.0\."), "multi_modal_projector.linear_1."),
    (re.compile(r"^model\.mm_projector\.2\."), "multi_modal_projector.linear_2."),
    (re.compile(r"^model\.vision_tower\.vision_tower\.vision_model\."), TOWER),
    (re.compile(r"^model\.(embed_tokens|layers|norm)\."), r"language_model.model.\1."),
    (re.compile(r"^lm_head\."), "language_model.lm_head."),
)
"""Names in the original files -> names in the folders of llava-hf."""
_NO_WEIGHTS = re.compile(r".*(\.rotary_emb\.inv_freq|\.embeddings\.position_ids)$")
"""Tables that older files hold and that follow from the configuration."""
_CLIP_336: Mapping[str, Any] = {
    "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
    "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "projection_dim": 768,
}  # fmt: skip
_KNOWN_TOWERS: Mapping[str, Mapping[str, Any]] = {"openai/clip-vit-large-patch14-336": _CLIP_336}
_WANTED = {
    "mm_projector_type": ("mlp2x_gelu",), "mm_use_im_start_end": (False, None), "mm_use_im_patch_token": (False, None),
    "image_aspect_ratio": ("pad", None), "mm_vision_select_feature": ("patch", None),
}  # fmt: skip
_TEXT_FIELDS = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_act",
    "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling", "bos_token_id", "eos_token_id",
)  # fmt: skip
_TEXT_TYPES: Mapping[str, str] = {"llava": "llama", "llava_llama": "llama", "llava_mistral": "mistral"}
"""Model type of the original -> of the language model inside: LLaVA-Med v1.5 is LLaVA-1.5 around Mistral."""
_TABLES = ("language_model.model.embed_tokens.weight", "language_model.lm_head.weight")
_MULTIPLE = 64
_MEAN, _STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
"""Of CLIP's pictures, in its published preprocessor_config.json."""


@dataclass(frozen=True)
class Tower:
    """The image encoder: fields of its configuration, and its weights where they come from a folder of their own."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def convert_original(folder: Path, out: Path, vision_tower: Path | None = None) -> None:
    """Write the model of a folder in LLaVA's own layout into another one that `load_chat_model` and transformers take.

    The tokeniser gets a token for pictures and one for padding, and the tables of the language model a row for each, up to
    a multiple of 64; a new row is the mean of the others. Pictures never use theirs.

    Args:
        folder: with config.json, weights in one file or in shards, and the tokeniser.
        out: an existing, empty folder.
        vision_tower: folder of the CLIP model whose image encoder it is; needed where the weights do not hold it, or
            where it is not openai/clip-vit-large-patch14-336.

    Raises:
        InputError: for a model of another kind, and for files that are absent or damaged. What is written may still lack
            a weight; `load_chat_model` names it.
    """
    values = config_of(folder)
    _check(folder, values)
    tower = _tower(values, vision_tower)
    tokenizer, image, pad = _tokenizer(folder, int(values["vocab_size"]))
    rows = -(-(pad + 1) // _MULTIPLE) * _MULTIPLE
    tensors = dict(tower.tensors)
    for name, tensor in _weights(folder):
        tensors[name] = _with_rows(tensor, rows) if name in _TABLES else tensor
    if not any(name.startswith(TOWER) for name in tensors):
        raise InputError(
            f"the weights in {folder} hold no image encoder", f"that of {values.get('mm_vision_tower')}",
            "give the folder of the CLIP model with --vision-tower",
        )  # fmt: skip
    write_weights(tensors, out)
    tokenizer.save_pretrained(str(out))
    say_for_transformers_4(out)
    dtype = str(tensors[_TABLES[0]].dtype).removeprefix("torch.")
    _write_configs(values, tower, out, {"image": image, "pad": pad, "rows": rows, "dtype": dtype})


def _check(folder: Path, values: Mapping[str, Any]) -> None:
    if values.get("model_type") not in _TEXT_TYPES or "mm_vision_tower" not in values:
        raise InputError(
            f"{folder} holds a model of type {values.get('model_type')!r}",
            "LLaVA-1.5, LLaVA-Med v1.5 or DeepSeek-VL in the layout of its own repository",
        )
    for name, wanted in _WANTED.items():
        if values.get(name) not in wanted:
            raise InputError(f"{folder / CONFIG} sets {name} to {values.get(name)!r}", f"{wanted[0]!r}, as LLaVA-1.5")
    absent = [name for name in ("vocab_size", "mm_vision_select_layer", *_TEXT_FIELDS[:4]) if name not in values]
    if absent:
        raise InputError(f"{folder / CONFIG} does not set {', '.join(absent)}", "the file as it was published")


def _tower(values: Mapping[str, Any], folder: Path | None) -> Tower:
    if folder is None:
        name = str(values["mm_vision_tower"])
        if name not in _KNOWN_TOWERS:
            raise InputError(
                f"the image encoder {name}", next(iter(_KNOWN_TOWERS)), "give its folder with --vision-tower"
            )
        return Tower(_KNOWN_TOWERS[name], {})
    held = config_of(folder)
    config = held.get("vision_config", held)
    if not isinstance(config, dict) or "patch_size" not in config or "image_size" not in config:
        raise InputError(f"{folder / CONFIG} describes no CLIP image encoder", "the folder of a CLIP model")
    own = "vision_model."
    named = {
        f"{TOWER}{n.removeprefix(own)}": t
        for n, t in tensors_of(folder)
        if n.startswith(own) and not _NO_WEIGHTS.match(n)
    }
    return Tower({**config, "model_type": "clip_vision_model"}, named)


def _tokenizer(folder: Path, vocabulary: int) -> tuple[Any, int, int]:
    """The tokeniser with a token for pictures and one for padding, and their ids."""
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        raise InputError(f"no tokeniser in {folder}", "tokenizer.model or tokenizer.json", "fetch the folder again")
    try:
        with in_one_sentence("the tokeniser", folder), quiet():
            tokenizer = library_class("LlamaTokenizer").from_pretrained(str(folder), local_files_only=True)
    except InputError as error:
        do = f"tokenizer.model needs: pip install sentencepiece protobuf, beside {EXTRA.removeprefix('pip install ')}"
        raise InputError(error.found, error.expected, do) from error
    if len(tokenizer) > vocabulary:
        raise InputError(f"the tokeniser in {folder} has {len(tokenizer)} tokens", f"{vocabulary}, as {CONFIG} says")
    tokenizer.add_tokens([LLAVA_1_5.image_token], special_tokens=True)  # first, as in the folders of llava-hf
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    image, pad = (int(n) for n in tokenizer.convert_tokens_to_ids([LLAVA_1_5.image_token, "<pad>"]))
    if (image, pad) != (vocabulary, vocabulary + 1):
        raise InputError(
            f"the new tokens of {folder} get the ids {image} and {pad}",
            f"{vocabulary} and {vocabulary + 1}, which are free",
        )
    return tokenizer, image, pad


def _weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Weights under their names in the folders of llava-hf."""
    for name, tensor in tensors_of(folder):
        if _NO_WEIGHTS.match(name):
            continue
        rule = next((rule for rule in _NAMES if rule[0].match(name)), None)
        if rule is None:
            raise InputError(f"{folder} holds a surplus {name}", "the weights of a LLaVA, and no others")
        yield rule[0].sub(rule[1], name), tensor


def tensors_of(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every weight of a folder, file by file; pickles are read without running code in them."""
    for kind in ("*.safetensors", "*.bin"):
        files = sorted(folder.glob(kind))
        files = [path for path in files if path.name not in ("training_args.bin", "mm_projector.bin")]
        if files:
            for path in files:
                yield from read_checkpoint(path).tensors.items()
            return
    raise InputError(f"no weights in {folder}", "*.safetensors or pytorch_model*.bin", "fetch the folder again")


def _with_rows(table: Tensor, rows: int) -> Tensor:
    """The table with as many rows; a new one is the mean of those that are there.

    Shapes: [V, D] -> [rows, D].
    """
    mean = table.float().mean(dim=0, keepdim=True).to(table.dtype)
    return torch.cat([table, mean.expand(rows - len(table), -1)])


def _write_configs(values: Mapping[str, Any], tower: Tower, out: Path, found: Mapping[str, Any]) -> None:
    side, patch = int(tower.config["image_size"]), int(tower.config["patch_size"])
    text = {name: values[name] for name in _TEXT_FIELDS if values.get(name) is not None}
    if "sliding_window" in values:  # null where Mistral sees all; left out, it would see 4,096 tokens
        text["sliding_window"] = values["sliding_window"]
    text |= {
        "model_type": _TEXT_TYPES[values["model_type"]],
        "vocab_size": found["rows"],
        "pad_token_id": found["pad"],
        "tie_word_embeddings": False,
    }
    config = {
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "image_token_index": found["image"],
        "image_seq_length": (side // patch) ** 2, "projector_hidden_act": "gelu", "pad_token_id": found["pad"],
        "vision_feature_layer": int(values["mm_vision_select_layer"]), "vision_feature_select_strategy": "default",
        "text_config": text, "vision_config": dict(tower.config), "torch_dtype": found["dtype"],
    }  # fmt: skip
    prepared = {
        "image_processor_type": "LlavaImageProcessor", "processor_class": "LlavaProcessor", "do_pad": True,
        "do_resize": True, "size": {"shortest_edge": side}, "do_center_crop": True, "resample": 3, "do_rescale": True,
        "crop_size": {"height": side, "width": side}, "rescale_factor": 1 / 255, "do_normalize": True,
        "do_convert_rgb": True, "image_mean": _MEAN, "image_std": _STD,
    }  # fmt: skip
    processor = {
        "processor_class": "LlavaProcessor", "patch_size": patch, "num_additional_image_tokens": 1,
        "vision_feature_select_strategy": "default", "image_token": LLAVA_1_5.image_token,
    }  # fmt: skip
    generation = {key: text[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id") if key in text}
    files = {
        CONFIG: config, "preprocessor_config.json": prepared, "processor_config.json": processor,
        "generation_config.json": generation,
    }  # fmt: skip
    for name, content in files.items():
        write_text(out / name, json.dumps(content, indent=2) + "\n")
