"""Headings that are misspelt, cut off or printed letter by letter, and the known ones that they mean."""

from collections.abc import Sequence
from functools import lru_cache

MIN_LETTERS, MANY_LETTERS = 6, 12
"""A shorter word is like too many others; in a longer one two letters may be wrong."""
_OTHER_WORDS = frozenset(
    ["presion", "pressao", "position", "studio", "contract", "protection", "binding", "clinic", "version"]
)
"""Words that are one letter or two from a heading and mean something else."""


class Alike:
    """Finds the one heading that a word must mean, among those of one language."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = tuple(known)
        self._joined = {heading.replace(" ", ""): heading for heading in known}
        self.meant_by = lru_cache(4096)(self._meant_by)

    def _meant_by(self, word: str, is_upper: bool) -> str | None:
        """The heading that `word` (in small letters without accents) means, None where there is none or more than one.

        Args:
            word: one letter is wrong, missing, too many or in the place of its neighbour (two in a long heading); or the
                first letters are cut off (two, one where it is not in capitals), or its last (up to three of a long one);
                or there is a space between each two of its letters.
            is_upper: whether it is in capitals.
        """
        letters = word.split(" ")
        if len(letters) > 3 and all(len(letter) == 1 for letter in letters):
            return self._joined.get("".join(letters))
        if len(word.replace(" ", "")) < MIN_LETTERS or word in _OTHER_WORDS:
            return None
        found = [
            heading
            for heading in self._known
            if _is_cut(word, heading, 2 if is_upper else 1) or _is_near(word, heading)
        ]
        return min(found, key=lambda heading: (distance(word, heading), heading)) if found else None


def _is_cut(word: str, heading: str, max_first: int) -> bool:
    lost = len(heading) - len(word)
    return (0 < lost <= max_first and heading.endswith(word)) or (
        0 < lost <= 3 and len(word) > 6 and heading.startswith(word)
    )


def _is_near(word: str, heading: str) -> bool:
    """Whether a word is a heading with one letter wrong, or two in a long one."""
    if abs(len(word) - len(heading)) > 2 or len(heading) < MIN_LETTERS:
        return False
    return distance(word, heading) <= (2 if len(heading) >= MANY_LETTERS else 1)


def distance(first: str, second: str) -> int:
    """How many letters must be changed, left out, put in or exchanged with their neighbour to make one of the other.

    The optimal string alignment distance (Damerau 1964, doi:10.1145/363958.363994).
    """
    before: list[int] = []
    last = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        row = [i]
        for j, b in enumerate(second, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
