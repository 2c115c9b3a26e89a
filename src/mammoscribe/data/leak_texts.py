"""Reports that two splits share: long equal texts, and texts made of sentences that nobody else's report has.

A normal report is a template that many patients share, so that two reports are equal says little; that they share
sentences which no third patient has says much. Measured on the 3,851 IU X-ray and 414 DMID reports: see
`benchmarks/leakage.py`.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator

from mammoscribe.data.leaks import Leak, Verdict, in_splits
from mammoscribe.data.sentences import sentences

LONG_TEXT_WORDS = 60
"""Equal texts of so many words are a leak whoever has them; no two IU X-ray reports of 55 words and more are equal."""
SAME_OWN_WORDS, ALIKE_OWN_WORDS = 20, 12
"""Words, in sentences which two patients have and nobody else, from which a text is a copy; is to be looked at."""
SAME_SHARE, ALIKE_SHARE = 0.9, 0.75
"""Share of the longer text, by words, that both have: from which a text is a copy; is to be looked at."""
FEWEST_PATIENTS = 100
"""Among fewer patients with a text nothing can be called rare, and only long equal texts are looked for."""
TABLES = """CREATE TABLE sentence (record INTEGER, hash INTEGER, grp INTEGER, words INTEGER, PRIMARY KEY (record, hash))
            WITHOUT ROWID;"""


def words_of(text: str) -> list[str]:
    """Words and numbers in small letters: what is left of a text when setting and punctuation do not count."""
    return re.findall(r"\w+", text.lower())


def number_of(text: str) -> int:
    """A number of 63 bits for a text; two texts of ten million have the same one with a chance of 5 in a million."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def keep_sentences(database: sqlite3.Connection, record: int, group: str, text: str) -> None:
    """Put the sentences of one record into the table `sentence`."""
    grp = number_of(group)
    found = [words for sentence in sentences(text) if (words := words_of(sentence))]
    rows = ((record, number_of(" ".join(words)), grp, len(words)) for words in found)
    database.executemany("INSERT OR IGNORE INTO sentence VALUES (?, ?, ?, ?)", rows)


def text_leaks(database: sqlite3.Connection) -> Iterator[Leak]:
    """Leaks and warnings among the texts of the tables `record` and `sentence`."""
    yield from _long_texts(database)
    yield from _own_texts(database)


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
        told = f"the same {words} words in {sum(count for _, _, count in held)} records"
        for number, (one, first, _) in enumerate(held):
            for other, second, _ in held[number + 1 :]:
                yield Leak(Verdict.LEAK, "text", first, second, in_splits(one, other), told)


def _own_texts(database: sqlite3.Connection) -> Iterator[Leak]:
    """Texts of two splits that are much alike and share sentences which no third patient has."""
    (patients,) = database.execute("SELECT COUNT(DISTINCT grp) FROM record WHERE text NOT NULL").fetchone()
    if patients < FEWEST_PATIENTS:
        return
    for one, other, own in _pairs(database):
        first, split, text, num_words = _record(database, one)
        second, other_split, other_text, _ = _record(database, other)
        equal_and_long = text == other_text and num_words >= LONG_TEXT_WORDS  # told already
        if split == other_split or split is None or other_split is None or equal_and_long:
            continue
        share = _share(database, one, other)
        if share >= ALIKE_SHARE:
            verdict = Verdict.LEAK if share >= SAME_SHARE and own >= SAME_OWN_WORDS else Verdict.WARNING
            told = f"{share:.0%} of the words in common, {own} of them in sentences that no other patient has"
            yield Leak(verdict, "text", first, second, in_splits(split, other_split), told)


def _pairs(database: sqlite3.Connection) -> list[tuple[int, int, int]]:
    """(record, record, words in sentences that their two patients have and nobody else)."""
    database.executescript("""
        CREATE INDEX by_sentence ON sentence (hash, grp);
        CREATE TABLE own AS SELECT hash, MIN(grp) AS one, MAX(grp) AS other FROM sentence GROUP BY hash
            HAVING MIN(grp) < MAX(grp) AND COUNT(DISTINCT grp) = 2;""")
    return database.execute(
        """SELECT a.record, b.record, SUM(a.words) FROM own
           JOIN sentence a ON a.hash = own.hash AND a.grp = own.one
           JOIN sentence b ON b.hash = own.hash AND b.grp = own.other
           GROUP BY a.record, b.record HAVING SUM(a.words) >= ? ORDER BY a.record, b.record""",
        (ALIKE_OWN_WORDS,),
    ).fetchall()


def _record(database: sqlite3.Connection, number: int) -> tuple[str, str | None, str, int]:
    return database.execute("SELECT id, split, text, words FROM record WHERE rowid = ?", (number,)).fetchone()


def _share(database: sqlite3.Connection, one: int, other: int) -> float:
    """Share of the longer text that stands in both, sentence by sentence, each counted once."""
    common = (
        "SELECT SUM(a.words) FROM sentence a JOIN sentence b ON a.hash = b.hash WHERE a.record = ? AND b.record = ?"
    )
    whole = "SELECT SUM(words) FROM sentence WHERE record = ?"
    lengths = [database.execute(whole, (number,)).fetchone()[0] for number in (one, other)]
    return (database.execute(common, (one, other)).fetchone()[0] or 0) / max(lengths)
