"""The leakage audit: what of one split is also in another, by patient, prior, text and picture; it fails loudly.

What is called the same was chosen on one half of the patients of RSNA, mini-MIAS and CDD-CESM and of the reports of
IU X-ray and DMID, and measured on the other: `benchmarks/leakage.py`. It cannot see that two ids are one woman when
neither a picture nor a text repeats.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.formats.spool import temporary_database
from mammoscribe.data.leakage import pictures as leak_pictures
from mammoscribe.data.leakage.leaks import Hashed, Leak, Verdict, in_splits, sorted_leaks
from mammoscribe.data.leakage.pictures import ALIKE_BITS, SAME_BITS, Files, Pictures, picture_leaks
from mammoscribe.data.leakage.texts import LONG_TEXT_WORDS, Sentences, num_short_texts, text_leaks, words_of
from mammoscribe.data.records import TextDocument, group_of, text_of
from mammoscribe.support.errors import InputError

__all__ = ["ALIKE_BITS", "LONG_TEXT_WORDS", "SAME_BITS", "Audit", "Hashed", "Leak", "Verdict", "audit"]

_TABLES = """CREATE TABLE record (id TEXT, grp TEXT, split TEXT, prior TEXT, text TEXT, words INTEGER);"""
_INDEXES = "CREATE INDEX by_id ON record (id); CREATE INDEX by_text ON record (text);"


@dataclass(frozen=True)
class Audit:
    """All that was found, worst first, and what was looked at."""

    found: tuple[Leak, ...]
    num_records: int
    num_pictures: int
    num_short_texts: int

    @property
    def clean(self) -> bool:
        """Whether there is no leak."""
        return not any(leak.verdict is Verdict.LEAK for leak in self.found)


def audit(
    catalogue: Catalogue,
    splits: Mapping[str, str],
    hashes: Iterable[Hashed] | None = None,
    on_pictures: Callable[[int], None] = lambda _: None,
) -> Audit:
    """Look for patients, priors, texts and pictures that two splits share.

    Near pictures whose hashes leave it open are opened, where their files are there.

    Args:
        catalogue: the records.
        splits: group -> split.
        hashes: of the pictures; None leaves pictures out.
        on_pictures: told how many pictures have been compared.

    Raises:
        InputError: when there is no record.
    """
    sentences = Sentences()
    with closing(temporary_database(_TABLES + leak_pictures.TABLES, cache_mb=16)) as database:
        count = _fill(database, sentences, catalogue, splits)
        if not count:
            raise InputError(f"{catalogue.folder} holds no record", "at least one")
        found = [*_unsplit(database), *_priors(database), *text_leaks(database, sentences)]
        pictures = Pictures(database, splits)
        pictures.add_all(hashes if hashes is not None else ())
        found += picture_leaks(pictures, Files(catalogue), on_pictures)
        return Audit(sorted_leaks(found), count, pictures.num_seen, num_short_texts(database))


def _fill(database: sqlite3.Connection, sentences: Sentences, catalogue: Catalogue, splits: Mapping[str, str]) -> int:
    count = 0
    for record in catalogue.records():
        group, text = group_of(record), text_of(record)
        words = words_of(text)
        prior = None if isinstance(record, TextDocument) else record.prior_id
        row = (record.id, group, splits.get(group), prior, " ".join(words) or None, len(words))
        database.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
        sentences.add(group, text)
        count += 1
    database.executescript(_INDEXES)
    return count


def _unsplit(database: sqlite3.Connection) -> Iterator[Leak]:
    found = "SELECT id, grp FROM record WHERE split IS NULL ORDER BY id"
    for name, group in database.execute(found):
        yield Leak(Verdict.LEAK, "patient", name, group, "none", "in no split; run `mammoscribe data split` again")


def _priors(database: sqlite3.Connection) -> Iterator[Leak]:
    pairs = """SELECT a.id, b.id, a.grp, b.grp, a.split, b.split FROM record a JOIN record b ON a.prior = b.id
               WHERE a.grp != b.grp ORDER BY a.id"""
    for name, prior, group, other, split, other_split in database.execute(pairs):
        verdict = Verdict.LEAK if split != other_split else Verdict.WARNING
        yield Leak(verdict, "prior", name, prior, in_splits(split, other_split), f"of patients {group} and {other}")
    missing = "SELECT a.id, a.prior FROM record a LEFT JOIN record b ON a.prior = b.id WHERE a.prior NOT NULL AND b.id IS NULL"
    for name, prior in database.execute(f"{missing} ORDER BY a.id"):
        yield Leak(Verdict.WARNING, "prior", name, prior, "none", "the prior is not in the catalogue")
