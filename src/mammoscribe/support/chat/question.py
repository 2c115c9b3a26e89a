"""What a generator is asked and what it answers: parts of words and pictures, and a text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mammoscribe.support.errors import InputError, printable

LONGEST_ANSWER = 20_000
"""Characters; several times the longest report."""
TOKENS_PER_WORD, FEWEST_TOKENS = 1.2, 32
"""Of English in usual vocabularies, with its commas; and half of what a picture takes at least."""
Part = str | bytes
"""Of a question: words, or a picture as the bytes of a PNG file."""
_END_OF_THOUGHT = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What a generator wrote; nothing of it was checked.

    Args:
        text: its words.
        is_cut: whether it did not come to its end.
        tokens_read: of the question, None where the generator does not say.
    """

    text: str
    is_cut: bool = False
    tokens_read: int | None = None

    def may_be_blind(self, parts: Sequence[Part]) -> bool:
        """Whether so few tokens were read that the pictures of the question can hardly be among them.

        Some servers drop the pictures without a word when their model takes words alone (`transformers serve` 5.23). A
        picture takes 64 tokens or more in every family that this project knows.
        """
        num_words = sum(len(part.split()) for part in parts if isinstance(part, str))
        num_pictures = sum(isinstance(part, bytes) for part in parts)
        if self.tokens_read is None or not num_pictures:
            return False
        return self.tokens_read < TOKENS_PER_WORD * num_words + FEWEST_TOKENS * num_pictures


BLIND = "read so few tokens that it may not have seen the pictures; does the model take any?"


def answer_of(written: str, is_cut: bool, who: str) -> Answer:
    r"""What a model wrote as an answer, without what it thought aloud before.

    Characters that a terminal obeys and does not show are written out, such as `\x1b`.

    Args:
        written: all of its words.
        is_cut: whether it did not come to its end.
        who: wrote them, for errors: `the chat server at localhost:8000`.

    Raises:
        InputError: when no words are left, or the answer is endless.
    """
    # the mark that opens a thought may be part of the prompt of a model
    text = re.split(_END_OF_THOUGHT, _THOUGHT.sub("", written))[-1].strip()
    if not text:
        raise InputError(f"{who} answers with no words", "some", "give it more tokens, or another model")
    if len(text) > LONGEST_ANSWER:
        raise InputError(f"{who} answers with {len(text)} characters", f"at most {LONGEST_ANSWER}")
    return Answer("\n".join(printable(line, LONGEST_ANSWER) for line in text.splitlines()), is_cut)


class Generator(Protocol):
    """Whatever answers a question of words and pictures: a chat server, or a model in this process."""

    @property
    def name(self) -> str:
        """Which model it is and where, as a report says it: `llava-1.5-7b at localhost:8000`, or its name and weights."""
        ...

    def answer(self, parts: Sequence[Part]) -> Answer:
        """The answer to one question.

        Raises:
            InputError: when there is none.
        """
        ...
