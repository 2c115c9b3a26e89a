"""The leakage audit: what of one split is also in another, by patient, text and picture; it fails loudly.

Measured on RSNA, mini-MIAS and CDD-CESM (benchmarks/leakage.py): the pictures of two patients differ in at least 30 of the
256 bits of their hash; a resized, recompressed or brightened copy in at most 5.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.records import Record, TextDocument, group_of, text_of
from mammoscribe.data.spool import temporary_database
from mammoscribe.imaging.perceptual import BLANK, HASH_BYTES
from mammoscribe.support.errors import InputError

SAME_BITS, ALIKE_BITS = 16, 24
"""Hashes that differ in at most so many of 256 bits: the same picture; one that a person should look at."""
LONG_TEXT_WORDS = 60
"""Equal texts of so many words in two splits are a leak; shorter ones are common phrases (no two of the 3,851 IU X-ray
reports of 55 words and more are equal, 945 shorter ones are)."""
BLOCK = 2048
_MIRRORED_BITS = np.tile(np.arange(16) % 2 == 1, 16)
"""Bits that turn over when a picture is mirrored left to right: odd numbers of half waves across."""

Hashed = tuple[str, str, str, bytes]
"""(record id, group, path, perceptual hash)."""


class Verdict(StrEnum):
    """How bad it is."""

    LEAK = "leak"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Leak:
    """Something that two records share and should not.

    Args:
        verdict: a leak makes the audit fail, a warning is for a person to look at, a note is about one split.
        what: `patient`, `prior`, `text` or `picture`.
        first, second: record ids, or paths of pictures.
        splits: the two splits, `train and test`.
        detail: what exactly.
    """

    verdict: Verdict
    what: str
    first: str
    second: str
    splits: str
    detail: str


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
    """Look for patients, priors, long equal texts and near-equal pictures that two splits share.

    Args:
        catalogue: the records.
        splits: group -> split.
        hashes: of the pictures; None leaves pictures out.
        on_pictures: told how many pictures have been compared.

    Raises:
        InputError: when there is no record.
    """
    database = temporary_database(
        "CREATE TABLE record (id TEXT, grp TEXT, split TEXT, prior TEXT, text TEXT, words INTEGER);", cache_mb=16
    )
    rows = (_row(record, splits) for record in catalogue.records())
    database.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", rows)
    (count,) = database.execute("SELECT COUNT(*) FROM record").fetchone()
    if not count:
        raise InputError(f"{catalogue.folder} holds no record", "at least one")
    database.executescript("CREATE INDEX by_id ON record (id); CREATE INDEX by_text ON record (text);")
    found = [*_unsplit(database), *_priors(database), *_texts(database)]
    (short,) = database.execute(_SHORT, (LONG_TEXT_WORDS,)).fetchone()
    database.close()
    pictures = list(hashes) if hashes is not None else []
    found += _pictures(pictures, splits, on_pictures)
    order = list(Verdict)
    found.sort(key=lambda leak: (order.index(leak.verdict), leak.what, leak.first, leak.second))
    return Audit(tuple(found), count, len(pictures), short)


def _row(record: Record, splits: Mapping[str, str]) -> tuple[object, ...]:
    group = group_of(record)
    words = re.findall(r"\w+", text_of(record).lower())
    prior = None if isinstance(record, TextDocument) else record.prior_id
    return record.id, group, splits.get(group), prior, " ".join(words) or None, len(words)


def _unsplit(database) -> Iterator[Leak]:
    found = "SELECT id, grp FROM record WHERE split IS NULL ORDER BY id"
    for name, group in database.execute(found):
        yield Leak(Verdict.LEAK, "patient", name, group, "none", "in no split; run `mammoscribe data split` again")


_SHORT = """SELECT COUNT(*) FROM (SELECT text FROM record WHERE text IS NOT NULL AND words < ? GROUP BY text
            HAVING COUNT(DISTINCT split) > 1)"""


def _priors(database) -> Iterator[Leak]:
    pairs = """SELECT a.id, b.id, a.grp, b.grp, a.split, b.split FROM record a JOIN record b ON a.prior = b.id
               WHERE a.grp != b.grp ORDER BY a.id"""
    for name, prior, group, other, split, other_split in database.execute(pairs):
        verdict = Verdict.LEAK if split != other_split else Verdict.WARNING
        yield Leak(verdict, "prior", name, prior, f"{split} and {other_split}", f"of patients {group} and {other}")
    missing = "SELECT a.id, a.prior FROM record a LEFT JOIN record b ON a.prior = b.id WHERE a.prior NOT NULL AND b.id IS NULL"
    for name, prior in database.execute(f"{missing} ORDER BY a.id"):
        yield Leak(Verdict.WARNING, "prior", name, prior, "none", "the prior is not in the catalogue")


def _texts(database) -> Iterator[Leak]:
    """One line per long text and pair of splits: its first record in each."""
    shared = """SELECT text, words FROM record WHERE words >= ? GROUP BY text HAVING COUNT(DISTINCT split) > 1
                ORDER BY MIN(rowid)"""
    for text, words in database.execute(shared, (LONG_TEXT_WORDS,)).fetchall():
        held = database.execute(
            "SELECT split, MIN(id), COUNT(*) FROM record WHERE text = ? GROUP BY split", (text,)
        ).fetchall()
        total = sum(count for _, _, count in held)
        (one, first, _), (other, second, _) = sorted(held, key=lambda h: str(h[0]))[:2]
        yield Leak(
            Verdict.LEAK, "text", first, second, f"{one} and {other}", f"the same {words} words in {total} records"
        )


def _pictures(pictures: list[Hashed], splits: Mapping[str, str], on_pictures: Callable[[int], None]) -> list[Leak]:
    known = [p for p in pictures if p[3] != BLANK]
    if len(known) < 2:
        return []
    found = []
    for i, j, distance, mirrored in near_pairs([p[3] for p in known], [p[1] for p in known], on_pictures):
        found.append(_picture_leak(known[i], known[j], distance, mirrored, splits))
    return found


def _picture_leak(a: Hashed, b: Hashed, distance: int, mirrored: bool, splits: Mapping[str, str]) -> Leak:
    one, other = splits.get(a[1], "none"), splits.get(b[1], "none")
    same = distance <= SAME_BITS
    verdict = Verdict.NOTE if one == other else Verdict.LEAK if same else Verdict.WARNING
    words = f"{distance} of 256 bits differ{', mirrored' if mirrored else ''}; patients {a[1]} and {b[1]}"
    return Leak(verdict, "picture", a[2], b[2], f"{one} and {other}", words)


def near_pairs(
    hashes: list[bytes], groups: list[str], on_pictures: Callable[[int], None] = lambda _: None, limit: int = ALIKE_BITS
) -> Iterator[tuple[int, int, int, bool]]:
    """(i, j, bits that differ, whether mirrored) of every two pictures of different groups with at most `limit` such bits.

    Exact: every pair is compared, block by block, as a product of signs (256 minus twice the bits that differ).
    """
    bits = np.unpackbits(np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, HASH_BYTES), axis=1)
    signs = bits.astype(np.float32) * 2 - 1
    mirror = np.where(_MIRRORED_BITS, -1, 1).astype(np.float32)
    numbers = np.unique(np.array(groups), return_inverse=True)[1]
    enough = 8 * HASH_BYTES - 2 * limit
    for start in range(0, len(signs), BLOCK):
        rows = signs[start : start + BLOCK]
        turned = rows * mirror
        for other in range(start, len(signs), BLOCK):
            columns = signs[other : other + BLOCK]
            plain, flipped = rows @ columns.T, turned @ columns.T
            best = np.maximum(plain, flipped)
            for i, j in np.argwhere(best >= enough):
                a, b = start + int(i), other + int(j)
                if a < b and numbers[a] != numbers[b]:
                    yield a, b, int(256 - best[i, j]) // 2, bool(flipped[i, j] > plain[i, j])
        on_pictures(min(len(signs), start + BLOCK))
