"""Tiny chat models in the published layouts, with tokenisers trained here; written without the code that reads them."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

CORPUS = (
    "USER: ASSISTANT: A chat between a curious user and an artificial intelligence assistant.",
    "The assistant gives helpful, detailed, and polite answers to the user's questions. You are a helpful assistant.",
    "The breasts are heterogeneously dense. There is an irregular mass in the right breast at 10 o'clock.",
    "No suspicious finding. BI-RADS category 1: negative. Write the report of this mammogram. right CC left MLO view",
    "Describe the findings in this chest X-ray and write a report. The heart is of normal size; no pleural effusion.",
)
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "
    "polite answers to the user's questions. USER: {} ASSISTANT:"
)
SIDE_PX, PATCH_PX = 28, 14
LLAVA_TOKENS = 4
"""Tokens of a picture of the tiny LLaVA."""
QWEN_PIXELS = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 6}


def picture(number: int, height: int = 60, width: int = 40) -> np.ndarray:
    """uint8 [H, W]: a breast-like blob by a formula, another one for each number."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    edge = np.clip(1.2 - x - (y - 0.5) ** 2 * 2, 0, 1)
    spot = np.exp(-(((x - 0.15 - 0.17 * (number % 4)) ** 2 + (y - 0.2 - 0.2 * (number // 4)) ** 2) * 60))
    return np.clip(edge * 120 + spot * 135, 0, 255).astype(np.uint8)


@cache
def llama_pieces() -> tuple[dict[str, int], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>", *(f"<0x{n:02X}>" for n in range(256))]
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=480, special_tokens=special, show_progress=False)
    )
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


@cache
def qwen_pieces() -> tuple[dict[str, int], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def llava_names(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names as in the folders of llava-hf: language_model.model, vision_tower.vision_model, multi_modal_projector."""
    named = {}
    for name, tensor in state.items():
        if name == "lm_head.weight":
            name = "language_model.lm_head.weight"
        name = name.replace("model.language_model.", "language_model.model.", 1)
        name = name.replace("model.vision_tower.", "vision_tower.vision_model.", 1)
        name = name.replace("model.multi_modal_projector.", "multi_modal_projector.", 1)
        named[name] = tensor.contiguous().clone()
    return named


def llava_config(vocab: int, image: int, pad: int, positions: int, around=None):
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2, image_size=SIDE_PX,
        patch_size=PATCH_PX, projection_dim=32,
    )  # fmt: skip
    text = around(vocab, pad) if around is not None else LlamaConfig(
        vocab_size=vocab, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=positions, bos_token_id=1, eos_token_id=2, pad_token_id=pad,
    )  # fmt: skip
    return LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=image, projector_hidden_act="gelu",
        vision_feature_select_strategy="default", vision_feature_layer=-2, image_seq_length=LLAVA_TOKENS,
    )  # fmt: skip


def write_llava(
    folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32, positions: int = 512, around=None
) -> Path:  # fmt: skip
    """A tiny LLaVA-1.5 as llava-hf publishes it: 2 x 2 patches a picture, two layers of each.

    `around(vocabulary, padding)` is the configuration of another language model than Llama.
    """
    from transformers import LlamaTokenizer, LlavaForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = llama_pieces()
    tokenizer = LlamaTokenizer(vocab=dict(vocab), merges=list(merges), pad_token="<pad>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"], "pad_token": "<pad>"})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    tokenizer.save_pretrained(folder)
    image = tokenizer.convert_tokens_to_ids("<image>")
    torch.manual_seed(seed)
    config = llava_config(len(tokenizer) + 3, image, tokenizer.pad_token_id, positions, around)
    config.dtype = dtype
    model = LlavaForConditionalGeneration(config).to(dtype)
    spread(model)
    write_config(config, folder, "LlavaForConditionalGeneration")
    save_file(llava_names(model.state_dict()), folder / "model.safetensors", {"format": "pt"})
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    prepared = {
        "image_processor_type": "CLIPImageProcessor", "do_resize": True, "do_center_crop": True, "do_normalize": True,
        "do_rescale": True, "rescale_factor": 1 / 255, "do_convert_rgb": True, "image_mean": mean, "image_std": std,
        "resample": 3, "size": {"shortest_edge": SIDE_PX}, "crop_size": {"height": SIDE_PX, "width": SIDE_PX},
        "processor_class": "LlavaProcessor",
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    processor = {
        "processor_class": "LlavaProcessor", "patch_size": PATCH_PX, "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1, "image_token": "<image>",
    }  # fmt: skip
    (folder / "processor_config.json").write_text(json.dumps(processor))
    (folder / "generation_config.json").write_text(
        json.dumps({"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": tokenizer.pad_token_id})
    )
    return folder


def write_qwen2_vl(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    """A tiny Qwen2-VL as its hub folder has it: `visual.*`, `model.*`, tied embeddings."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    vision = {"embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2}
    return _write_qwen(folder, seed, dtype, Qwen2VLConfig, Qwen2VLForConditionalGeneration, vision)


def write_qwen2_5_vl(folder: Path, seed: int = 0, dtype: torch.dtype = torch.float32) -> Path:
    """A tiny Qwen2.5-VL, whose layers look at windows of a picture, but for the last."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "out_hidden_size": 64,
        "window_size": 56,
        "fullatt_block_indexes": [1],
    }
    return _write_qwen(folder, seed, dtype, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, vision)


def _write_qwen(
    folder: Path, seed: int, dtype: torch.dtype, config_class, network_class, vision: Mapping[str, object]
) -> Path:
    from transformers import Qwen2Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = qwen_pieces()
    tokenizer = Qwen2Tokenizer(vocab=dict(vocab), merges=list(merges), eos_token="<|im_end|>")
    marks = [
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|vision_pad|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    tokenizer.save_pretrained(folder)
    ids = dict(zip(marks, tokenizer.convert_tokens_to_ids(marks), strict=True))
    text = {
        "vocab_size": len(tokenizer) + 5, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "tie_word_embeddings": True,
        "rope_parameters": {"type": "mrope", "rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        "bos_token_id": tokenizer.pad_token_id, "eos_token_id": ids["<|im_end|>"],
    }  # fmt: skip
    vision = {
        "depth": 2, "num_heads": 2, "patch_size": PATCH_PX, "spatial_merge_size": 2, "temporal_patch_size": 2,
        "in_channels": 3, **vision,
    }  # fmt: skip
    config = config_class(
        text_config=text, vision_config=vision, image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"], tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(seed)
    config.dtype = dtype
    model = network_class(config).to(dtype)
    spread(model)
    write_config(config, folder, network_class.__name__)
    state = {k: v.contiguous().clone() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    named = {
        k.replace("model.visual.", "visual.", 1).replace("model.language_model.", "model.", 1): v
        for k, v in state.items()
    }
    save_file(named, folder / "model.safetensors", {"format": "pt"})
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    prepared = {
        "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor", "image_mean": mean,
        "image_std": std, "merge_size": 2, "patch_size": PATCH_PX, "temporal_patch_size": 2, "size": QWEN_PIXELS,
        "min_pixels": QWEN_PIXELS["shortest_edge"], "max_pixels": QWEN_PIXELS["longest_edge"],
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    generation = {
        "do_sample": True,
        "temperature": 0.01,
        "eos_token_id": [ids["<|im_end|>"]],
        "pad_token_id": tokenizer.pad_token_id,
    }
    (folder / "generation_config.json").write_text(json.dumps(generation))
    return folder


def write_base(folder: Path, seed: int = 0, positions: int = 512) -> Path:
    """A tiny Llama with SmolLM2's kind of tokeniser, as `weights import` leaves it."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = qwen_pieces()
    tokenizer = Qwen2Tokenizer(vocab=dict(vocab), merges=list(merges), eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<empty_output>"]})
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 5, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=positions, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"), pad_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"),
    )  # fmt: skip
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config)
    spread(model)
    write_config(config, folder, "LlamaForCausalLM")
    state = {k: v.contiguous().clone() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    card = {
        "name": "tiny", "licence": "none", "source_file": "tiny.gguf", "source_sha256": "0" * 64, "weights_sha256": digest,
        "format": "mammoscribe.base/1",
    }  # fmt: skip
    (folder / "base.json").write_text(json.dumps(card))
    return folder


RANK = 2
"""Of the updates of the tiny starter-chat."""


def write_starter_chat(folder: Path, seed: int = 0, positions: int = 512, rank: int | None = RANK) -> Path:
    """A tiny starter-chat with a reader and a language model of its own: 3 x 2 tokens a view."""
    from tests.cli.tiny_reader import write_tiny_reader

    folder.mkdir(parents=True, exist_ok=True)
    base = write_base(folder / "base", seed, positions)
    (folder / "reader").mkdir()
    reader = json.loads((write_tiny_reader(folder / "reader") / "card.json").read_text())
    tokens = {
        t["content"]: int(n)
        for n, t in json.loads((base / "tokenizer_config.json").read_text()).get("added_tokens_decoder", {}).items()
    }
    if not tokens:
        tokens = {t["content"]: t["id"] for t in json.loads((base / "tokenizer.json").read_text())["added_tokens"]}
    config = {
        "model_type": "mammoscribe_starter_chat", "image_token_id": tokens["<empty_output>"], "dtype": "float16",
        "base_sha256": json.loads((base / "base.json").read_text())["weights_sha256"],
        "lora": None if rank is None else {"rank": rank, "alpha": 2.0 * rank, "dropout": 0.0},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    canvas = {
        "reader": reader["name"], "reader_sha256": reader["weights_sha256"], "size_px": reader["config"]["canvas_px"],
        "um_per_px": reader["config"]["um_per_px"],
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(canvas))
    maps = 64 + 128 + 256 + 16 + 4  # of the tiny ResNet at strides 8, 16 and 32, of the mark head, and its logits
    width = maps + 16  # the tiny reader has no statistics; and the place
    chance = torch.Generator().manual_seed(seed)
    shapes = {
        "linear_1.weight": (64, width),
        "linear_1.bias": (64,),
        "linear_2.weight": (64, 64),
        "linear_2.bias": (64,),
    }
    tensors = {
        f"model.multi_modal_projector.{name}": 0.15 * torch.randn(shape, generator=chance)
        for name, shape in shapes.items()
    }
    tensors |= {"model.vision_tower.mean": torch.zeros(width), "model.vision_tower.deviation": torch.ones(width)}
    sides = {
        "q": (64, 64),
        "k": (64, 32),
        "v": (64, 32),
        "o": (64, 64),
        "gate": (64, 128),
        "up": (64, 128),
        "down": (128, 64),
    }
    for layer in range(2 if rank is not None else 0):
        for part, (wide, high) in sides.items():
            room = "self_attn" if part in "qkvo" else "mlp"
            stem = f"model.language_model.layers.{layer}.{room}.{part}_proj.lora_"
            tensors[f"{stem}A.default.weight"] = 0.1 * torch.randn(rank, wide, generator=chance)
            tensors[f"{stem}B.default.weight"] = 0.1 * torch.randn(high, rank, generator=chance)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def spread(model: torch.nn.Module) -> None:
    """Weights large enough that what is shown, and what was said before, decides what is written."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "embed_tokens" not in name:
                parameter.mul_(
                    4.0 if any(part in name for part in ("vision", "visual", "projector", "layers")) else 2.0
                )


def write_config(config, folder: Path, architecture: str) -> None:
    values = config.to_dict() | {"architectures": [architecture]}
    text = values.get("text_config", values)
    rope = text.pop("rope_parameters", None)  # as transformers 5 writes it; published files have the fields of before
    if rope and "full_attention" in rope:
        text |= {
            "rope_theta": rope["full_attention"]["rope_theta"], "rope_scaling": None,
            "rope_local_base_freq": rope["sliding_attention"]["rope_theta"],
        }  # fmt: skip
    elif rope:
        kind = {name: value for name, value in rope.items() if name not in ("rope_theta", "rope_type")}
        kind |= {} if "mrope_section" in rope else {"rope_type": rope["rope_type"]}
        text |= {"rope_theta": rope["rope_theta"], "rope_scaling": None if kind == {"rope_type": "default"} else kind}
    (folder / "config.json").write_text(json.dumps(values, default=str))


def question_about_an_exam() -> str:
    """The words of the package about four views, as a model is asked them."""
    words = tomllib.loads(files("mammoscribe.writers").joinpath("chat_prompts.toml").read_text())["read"]
    views = [words["view"].format(side=s, projection=p) + " <image>" for p in ("CC", "MLO") for s in ("right", "left")]
    return "\n".join([words["instruction"].strip(), *views, words["request"]])


def starter_question(asked: str = "Describe the findings in this mammogram and write a report.") -> str:
    """What starter-chat is asked about four views."""
    views = [f"{side} {projection}: <image>" for projection in ("CC", "MLO") for side in ("right", "left")]
    return "\n".join([*views, asked])


def teach_starter(folder: Path, said: str, *asked: str, steps: int = 120) -> Path:
    """Teach a tiny starter-chat to answer `said` to a few questions, whatever it is shown; some seconds."""
    from mammoscribe.models.chat.chat_model import load_chat_model

    model = load_chat_model(folder)
    network, tokenizer = model.network.train().requires_grad_(True), model.tokenizer
    answer = tokenizer(f"{said}<|im_end|>")["input_ids"]
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    torch.manual_seed(0)
    for step in range(steps):
        text = STARTER_TEXT.format(asked[step % len(asked)].replace("<image>", "<empty_output>" * 6))
        question = tokenizer(text)["input_ids"]
        ids, labels = (torch.tensor([own + answer]) for own in (question, [-100] * len(question)))
        width = network.config.vision_config.hidden_size
        tokens = torch.randn(text.count("<empty_output>") // 6, 6, width)
        loss = network(input_ids=ids, pixel_values=tokens, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    state = {k: v.contiguous().clone() for k, v in network.state_dict().items() if k != "lm_head.weight"}
    own = {k: v for k, v in state.items() if any(part in k for part in ("projector", "vision_tower", ".lora_"))}
    base = {
        k.replace(".base_layer.", ".").replace("model.language_model.", "model.", 1): v
        for k, v in state.items()
        if k not in own
    }
    save_file(own, folder / "model.safetensors", {"format": "pt"})
    save_file(base, folder / "base" / "model.safetensors", {"format": "pt"})
    digest = hashlib.sha256((folder / "base" / "model.safetensors").read_bytes()).hexdigest()
    for path, key in ((folder / "config.json", "base_sha256"), (folder / "base" / "base.json", "weights_sha256")):
        path.write_text(json.dumps({**json.loads(path.read_text()), key: digest}))
    return folder


STARTER_TEXT = (
    "<|im_start|>system\nYou read mammography exams.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
)


def learn_by_heart(folder: Path, said: str, *asked: str, steps: int = 100) -> Path:
    """Teach a tiny LLaVA to answer `said` to a few questions, whatever it is shown; some seconds.

    Args:
        folder: as `write_llava` has written it; its weights are replaced.
        said: the answer.
        asked: the questions, with their `<image>`.
        steps: of learning.
    """
    from transformers import AutoTokenizer, LlavaForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = LlavaForConditionalGeneration.from_pretrained(folder).train()
    answer = tokenizer(f" {said}</s>", add_special_tokens=False)["input_ids"]
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    torch.manual_seed(0)
    for step in range(steps):
        text = VICUNA.format(asked[step % len(asked)])
        question = tokenizer(text.replace("<image>", "<image>" * LLAVA_TOKENS))["input_ids"]
        ids, labels = (torch.tensor([own + answer]) for own in (question, [-100] * len(question)))
        pictures = torch.randn(text.count("<image>"), 3, SIDE_PX, SIDE_PX)
        loss = network(input_ids=ids, pixel_values=pictures, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    save_file(llava_names(network.state_dict()), folder / "model.safetensors", {"format": "pt"})
    return folder
