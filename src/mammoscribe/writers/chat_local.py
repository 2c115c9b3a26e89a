"""A chat model that runs in this process, asked as a chat server is: the same words, and pictures from the same PNG files."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mammoscribe.data.exchange.prompts import IMAGE_TOKEN
from mammoscribe.data.records import Turn
from mammoscribe.models.chat.answer import Question, answer
from mammoscribe.models.chat.chat_model import ChatModel, load_chat_model
from mammoscribe.models.chat.place import canvas_of, chat_folder_at, model_name, reports_by_breast, weights_sha256
from mammoscribe.support.chat.question import Answer, Generator, Part, answer_of
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.writers.chat import ChatAuthor
from mammoscribe.writers.chat_prompts import PACKAGED, STARTER, packaged_prompts


@dataclass(frozen=True)
class LocalChat:
    """A chat model in the memory of this process.

    Args:
        model: with its network on the device on which it is to run.
        name: as a report says it: `llava-1.5-7b-hf (weights 0123456789ab)`.
        max_tokens: of one answer.

    Raises:
        InvalidNoun: without a token to answer with.
    """

    model: ChatModel
    name: str
    max_tokens: int

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise InvalidNoun(f"an answer of {self.max_tokens} tokens", "1 or more")

    def answer(self, parts: Sequence[Part]) -> Answer:
        """What the model answers to one question of words and pictures, each picture where the question has it.

        `tokens_read` is not counted: no picture can be lost on the way, as each has to find its place in the text.

        Raises:
            InputError: for more pictures than its family takes, words that it takes for a token with a meaning, a question
                that leaves no room for an answer or in memory, and when the answer is empty or endless.
        """
        views = [_grey(part) for part in parts if isinstance(part, bytes)]
        question = Question([Turn("human", _text_of(parts))], views, "the question")
        with _in_memory(self.name, self.model.network.device):
            (written,) = answer(self.model, [question], self.max_tokens)
        return answer_of(written.text, written.is_cut, f"the chat model {self.name}")


def load_local_chat(place: Path, where: torch.device, max_tokens: int) -> LocalChat:
    """The chat model of a folder, or of a run of `mammoscribe train chat`, on a device.

    Args:
        place: of the model.
        where: it is to run.
        max_tokens: of one answer.

    Raises:
        InputError: as `load_chat_model`, and for a device whose memory is too small.
        MissingExtra: without `transformers`.
    """
    folder = chat_folder_at(place)
    name = f"{model_name(folder)} (weights {weights_sha256(folder)[:12]})"
    model = load_chat_model(folder)
    with _in_memory(name, where):
        model.network.to(where)
    return LocalChat(model, name, max_tokens)


def author_in(folder: Path, generator: Generator) -> ChatAuthor:
    """The writer that a chat model of a folder is: asked in the words and shown the pictures that it was trained with.

    Args:
        folder: of the model, see `chat_folder_at`.
        generator: the model, loaded.
    """
    canvas = canvas_of(folder)
    prompts = packaged_prompts(PACKAGED if canvas is None else STARTER)
    return ChatAuthor(generator, prompts, canvas=canvas, by_breast=reports_by_breast(folder))


def _text_of(parts: Sequence[Part]) -> str:
    """A question as one turn: a line for each part in words, at its end the mark of the picture that follows it."""
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines.append(part)
        elif lines:
            lines[-1] += f" {IMAGE_TOKEN}"
        else:
            lines.append(IMAGE_TOKEN)
    return "\n".join(lines)


def _grey(png: bytes) -> np.ndarray:
    """uint8 [H, W] of a PNG file."""
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("L"))


@contextmanager
def _in_memory(name: str, where: torch.device) -> Iterator[None]:
    """InputError in place of torch's for a device that has no memory left."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"{name} does not fit into the memory of {where}",
            "a device with more memory",
            "see `mammoscribe chat list`",
        ) from error
