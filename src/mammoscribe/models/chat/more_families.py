"""LLaVA-Med, Gemma 3 with MedGemma, Llama 3.2 Vision and DeepSeek-VL: facts of the published models, and their prompts."""

from dataclasses import replace

from mammoscribe.models.chat.family import Family, ImagePolicy, Parts, Preparation, Size, Template

HUB = (
    ("lm_head.", "language_model.lm_head."), ("model.language_model.", "language_model.model."),
    ("model.vision_tower.", "vision_tower.vision_model."), ("model.multi_modal_projector.", "multi_modal_projector."),
)  # fmt: skip
"""Names inside the network -> in the folders of llava-hf and of Gemma 3, which all versions of transformers and vLLM read."""
MISTRAL_INSTRUCT = Template(
    system="",
    opened="[INST] <<SYS>>\n{text}\n<</SYS>>\n\n",
    bare="[INST] ",
    asked="{text} [/INST]",
    answered=" {text} ",
    end="</s>",
    between="[INST] ",
    begin="<s>",
)
"""`mistral_instruct` of LLaVA-Med's own code (conv_mistral_instruct, in the style LLAMA_2 without a separator)."""
GEMMA_TURNS = Template(
    system="",
    opened="<start_of_turn>user\n{text}\n\n",
    bare="<start_of_turn>user\n",
    asked="{text}<end_of_turn>\n<start_of_turn>model\n",
    answered="{text}",
    end="<end_of_turn>",
    between="\n<start_of_turn>user\n",
    begin="<bos>",
)
"""As the chat template of Gemma 3's tokeniser writes it: a system text is the beginning of the first question."""
_USER = "<|start_header_id|>user<|end_header_id|>\n\n"
LLAMA_3_HEADERS = Template(
    system="",
    opened="<|start_header_id|>system<|end_header_id|>\n\n{text}<|eot_id|>" + _USER,
    bare=_USER,
    asked="{text}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    answered="{text}",
    end="<|eot_id|>",
    between=_USER,
    begin="<|begin_of_text|>",
)
"""As the chat template of Llama 3.2 Vision writes a conversation with a picture. Without one, and without a system text, that
template writes the date into a system turn, which would make the same question another one tomorrow; here it does not."""
DEEPSEEK = Template(
    system="You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language.",
    opened="{text}\n\nUser: ",
    bare="User: ",
    asked="{text}\n\nAssistant:",
    answered=" {text}",
    end="<｜end▁of▁sentence｜>",
    between="User: ",
    begin="<｜begin▁of▁sentence｜>",
)
"""`deepseek` of DeepSeek-VL's own conversation.py, with the system text of its processor."""

LLAVA_MED = Family(
    name="llava-med-1.5",
    model_types=("llava",),
    text_types=("mistral",),
    policy=ImagePolicy.INTERLEAVE,
    most_images=8,
    view_tokens=(576, 576),
    context=32768,  # positions of Mistral; it was tuned with 2,048 tokens and one picture a conversation
    preparation=Preparation(pads_to_square=True),
    licence="Microsoft Research License, made with data under CC BY-NC 4.0: research use only, clinical use is excluded",
    template=MISTRAL_INSTRUCT,
    image_text="<image>",
    image_token="<image>",  # noqa: S106  (a token of text)
    parts=Parts(("model.vision_tower",), ("model.multi_modal_projector",), ("model.language_model", "lm_head")),
    typed=None,
    sizes=(Size("microsoft/llava-med-v1.5-mistral-7b", 7.57),),
    names=HUB,
)

GEMMA_3 = Family(
    name="gemma-3",
    model_types=("gemma3",),
    text_types=("gemma3_text",),
    policy=ImagePolicy.INTERLEAVE,
    most_images=8,
    view_tokens=(256, 256),
    context=131_072,
    preparation=Preparation(pads_to_square=True),
    licence="Gemma Terms of Use (Gemma 3), Health AI Developer Foundations Terms of Use (MedGemma: no clinical use without "
    "the validation and authorisation that it needs); both are accepted on the hub before the download and passed on with "
    "what is made from the weights; research use only here, no clinical use",
    template=GEMMA_TURNS,
    image_text="\n\n<start_of_image><image_soft_token><end_of_image>\n\n",
    image_token="<image_soft_token>",  # noqa: S106  (a token of text)
    parts=Parts(("model.vision_tower",), ("model.multi_modal_projector",), ("model.language_model", "lm_head")),
    typed="token_type_ids",
    sizes=(
        Size("google/medgemma-4b-it", 4.3), Size("google/medgemma-27b-it", 27.43), Size("google/gemma-3-4b-it", 4.3),
        Size("google/gemma-3-12b-it", 12.19), Size("google/gemma-3-27b-it", 27.43),
    ),
    names=HUB,
)  # fmt: skip

LLAMA_3_2_VISION = Family(
    name="llama-3.2-vision",
    model_types=("mllama",),
    text_types=("mllama_text_model",),
    policy=ImagePolicy.MONTAGE,
    most_images=4,  # a picture has at most four tiles, and each view gets one of its own
    view_tokens=(0, 1),
    context=131_072,
    preparation=Preparation(pads_to_square=False),
    licence="Llama 3.2 Community License: its models that see pictures are not licensed to persons or companies in the "
    "European Union; research use only here, no clinical use",
    template=LLAMA_3_HEADERS,
    image_text="<|image|>",
    image_token="<|image|>",  # noqa: S106  (a token of text)
    parts=Parts(("model.vision_model",), ("model.multi_modal_projector",), ("model.language_model", "lm_head")),
    typed=None,
    sizes=(
        Size("meta-llama/Llama-3.2-11B-Vision-Instruct", 10.67),
        Size("meta-llama/Llama-3.2-90B-Vision-Instruct", 88.59),
    ),
    names=(
        ("lm_head.", "language_model.lm_head."), ("model.language_model.", "language_model.model."),
        ("model.vision_model.", "vision_model."), ("model.multi_modal_projector.", "multi_modal_projector."),
    ),
    crosses=True,
)  # fmt: skip

DEEPSEEK_VL = Family(
    name="deepseek-vl",
    model_types=("deepseek_vl",),
    text_types=("llama",),
    policy=ImagePolicy.INTERLEAVE,
    most_images=6,  # 6 x 576 tokens and a report are what the 4,096 tokens that it was trained with hold
    view_tokens=(576, 576),
    context=4096,
    preparation=Preparation(pads_to_square=True),
    licence="DeepSeek License (commercial use allowed, some uses are excluded); research use only here, no clinical use",
    template=DEEPSEEK,
    image_text="<image_placeholder>",
    image_token="<image_placeholder>",  # noqa: S106  (a token of text)
    parts=Parts(("model.vision_model",), ("model.aligner",), ("model.language_model", "lm_head")),
    typed=None,
    sizes=(Size("deepseek-community/deepseek-vl-1.3b-chat", 1.96),),
    names=(
        ("model.vision_model.", "model.vision_model.vision_model."), ("model.aligner.", "model.aligner."),
        ("model.language_model.", "model.language_model."), ("lm_head.", "lm_head."),
    ),
    has_output_layer=True,  # its config.json leaves it out, and transformers 5 would take the table of tokens
)  # fmt: skip

_HIGH = "model.high_res_vision_"
DEEPSEEK_VL_HYBRID = replace(
    DEEPSEEK_VL, name="deepseek-vl-hybrid", model_types=("deepseek_vl_hybrid",),
    parts=Parts(
        ("model.vision_model", f"{_HIGH}model", f"{_HIGH}neck", f"{_HIGH}proj", f"{_HIGH}alpha"),
        *(DEEPSEEK_VL.parts.projector, DEEPSEEK_VL.parts.language),
    ),
    sizes=(Size("deepseek-community/deepseek-vl-7b-chat", 7.33),), names=(*DEEPSEEK_VL.names, (_HIGH, _HIGH)),
)  # fmt: skip
"""DeepSeek-VL 7B sees each picture twice, at 384 and at 1024 pixels, and has as many tokens of it."""
