"""What a clause says of its subjects: there, not there, perhaps there; and the findings it describes.

A *subject* is the noun of a finding, an associated feature, an axillary node or a management. Words of denial and doubt
act forwards on the subjects after them, `cannot be excluded` and its like backwards. Two such words without a subject
between them are a double negation: nothing is read from such a clause.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mammoscribe.domain.finding import Change, FindingType
from mammoscribe.domain.lexicon import Axis
from mammoscribe.domain.location import Location
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.reporting.clauses import LOCATION_KINDS, SUBJECTS, is_mention, kind_of
from mammoscribe.reporting.facts import Fact, FactKind, Status
from mammoscribe.reporting.lexemes import Lexeme
from mammoscribe.reporting.vocabulary import ADDS_FACTS, Kind
from mammoscribe.support.errors import InvalidNoun

_ALL_AXES = frozenset(Axis) - {Axis.COMPOSITION}
_PART_OF = {
    Kind.QUADRANT: "quadrant",
    Kind.CLOCK: "clock",
    Kind.DEPTH: "depth",
    Kind.HALF: "half",
    Kind.REGION: "region",
    Kind.DISTANCE: "nipple_distance_mm",
}


class DoubleNegation(Exception):
    """A negation is negated, or something that is no subject."""


@dataclass
class Subject:
    """A finding being put together while its clause is read."""

    at: int
    kind: FactKind
    status: Status
    descriptors: set[str] = field(default_factory=set)
    parts: dict[str, Any] = field(default_factory=dict)
    views: dict[Laterality | None, set[Projection]] = field(default_factory=dict)
    only: bool = False
    sides_mm: tuple[int, int | None] | None = None
    change: Change | None = None

    @property
    def axes(self) -> frozenset[Axis]:
        """Axes of the descriptors that the kind can have."""
        return _ALL_AXES if self.kind is FactKind.ANY_FINDING else frozenset(FindingType(self.kind.value).axes)

    def put(self, lexeme: Lexeme) -> bool:
        """Record a place, size or change; False where one is recorded already or there is no such place."""
        value = lexeme.value
        if lexeme.kind in (Kind.SIZE, Kind.CHANGE):
            name = "sides_mm" if lexeme.kind is Kind.SIZE else "change"
            if getattr(self, name) is not None:
                return False
            setattr(self, name, value)
            return True
        part = _PART_OF[lexeme.kind]
        if part in self.parts:
            return False
        try:
            Location(**{**self.parts, part: value})
        except InvalidNoun:
            return False
        self.parts[part] = value
        return True

    def seen_on(self, side: Laterality | None) -> set[Projection]:
        """Projections recorded for a breast, those of no named breast among them; without a side, all."""
        return {p for s, shown in self.views.items() if side is None or s in (side, None) for p in shown}

    def fact(self, side: Laterality | None) -> Fact:
        """The fact of one breast."""
        shown = self.seen_on(side) if side is not None else self.views.get(None, set())
        longer, shorter = self.sides_mm or (None, None)
        return Fact(
            self.status,
            self.kind,
            side,
            descriptors=frozenset(self.descriptors),
            location=Location(**self.parts),
            views=frozenset(shown),
            size_mm=longer,
            change=self.change,
            only=self.only,
            shorter_mm=shorter,
        )


@dataclass
class Statuses:
    """Status of every subject by its place, places of the words that gave it, and of words whose reach is unclear."""

    of: dict[int, Status] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    unclear: set[int] = field(default_factory=set)

    @property
    def all_negative(self) -> bool:
        """Whether there are subjects and every one is denied."""
        return bool(self.of) and all(s is Status.NEGATIVE for s in self.of.values())


def statuses_of(words: Sequence[Lexeme], inherited: Status = Status.POSITIVE, alone: bool = True) -> Statuses:
    """Statuses in one clause.

    Args:
        words: of the clause.
        inherited: status in force at its start.
        alone: whether a word that acts backwards can mean this clause only.

    Raises:
        DoubleNegation: for two operators on one subject, or a negation that meets no subject.
    """
    reader = _StatusReader(words, inherited, alone)
    for i, lexeme in enumerate(words):
        reader.take(i, lexeme)
    if reader.pending is not None:
        if reader.current is Status.NEGATIVE:
            raise DoubleNegation
        reader.found.unclear.add(reader.pending)
    return reader.found


class _StatusReader:
    def __init__(self, words: Sequence[Lexeme], inherited: Status, alone: bool) -> None:
        self.words, self.alone = words, alone
        self.found = Statuses()
        self.current, self.pending = inherited, None

    def take(self, at: int, lexeme: Lexeme) -> None:
        if lexeme.kind in (Kind.NEGATION, Kind.UNCERTAIN):
            if self._answers(at):
                self._act_backwards(at, Status.NEGATIVE)
            elif not self._limits_place(at):
                self._act_forwards(at, Status.NEGATIVE if lexeme.kind is Kind.NEGATION else Status.UNCERTAIN)
        elif lexeme.kind is Kind.INTERPRETS:
            self._interpret(at)
        elif lexeme.kind in SUBJECTS and not (lexeme.kind is Kind.HEAD and is_mention(self.words, at)):
            self.found.of[at] = self.current
            if self.pending is not None:
                self._settle(self.pending)
                self.pending = None
        elif lexeme.kind in (Kind.NEGATION_AFTER, Kind.UNCERTAIN_AFTER):
            self._act_backwards(at, Status.NEGATIVE if lexeme.kind is Kind.NEGATION_AFTER else Status.UNCERTAIN)

    def _answers(self, at: int) -> bool:
        """`masses: none`, `calcification: no`: the word denies what is before it."""
        alone = self.words[at].text in ("none", "nil") or (
            self.words[at].text == "no" and self.words[max(at - 1, 0)].kind is Kind.MARK
        )
        return alone and bool(self.found.of) and self._next_subject(at) is None

    def _settle(self, at: int, clear: bool = True) -> None:
        """The word has met its subject."""
        (self.found.taken if clear and self.words[at].text not in ADDS_FACTS else self.found.unclear).add(at)

    def _next_subject(self, at: int) -> Lexeme | None:
        return next((x for x in self.words[at + 1 :] if x.kind in SUBJECTS), None)

    def _act_forwards(self, at: int, status: Status) -> None:
        denies_adjective = self.words[at].text == "not" and any(
            x.kind is Kind.TERM for x in self.words[max(at - 2, 0) : at]
        )
        if denies_adjective or (self.pending is not None and Status.NEGATIVE in (status, self.current)):
            raise DoubleNegation
        if self.pending is not None:
            self.found.unclear.add(self.pending)
        self.current, self.pending = status, at

    def _interpret(self, at: int) -> None:
        """`findings suggest a mass` is doubt about the mass; `a mass suggests a lesion` says nothing new."""
        meant = self._next_subject(at)
        named = meant is not None and not (meant.kind is Kind.HEAD and kind_of(meant) is FactKind.ANY_FINDING)
        if self.current is Status.NEGATIVE and self.pending is None:
            self.found.taken.add(at)
        elif named or not self.found.of:
            self._act_forwards(at, Status.UNCERTAIN)
        else:
            self.found.unclear.add(at)

    def _limits_place(self, at: int) -> bool:
        """`(seen on CC) but not on MLO`: the rest of the clause is unclear, the finding is not denied by it."""
        after = next((x for x in self.words[at + 1 :] if x.kind not in (Kind.PREPOSITION, Kind.ARTICLE)), None)
        limits = after is not None and after.kind in (Kind.VIEW, Kind.PROJECTION, *LOCATION_KINDS)
        if not (limits and self.found.of and self._next_subject(at) is None):
            return False
        self.found.unclear |= set(range(at, len(self.words)))
        return True

    def _act_backwards(self, at: int, status: Status) -> None:
        """Deny or doubt the subjects before; `not seen on MLO` limits where they are seen and denies nothing."""
        if self._limits_place(at):
            return
        if not self.found.of or any(s is not Status.POSITIVE for s in self.found.of.values()):
            raise DoubleNegation
        self.found.of = dict.fromkeys(self.found.of, status)
        self._settle(at, self.alone)
