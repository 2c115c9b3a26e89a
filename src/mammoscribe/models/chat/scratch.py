"""A small language model of random weights in the place of starter-chat's: the control that tells what pretrained words buy."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mammoscribe.models.chat.base import CARD, BaseCard
from mammoscribe.models.chat.families import CONFIG
from mammoscribe.models.chat.folder import files_beside, write_weights
from mammoscribe.models.chat.library import in_one_sentence, library_class, quiet
from mammoscribe.models.chat.network import WEIGHTS
from mammoscribe.support.files import sha256_of, write_bytes, write_text

NAME = "random-13m"
WIDTH, LAYERS, HEADS = 192, 8, 6
"""With a vocabulary of 49,152 tokens, 9.4 million parameters of the table and 3.5 million of the layers."""


def write_scratch_base(like: Path, out: Path, seed: int = 0) -> BaseCard:
    """Write a language model that has learned nothing: a Llama of 13 million parameters with the tokeniser of another one.

    Args:
        like: folder of `import_base`, whose tokeniser, vocabulary and positions it has.
        out: an existing, empty folder.
        seed: of the weights.

    Raises:
        InputError: for a folder whose configuration cannot be read.
    """
    for name, content in files_beside(like).items():
        if name != CARD:
            write_bytes(out / name, content)
    config = _smaller(like)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        network = library_class("AutoModelForCausalLM").from_config(config)
    weights = {name: t.to(torch.float16) for name, t in network.state_dict().items() if name != "lm_head.weight"}
    write_weights(weights, out)
    write_text(
        out / CONFIG, json.dumps(config.to_diff_dict() | {"architectures": ["LlamaForCausalLM"]}, indent=1) + "\n"
    )
    digest = sha256_of(out / WEIGHTS[0])
    card = BaseCard(NAME, "made here at random; nobody's", WEIGHTS[0], digest, digest)
    write_text(out / CARD, json.dumps(asdict(card), indent=1) + "\n")
    return card


def _smaller(like: Path) -> Any:
    with in_one_sentence(CONFIG, like), quiet():
        config = library_class("AutoConfig").from_pretrained(str(like), local_files_only=True)
    config.hidden_size, config.intermediate_size = WIDTH, 8 * WIDTH // 3
    config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads = LAYERS, HEADS, HEADS
    config.head_dim, config.tie_word_embeddings = WIDTH // HEADS, True
    return config
