"""What a generator is asked and what it answers: parts of words and pictures, and a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Part = str | bytes
"""Of a question: words, or a picture as the bytes of a PNG file."""


@dataclass(frozen=True)
class Answer:
    """What a generator wrote; nothing of it was checked. `is_cut`: it did not come to its end."""

    text: str
    is_cut: bool = False


class Generator(Protocol):
    """Whatever answers a question of words and pictures: a chat server, or a model in this process."""

    @property
    def name(self) -> str:
        """Which model it is and where, as a report says it: `llava-1.5-7b at localhost:8000`."""
        ...

    def answer(self, parts: Sequence[Part]) -> Answer:
        """The answer to one question.

        Raises:
            InputError: when there is none.
        """
        ...
