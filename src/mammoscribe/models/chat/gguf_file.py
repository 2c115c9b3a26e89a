"""Language models of the Llama kind in a GGUF file: de-quantised weights, configuration and tokeniser, as transformers has them."""

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mammoscribe.support.errors import InputError, MammoscribeError, MissingExtra, install_extra

_NAMES: Mapping[str, str] = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
"""Part of a block in a GGUF file -> module of a layer in transformers."""
_OUTSIDE: Mapping[str, str] = {
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight",
}  # fmt: skip
_BLOCK = re.compile(r"^blk\.(\d+)\.(\w+)\.weight$")
_SPECIAL = 3
"""Kind of a token that is no text (`tokenizer.ggml.token_type`)."""
_CONFIG: Mapping[str, str] = {
    "num_hidden_layers": "block_count", "max_position_embeddings": "context_length", "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length", "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv", "rope_theta": "rope.freq_base",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
}  # fmt: skip
"""Field of config.json -> field of the file, without `llama.`."""


@dataclass(frozen=True)
class GgufModel:
    """What a GGUF file holds.

    Args:
        tensors: 32 bits, under the names of `LlamaForCausalLM`.
        config: fields of config.json.
        tokenizer: content of tokenizer.json.
        tokenizer_config: fields of tokenizer_config.json.
    """

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    tokenizer: str
    tokenizer_config: Mapping[str, Any]


def read_gguf(path: Path) -> GgufModel:
    """The language model of a GGUF file. Quantised weights are put back into numbers by the package `gguf`.

    Args:
        path: of a model of the architecture `llama` with a byte-level tokeniser that splits digits, as SmolLM2 has.

    Raises:
        InputError: for a file that is damaged or holds another kind of model.
        MissingExtra: without the package `gguf`.
    """
    try:
        gguf: Any = importlib.import_module("gguf")
    except ImportError as error:
        raise MissingExtra("a GGUF file needs the package gguf", "", install_extra("chat")) from error
    try:
        reader = gguf.GGUFReader(str(path))
        fields = {name: field.contents() for name, field in reader.fields.items()}
        _check_kind(path, fields)
        config = _config(fields, {t.name for t in reader.tensors})
        tensors = dict(_tensors(gguf, reader, config))
        return GgufModel(tensors, config, _tokenizer(fields), _tokenizer_config(fields))
    except (MammoscribeError, MemoryError):
        raise
    except Exception as error:  # the package raises many types for a damaged file
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise InputError(f"{path.name} cannot be read ({reason})", "a GGUF file", "fetch it again") from error


def _check_kind(path: Path, fields: Mapping[str, Any]) -> None:
    kind = tuple(fields.get(name) for name in ("general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.pre"))
    if kind != ("llama", "gpt2", "smollm"):
        raise InputError(
            f"{path.name} holds a model of the kind {' / '.join(map(str, kind))}", "llama / gpt2 / smollm, as SmolLM2"
        )


def _config(fields: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    values = {name: fields[f"llama.{key}"] for name, key in _CONFIG.items()}
    ids = {f"{kind}_token_id": int(fields[f"tokenizer.ggml.{name}_token_id"]) for kind, name in _TOKENS.items()}
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "attention_bias": False,
        "mlp_bias": False, "vocab_size": len(fields["tokenizer.ggml.tokens"]), "tie_word_embeddings": "output.weight" not in names,
        **values, **ids,
    }  # fmt: skip


_TOKENS: Mapping[str, str] = {"bos": "bos", "eos": "eos", "pad": "padding"}


def _tensors(gguf: Any, reader: Any, config: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for stored in reader.tensors:
        values = np.array(gguf.quants.dequantize(stored.data, stored.tensor_type), np.float32)  # a copy, writable
        block = _BLOCK.match(stored.name)
        if block is None:
            yield _OUTSIDE[stored.name], torch.from_numpy(values)
            continue
        number, part = block.groups()
        if part in heads:
            values = _in_halves(values, int(heads[part]))
        yield f"model.layers.{number}.{_NAMES[part]}.weight", torch.from_numpy(values)


def _in_halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key matrix as transformers rotates them: the first halves of all pairs, then the second ones.

    The converter of llama.cpp writes the two of a pair beside each other.

    Shapes: [heads * D, K] -> the same.
    """
    wide = rows.shape[1]
    return np.ascontiguousarray(rows.reshape(heads, -1, 2, wide).swapaxes(1, 2).reshape(-1, wide))


def _tokenizer(fields: Mapping[str, Any]) -> str:
    """tokenizer.json: byte pairs on bytes, digits one by one (`smollm` in llama.cpp)."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _SPECIAL]
    made.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return made.to_str()


def _tokenizer_config(fields: Mapping[str, Any]) -> dict[str, Any]:
    tokens = fields["tokenizer.ggml.tokens"]
    named = {f"{kind}_token": tokens[int(fields[f"tokenizer.ggml.{name}_token_id"])] for kind, name in _TOKENS.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False,
        "model_max_length": int(fields["llama.context_length"]),
        "unk_token": tokens[int(fields["tokenizer.ggml.unknown_token_id"])],
        "chat_template": fields.get("tokenizer.chat_template", ""), **named,
    }  # fmt: skip


def config_text(model: GgufModel, dtype: torch.dtype) -> str:
    """config.json of the model, with the type that its weights are stored in."""
    return json.dumps({**model.config, "dtype": str(dtype).removeprefix("torch.")}, indent=2) + "\n"
