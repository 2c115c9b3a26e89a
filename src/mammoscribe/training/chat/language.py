"""Step 1 of three: conversations about texts alone, from the reports and documents of any prepared dataset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammoscribe.data.exchange.prompts import IMAGE_TOKEN
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.records import Record, Turn
from mammoscribe.data.texts.sentences import sentences
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.conversations import Conversation, Dialogue
from mammoscribe.training.several import digest_with
from mammoscribe.training.text.texts import record_text, section_pair, text_key

TEXT, CONTINUED, IMPRESSION = range(3)
"""What is asked: a text from its kind alone, the rest of a text, the impression of findings."""
ASKED = {
    TEXT: ("Write a medical text.", "Write a text as it is found in a medical record or paper."),
    CONTINUED: ("Continue this text:\n{given}", "How does this text go on?\n{given}"),
    IMPRESSION: ("Write the impression of a report with these findings:\n{given}", "Findings:\n{given}\nWhat is the impression?"),
}  # fmt: skip


@dataclass(frozen=True)
class _Unit:
    """A conversation: number of its record, what is asked, and of which piece of the text."""

    record: int
    asked: int
    piece: int = 0


class LanguageConversations:
    """Texts as conversations without pictures, in the order of the dataset.

    Each piece of a text is learned once as a whole, and once from its first sentences on where it has several; the impression
    of a report, from its findings.

    Args:
        dataset: of any preparation, whole or one split.
        most_words: of a piece; a longer text is learned in several, cut between sentences.
        seed: chooses wordings and where a text goes on.

    Raises:
        InputError: when no record has a text.
    """

    def __init__(self, dataset: PreparedDataset, most_words: int, seed: int = 0) -> None:
        self._dataset, self._words, self._seed = dataset, most_words, seed
        units = [
            (unit, size)
            for number, stored in enumerate(dataset)
            for unit, size in _units(number, stored.record, most_words)
        ]
        if not units:
            folder: Path = dataset.folder
            where = f"{folder}, {dataset.split} split," if dataset.split else folder
            raise InputError(f"{where} has no text", "reports or documents", "leave it out of step language")
        self._units = [unit for unit, _ in units]
        self.lengths = [-size for _, size in units]

    def __len__(self) -> int:
        return len(self._units)

    @property
    def digest(self) -> str:
        """SHA-256 of the dataset, the seed and the length of a piece."""
        return digest_with(self._dataset.about["index_sha256"], f"language {self._seed} {self._words}")

    def __getitem__(self, number: int) -> Conversation:
        dialogue = self.dialogue(number)
        return Conversation(dialogue.name, dialogue.turns, ())

    def dialogue(self, number: int) -> Dialogue:
        """See `Conversations`."""
        unit = self._units[number]
        record = self._dataset[unit.record].record
        rng = np.random.default_rng((self._seed, text_key(record.id), unit.asked, unit.piece))
        given, answer = _parts(record, unit, self._words, rng)
        asked = ASKED[unit.asked][int(rng.integers(len(ASKED[unit.asked])))]
        return Dialogue(record.id, (Turn("human", asked.replace("{given}", given)), Turn("gpt", answer)), 0)


def _units(number: int, record: Record, most_words: int) -> Iterator[tuple[_Unit, int]]:
    """The conversations of a record with their words."""
    for place, piece in enumerate(pieces(_text(record), most_words)):
        yield _Unit(number, TEXT, place), len(piece.split())
        if len(sentences(piece)) > 1:
            yield _Unit(number, CONTINUED, place), len(piece.split())
    size = sum(len(text.split()) for text in _pair(record))
    if 0 < size <= most_words:
        yield _Unit(number, IMPRESSION), size


def _text(record: Record) -> str:
    """The text of a record; what stands for a picture in conversations is no part of it."""
    return record_text(record).replace(IMAGE_TOKEN, " ").strip()


def _pair(record: Record) -> tuple[str, ...]:
    """Findings and impression, or nothing."""
    pair = section_pair(record)
    return () if pair is None else tuple(t.replace(IMAGE_TOKEN, " ") for t in (pair.findings, pair.impression))


def _parts(record: Record, unit: _Unit, most_words: int, rng: np.random.Generator) -> tuple[str, str]:
    """What is given, and what is learned."""
    if unit.asked == IMPRESSION:
        findings, impression = _pair(record)
        return findings, impression
    piece = pieces(_text(record), most_words)[unit.piece]
    if unit.asked == TEXT:
        return "", piece
    own = sentences(piece)
    first = int(rng.integers(1, len(own)))
    return " ".join(own[:first]), " ".join(own[first:])


def pieces(text: str, most_words: int) -> list[str]:
    """A text in pieces of at most so many words: as it is where it is short, else cut between sentences, or between words.

    Only a sentence that is longer than a piece by itself is cut inside.
    """
    if len(text.split()) <= most_words:
        return [text] if text else []
    found: list[str] = []
    own: list[str] = []
    for part in _short(sentences(text), most_words):
        if own and sum(len(p.split()) for p in own) + len(part.split()) > most_words:
            found.append(" ".join(own))
            own = []
        own.append(part)
    return [*found, " ".join(own)]


def _short(parts: Sequence[str], most_words: int) -> Iterator[str]:
    for part in parts:
        words = part.split()
        for first in range(0, len(words), most_words):
            yield " ".join(words[first : first + most_words])
