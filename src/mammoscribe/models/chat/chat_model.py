"""A chat model in a folder: network, tokeniser and adapter that fit each other. Read this file first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mammoscribe.models.chat.adapter import Adapter
from mammoscribe.models.chat.card import read_card
from mammoscribe.models.chat.families import LLAVA_1_5, QWEN2_5_VL, QWEN2_VL, STARTER_CHAT, family_of
from mammoscribe.models.chat.family import Family, Preparation
from mammoscribe.models.chat.library import in_one_sentence, library_class, quiet
from mammoscribe.models.chat.llava import Llava
from mammoscribe.models.chat.network import load_network
from mammoscribe.models.chat.prompt import Prompter
from mammoscribe.models.chat.qwen2_vl import Qwen2VL
from mammoscribe.models.chat.starter import open_starter, starter_network
from mammoscribe.support.errors import InputError

ADAPTERS: Mapping[str, type[Llava] | type[Qwen2VL]] = {
    LLAVA_1_5.name: Llava, QWEN2_VL.name: Qwen2VL, QWEN2_5_VL.name: Qwen2VL,
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
        """Tokens that the language model has positions for."""
        return int(self.network.config.get_text_config().max_position_embeddings)

    @property
    def tied(self) -> tuple[str, ...]:
        """Names of weights that are others under a second name: the output layer, where it is the table of tokens."""
        return tuple(self.network.all_tied_weights_keys)

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
    card = read_card(folder, family)
    if family is STARTER_CHAT:  # its language model and its encoder are elsewhere
        opened = open_starter(folder, card)
        tokenizer = _tokenizer(opened.base, family, opened.config)
        return ChatModel(opened.adapter, starter_network(opened, dtype), tokenizer, folder)
    if preparation is None:
        preparation = family.preparation if card is None else card.preparation
    with in_one_sentence("config.json", folder), quiet():
        config = library_class("AutoConfig").from_pretrained(str(folder), local_files_only=True)
    tokenizer = _tokenizer(folder, family, config)
    adapter = ADAPTERS[family.name].opened(folder, config, family, preparation)
    return ChatModel(adapter, load_network(folder, family, config, dtype), tokenizer, folder)


def _tokenizer(folder: Path, family: Family, config: Any) -> Any:
    """The tokeniser, whose picture and end tokens are those that the network knows."""
    with in_one_sentence("the tokeniser", folder), quiet():
        tokenizer = library_class("AutoTokenizer").from_pretrained(str(folder), local_files_only=True)
        ids = tokenizer.convert_tokens_to_ids([family.image_token, family.template.end])
    image, end = (None if number == tokenizer.unk_token_id else number for number in ids)
    if image != config.image_token_id or end is None:
        raise InputError(
            f"the tokeniser in {folder} has {family.image_token} as {image} and {family.template.end} as {end}",
            f"{family.image_token} as {config.image_token_id}, as config.json says, and an end token",
            "take the tokeniser files of the same model",
        )  # fmt: skip
    rows = config.get_text_config().vocab_size
    if max(tokenizer.get_vocab().values()) >= rows:
        raise InputError(
            f"the tokeniser in {folder} has {len(tokenizer)} tokens", f"at most {rows}, as the network has"
        )
    return tokenizer
