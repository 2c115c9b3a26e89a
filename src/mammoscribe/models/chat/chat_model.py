"""A chat model in a folder: network, tokeniser and adapter that fit each other. Read this file first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mammoscribe.models.chat.adapter import Adapter
from mammoscribe.models.chat.card import read_card
from mammoscribe.models.chat.deepseek_vl import DeepseekVL
from mammoscribe.models.chat.families import (
    DEEPSEEK_VL,
    DEEPSEEK_VL_HYBRID,
    GEMMA_3,
    LLAMA_3_2_VISION,
    LLAVA_1_5,
    LLAVA_MED,
    QWEN2_5_VL,
    QWEN2_VL,
    STARTER_CHAT,
    family_of,
)
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.gemma3 import Gemma3
from mammoscribe.models.chat.library import in_one_sentence, library_class, quiet
from mammoscribe.models.chat.llama_vision import LlamaVision, hide_from_texts
from mammoscribe.models.chat.llava import Llava
from mammoscribe.models.chat.network import load_network
from mammoscribe.models.chat.prompt import Prompter
from mammoscribe.models.chat.qwen2_vl import Qwen2VL
from mammoscribe.models.chat.starter import open_starter, starter_network
from mammoscribe.support.errors import InputError

ADAPTERS: Mapping[str, type[Adapter]] = {
    LLAVA_1_5.name: Llava, QWEN2_VL.name: Qwen2VL, QWEN2_5_VL.name: Qwen2VL, LLAVA_MED.name: Llava, GEMMA_3.name: Gemma3,
    LLAMA_3_2_VISION.name: LlamaVision, DEEPSEEK_VL.name: DeepseekVL, DEEPSEEK_VL_HYBRID.name: DeepseekVL,
}  # fmt: skip


@dataclass(frozen=True)
class ChatModel:
    """A chat model that is ready for use.

    Args:
        adapter: makes views pixel inputs.
        network: of `transformers`, in evaluation mode.
        tokenizer: of the folder.
        folder: where it came from.
    """

    adapter: Adapter
    network: Any
    tokenizer: Any
    folder: Path

    @property
    def family(self) -> Family:
        """What is known of its family."""
        return self.adapter.family

    @property
    def context(self) -> int:
        """Tokens that the language model has positions for, and no more than the published models take."""
        return min(int(self.network.config.get_text_config().max_position_embeddings), self.family.context)

    @property
    def tied(self) -> tuple[str, ...]:
        """Names of weights that are others under a second name: the output layer, where it is the table of tokens."""
        weights = dict(self.network.named_parameters(remove_duplicate=False))
        found = self.network.all_tied_weights_keys.items()
        return tuple(name for name, other in found if weights[name] is weights[other])

    def prompter(self, max_tokens: int | None = None) -> Prompter:
        """Makes conversations tokens, at most `max_tokens` each; None for as many as the model has positions for.

        Raises:
            InputError: for more than the model has positions for.
        """
        most = self.context if max_tokens is None else max_tokens
        if not 1 <= most <= self.context:
            raise InputError(f"max_tokens {most}", f"1 to {self.context}, the positions of the model in {self.folder}")
        return Prompter(self.tokenizer, self.family, most)


def load_chat_model(
    folder: Path, dtype: torch.dtype | None = None, preparation: Preparation | None = None
) -> ChatModel:
    """The chat model in a folder of `transformers`' layout: one that was downloaded, or `model/` of a run.

    Nothing is fetched and no code of the folder is run.

    Args:
        folder: with config.json, weights, tokeniser and preprocessor_config.json.
        dtype: of the weights; None as config.json says, or else as they are stored.
        preparation: of the views; None is that of the folder's card, or of the family where it has none. That of
            starter-chat is its reader's.

    Raises:
        InputError: for files that are absent, damaged or do not fit each other; a weight too many or too few is named.
        MissingExtra: without `transformers`.
    """
    folder = Path(folder)
    family = family_of(folder)
    if family is STARTER_CHAT:  # its language model and its encoder are elsewhere
        starter = open_starter(folder, read_card(folder, family))
        tokenizer = _tokenizer(starter.base, family, starter.config)
        return ChatModel(starter.adapter, starter_network(starter, dtype), tokenizer, folder)
    adapter, tokenizer, config = opened(folder, preparation)
    network = load_network(folder, family, config, dtype)
    if family.crosses:
        hide_from_texts(network)
    return ChatModel(adapter, network, tokenizer, folder)


def opened(folder: Path, preparation: Preparation | None = None) -> tuple[Adapter, Any, Any]:
    """Adapter, tokeniser and configuration of a folder, whose weights are not read; not of starter-chat.

    Raises:
        InputError, MissingExtra: as `load_chat_model`.
    """
    family = family_of(folder)
    card = read_card(folder, family)
    if preparation is None:
        preparation = family.preparation if card is None else card.preparation
    with in_one_sentence("config.json", folder), quiet():
        config = library_class("AutoConfig").from_pretrained(str(folder), local_files_only=True)
    if family.has_output_layer:
        config.tie_word_embeddings = False
    tokenizer = _tokenizer(folder, family, config)
    return ADAPTERS[family.name].opened(folder, config, family, preparation), tokenizer, config


def _tokenizer(folder: Path, family: Family, config: Any) -> Any:
    """The tokeniser, whose picture, end and first tokens are those that the network knows."""
    with in_one_sentence("the tokeniser", folder), quiet():
        tokenizer = library_class("AutoTokenizer").from_pretrained(str(folder), local_files_only=True)
        template = family.template
        marks = [family.image_token, template.end, *([template.begin] if template.begin else [])]
        ids = tokenizer.convert_tokens_to_ids(marks)
    found = [None if number == tokenizer.unk_token_id else number for number in ids]
    image = found[0]
    if image != config.image_token_id or None in found:
        raise InputError(
            f"the tokeniser in {folder} has " + ", ".join(f"{m} as {n}" for m, n in zip(marks, found, strict=True)),
            f"{family.image_token} as {config.image_token_id}, as config.json says, and the others, too",
            "take the tokeniser files of the same model",
        )  # fmt: skip
    rows = config.get_text_config().vocab_size
    if max(number for number in tokenizer.get_vocab().values() if number != image) >= rows:
        raise InputError(
            f"the tokeniser in {folder} has {len(tokenizer)} tokens", f"at most {rows}, as the network has"
        )
    return tokenizer
