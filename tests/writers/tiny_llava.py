"""A folder of a tiny LLaVA with random weights, in the layout that transformers writes and `transformers serve` takes."""

from pathlib import Path

WORDS = [
    "there",
    "is",
    "are",
    "a",
    "an",
    "no",
    "mass",
    "masses",
    "calcifications",
    "in",
    "the",
    "right",
    "left",
    "breast",
    "breasts",
    "oval",
    "irregular",
    "spiculated",
    "round",
    "dense",
    "seen",
    ".",
    ",",
    ":",
]
SIDE_PX, PATCH_PX = 112, 14
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %} {{ part['text'] }} {% endif %}"
    "{% endfor %}{% endfor %}"
)


def write_tiny_llava(folder: Path) -> Path:
    """Write a model of some 30,000 random weights, its processor and its chat template into `folder`."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    vocabulary = {word: n for n, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", "<image>", *WORDS])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )  # fmt: skip
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": SIDE_PX}, crop_size={"height": SIDE_PX, "width": SIDE_PX}), tokenizer,
        patch_size=PATCH_PX, vision_feature_select_strategy="default", chat_template=TEMPLATE, image_token="<image>",
        num_additional_image_tokens=1,
    )  # fmt: skip
    processor.save_pretrained(folder)
    torch.manual_seed(0)
    seeing = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE_PX,
        patch_size=PATCH_PX, projection_dim=16,
    )  # fmt: skip
    writing = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=2048, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    net = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=seeing, text_config=writing, image_token_index=4, vision_feature_layer=-2, image_seq_length=64
        )
    )
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.3)
    net.generation_config.eos_token_id = None  # it writes until the limit of tokens
    net.save_pretrained(folder)
    return folder
