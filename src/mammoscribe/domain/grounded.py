"""A sentence with the places in the pictures that it rests on, wherever it comes from."""

from dataclasses import dataclass

from mammoscribe.domain.view import Box


@dataclass(frozen=True)
class GroundedSentence:
    """A sentence of a report.

    Args:
        text: the sentence.
        boxes: (view such as `R_CC`, box in stored pixels) of every mark of the findings that it rests on.
    """

    text: str
    boxes: tuple[tuple[str, Box], ...] = ()
