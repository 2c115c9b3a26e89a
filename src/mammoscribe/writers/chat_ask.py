"""One question about pictures to a generator, as it is asked. The answer passes no gate, so no report has any of it."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.imaging.decode import decode
from mammoscribe.support.chat.question import Part
from mammoscribe.writers.chat_pictures import picture_png
from mammoscribe.writers.chat_prompts import Prompts

NOT_GATED = "Not gated: nothing has checked this answer against the pictures. Research use only."


def question_parts(pictures: Sequence[Path], question: str, prompts: Prompts, longest_px: int) -> list[Part]:
    """A question about picture files, as a generator is asked it.

    Args:
        pictures: DICOM, PNG, JPEG, TIFF or PGM files; their names are not given to the generator.
        question: in the words of the user.
        prompts: the words around it.
        longest_px: longer side of the pictures.

    Raises:
        InputError: when a file is no picture.
    """
    parts: list[Part] = []
    for number, path in enumerate(pictures, start=1):
        parts.append(prompts.fill("ask", "picture", number=str(number), count=str(len(pictures))))
        parts.append(picture_png(decode(path), str(path), longest_px))
    return [*parts, prompts.fill("ask", "question", question=question)]
