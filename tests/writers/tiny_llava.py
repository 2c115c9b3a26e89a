"""Folders of tiny models with random weights, in the layout that transformers writes and `transformers serve` takes."""

from pathlib import Path
from typing import Any

WORDS = [
    "there", "is", "are", "a", "an", "no", "mass", "masses", "calcifications", "in", "the", "right", "left", "breast", "breasts",
    "oval", "irregular", "spiculated", "round", "dense", "seen", ".", ",", ":",
]  # fmt: skip
VOCABULARY = {word: n for n, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", "<image>", *WORDS])}
SIDE_PX, PATCH_PX = 112, 14
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }} {% endif %}"
    "{% endfor %}{% endfor %}"
)


def write_tiny_llava(folder: Path) -> Path:
    """Write a LLaVA of some 60,000 random weights, its processor and its chat template into `folder`."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": SIDE_PX}, crop_size={"height": SIDE_PX, "width": SIDE_PX}), _tokenizer(),
        patch_size=PATCH_PX, vision_feature_select_strategy="default", chat_template=TEMPLATE, image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    torch.manual_seed(0)
    seeing = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE_PX,
        patch_size=PATCH_PX, projection_dim=16,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=seeing, text_config=_writing(), image_token_index=VOCABULARY["<image>"], vision_feature_layer=-2,
        image_seq_length=(SIDE_PX // PATCH_PX) ** 2,
    )  # fmt: skip
    return _saved(LlavaForConditionalGeneration(config), folder)


def write_tiny_llama(folder: Path) -> Path:
    """Write its language model alone, which takes no pictures."""
    import torch
    from transformers import LlamaForCausalLM

    tokenizer = _tokenizer()
    tokenizer.chat_template = "{% for message in messages %} {{ message['content'] }} {% endfor %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    return _saved(LlamaForCausalLM(_writing()), folder)


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel(VOCABULARY, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )  # fmt: skip


def _writing() -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(VOCABULARY), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=2048, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip


def _saved(net: Any, folder: Path) -> Path:
    """Write a model that goes on to the limit of tokens, its weights drawn anew so that none is at its default."""
    import torch

    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.3)
    net.generation_config.eos_token_id = None
    net.save_pretrained(folder)
    return folder
