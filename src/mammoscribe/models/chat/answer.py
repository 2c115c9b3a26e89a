"""Answers of a chat model to questions about views, token by token, always the most likely one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mammoscribe.data.records import Turn
from mammoscribe.models.chat.batch import batch_of
from mammoscribe.models.chat.chat_model import ChatModel
from mammoscribe.models.chat.library import library_class, quiet
from mammoscribe.support.errors import InputError


@dataclass(frozen=True)
class Question:
    """A conversation that ends with a question.

    Args:
        turns: a system turn at most, then questions and answers in turn.
        views: uint8 [H, W] each, windowed, in the order of their `<image>`.
        name: for errors.
    """

    turns: Sequence[Turn]
    views: Sequence[np.ndarray]
    name: str = "the question"


@dataclass(frozen=True)
class Answer:
    """What the model wrote; `is_cut` when it had not ended after the tokens that it was given."""

    text: str
    is_cut: bool


def answer(model: ChatModel, questions: Sequence[Question], max_tokens: int = 512, cached: bool = True) -> list[Answer]:
    """The answers to several questions, each as if it were the only one.

    Args:
        model: in evaluation mode.
        questions: that are answered together.
        max_tokens: of one answer.
        cached: whether keys and values of earlier tokens are kept; the answer is the same, slower, without.

    Raises:
        InputError: for more pictures than the model takes, or when a question leaves no room for an answer.
    """
    return [_answer(model, ids) for ids in written(model, questions, max_tokens, cached)]


@torch.no_grad()
def written(model: ChatModel, questions: Sequence[Question], max_tokens: int, cached: bool = True) -> list[list[int]]:
    """The tokens of each answer, with its end token where the model wrote one.

    Args:
        model, questions, max_tokens, cached: as of `answer`.

    Raises:
        InputError: as `answer`.
    """
    prompter = model.prompter()
    pixels = [model.adapter.pixels(q.views) if q.views else None for q in questions]
    ids = [
        prompter.asked(q.turns, () if own is None else own.tokens, q.name)
        for q, own in zip(questions, pixels, strict=True)
    ]
    longest = max(map(len, ids))
    if longest + max_tokens > model.context:
        raise InputError(
            f"a question of {longest} tokens and an answer of up to {max_tokens}", f"at most {model.context} together",
            "a shorter answer (--chat-tokens), or fewer pictures",
        )  # fmt: skip
    batch = batch_of(ids, None, pixels, prompter)
    device, dtype = model.network.device, model.network.dtype
    inputs = {n: t.to(device, dtype if t.is_floating_point() else None) for n, t in batch.inputs().items()}
    settings = library_class("GenerationConfig")(
        max_new_tokens=max_tokens, do_sample=False, num_beams=1, use_cache=cached, eos_token_id=prompter.end_id,
        pad_token_id=prompter.end_id,
    )  # fmt: skip
    with quiet():
        found = model.network.generate(**inputs, generation_config=settings)
    rows = found[:, batch.ids.shape[1] :].tolist()
    return [row[: row.index(prompter.end_id) + 1] if prompter.end_id in row else row for row in rows]


def _answer(model: ChatModel, ids: list[int]) -> Answer:
    is_cut = ids[-1] != model.prompter().end_id
    kept = ids if is_cut else ids[:-1]
    text = model.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Answer(text.strip(), is_cut)
