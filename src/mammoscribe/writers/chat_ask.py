"""One question about pictures to a generator. What it answers passes no gate, so it is never part of a report."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.imaging.decode import decode
from mammoscribe.support.chat.question import Answer, Generator, Part
from mammoscribe.writers.chat_pictures import picture_png
from mammoscribe.writers.chat_prompts import Prompts

NOT_GATED = "Not gated: nothing has checked this answer against the pictures. Research use only."


def ask(generator: Generator, pictures: Sequence[Path], question: str, prompts: Prompts, longest_px: int) -> Answer:
    """The answer to a question about picture files.

    Args:
        generator: a chat server, or a model in this process.
        pictures: DICOM, PNG, JPEG, TIFF or PGM files; their names are not given to the generator.
        question: in the words of the user.
        prompts: the words around it.
        longest_px: longer side of the pictures.

    Raises:
        InputError: when a file is no picture, or the generator gives no answer.
    """
    parts: list[Part] = []
    for number, path in enumerate(pictures, start=1):
        parts.append(prompts.fill("ask", "picture", number=str(number), count=str(len(pictures))))
        parts.append(picture_png(decode(path), str(path), longest_px))
    return generator.answer([*parts, prompts.fill("ask", "question", question=question)])
