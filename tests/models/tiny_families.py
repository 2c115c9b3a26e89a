"""Tiny LLaVA-Med, Gemma 3, Llama 3.2 Vision and DeepSeek-VL in their published layouts; written without the code that reads them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tests.models.tiny_chat import (
    LLAVA_TOKENS,
    PATCH_PX,
    SIDE_PX,
    llama_pieces,
    llava_names,
    qwen_pieces,
    spread,
    write_config,
    write_llava,
    write_qwen2_5_vl,
    write_qwen2_vl,
)

HIGH_PX = 64
"""Side of the large picture of the tiny DeepSeek-VL 7B."""
HALF = [0.5, 0.5, 0.5]
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
DEEPSEEK_END = "<｜end▁of▁sentence｜>"
TEXT = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2,
}  # fmt: skip
SIGLIP = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIDE_PX,
    "vision_use_head": False,
}  # fmt: skip


LLAMA_3_ROPE = {
    "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 256,
}  # fmt: skip
DEEPSEEK_SIGLIP = {**SIGLIP, "hidden_size": 128, "patch_size": PATCH_PX, "hidden_act": "gelu"}
"""Heads of 64 numbers, as the published ones have."""


def write_llava_med(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, positions: int = 512) -> Path:
    """A tiny LLaVA-Med v1.5: LLaVA-1.5 around Mistral, with groups of keys and values, in the layout of transformers."""
    from transformers import MistralConfig

    def around(vocab: int, pad: int) -> Any:
        return MistralConfig(
            vocab_size=vocab, max_position_embeddings=positions, bos_token_id=1, eos_token_id=2, pad_token_id=pad,
            sliding_window=None, rope_parameters={"rope_type": "default", "rope_theta": 1e6}, **TEXT,
        )  # fmt: skip

    return write_llava(folder, seed, dtype, positions, around)


def write_gemma3(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, positions: int = 512) -> Path:
    """A tiny Gemma 3 as google publishes it: tied embeddings, one layer that sees a window of 24 tokens and one that sees all."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    marks = ["<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    ids = write_spaced_tokenizer(folder, marks)
    config = Gemma3Config(
        text_config=dict(
            **TEXT, head_dim=16, vocab_size=len(ids) + 3, max_position_embeddings=positions, sliding_window=24,
            layer_types=["sliding_attention", "full_attention"], query_pre_attn_scalar=16, bos_token_id=ids["<bos>"],
            eos_token_id=ids["<eos>"], pad_token_id=ids["<pad>"],
        ),
        vision_config={**SIGLIP, "patch_size": PATCH_PX // 2}, mm_tokens_per_image=LLAVA_TOKENS,
        boi_token_index=ids["<start_of_image>"], eoi_token_index=ids["<end_of_image>"],
        image_token_index=ids["<image_soft_token>"], eos_token_id=[ids["<eos>"], ids["<end_of_turn>"]],
    )  # fmt: skip
    state = _network(Gemma3ForConditionalGeneration, config, folder, seed, dtype)
    del state["lm_head.weight"]
    save_file(llava_names(state), folder / "model.safetensors", {"format": "pt"})
    prepared = {
        "image_processor_type": "Gemma3ImageProcessor", "processor_class": "Gemma3Processor", "do_convert_rgb": None,
        "do_normalize": True, "do_pan_and_scan": None, "do_rescale": True, "do_resize": True, "image_mean": HALF,
        "image_std": HALF, "image_seq_length": LLAVA_TOKENS, "resample": 2, "rescale_factor": 1 / 255,
        "size": {"height": SIDE_PX, "width": SIDE_PX},
    }  # fmt: skip
    _write(folder, "preprocessor_config.json", prepared)
    _write(folder, "processor_config.json", {"image_seq_length": LLAVA_TOKENS, "processor_class": "Gemma3Processor"})
    end = [ids["<eos>"], ids["<end_of_turn>"]]
    _write(folder, "generation_config.json", {"bos_token_id": ids["<bos>"], "eos_token_id": end, "do_sample": True})
    return folder


def write_llama_vision(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, positions: int = 512) -> Path:
    """A tiny Llama 3.2 Vision: four layers, of which the second and the last see the picture; its gates are open."""
    from transformers import MllamaConfig, MllamaForConditionalGeneration

    marks = ["<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|pad|>", "<|image|>"]
    kind = "PreTrainedTokenizerFast"
    ids = write_byte_tokenizer(
        folder, "<|begin_of_text|>", marks, kind, {"eos_token": "<|eot_id|>", "pad_token": "<|pad|>"}
    )
    image = ids["<|image|>"]
    assert image == max(ids.values())  # it has a row in the table of tokens and none in the output layer
    config = MllamaConfig(
        text_config=dict(
            **{**TEXT, "num_hidden_layers": 4}, vocab_size=image, max_position_embeddings=positions,
            cross_attention_layers=[1, 3], rope_parameters=LLAMA_3_ROPE,
            bos_token_id=ids["<|begin_of_text|>"], eos_token_id=ids["<|eot_id|>"], pad_token_id=ids["<|pad|>"],
        ),
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_global_layers": 1, "attention_heads": 2,
            "image_size": SIDE_PX, "patch_size": PATCH_PX, "vision_output_dim": 64, "intermediate_layers_indices": [1],
            "max_num_tiles": 4,
        },
        image_token_index=image,
    )  # fmt: skip
    state = _network(MllamaForConditionalGeneration, config, folder, seed, dtype)
    named = {}
    for name, tensor in state.items():
        name = name.replace("lm_head.", "language_model.lm_head.", 1) if name.startswith("lm_head.") else name
        named[name.replace("model.language_model.", "language_model.model.", 1).removeprefix("model.")] = tensor
    save_file(named, folder / "model.safetensors", {"format": "pt"})
    prepared = {
        "image_processor_type": "MllamaImageProcessor", "processor_class": "MllamaProcessor", "do_convert_rgb": True,
        "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True, "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD, "max_image_tiles": 4, "resample": 2, "rescale_factor": 1 / 255,
        "size": {"height": SIDE_PX, "width": SIDE_PX},
    }  # fmt: skip
    _write(folder, "preprocessor_config.json", prepared)
    _write(
        folder,
        "generation_config.json",
        {"bos_token_id": ids["<|begin_of_text|>"], "temperature": 0.6, "do_sample": True},
    )
    return folder


def write_deepseek_vl(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, positions: int = 512) -> Path:
    """A tiny DeepSeek-VL 1.3B as deepseek-community publishes it."""
    from transformers import DeepseekVLConfig, DeepseekVLForConditionalGeneration

    ids, text = _deepseek_text(folder, positions)
    config = DeepseekVLConfig(
        text_config=text, vision_config=DEEPSEEK_SIGLIP, image_token_id=ids["<image_placeholder>"]
    )
    state = _network(DeepseekVLForConditionalGeneration, config, folder, seed, dtype, untied=True)
    _write_deepseek(folder, state)
    prepared = {
        "image_processor_type": "DeepseekVLImageProcessor",
        "image_mean": HALF,
        "image_std": HALF,
        "resample": 3,
    }
    _write(folder, "preprocessor_config.json", {**_deepseek_prepared("DeepseekVLProcessor"), **prepared})
    return folder


def write_deepseek_vl_hybrid(
    folder: Path, seed: int = 4, dtype: torch.dtype = torch.float32, positions: int = 512
) -> Path:
    """A tiny DeepSeek-VL 7B, whose second image encoder (SAM) sees a larger picture."""
    from transformers import DeepseekVLHybridConfig, DeepseekVLHybridForConditionalGeneration

    ids, text = _deepseek_text(folder, positions)
    config = DeepseekVLHybridConfig(
        text_config=text, vision_config=DEEPSEEK_SIGLIP, image_token_id=ids["<image_placeholder>"],
        high_res_vision_config={
            "hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": HIGH_PX, "patch_size": 16,
            "output_channels": 8, "mlp_dim": 64, "window_size": 2, "global_attn_indexes": [1, 2], "num_pos_feats": 64,
            "initializer_range": 0.02,
        },
    )  # fmt: skip
    state = _network(DeepseekVLHybridForConditionalGeneration, config, folder, seed, dtype, untied=True)
    _write_deepseek(folder, state)
    prepared = {
        "image_processor_type": "DeepseekVLHybridImageProcessor", "image_mean": HALF, "image_std": HALF, "resample": 2,
        "high_res_image_mean": CLIP_MEAN, "high_res_image_std": CLIP_STD, "high_res_resample": 3,
        "high_res_size": {"height": HIGH_PX, "width": HIGH_PX},
    }  # fmt: skip
    _write(folder, "preprocessor_config.json", {**_deepseek_prepared("DeepseekVLHybridProcessor"), **prepared})
    return folder


def _deepseek_text(folder: Path, positions: int) -> tuple[dict[str, int], dict[str, Any]]:
    begin, marks = "<｜begin▁of▁sentence｜>", [DEEPSEEK_END, "<image_placeholder>"]
    ids = write_byte_tokenizer(
        folder, begin, marks, "LlamaTokenizerFast", {"eos_token": DEEPSEEK_END, "pad_token": DEEPSEEK_END}
    )
    text = {
        "model_type": "llama", **TEXT, "vocab_size": len(ids) + 5, "max_position_embeddings": positions,
        "bos_token_id": ids[begin], "eos_token_id": ids[DEEPSEEK_END],
    }  # fmt: skip
    return ids, text


def _write_deepseek(folder: Path, state: Mapping[str, torch.Tensor]) -> None:
    """`model.vision_model.vision_model.*`; an output layer beside the table of tokens, of which config.json says nothing."""
    named = {n.replace("model.vision_model.", "model.vision_model.vision_model.", 1): t for n, t in state.items()}
    save_file(named, folder / "model.safetensors", {"format": "pt"})
    held = json.loads((folder / "config.json").read_text())
    held.pop("tie_word_embeddings", None)
    held["text_config"].pop("tie_word_embeddings", None)
    _write(folder, "config.json", held)
    _write(folder, "generation_config.json", {"bos_token_id": 0})


def _deepseek_prepared(kind: str) -> dict[str, Any]:
    return {
        "processor_class": kind, "do_convert_rgb": None, "do_normalize": True, "do_pad": True, "do_rescale": True,
        "do_resize": True, "min_size": 14, "rescale_factor": 1 / 255, "size": {"height": SIDE_PX, "width": SIDE_PX},
    }  # fmt: skip


def _network(
    kind: Any, config: Any, folder: Path, seed: int, dtype: torch.dtype, untied: bool = False
) -> dict[str, torch.Tensor]:
    """Random weights of a network under their names in it; config.json is written."""
    torch.manual_seed(seed)
    config.dtype = dtype
    model = kind(config).to(dtype)
    if untied:
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.02)
    spread(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "gate" in name.rsplit(".", 1)[-1] or name.endswith("alpha"):
                parameter.fill_(2.0)  # they begin closed, and then pictures would not matter
            if "aligner" in name or "cross_attn.v_proj" in name:
                parameter.mul_(4.0)
            if name.startswith("model.high_res_vision_") and parameter.ndim > 1:
                parameter.mul_(0.25)
            if name.endswith("mm_input_projection_weight"):
                parameter.normal_(std=0.3)
            if "rel_pos" in name:
                parameter.normal_(std=0.1)
    write_config(config, folder, kind.__name__)
    return {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}


def write_byte_tokenizer(
    folder: Path, begin: str, marks: Sequence[str], kind: str, said: Mapping[str, str]
) -> dict[str, int]:
    """A tokeniser of bytes, as Llama 3 and DeepSeek have it; its vocabulary is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = qwen_pieces()
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocab), merges=list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _write_tokenizer(folder, tokenizer, begin, marks, kind, said)


def write_spaced_tokenizer(folder: Path, marks: Sequence[str]) -> dict[str, int]:
    """A tokeniser as Gemma has it: a space is a letter, unknown letters are bytes, nothing is put before a text but <bos>."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = llama_pieces()
    tokenizer = Tokenizer(
        models.BPE(vocab=dict(vocab), merges=list(merges), byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    said = {"eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    more = {
        "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>",
        "extra_special_tokens": {
            "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>",
        },
    }  # fmt: skip
    return _write_tokenizer(folder, tokenizer, "<bos>", ["<eos>", "<pad>", *marks], "GemmaTokenizer", said, more)


def _write_tokenizer(
    folder: Path, tokenizer: Tokenizer, begin: str, marks: Sequence[str], kind: str, said: Mapping[str, str],
    more: Mapping[str, Any] = {},
) -> dict[str, int]:  # fmt: skip
    tokenizer.add_special_tokens([begin, *marks])
    ids = tokenizer.get_vocab()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{begin} $A", special_tokens=[(begin, ids[begin])])
    tokenizer.save(str(folder / "tokenizer.json"))
    added = {
        str(ids[mark]): {
            "content": mark, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True
        }
        for mark in (begin, *marks)
    }  # fmt: skip
    about = {
        "tokenizer_class": kind, "bos_token": begin, **said, "added_tokens_decoder": added, "add_bos_token": True,
        "add_eos_token": False, "clean_up_tokenization_spaces": False, "model_max_length": 4096, **more,
    }  # fmt: skip
    _write(folder, "tokenizer_config.json", about)
    return ids


def _write(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    (folder / name).write_text(json.dumps(values, indent=1))


WRITERS = {
    "llava-1.5": write_llava, "qwen2-vl": write_qwen2_vl, "qwen2.5-vl": write_qwen2_5_vl, "llava-med-1.5": write_llava_med,
    "gemma-3": write_gemma3, "llama-3.2-vision": write_llama_vision, "deepseek-vl": write_deepseek_vl,
    "deepseek-vl-hybrid": write_deepseek_vl_hybrid,
}  # fmt: skip
"""Name of a family -> what writes a tiny model of it into a folder."""
CLASSES = {
    "llava-1.5": "LlavaForConditionalGeneration", "qwen2-vl": "Qwen2VLForConditionalGeneration",
    "qwen2.5-vl": "Qwen2_5_VLForConditionalGeneration", "llava-med-1.5": "LlavaForConditionalGeneration",
    "gemma-3": "Gemma3ForConditionalGeneration", "llama-3.2-vision": "MllamaForConditionalGeneration",
    "deepseek-vl": "DeepseekVLForConditionalGeneration", "deepseek-vl-hybrid": "DeepseekVLHybridForConditionalGeneration",
}  # fmt: skip
"""Name of a family -> its class in transformers."""
