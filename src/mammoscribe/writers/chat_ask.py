"""One question about pictures to a generator, as it is asked. The answer passes no gate, so no report has any of it."""

from collections.abc import Sequence
from pathlib import Path

from mammoscribe.imaging.decode import decode
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.chat.question import Part
from mammoscribe.writers.chat_pictures import canvas_png, picture_png
from mammoscribe.writers.chat_prompts import Prompts

NOT_GATED = "Not gated: nothing has checked this answer against the pictures. Research use only."


def question_parts(
    pictures: Sequence[Path], question: str, prompts: Prompts, longest_px: int, canvas: Canvas | None = None
) -> list[Part]:  # fmt: skip
    """A question about picture files, as a generator is asked it.

    Args:
        pictures: DICOM, PNG, JPEG, TIFF or PGM files; their names are not given to the generator.
        question: in the words of the user.
        prompts: the words around it.
        longest_px: longer side of the pictures.
        canvas: of a reader, on which the generator is shown pictures in their place; None for pictures of `longest_px`.

    Raises:
        InputError: when a file is no picture.
    """
    parts: list[Part] = []
    for number, path in enumerate(pictures, start=1):
        parts.append(prompts.fill("ask", "picture", number=str(number), count=str(len(pictures))))
        picture, name = decode(path), str(path)
        parts.append(
            picture_png(picture, name, longest_px) if canvas is None else canvas_png(None, picture, name, canvas)
        )
    return [*parts, prompts.fill("ask", "question", question=question)]
