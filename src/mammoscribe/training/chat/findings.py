"""Step 2 of three: conversations about findings in pictures, from the labels of prepared mammograms."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammoscribe.data.prepared.dataset import PreparedDataset, StoredRecord
from mammoscribe.data.records import MammoExam, Turn
from mammoscribe.domain.view import Laterality
from mammoscribe.models.chat.family import Canvas
from mammoscribe.support.errors import InputError
from mammoscribe.training.chat.conversations import Conversation, Dialogue
from mammoscribe.training.chat.facts import facts_of, read_by_breast
from mammoscribe.training.chat.places import places_of
from mammoscribe.training.chat.questions import Ask, questions_of
from mammoscribe.training.chat.shown import Shown, check_prepared, current, listed, with_prior
from mammoscribe.training.several import digest_with

MOST_QUESTIONS = 10
"""Questions of one conversation."""


@dataclass(frozen=True)
class _Unit:
    """A conversation: number of its record, the breast where breasts are asked about one by one, its questions.

    Args:
        asked: numbers of the questions among all that its labels can answer.
    """

    record: int
    side: Laterality | None
    asked: tuple[int, ...] = ()


class FindingConversations:
    """Questions about findings, their places, number and change, with the answers that labels give.

    Every exam has one conversation, or each of its breasts (`by_breast`, and always where nothing is boxed). Of questions that are answered with yes or no, or with none and some, as many of either
    answer are kept in the dataset, for each kind of finding or value; a question to which the dataset has one answer only is
    left out. The prior of each view is shown behind the views where the model takes so many pictures; where it does not,
    change is not asked about.

    Args:
        dataset: of `mammoscribe data prepare`, whole or one split.
        most_pictures: that a conversation may have.
        seed: chooses questions and wordings.
        canvas: that the pictures have to be prepared on; None for `--as plain`.
        by_breast: whether a conversation is about one breast.

    Raises:
        InputError: for another preparation, or when labels answer no question.
    """

    def __init__(
        self, dataset: PreparedDataset, most_pictures: int, seed: int = 0, canvas: Canvas | None = None, by_breast: bool = False
    ) -> None:  # fmt: skip
        check_prepared(dataset, canvas)
        self._dataset, self._most, self._seed = dataset, most_pictures, seed
        self._by_breast = by_breast or read_by_breast(dataset.supervision)
        self.without_prior = 0
        found = [unit for number in range(len(dataset)) for unit in self._units(number)]
        self._chosen = _chosen(found, seed)
        if not self._chosen:
            raise InputError(
                f"the labels of {_named(dataset)} answer no question about findings",
                "mammograms with boxes, or with density, recall or cancer of breasts; of yes and no, both",
                "leave it out of step findings",
            )  # fmt: skip

    def _units(self, number: int) -> Iterator[tuple[_Unit, list[Ask]]]:
        """The conversations of a record, each with its questions."""
        stored = self._dataset[number]
        if not isinstance(stored.record, MammoExam) or not stored.pictures:
            return
        sides = tuple(Laterality) if self._by_breast else (None,)
        for side in sides:
            if current(stored, side):
                shown, left_out = self._shown(stored, side)
                self.without_prior += left_out
                yield _Unit(number, side), self._asks(stored, shown)

    def _shown(self, stored: StoredRecord, side: Laterality | None) -> tuple[tuple[Shown, ...], bool]:
        return with_prior(current(stored, side), self._dataset.prior_of(stored), self._most)

    def _asks(self, stored: StoredRecord, shown: Sequence[Shown]) -> list[Ask]:
        assert isinstance(stored.record, MammoExam)
        breasts = facts_of(stored.record, shown, self._dataset.supervision)
        return list(questions_of(breasts, compared(shown)))

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def digest(self) -> str:
        """SHA-256 of the dataset, the seed, how many pictures fit and whether breasts are asked about one by one."""
        settings = f"findings {self._seed} {self._most} {self._by_breast}"
        return digest_with(self._dataset.about["index_sha256"], settings)

    @property
    def lengths(self) -> list[int]:
        """A dozen words for each question."""
        return [12 * len(unit.asked) for unit in self._chosen]

    def __getitem__(self, number: int) -> Conversation:
        name, turns, shown = self._written(number)
        return Conversation(name, turns, tuple(s.pixels() for s in shown))

    def dialogue(self, number: int) -> Dialogue:
        """See `Conversations`; the pictures of which a place is asked are opened."""
        name, turns, shown = self._written(number)
        return Dialogue(name, turns, len(shown))

    def _written(self, number: int) -> tuple[str, tuple[Turn, ...], tuple[Shown, ...]]:
        unit = self._chosen[number]
        stored = self._dataset[unit.record]
        shown, _ = self._shown(stored, unit.side)
        asks = self._asks(stored, shown)
        rng = np.random.default_rng((self._seed, 1, *_numbers(stored, unit.side)))
        order = rng.permutation(len(unit.asked)).tolist()
        own = sorted((asks[unit.asked[place]] for place in order), key=lambda ask: ask.turn)
        places = places_of([ask.lesion for ask in own if ask.lesion is not None], shown)
        turns: list[Turn] = []
        for ask in own:
            question, answer = ask.words(rng, places)
            turns += [Turn("human", question if turns else f"{listed(shown)}\n{question}"), Turn("gpt", answer)]
        side = "" if unit.side is None else f", {unit.side.word} breast"
        return f"{stored.record.id}{side}", tuple(turns), shown


def compared(shown: Sequence[Shown]) -> frozenset[Laterality]:
    """Breasts of which every view is shown with its prior."""
    names = {prior: {s.name.removeprefix("prior ") for s in shown if s.prior is prior} for prior in (False, True)}
    sides = {side: {name for name in names[False] if name.startswith(side.word)} for side in Laterality}
    return frozenset(side for side, own in sides.items() if own and own <= names[True])


def _numbers(stored: StoredRecord, side: Laterality | None) -> tuple[int, int]:
    """What tells the random choices of conversations apart, on every machine."""
    name = hashlib.sha256(stored.record.id.encode()).digest()
    return int.from_bytes(name[:8], "big"), 0 if side is None else 1 + tuple(Laterality).index(side)


def _chosen(found: Sequence[tuple[_Unit, list[Ask]]], seed: int) -> list[_Unit]:
    """The conversations with questions of both answers in balance, at most `MOST_QUESTIONS` each; those without left out."""
    rng = np.random.default_rng((seed, 2))
    some = [
        (unit, sorted(rng.permutation(numbers)[:MOST_QUESTIONS].tolist()))
        for unit, numbers in _balanced([(unit, asks, range(len(asks))) for unit, asks in found], rng)
    ]
    asked = dict(found)
    left = _balanced([(unit, asked[unit], numbers) for unit, numbers in some], rng)
    return [replace(unit, asked=tuple(numbers)) for unit, numbers in left if numbers]


def _balanced(
    found: Sequence[tuple[_Unit, list[Ask], Sequence[int]]], rng: np.random.Generator
) -> list[tuple[_Unit, list[int]]]:
    """Of the numbered questions, as many of either answer for each topic and what it is about, by conversation."""
    places: dict[tuple[str, str], dict[bool, list[tuple[_Unit, int]]]] = {}
    for unit, asks, numbers in found:
        for number in numbers:
            ask = asks[number]
            if ask.affirms is not None:
                places.setdefault((ask.topic, ask.about), {True: [], False: []})[ask.affirms].append((unit, number))
    dropped: set[tuple[_Unit, int]] = set()
    for _, answers in sorted(places.items()):
        fewer = min(map(len, answers.values()))
        for of_answer in answers.values():
            dropped |= {of_answer[n] for n in rng.permutation(len(of_answer))[fewer:].tolist()}
    return [(unit, [n for n in numbers if (unit, n) not in dropped]) for unit, _, numbers in found]


def _named(dataset: PreparedDataset) -> str:
    folder: Path = dataset.folder
    return f"{folder}, {dataset.split} split," if dataset.split else str(folder)
