"""Folders of DeepSeek-VL in the layout of its own repository (deepseek-ai/deepseek-vl-*), written anew in that of transformers."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers.processors import TemplateProcessing
from torch import Tensor

from mammoscribe.models.chat.families import CONFIG, config_of
from mammoscribe.models.chat.folder import write_weights
from mammoscribe.models.chat.library import (
    in_one_sentence,
    library_class,
    preprocessing_place,
    quiet,
    say_for_transformers_4,
)
from mammoscribe.models.chat.more_families import DEEPSEEK_VL
from mammoscribe.models.chat.original import tensors_of
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import write_text

DEEPSEEK_OWN = "multi_modality"
"""Model type in its own layout."""
HEAD_SIZE = 64
"""Of both image encoders (SigLIP-L: 1024 / 16, SAM-B: 768 / 12), whatever their width is."""
_SIGLIP, _SAM = "siglip_large_patch16_384", "sam_b_downsample"
_LOW, _HIGH = "model.vision_model.vision_model.", "model.high_res_vision_"
_TOWER = r"^vision_model\.(?:vision_tower_low\.)?vision_tower\."
_SECOND = r"^vision_model\.vision_tower_high\.vision_tower\."
_NAMES = tuple((re.compile(found + "$"), named) for found, named in (
    (_TOWER + r"pos_embed", _LOW + "embeddings.position_embedding.weight"),
    (_TOWER + r"patch_embed\.proj\.(weight|bias)", _LOW + r"embeddings.patch_embedding.\1"),
    (_TOWER + r"blocks\.(\d+)\.norm([12])\.(weight|bias)", _LOW + r"encoder.layers.\1.layer_norm\2.\3"),
    (_TOWER + r"blocks\.(\d+)\.attn\.qkv\.(weight|bias)", _LOW + r"encoder.layers.\1.self_attn.{}_proj.\2"),
    (_TOWER + r"blocks\.(\d+)\.attn\.proj\.(weight|bias)", _LOW + r"encoder.layers.\1.self_attn.out_proj.\2"),
    (_TOWER + r"blocks\.(\d+)\.mlp\.(fc[12])\.(weight|bias)", _LOW + r"encoder.layers.\1.mlp.\2.\3"),
    (_TOWER + r"norm\.(weight|bias)", _LOW + r"post_layernorm.\1"),
    (_SECOND + r"pos_embed", _HIGH + "model.vision_encoder.pos_embed"),
    (_SECOND + r"patch_embed\.proj\.(weight|bias)", _HIGH + r"model.vision_encoder.patch_embed.projection.\1"),
    (_SECOND + r"blocks\.(\d+)\.norm([12])\.(weight|bias)", _HIGH + r"model.vision_encoder.layers.\1.layer_norm\2.\3"),
    (_SECOND + r"blocks\.(\d+)\.(attn\.rel_pos_[hw])", _HIGH + r"model.vision_encoder.layers.\1.\2"),
    (
        _SECOND + r"blocks\.(\d+)\.(attn\.qkv|attn\.proj|mlp\.lin[12])\.(weight|bias)",
        _HIGH + r"model.vision_encoder.layers.\1.\2.\3",
    ),
    (_SECOND + r"neck\.0\.weight", _HIGH + "model.vision_encoder.neck.conv1.weight"),
    (_SECOND + r"neck\.1\.(weight|bias)", _HIGH + r"model.vision_encoder.neck.layer_norm1.\1"),
    (_SECOND + r"neck\.2\.weight", _HIGH + "model.vision_encoder.neck.conv2.weight"),
    (_SECOND + r"neck\.3\.(weight|bias)", _HIGH + r"model.vision_encoder.neck.layer_norm2.\1"),
    (_SECOND + r"neck_hd\.0\.weight", _HIGH + "neck.conv1.weight"),
    (_SECOND + r"neck_hd\.1\.(weight|bias)", _HIGH + r"neck.layer_norm1.\1"),
    (_SECOND + r"neck_hd\.2\.weight", _HIGH + "neck.conv2.weight"),
    (_SECOND + r"neck_hd\.3\.(weight|bias)", _HIGH + r"neck.layer_norm2.\1"),
    (_SECOND + r"downsamples\.0\.weight", _HIGH + "proj.conv1.weight"),
    (_SECOND + r"downsamples\.1\.weight", _HIGH + "proj.conv2.weight"),
    (_SECOND + r"hd_alpha_downsamples", _HIGH + "alpha"),
    (r"^aligner\.layers\.0\.(weight|bias)", r"model.aligner.linear1.\1"),
    (r"^aligner\.layers\.2\.(weight|bias)", r"model.aligner.linear2.\1"),
    (r"^aligner\.low_up_proj\.(weight|bias)", r"model.aligner.vision_proj.\1"),
    (r"^aligner\.high_up_proj\.(weight|bias)", r"model.aligner.high_res_vision_proj.\1"),
    (r"^aligner\.layers\.1\.(weight|bias)", r"model.aligner.proj.\1"),
    (r"^language_model\.model\.(.+)", r"model.language_model.\1"),
    (r"^language_model\.lm_head\.weight", "lm_head.weight"),
))  # fmt: skip
"""Names in the original files -> in the folders of deepseek-community; {} is q, k and v, which the original holds in one."""
_NO_PART = re.compile(_TOWER + r"attn_pool\..*|^vision_model\.(high|low)_layer_norm\..*|.*\.rotary_emb\.inv_freq$")
"""Weights that the original holds and that none of its outputs depends on: a pooling head, two norms, a table."""
_TEXT_FIELDS = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_act",
    "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling", "vocab_size",
)  # fmt: skip
_PROCESSED = {
    "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True,
    "rescale_factor": 1 / 255, "min_size": 14,
}  # fmt: skip
_BICUBIC, _BILINEAR = 3, 2


@dataclass(frozen=True)
class Seen:
    """What config.json says of an image encoder.

    Args:
        side: of its pictures.
        mean, std: of their colours; None where preprocessor_config.json says them.
    """

    side: int
    mean: list[float] | None
    std: list[float] | None


def convert_deepseek(folder: Path, out: Path) -> None:
    """Write DeepSeek-VL 1.3B or 7B into another folder that `load_chat_model` and transformers take.

    Args:
        folder: with config.json, weights in one file or in shards, preprocessor_config.json and the tokeniser.
        out: an existing, empty folder.

    Raises:
        InputError: for a model of another kind, and for files that are absent or damaged. What is written may still lack
            a weight; `load_chat_model` names it.
    """
    values = config_of(folder)
    low, high = _encoders(folder, values)
    prepared = _prepared(folder, low, high)
    image, ends = _write_tokenizer(folder, out, int(values["language_config"]["vocab_size"]))
    tensors = dict(_weights(folder))
    write_weights(tensors, out)
    text = {name: values["language_config"][name] for name in _TEXT_FIELDS if name in values["language_config"]} | ends
    kind = "DeepseekVL" if high is None else "DeepseekVLHybrid"
    config = {
        "architectures": [f"{kind}ForConditionalGeneration"],
        "model_type": "deepseek_vl" if high is None else "deepseek_vl_hybrid", "image_token_id": image,
        "tie_word_embeddings": False, "text_config": {**text, "model_type": "llama", "tie_word_embeddings": False},
        "vision_config": _siglip(folder, tensors, low.side), "torch_dtype": _type_of(tensors),
        **({} if high is None else {"high_res_vision_config": _sam(folder, tensors, high.side)}),
    }  # fmt: skip
    tokens = (low.side // config["vision_config"]["patch_size"]) ** 2
    processor = {"processor_class": f"{kind}Processor", "num_image_tokens": tokens}
    files = {
        CONFIG: config, "preprocessor_config.json": {**prepared, **processor}, "processor_config.json": processor,
        "generation_config.json": ends,
    }  # fmt: skip
    for name, content in files.items():
        write_text(out / name, json.dumps(content, indent=2) + "\n")


def _encoders(folder: Path, values: Mapping[str, Any]) -> tuple[Seen, Seen | None]:
    """The encoder of the small picture, and that of the large one where there is one."""
    try:
        params, text = values["vision_config"]["params"], values["language_config"]
        hybrid = values["vision_config"]["cls"] == "HybridVisionTower"
        low, high = (params["low_res_cfg"], params["high_res_cfg"]) if hybrid else (params, None)
        names = (low["model_name"], None if high is None else high["model_name"], text["model_type"])
        aligner = values["aligner_config"]["params"]["projector_type"]
        found = [
            Seen(int(own["image_size"]), own.get("pixel_mean"), own.get("pixel_std")) for own in (low, high) if own
        ]
        absent = [name for name in (*_TEXT_FIELDS[:4], "vocab_size") if name not in text]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / CONFIG} is no configuration of DeepSeek-VL ({error!r})", "as it was published"
        ) from error
    wanted = (
        ((_SIGLIP, _SAM, "llama"), "low_high_hybrid_split_mlp_gelu")
        if hybrid
        else ((_SIGLIP, None, "llama"), "mlp_gelu")
    )
    if (names, aligner) != wanted or absent:
        what = f"no {', '.join(absent)}" if absent else f"{', '.join(str(n) for n in (*names, aligner) if n)}"
        raise InputError(
            f"{folder / CONFIG} names {what}", f"{', '.join(str(n) for n in (*wanted[0], wanted[1]) if n)}"
        )
    return found[0], found[1] if hybrid else None


def _prepared(folder: Path, low: Seen, high: Seen | None) -> dict[str, Any]:
    """What transformers is to be told of the pictures."""
    _, _, held = preprocessing_place(folder)
    side = low.side if high is None else high.side
    if held.get("image_size") != side or (high is None and not {"image_mean", "image_std"} <= held.keys()):
        raise InputError(
            f"{folder} prepares pictures of {held.get('image_size')} pixels", f"{side}, the encoder's, with mean and std",
            "take preprocessor_config.json and config.json of one model",
        )  # fmt: skip
    size = {"height": low.side, "width": low.side}
    if high is None:
        return {
            **_PROCESSED, "image_processor_type": "DeepseekVLImageProcessor", "size": size, "resample": _BICUBIC,
            "image_mean": held["image_mean"], "image_std": held["image_std"],
        }  # fmt: skip
    if None in (low.mean, low.std, high.mean, high.std):
        raise InputError(f"{folder / CONFIG} sets no pixel_mean and pixel_std", "the file as it was published")
    return {
        **_PROCESSED, "image_processor_type": "DeepseekVLHybridImageProcessor", "size": size, "resample": _BILINEAR,
        "image_mean": low.mean, "image_std": low.std, "high_res_size": {"height": high.side, "width": high.side},
        "high_res_resample": _BICUBIC, "high_res_image_mean": high.mean, "high_res_image_std": high.std,
    }  # fmt: skip


def _weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Weights under their names in the folders of deepseek-community."""
    for name, tensor in tensors_of(folder):
        if _NO_PART.match(name):
            continue
        rule = next((rule for rule in _NAMES if rule[0].match(name)), None)
        if rule is None:
            raise InputError(f"{folder} holds a surplus {name}", "the weights of DeepSeek-VL, and no others")
        named = rule[0].sub(rule[1], name)
        if "{}" in named:
            for part, own in zip("qkv", tensor.chunk(3), strict=True):
                yield named.format(part), own.contiguous()
        else:
            yield named, tensor.squeeze(0) if named.startswith(_LOW) and "position_embedding" in named else tensor


def _siglip(folder: Path, tensors: Mapping[str, Tensor], side: int) -> dict[str, Any]:
    """The small encoder as its weights have it."""
    patches, hidden = _of(folder, tensors, f"{_LOW}embeddings.position_embedding.weight")
    patch = _of(folder, tensors, f"{_LOW}embeddings.patch_embedding.weight")[-1]
    if (side // patch) ** 2 != patches:
        raise InputError(f"{folder} holds places of {patches} patches", f"{(side // patch) ** 2}, as {CONFIG} says")
    return {
        "model_type": "siglip_vision_model", "hidden_size": hidden, "image_size": side, "patch_size": patch,
        "intermediate_size": _of(folder, tensors, f"{_LOW}encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": _layers(tensors, f"{_LOW}encoder.layers."), "num_attention_heads": hidden // HEAD_SIZE,
        "hidden_act": "gelu", "vision_use_head": False,
    }  # fmt: skip


def _sam(folder: Path, tensors: Mapping[str, Tensor], side: int) -> dict[str, Any]:
    """The large encoder as its weights have it; a layer that sees the whole picture has places for all of it."""
    inside = f"{_HIGH}model.vision_encoder."
    _, places, _, hidden = _of(folder, tensors, f"{inside}pos_embed")
    patch = _of(folder, tensors, f"{inside}patch_embed.projection.weight")[-1]
    if side // patch != places:
        raise InputError(f"{folder} holds places of {places} x {places} patches", f"{side // patch}, as {CONFIG} says")
    count = _layers(tensors, f"{inside}layers.")
    spans = [(_of(folder, tensors, f"{inside}layers.{n}.attn.rel_pos_h")[0] + 1) // 2 for n in range(count)]
    return {
        "model_type": "sam_vision_model", "hidden_size": hidden, "image_size": side, "patch_size": patch,
        "num_hidden_layers": count, "num_attention_heads": hidden // HEAD_SIZE, "num_pos_feats": hidden // 2,
        "mlp_dim": _of(folder, tensors, f"{inside}layers.0.mlp.lin1.weight")[0],
        "output_channels": _of(folder, tensors, f"{inside}neck.conv1.weight")[0],
        "global_attn_indexes": [n for n, span in enumerate(spans) if span == places],
        "window_size": min(spans), "hidden_act": "gelu", "layer_norm_eps": 1e-6,
    }  # fmt: skip


def _of(folder: Path, tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """The shape of a weight; InputError where there is none."""
    if name not in tensors:
        raise InputError(f"{folder} holds no {name}", "all weights of DeepSeek-VL", "fetch the folder again")
    return tuple(tensors[name].shape)


def _layers(tensors: Mapping[str, Tensor], beginning: str) -> int:
    return len({name.removeprefix(beginning).split(".")[0] for name in tensors if name.startswith(beginning)})


def _type_of(tensors: Mapping[str, Tensor]) -> str:
    return str(tensors["lm_head.weight"].dtype if "lm_head.weight" in tensors else "float32").removeprefix("torch.")


def _write_tokenizer(folder: Path, out: Path, rows: int) -> tuple[int, dict[str, int]]:
    """The tokeniser with a token for pictures, which writes the first token by itself.

    What is returned is the id of the token for pictures, and those of the first and the end token as config.json has them.
    """
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"no tokenizer.json in {folder}", "the tokeniser as it was published", "fetch the folder again"
        )
    mark, begin, end = DEEPSEEK_VL.image_token, DEEPSEEK_VL.template.begin, DEEPSEEK_VL.template.end
    with in_one_sentence("the tokeniser", folder), quiet():
        tokenizer = library_class("PreTrainedTokenizerFast").from_pretrained(
            str(folder), local_files_only=True, extra_special_tokens={"image_token": mark}
        )
        number, first, last = (int(n) for n in tokenizer.convert_tokens_to_ids([mark, begin, end]))
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[(begin, first)]
        )
    if number >= rows:
        raise InputError(f"{mark} would be token {number} of {folder}", f"one below {rows}, as {CONFIG} says")
    tokenizer.save_pretrained(str(out))
    say_for_transformers_4(out)
    return number, {"bos_token_id": first, "eos_token_id": last}
