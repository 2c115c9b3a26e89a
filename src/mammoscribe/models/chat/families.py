"""The families of chat models that are built here. Facts are of the published models; see the licence of each."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mammoscribe.models.chat.family import Family, ImagePolicy, Parts, Preparation, Size, Template
from mammoscribe.models.chat.more_families import (
    DEEPSEEK_VL,
    DEEPSEEK_VL_HYBRID,
    GEMMA_3,
    HUB,
    LLAMA_3_2_VISION,
    LLAVA_MED,
)
from mammoscribe.support.errors import InputError

CONFIG = "config.json"
ORIGINAL: Mapping[str, str] = {"llava_llama": "LLaVA", "llava_mistral": "LLaVA-Med", "multi_modality": "DeepSeek-VL"}
"""Model type in the layout of its makers' own code -> what it is."""

VICUNA_V1 = Template(
    system="A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions.",
    opened="{text} ",
    asked="USER: {text} ASSISTANT:",
    answered=" {text}",
    end="</s>",
    begin="<s>",
)
"""`--version v1` of LLaVA's own training script (conv_vicuna_v1)."""

CHATML = Template(
    system="You are a helpful assistant.",
    opened="<|im_start|>system\n{text}<|im_end|>\n",
    asked="<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n",
    answered="{text}",
    end="<|im_end|>",
    between="\n",
)
"""As the chat template of Qwen2-VL's tokeniser writes it."""

LLAVA_1_5 = Family(
    name="llava-1.5",
    model_types=("llava",),
    text_types=("llama",),
    policy=ImagePolicy.INTERLEAVE,
    most_images=6,  # 6 x 576 tokens and a report are what the 4,096 tokens of Vicuna hold
    view_tokens=(576, 576),
    context=4096,
    preparation=Preparation(pads_to_square=True),
    licence="Llama 2 Community License; research use only here, no clinical use",
    template=VICUNA_V1,
    image_text="<image>",
    image_token="<image>",  # noqa: S106  (a token of text)
    parts=Parts(
        ("model.vision_tower",), ("model.multi_modal_projector",), ("model.language_model", "lm_head")
    ),
    typed=None,
    sizes=(Size("llava-hf/llava-1.5-7b-hf", 7.06), Size("llava-hf/llava-1.5-13b-hf", 13.35)),
    names=HUB,
)  # fmt: skip

QWEN2_VL = Family(
    name="qwen2-vl",
    model_types=("qwen2_vl",),
    text_types=("qwen2_vl_text", "qwen2_vl"),
    policy=ImagePolicy.INTERLEAVE,
    most_images=8,
    view_tokens=(4, 1280),
    context=32768,
    preparation=Preparation(pads_to_square=False, exam_px=4 * 1280 * 28 * 28),  # its folder allows 16,384 tokens a view
    licence="Apache-2.0 (2B, 7B); research use only here, no clinical use",
    template=CHATML,
    image_text="<|vision_start|><|image_pad|><|vision_end|>",
    image_token="<|image_pad|>",  # noqa: S106  (a token of text)
    parts=Parts(
        ("model.visual.patch_embed", "model.visual.blocks"), ("model.visual.merger",),
        ("model.language_model", "lm_head"),
    ),
    typed="mm_token_type_ids",
    sizes=(Size("Qwen/Qwen2-VL-2B-Instruct", 2.21), Size("Qwen/Qwen2-VL-7B-Instruct", 8.29)),
)  # fmt: skip

QWEN2_5_VL = replace(
    QWEN2_VL, name="qwen2.5-vl", model_types=("qwen2_5_vl",), text_types=("qwen2_5_vl_text", "qwen2_5_vl"), context=128_000,
    licence="Qwen Research License (3B, no commercial use), Apache-2.0 (7B); research use only here, no clinical use",
    sizes=(Size("Qwen/Qwen2.5-VL-3B-Instruct", 3.75), Size("Qwen/Qwen2.5-VL-7B-Instruct", 8.29)),
)  # fmt: skip

STARTER_CHAT = Family(
    name="starter-chat",
    model_types=("mammoscribe_starter_chat",),
    text_types=("llama",),
    policy=ImagePolicy.INTERLEAVE,
    most_images=8,
    view_tokens=(28, 28),
    context=8192,
    preparation=Preparation(pads_to_square=False),  # the canvas is that of the reader whose encoder it has
    licence="Apache-2.0 (SmolLM2-135M-Instruct) and the terms of the starter's weights; research use only, no clinical use",
    template=replace(CHATML, system="You read mammography exams."),
    image_text="<empty_output>",
    image_token="<empty_output>",  # noqa: S106  (a token that SmolLM2 has for program output; no row has to be added)
    parts=Parts(("model.vision_tower",), ("model.multi_modal_projector",), ("model.language_model", "lm_head")),
    typed=None,
    sizes=(Size("HuggingFaceTB/SmolLM2-135M-Instruct", 0.135),),
)  # fmt: skip

FAMILIES: tuple[Family, ...] = (
    LLAVA_1_5, QWEN2_VL, QWEN2_5_VL, LLAVA_MED, GEMMA_3, LLAMA_3_2_VISION, DEEPSEEK_VL, DEEPSEEK_VL_HYBRID, STARTER_CHAT,
)  # fmt: skip


def family_of(folder: Path) -> Family:
    """The family of the model in a folder.

    Raises:
        InputError: when the folder has no config.json that can be read, or its model is of another family.
    """
    values = config_of(folder)
    found = values.get("model_type")
    if "mm_vision_tower" in values or str(found) in ORIGINAL:
        own = ORIGINAL.get(str(found), "LLaVA")
        same = ", or take llava-hf/llava-1.5-7b-hf, which has the same weights" if own == "LLaVA" else ""
        raise InputError(
            f"{folder} is in the layout of {own}'s own repository ({found})", "that of transformers",
            f"run `mammoscribe chat convert`{same}",
        )  # fmt: skip
    fitting = [f for f in FAMILIES if found in f.model_types]
    if not fitting:
        known = ", ".join(dict.fromkeys(kind for f in FAMILIES for kind in f.model_types))
        raise InputError(f"{folder} holds a model of type {found!r}", f"one of {known}", "see `mammoscribe chat list`")
    inside = values.get("text_config")
    usual = fitting[0].text_types[0]
    text = inside.get("model_type", usual) if isinstance(inside, dict) else usual
    family = next((f for f in fitting if text in f.text_types), None)
    if family is None:
        raise InputError(
            f"{folder} holds a {found} model around a language model of type {text!r}",
            f"{' or '.join(kind for f in fitting for kind in f.text_types)}, whose prompt is known here",
        )
    return family


def config_of(folder: Path) -> Mapping[str, Any]:
    """What config.json holds.

    Raises:
        InputError: when it is absent or no JSON object.
    """
    path = folder / CONFIG
    if not folder.is_dir() or not path.is_file():
        raise InputError(f"no {CONFIG} in {folder}", "the folder of a chat model, as it was downloaded")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error})", "a JSON object", "fetch the folder again") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is no JSON object", "the configuration of a model", "fetch the folder again")
    return values
