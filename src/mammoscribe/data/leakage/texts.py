"""Reports that two splits share: long equal texts, and texts made of sentences that nobody else's report has.

A normal report is a template that many patients share, so that two reports are equal says little; that they share
sentences which no third patient has says much. Measured on the 3,851 IU X-ray and 414 DMID reports: see
`benchmarks/leakage.py`.
"""

import hashlib
import re
import sqlite3
from array import array
from collections.abc import Iterator
from itertools import product

import numpy as np

from mammoscribe.data.leakage.leaks import Leak, Verdict, in_splits
from mammoscribe.data.texts.sentences import sentences

LONG_TEXT_WORDS = 60
"""Equal texts of so many words are a leak whoever has them; no two IU X-ray reports of 55 words and more are equal."""
SAME_OWN_WORDS, ALIKE_OWN_WORDS = 20, 12
"""Words, in sentences which two patients have and nobody else, from which a text is a copy; is to be looked at."""
SAME_SHARE, ALIKE_SHARE = 0.9, 0.75
"""Share of the longer text, by words, that both have: from which a text is a copy; is to be looked at."""
_MOST_OF_A_PATIENT = 32  # records of one patient with the same sentence; any more would add nothing but pairs
FEWEST_PATIENTS = 100
"""Among fewer patients with a text nothing can be called rare, and only long equal texts are looked for."""


def words_of(text: str) -> list[str]:
    """Words and numbers in small letters: what is left of a text when setting and punctuation do not count."""
    return re.findall(r"\w+", text.lower())


def number_of(text: str) -> int:
    """A number of 63 bits for a text; two texts of ten million have the same one with a chance of 5 in a million."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


class Sentences:
    """The sentences of every record as numbers, some 360 bytes a report at the most; records are numbered from 0."""

    def __init__(self) -> None:
        self._hashes, self._words, self._starts, self._groups = array("q"), array("H"), array("q", [0]), array("q")

    def add(self, group: str, text: str) -> None:
        """Take the text of the next record, "" where it has none."""
        self._groups.append(number_of(group))
        found = {" ".join(words): len(words) for sentence in sentences(text) if (words := words_of(sentence))}
        self._hashes.extend(number_of(sentence) for sentence in found)
        self._words.extend(min(count, 1000) for count in found.values())
        self._starts.append(len(self._hashes))

    @property
    def num_patients(self) -> int:
        """Groups that have a text."""
        has_text = np.diff(np.array(self._starts)) > 0
        return len(np.unique(np.array(self._groups)[has_text]))

    def pairs(self) -> list[tuple[int, int, int]]:
        """(record, record, words in sentences that their two groups have and nobody else), where these are many."""
        hashes, words = np.array(self._hashes), np.array(self._words, np.int64)
        records = np.repeat(np.arange(len(self._groups)), np.diff(np.array(self._starts)))
        groups = np.array(self._groups)[records]
        order = np.lexsort((groups, hashes))
        starts = _starts_of_runs(hashes[order])
        other_group = np.zeros(len(order), np.int64)
        other_group[1:] = groups[order[1:]] != groups[order[:-1]]
        other_group[starts[:-1]] = 0
        ones, others, shared = array("q"), array("q"), array("q")
        for run in np.flatnonzero(np.add.reduceat(other_group, starts[:-1]) == 1) if len(order) else ():
            here = slice(starts[run], starts[run + 1])
            middle = starts[run] + int(other_group[here].argmax())
            count = int(words[order[middle]])
            sides = order[starts[run] : middle], order[middle : starts[run + 1]]
            for pair in product(*(records[side[:_MOST_OF_A_PATIENT]] for side in sides)):
                ones.append(int(min(pair)))
                others.append(int(max(pair)))
                shared.append(count)
        keys, place = np.unique(np.array(ones) * len(self._groups) + np.array(others), return_inverse=True)
        total = np.bincount(place, np.array(shared), len(keys)).astype(int)
        many = total >= ALIKE_OWN_WORDS
        rows = zip(*(side.tolist() for side in np.divmod(keys[many], len(self._groups))), strict=True)
        return [(one, other, own) for (one, other), own in zip(rows, total[many].tolist(), strict=True)]

    def share(self, one: int, other: int) -> float:
        """Share of the longer text that stands in both, sentence by sentence, each counted once."""
        held = [self._of(number) for number in (one, other)]
        common = sum(count for sentence, count in held[0].items() if sentence in held[1])
        return common / max(sum(texts.values()) for texts in held)

    def _of(self, record: int) -> dict[int, int]:
        here = slice(self._starts[record], self._starts[record + 1])
        return dict(zip(self._hashes[here], self._words[here], strict=True))


def _starts_of_runs(values: np.ndarray) -> np.ndarray:
    """Where each run of equal values begins, and the end of the last; [0] of nothing."""
    if not len(values):
        return np.array([0])
    return np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1, [len(values)]])


def text_leaks(database: sqlite3.Connection, sentences_of: Sentences) -> Iterator[Leak]:
    """Leaks and warnings among the texts of the table `record`, whose rows are the records in their order."""
    yield from _long_texts(database)
    yield from _own_texts(database, sentences_of)


def num_short_texts(database: sqlite3.Connection) -> int:
    """Texts of fewer words than a long one that are equal in two splits: templates, counted and not listed."""
    counted = """SELECT COUNT(*) FROM (SELECT text FROM record WHERE text IS NOT NULL AND words < ? GROUP BY text
                 HAVING COUNT(DISTINCT split) > 1)"""
    return database.execute(counted, (LONG_TEXT_WORDS,)).fetchone()[0]


def _long_texts(database: sqlite3.Connection) -> Iterator[Leak]:
    """One line per long text and pair of splits: its first record in each."""
    shared = "SELECT text, words FROM record WHERE words >= ? GROUP BY text HAVING COUNT(DISTINCT split) > 1"
    for text, words in database.execute(shared, (LONG_TEXT_WORDS,)).fetchall():
        held = database.execute(
            "SELECT split, MIN(id), COUNT(*) FROM record WHERE text = ? AND split NOT NULL GROUP BY split ORDER BY split",
            (text,),
        ).fetchall()
        reason = f"the same {words} words in {sum(count for _, _, count in held)} records"
        for number, (one, first, _) in enumerate(held):
            for other, second, _ in held[number + 1 :]:
                yield Leak(Verdict.LEAK, "text", first, second, in_splits(one, other), reason)


def _own_texts(database: sqlite3.Connection, held: Sentences) -> Iterator[Leak]:
    """Texts of two splits that are much alike and share sentences which no third patient has."""
    if held.num_patients < FEWEST_PATIENTS:
        return
    for one, other, own in held.pairs():
        first, split, text, num_words = _record(database, one)
        second, other_split, other_text, _ = _record(database, other)
        equal_and_long = text == other_text and num_words >= LONG_TEXT_WORDS  # told already
        if split == other_split or split is None or other_split is None or equal_and_long:
            continue
        share = held.share(one, other)
        if share >= ALIKE_SHARE:
            verdict = Verdict.LEAK if share >= SAME_SHARE and own >= SAME_OWN_WORDS else Verdict.WARNING
            reason = f"{share:.0%} of the words in common, {own} of them in sentences that no other patient has"
            yield Leak(verdict, "text", first, second, in_splits(split, other_split), reason)


def _record(database: sqlite3.Connection, number: int) -> tuple[str, str | None, str, int]:
    return database.execute("SELECT id, split, text, words FROM record WHERE rowid = ?", (number + 1,)).fetchone()
