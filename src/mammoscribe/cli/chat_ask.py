"""`mammoscribe chat ask`: one question about pictures to a chat model, its answer marked as not gated."""

import os
from pathlib import Path
from typing import Annotated

import typer

from mammoscribe.cli.chat_options import (
    ChatEndpoint,
    ChatGiven,
    ChatModel,
    ChatPixels,
    ChatTimeout,
    ChatTokens,
    InFolder,
    PromptFile,
)
from mammoscribe.cli.console import out as console
from mammoscribe.cli.console import warn, working
from mammoscribe.support.errors import InputError

EXAMPLE = (
    'Example: mammoscribe chat ask right_mlo.dcm "Is there a mass?" --chat-endpoint http://localhost:8000/v1 '
    "--chat-model llava-hf/llava-1.5-7b-hf"
)

FolderDevice = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="NAME", help="With a model in a folder: cpu, cuda, cuda:1 or mps (cuda, mps: not tried yet) [default: cpu]."
    ),
]  # fmt: skip


def command(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="DICOM, PNG, JPEG, TIFF or PGM.")],
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="In your own words, in quotes; the last argument.")
    ],
    chat_endpoint: ChatEndpoint = None,
    chat_model: ChatModel = None,
    prompts: PromptFile = None,
    chat_timeout: ChatTimeout = None,
    chat_tokens: ChatTokens = None,
    chat_px: ChatPixels = None,
    device: FolderDevice = None,
) -> None:
    """Ask a chat model one question about pictures. Nothing checks the answer, and the output says so.

    Without --chat-model it is starter-chat that is asked, where it is there. Reports of mammograms are for `mammoscribe read EXAM --writer chat`, where every claim has to agree with findings
    that point at the image.
    """
    choice = ChatGiven(chat_endpoint, chat_model, prompts, chat_timeout, chat_tokens, chat_px).choice()
    if device is not None and not isinstance(choice.model, InFolder):
        raise InputError("--device with --chat-endpoint, whose server has devices of its own", "it with a folder only")
    if not question.strip() or os.path.exists(question):  # False also for one that is too long for a path
        found = f"{question} is a file" if question.strip() else "an empty question"
        raise InputError(found, "the question as the last argument, in quotes", 'chat ask IMAGE... "QUESTION"')
    from mammoscribe.support.chat.question import BLIND
    from mammoscribe.writers.chat_ask import NOT_GATED, question_parts

    choice.check()
    with working("asking"):
        parts = question_parts(images, question, choice.prompts(), choice.longest_px, choice.model.canvas())
        generator = choice.generator(device or "cpu")
        answer = generator.answer(parts)
    if answer.may_be_blind(parts):
        warn(f"{generator.name} {BLIND}")
    if answer.is_cut:
        warn("the answer was cut off at its limit of tokens; --chat-tokens gives it more")
    text = f"{answer.text}\n\n{NOT_GATED} Model: {generator.name}."
    console.print(text, highlight=False, markup=False, soft_wrap=True)
