"""Reports as tokens of the report decoder: `[CLS]`, the end of the prior report, `[SEP]`, the report, `[SEP]`; and back to text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mammoscribe.support.errors import InvalidNoun

IGNORED = -100
"""Label of a position where nothing is predicted."""
_GLUED = (
    (r"\s+([.,;:!?%)\]])", r"\1"),
    (r"([(\[])\s+", r"\1"),
    (r"(?<=\w)\s+([-/'])\s+(?=\w)", r"\1"),
    (r"(?<=\d)\.\s+(?=\d)", "."),
)
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?]\s))[a-z]")


@dataclass(frozen=True)
class Framed:
    """A report as tokens, for training.

    Args:
        ids: [T] int64, all but the last token of the sequence.
        labels: [T] int64, the token after each; IGNORED where it is not one of the report or its end.
        kinds: [T] int64, 1 at `[CLS]`, the prior report and the `[SEP]` behind it, 0 at the report.
    """

    ids: np.ndarray
    labels: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True)
class ReportFrames:
    """Makes reports tokens and tokens reports.

    Args:
        tokenizer: a BERT tokeniser of `transformers`.
        max_tokens: of a whole sequence; what does not fit of a report is cut off, and then its end is not learned.
        prompt_tokens: of a prior report; of a longer one the end is kept, where its impression is.

    Raises:
        InvalidNoun: when nothing is left for the report.
    """

    tokenizer: Any
    max_tokens: int
    prompt_tokens: int

    def __post_init__(self) -> None:
        if self.max_tokens < 4 or not 0 <= self.prompt_tokens <= self.max_tokens // 2 - 2:
            found = f"prompt_tokens {self.prompt_tokens} of {self.max_tokens} tokens"
            raise InvalidNoun(found, "4 tokens or more, and at most half of them less 2 for the prior report")

    @property
    def end(self) -> int:
        """The token that ends a report."""
        return self.tokenizer.sep_token_id

    @cached_property
    def unwritten(self) -> tuple[int, ...]:
        """Tokens that no report holds: all special ones but the end."""
        return tuple(sorted(set(self.tokenizer.all_special_ids) - {self.end}))

    def ids(self, text: str) -> list[int]:
        """The tokens of a text alone; the letters `[SEP]` in it are letters."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]

    def prompt(self, prior_report: str | None) -> np.ndarray:
        """What comes before a report, [L] int64; without a prior report `[CLS]` and `[SEP]` alone."""
        before = self.ids(prior_report or "")
        kept = before[len(before) - self.prompt_tokens :] if len(before) > self.prompt_tokens else before
        return np.array([self.tokenizer.cls_token_id, *kept, self.end], np.int64)

    def framed(self, report: str, prior_report: str | None) -> Framed:
        """A report behind its prior report."""
        prompt = self.prompt(prior_report)
        whole = np.array([*prompt, *self.ids(report), self.end], np.int64)[: self.max_tokens + 1]
        labels = np.where(np.arange(1, len(whole)) < len(prompt), IGNORED, whole[1:])
        return Framed(whole[:-1], labels, (np.arange(len(whole) - 1) < len(prompt)).astype(np.int64))

    def text(self, ids: Sequence[int]) -> str:
        """The text of a report's tokens: in lower case but for the first letter of a sentence, as uncased pieces can tell it.

        Pieces do not say where a space was around a mark: `4 . 5` becomes 4.5, `x - ray` becomes x-ray.
        """
        text = self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for pattern, glued in _GLUED:
            text = re.sub(pattern, glued, text)
        return _SENTENCE_START.sub(lambda found: found[0].upper(), text.strip())
