"""A tiny Llama as a GGUF file, written with the package that llama.cpp publishes; its numbers are worked out here, too."""

import hashlib
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from mammoscribe.support.downloads import PinnedFile
from tests.models.tiny_chat import CORPUS

HIDDEN, INNER, LAYERS, HEADS, KEYS = 64, 96, 2, 4, 2
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<empty_output>")


def pieces() -> tuple[list[str], list[str]]:
    """Tokens and merges of a byte-level tokeniser with SmolLM2's special tokens first."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )  # fmt: skip
    made.train_from_iterator(CORPUS, trainer)
    vocab = made.get_vocab()
    import json

    merges = [" ".join(pair) for pair in json.loads(made.to_str())["model"]["merges"]]
    return sorted(vocab, key=lambda token: vocab[token]), merges


def write_gguf(path: Path, architecture: str = "llama", seed: int = 0, context: int = 512) -> PinnedFile:
    """Write the file: matrices of layers in Q4_1, the table of tokens in Q8_0, norms in 32 bits."""
    import gguf

    rng = np.random.default_rng(seed)
    tokens, merges = pieces()
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_context_length(context)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    kv = HIDDEN // HEADS * KEYS
    shapes = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (kv, HIDDEN), "attn_v": (kv, HIDDEN), "attn_output": (HIDDEN, HIDDEN),
              "ffn_gate": (INNER, HIDDEN), "ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER)}  # fmt: skip

    def add(name, values, kind):
        writer.add_tensor(name, gguf.quants.quantize(values.astype(np.float32), kind), raw_dtype=kind)

    kinds = gguf.GGMLQuantizationType
    add("token_embd.weight", rng.normal(0, 0.5, (len(tokens), HIDDEN)), kinds.Q8_0)
    for n in range(LAYERS):
        for part, shape in shapes.items():
            add(f"blk.{n}.{part}.weight", rng.normal(0, 0.3, shape), kinds.Q4_1)
        for part in ("attn_norm", "ffn_norm"):
            add(f"blk.{n}.{part}.weight", rng.uniform(0.5, 1.5, HIDDEN), kinds.F32)
    add("output_norm.weight", rng.uniform(0.5, 1.5, HIDDEN), kinds.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return PinnedFile(path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
