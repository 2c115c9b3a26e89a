"""Which words of a clause a fact has taken up: what is left over at the end is unread."""

from collections.abc import Iterable, Sequence
from typing import Any

from mammoscribe.reporting.lexemes import Lexeme
from mammoscribe.reporting.vocabulary import Kind

SILENT = frozenset(
    {
        Kind.FILLER, Kind.ARTICLE, Kind.PREPOSITION, Kind.VERB, Kind.BREAST, Kind.THERE,
        Kind.COMMA, Kind.AND, Kind.OR, Kind.MARK, Kind.WITH, Kind.ASSOCIATED_MARK,
    }
)  # fmt: skip
"""Kinds that join words and state nothing; such a word is unread only where it makes its clause ambiguous."""


class Ledger:
    """Words of one clause, ticked off as facts take them up.

    Args:
        words: of the clause.
        taken: places taken up already.
        unclear: places of words whose meaning is unclear; they are never taken up.
    """

    def __init__(self, words: Sequence[Lexeme], taken: Iterable[int] = (), unclear: Iterable[int] = ()) -> None:
        self.words = words
        self._taken, self._unclear = set(taken), set(unclear)

    def take(self, *places: int) -> None:
        """Tick the words off."""
        self._taken.update(places)

    def doubt(self, *places: int) -> None:
        """Call the words unclear, whatever takes them up."""
        self._unclear.update(places)

    def open(self, *kinds: Kind) -> list[tuple[int, Any]]:
        """Place and value of every word of these kinds that is neither taken up nor unclear, in order."""
        spent = self._taken | self._unclear
        return [(i, x.value) for i, x in enumerate(self.words) if x.kind in kinds and i not in spent]

    def places(self, *kinds: Kind) -> list[int]:
        """Places of all words of these kinds."""
        return [i for i, x in enumerate(self.words) if x.kind in kinds]

    def has(self, *kinds: Kind) -> bool:
        """Whether a word of these kinds is there."""
        return bool(self.places(*kinds))

    def beside(self, at: int, passing: Iterable[Kind] = (Kind.NOUN,)) -> list[int]:
        """The nearest word before and after that is not silent; words of the kinds `passing` are passed over."""
        passed = {*SILENT, *passing}
        before = next((i for i in range(at - 1, -1, -1) if self.words[i].kind not in passed), None)
        after = next((i for i in range(at + 1, len(self.words)) if self.words[i].kind not in passed), None)
        return [i for i in (before, after) if i is not None]

    def unread(self) -> list[str]:
        """Texts of the words that nothing has taken up; a noun goes with the word that it stands beside."""
        for at, partners in self.open(Kind.NOUN):
            if any(i in self._taken and self.words[i].kind in partners for i in self.beside(at)):
                self.take(at)
        return [
            x.text
            for i, x in enumerate(self.words)
            if i in self._unclear or (i not in self._taken and x.kind not in SILENT)
        ]
