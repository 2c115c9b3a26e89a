"""What is compared with the reference: inputs, vocabulary, strings and pictures, all built from seeds."""

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mammoscribe.models.biovil import image_encoder as biovil_t
from mammoscribe.models.biovil.image_model import JointImageModel
from tests.parity.filled import images

LIMIT = 1e-5
"""Largest difference that passes; the three must-fail changes exceed it."""
FIELDS = {
    "patches": "patch_embeddings",
    "pooled": "img_embedding",
    "projected_patches": "projected_patch_embeddings",
    "projected_global": "projected_global_embedding",
}
"""Our field beside the reference's."""
STORED = Path(__file__).parent / "stored"
KEPT_NUMBERS = 997

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    "mass", "masses", "calcification", "calcifications", "breast", "left", "right", "upper", "outer", "inner",
    "no", "new", "stable", "finding", "findings", "consistent", "with", "suggesting", "pneumonia", "opacity",
    "this", "can", "represent", "are", "most", "compatible", "there", "is", "evidence", "of", "acute", "signs",
    "pleural", "effusion", "the", "a", "in", "and", "or", "for", "improved", "worsened", "unchanged",
    "increased", "decreased", "since", "prior", "cc", "mlo", "density", "scattered", "fibroglandular",
    "asymmetry", "distortion", "axillary", "skin", "nipple", "birads", "cm", "mm",
)  # fmt: skip
PIECES = ("##s", "##es", "##ing", "##ed", "##ly", "##ification", "##oma", "##itis", "##al", "##ar", "##ness")
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789αβγδжшя中文肺°µßøłđı"
UNASSIGNED = "\u0378\u0530\u0eff\U0001f8ff\U000e0fff"

TEXT_CONFIG = {
    "model_type": "cxr-bert", "hidden_size": 96, "num_hidden_layers": 3, "num_attention_heads": 6,
    "intermediate_size": 192, "hidden_dropout_prob": 0.25, "attention_probs_dropout_prob": 0.25,
    "max_position_embeddings": 64, "layer_norm_eps": 1e-12, "projection_size": 128,
}  # fmt: skip


def vocabulary() -> list[str]:
    """Special tokens with the published ids, then words, pieces, signs and letters."""
    letters = [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    return list(dict.fromkeys((*SPECIAL, *WORDS, *PIECES, *SIGNS, *letters)))


def text_config() -> dict:
    """The small text model's `config.json`."""
    return {**TEXT_CONFIG, "vocab_size": len(vocabulary())}


def write_text_folder(folder: Path, state: dict[str, Tensor]) -> None:
    """The published layout, with the legacy keys that are to be left out."""
    width = TEXT_CONFIG["hidden_size"]
    legacy = {
        "bert.embeddings.position_ids": torch.arange(TEXT_CONFIG["max_position_embeddings"])[None],
        "bert.pooler.dense.weight": torch.rand(width, width),
        "bert.pooler.dense.bias": torch.rand(width),
    }
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({**{k: v.clone() for k, v in state.items()}, **legacy}, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(text_config()))
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")


def sentences(count: int = 24) -> list[str]:
    """Sentences of the vocabulary's words, 1 to 40 of them."""
    draw = np.random.RandomState(5)
    return [" ".join(draw.choice(WORDS, draw.randint(1, 41))) for _ in range(count)]


def strings(count: int = 400) -> list[str]:
    """Strings that are hard on a tokeniser: accents, CJK, controls, odd spaces, long words, signs, no code point spared."""
    draw = np.random.RandomState(6)
    alphabets = (
        "abc xyz MASS ", "éàüñçÅÉ İıßŁ ", "e\u0301a\u0300u\u0308 ", "中文肺 影 a", "\t\n\r\x00\x07\u200b\u00a0\u3000\ufffd a b ",
        SIGNS + " a", "αβγ ΔΩ жшя ЖШЯ ", "ﬁ ﬂ Ⅳ ½ ² µ ° ", "😀🫁 a ", "คาไทย हिन्दी a ", UNASSIGNED + "a b ",
    )  # fmt: skip
    found = [*sentences(60), "a" * 99, "a" * 100, "a" * 101, "", " ", "mass [MASK] mass", "BI-RADS 4c.", "no  mass !?."]
    while len(found) < count:
        parts = [
            "".join(draw.choice(list(draw.choice(alphabets)), draw.randint(1, 16))) for _ in range(draw.randint(1, 5))
        ]
        found.append(" ".join([*parts, str(draw.choice(WORDS))]))
    return found


def has_unassigned(text: str) -> bool:
    """Whether a code point of `text` has no character in this Python's Unicode."""
    return any(unicodedata.category(c) == "Cn" for c in text)


def image_inputs(size: int, pair: bool = False) -> tuple[Tensor, ...]:
    """One current image, and its prior."""
    current = images(size, 1, 3, size, size)
    return (current, images(size + 1, 1, 3, size, size)) if pair else (current,)


def write_pictures(folder: Path) -> list[Path]:
    """PNG files of several sizes and kinds: 8 bit, 16 bit, colour."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (height, width) in enumerate(
        ((512, 512), (600, 731), (1024, 513), (300, 407), (555, 512), (700, 1201))
    ):
        grey = images(40 + number, height, width).numpy()
        colour = images(60 + number, 3, height, width).numpy().transpose(1, 2, 0)
        for kind, array in (
            ("8", (grey * 200 + 10).astype(np.uint8)),
            ("16", (grey * 3900 + 50).astype(np.uint16)),
            ("rgb", (colour * 240).astype(np.uint8)),
        ):
            paths.append(folder / f"{height}x{width}_{kind}.png")
            Image.fromarray(array).save(paths[-1])
    return paths


def thinned(values: Tensor | np.ndarray) -> np.ndarray:
    """Up to about a thousand numbers of a tensor, evenly spaced by a stride that meets every axis; all of a small one."""
    flat = np.asarray(values.detach() if isinstance(values, Tensor) else values).ravel()
    step = max(1, flat.size // KEPT_NUMBERS)
    return flat[:: step + 1 - step % 2].copy()


@contextmanager
def broken(model: JointImageModel, how: str) -> Iterator[None]:
    """The model with one of the three faults that a lax comparison would let pass."""
    block, code = biovil_t._Block, biovil_t.sine_position_code
    type_embed = model.encoder.vit_pooler.type_embed
    kept = type_embed.data.clone(), block.forward
    try:
        if how == "code not added to the values":
            block.forward = _code_on_queries_and_keys
        elif how == "position code transposed":
            biovil_t.sine_position_code = lambda h, w, dim, device=None: (
                code(h, w, dim, device).view(h, w, dim).transpose(0, 1).reshape(h * w, dim)
            )
        elif how == "type rows swapped":
            type_embed.data = type_embed.data.flip(0)
        else:
            raise ValueError(how)
        yield
    finally:
        type_embed.data, block.forward = kept
        biovil_t.sine_position_code = code


FAULTS = ("code not added to the values", "position code transposed", "type rows swapped")


def _code_on_queries_and_keys(self: biovil_t._Block, x: Tensor, code: Tensor) -> Tensor:
    """The DETR rule, which the published model's docstring describes and its code does not follow."""
    attention, normed = self.attn, self.norm1(x)
    n, length, dim = x.shape

    def heads(values: Tensor) -> Tensor:
        return values.view(n, length, attention.heads, dim // attention.heads).transpose(1, 2)

    q, k = heads(attention.proj_q(normed + code)), heads(attention.proj_k(normed + code))
    y = torch.nn.functional.scaled_dot_product_attention(q, k, heads(attention.proj_v(normed)))
    x = x + attention.proj(y.transpose(1, 2).reshape(n, length, dim))
    return x + self.mlp(self.norm2(x))
