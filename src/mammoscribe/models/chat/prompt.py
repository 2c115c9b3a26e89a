"""A conversation as tokens, with a mask of what is learned: the answers and their end tokens, and nothing else."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mammoscribe.data.exchange.prompts import IMAGE_TOKEN
from mammoscribe.data.records import Turn
from mammoscribe.models.chat.family import Family, ImagePolicy
from mammoscribe.models.chat.montage import place_words
from mammoscribe.support.errors import InputError

IGNORED = -100
"""Label of a token that is not learned."""
_SHOWN = 60


@dataclass(frozen=True)
class Encoded:
    """A conversation as tokens.

    Args:
        ids: [T], the tokens of each picture in their place.
        labels: [T], the token itself where it is learned, IGNORED elsewhere.
    """

    ids: np.ndarray
    labels: np.ndarray

    @property
    def num_learned(self) -> int:
        """Tokens that are learned."""
        return int((self.labels != IGNORED).sum())


@dataclass(frozen=True)
class Prompter:
    """Makes conversations of one model tokens.

    Args:
        tokenizer: of `transformers`.
        family: whose template it is.
        max_tokens: of one conversation with its pictures; a longer one is an error and never cut.
    """

    tokenizer: Any
    family: Family
    max_tokens: int

    @cached_property
    def image_id(self) -> int:
        """Id of the token that stands for a part of a picture."""
        return int(self.tokenizer.convert_tokens_to_ids(self.family.image_token))

    @cached_property
    def end_id(self) -> int:
        """Id of the token that ends an answer."""
        return int(self.tokenizer.convert_tokens_to_ids(self.family.template.end))

    @cached_property
    def _begin_id(self) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(self.family.template.begin))

    @cached_property
    def _reserved(self) -> tuple[str, ...]:
        """Texts that the tokeniser takes for a token with a meaning, wherever they are written."""
        added = [str(t.content) for t in self.tokenizer.added_tokens_decoder.values() if t.special]
        return tuple(
            sorted({*added, *self.tokenizer.all_special_tokens, self.family.image_token}, key=len, reverse=True)
        )

    def learned(self, turns: Sequence[Turn], image_tokens: Sequence[int], name: str) -> Encoded:
        """A conversation that ends with an answer, and what of it is learned.

        Args:
            turns: a system turn at most, then questions and answers in turn.
            image_tokens: tokens of each picture, in the order of their `<image>`.
            name: of the sample, for errors.

        Raises:
            InputError: naming the sample, when it is too long, holds what the tokeniser takes for a token of its own, has
                not as many `<image>` as pictures, or when the tokens of an answer do not give back its text.
        """
        if not turns or turns[-1].speaker != "gpt":
            raise InputError(f"{name} ends with a question", "an answer to learn")
        pieces = self._pieces(turns, name)
        whole = self._ids("".join(pieces))
        labels = np.full(len(whole), IGNORED, np.int64)
        text = ""
        for number, piece in enumerate(pieces):
            if number % 2:
                first, last = len(self._prefix(text, whole, name)), len(self._prefix(text + piece, whole, name))
                labels[first:last] = whole[first:last]
                self._check_answer(whole[first:last], self._answer_of(turns, number), name)
            text += piece
        return self._expanded(Encoded(whole, labels), image_tokens, self._marks(turns), name)

    def asked(self, turns: Sequence[Turn], image_tokens: Sequence[int], name: str) -> np.ndarray:
        """[T]: the tokens of a conversation that ends with a question, up to where the answer begins; errors as `learned`."""
        if not turns or turns[-1].speaker != "human":
            raise InputError(f"{name} ends with an answer", "a question")
        ids = self._ids("".join(self._pieces(turns, name)))
        encoded = Encoded(ids, np.full(len(ids), IGNORED, np.int64))
        return self._expanded(encoded, image_tokens, self._marks(turns), name).ids

    def _pieces(self, turns: Sequence[Turn], name: str) -> list[str]:
        """What is written before an answer, and an answer with its end token, in turn."""
        template, spoken = self.family.template, [turn for turn in turns if turn.speaker != "system"]
        system = turns[0].text.strip() if turns[0].speaker == "system" else template.system
        pieces, before = [], template.beginning(self._safe(system, name))
        asked = iter(self._shown([turn.text.strip() for turn in spoken if turn.speaker == "human"]))
        for turn in spoken:
            text = self._safe(turn.text.strip(), name)
            if turn.speaker == "human":
                pieces.append(before + template.asked.replace("{text}", next(asked)))
            else:
                pieces.append(template.answered.replace("{text}", text) + template.end)
                before = template.between
        return pieces

    @property
    def _is_montage(self) -> bool:
        return self.family.policy is ImagePolicy.MONTAGE

    @staticmethod
    def _marks(turns: Sequence[Turn]) -> int:
        return sum(turn.text.count(IMAGE_TOKEN) for turn in turns if turn.speaker == "human")

    def _shown(self, asked: Sequence[str]) -> list[str]:
        """Questions with the model's own text in place of each `<image>`.

        In a montage of several views the token of the picture is at the beginning of the first question that shows one, as
        the published chat template has it, and each `<image>` becomes the place of its view in the picture.
        """
        marks = sum(text.count(IMAGE_TOKEN) for text in asked)
        if not self._is_montage or marks < 2:
            return [text.replace(IMAGE_TOKEN, self.family.image_text) for text in asked]
        places = iter(place_words(marks))
        first = next(n for n, text in enumerate(asked) if IMAGE_TOKEN in text)
        placed = [re.sub(re.escape(IMAGE_TOKEN), lambda _: next(places), text) for text in asked]
        return [self.family.image_text + text if n == first else text for n, text in enumerate(placed)]

    def _safe(self, text: str, name: str) -> str:
        """The text, when nothing in it but `<image>` is a token with a meaning."""
        plain = text.replace(IMAGE_TOKEN, "")
        found = next((mark for mark in self._reserved if mark in plain), None)
        if found is not None:
            raise InputError(f"{name} holds {found}, which the model takes for a token", "text without it", "remove it")
        return text

    @staticmethod
    def _answer_of(turns: Sequence[Turn], number: int) -> str:
        spoken = [turn for turn in turns if turn.speaker != "system"]
        return spoken[number].text.strip()

    def _ids(self, text: str) -> np.ndarray:
        """The tokens of a text from the beginning of a conversation.

        A tokeniser that put the first token there by its Python code in transformers 4 (DeepSeek-VL's) does not in 5.
        """
        ids = self.tokenizer(text, verbose=False)["input_ids"]
        if self.family.template.begin and ids[:1] != [self._begin_id]:
            ids = [self._begin_id, *ids]
        return np.asarray(ids, np.int64)

    def _prefix(self, text: str, whole: np.ndarray, name: str) -> np.ndarray:
        """The tokens of the beginning of a text, which have to be the beginning of its tokens.

        What is asked when reports are written is then what was learned.
        """
        ids = self._ids(text)
        if len(ids) > len(whole) or not np.array_equal(ids, whole[: len(ids)]):
            raise InputError(
                f"{name}: the tokens up to {text[-20:]!r} change with what follows",
                "a tokeniser that keeps the boundary between question and answer", "report this sample",
            )  # fmt: skip
        return ids

    def _check_answer(self, ids: np.ndarray, answer: str, name: str) -> None:
        text = self.tokenizer.decode(ids[:-1].tolist(), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if ids[-1] != self.end_id or _same(text) != _same(answer):
            raise InputError(
                f"{name}: the tokens of the answer {answer[:_SHOWN]!r} give {text.strip()[:_SHOWN]!r}",
                "the same text and an end token", "write it with characters that the tokeniser knows",
            )  # fmt: skip

    def _expanded(self, encoded: Encoded, image_tokens: Sequence[int], marks: int, name: str) -> Encoded:
        """Each picture's token as often as the picture has tokens."""
        ids, labels = encoded.ids, encoded.labels
        places = ids == self.image_id
        shown = marks if self._is_montage else int(places.sum())
        if shown != len(image_tokens):
            raise InputError(f"{name} has {shown} {IMAGE_TOKEN} for {len(image_tokens)} pictures", "one for each")
        if len(image_tokens) > self.family.most_images:
            found = f"{name} has {len(image_tokens)} pictures"
            raise InputError(found, f"at most {self.family.most_images} for {self.family.name}")
        times = np.ones(len(ids), np.int64)
        times[places] = max(1, sum(image_tokens)) if self._is_montage else image_tokens
        total = int(times.sum())
        if total > self.max_tokens:
            raise InputError(
                f"{name} has {total} tokens, {sum(image_tokens)} of them of {len(image_tokens)} pictures",
                f"at most {self.max_tokens}; nothing is cut off",
                "allow more (max_tokens), or show fewer or smaller pictures",
            )  # fmt: skip
        return Encoded(np.repeat(ids, times), np.repeat(labels, times))


def _same(text: str) -> str:
    """What two writings of one text share: no space around it, and composed characters."""
    return unicodedata.normalize("NFC", text.strip())
