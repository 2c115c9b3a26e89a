"""Pictures that two splits share: near by their hash, and where that is not enough, laid over each other."""

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mammoscribe.data.catalogue import Catalogue
from mammoscribe.data.leakage.leaks import Hashed, Leak, Verdict, in_splits
from mammoscribe.data.leakage.near_hashes import near_hashes
from mammoscribe.data.leakage.texts import number_of
from mammoscribe.data.records import TextDocument
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.likeness import likeness, small_picture
from mammoscribe.imaging.perceptual import BLANK, HASH_BYTES
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import sha256_of

SAME_BITS, ALIKE_BITS = 28, 46
"""Hashes that differ in at most so many of 256 bits: the same picture; one that must be looked at."""
LIKENESS = 0.53
"""`imaging.likeness` from which two pictures that must be looked at are the same."""
MOST_OPENED = 1000
"""Pairs of pictures that are opened; any more remain for a person to look at."""
TABLES = "CREATE TABLE picture (record TEXT, grp TEXT, path TEXT);"


@dataclass(frozen=True)
class Pair:
    """Two pictures by their number, the bits in which their hashes differ, and whether one of them is mirrored."""

    one: int
    other: int
    bits: int
    mirrored: bool = False


class Pictures:
    """Pictures with their hash: names in a database, hash, group and split in memory (some 50 bytes a picture).

    Args:
        database: with the table `picture`.
        splits: group -> split.
    """

    def __init__(self, database: sqlite3.Connection, splits: Mapping[str, str]) -> None:
        self._database, self._splits = database, splits
        self._hashes, self._groups, self._parts = bytearray(), array("q"), array("q")
        self.num_seen = 0

    def add_all(self, hashes: Iterable[Hashed]) -> None:
        """Take all but the blank ones, which are like nothing."""
        for record, group, path, value in hashes:
            self.num_seen += 1
            if value != BLANK:
                self._database.execute("INSERT INTO picture VALUES (?, ?, ?)", (record, group, path))
                self._hashes += value
                self._groups.append(number_of(group))
                self._parts.append(number_of(self._splits.get(group, "")))

    def name(self, number: int) -> tuple[str, str, str]:
        """(record id, group, path)."""
        found = "SELECT record, grp, path FROM picture WHERE rowid = ?"
        return self._database.execute(found, (number + 1,)).fetchone()

    def split(self, number: int) -> str | None:
        """The split of its group, None when it has none."""
        return self._splits.get(self.name(number)[1])

    def near(self, on_share: Callable[[float], None]) -> Iterator[Pair]:
        """Near pictures, those of one group only where their hashes are equal.

        Of many equal ones each comes with one other, of another split where there is one: every picture that leaks is
        in a pair, though not in every pair.
        """
        if not self._groups:
            return
        hashes = np.frombuffer(bytes(self._hashes), np.uint8).reshape(-1, HASH_BYTES)
        words = hashes.view(np.uint64)
        order = np.lexsort(words.T)  # stable, so the first of equal ones comes first
        new = np.any(words[order[1:]] != words[order[:-1]], axis=1)
        starts = np.concatenate([[0], np.flatnonzero(new) + 1, [len(order)]])
        for run in np.flatnonzero(np.diff(starts) > 1):
            yield from self._equal(order[starts[run] : starts[run + 1]].tolist())
        distinct = hashes[order[starts[:-1]]]
        for ones, others, apart, mirrored in near_hashes(distinct, ALIKE_BITS, on_share):
            for one, other, bits in zip(ones, others, apart, strict=True):
                left, right = (order[starts[n] : starts[n + 1]].tolist() for n in (one, other))
                pairs = self._partners(left, right) | self._partners(right, left)
                yield from (Pair(*pair, int(bits), mirrored) for pair in sorted(pairs))

    def _equal(self, run: list[int]) -> Iterator[Pair]:
        first: dict[int, int] = {}
        for number in run:
            if first.setdefault(self._groups[number], number) != number:
                yield Pair(first[self._groups[number]], number, 0)
        yield from (Pair(*pair, 0) for pair in sorted(self._partners(run, run)))

    def _partners(self, some: Sequence[int], others: Sequence[int]) -> set[tuple[int, int]]:
        """Each of some with one of the others that is of another group, of another split where there is one."""
        kept: dict[int, list[int]] = {}
        for number in others:  # of each split, two of different groups are enough to choose from
            held = kept.setdefault(self._parts[number], [])
            if not held or (len(held) == 1 and self._groups[held[0]] != self._groups[number]):
                held.append(number)
        chosen = [number for held in kept.values() for number in held]
        pairs = set()
        for number in some:
            able = [other for other in chosen if self._groups[other] != self._groups[number]]
            if able:
                other = next((o for o in able if self._parts[o] != self._parts[number]), able[0])
                pairs.add((min(number, other), max(number, other)))
        return pairs


class Files:
    """The files of a catalogue, opened to look at two pictures; whatever cannot be opened is None."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._frames: dict[tuple[str, str], set[int]] | None = None
        self.num_opened = 0

    def equal(self, one: str, other: str) -> bool:
        """Whether two files hold the same bytes; False when one is not there."""
        paths = [self._catalogue.root / path for path in (one, other)]
        try:
            return paths[0].stat().st_size == paths[1].stat().st_size and sha256_of(paths[0]) == sha256_of(paths[1])
        except OSError:
            return False

    def likeness(self, one: tuple[str, str, str], other: tuple[str, str, str]) -> float | None:
        """How like two pictures (record, group, path) are, mirrored or not; None when they cannot be opened."""
        if self.num_opened >= MOST_OPENED:
            return None
        self.num_opened += 1
        small = [self._small(record, path) for record, _, path in (one, other)]
        if small[0] is None or small[1] is None:
            return None
        return max(likeness(small[0], small[1]), likeness(small[0], small[1][:, ::-1]))

    def _small(self, record: str, path: str) -> np.ndarray | None:
        frames = self._frames_of(record, path)
        if len(frames) != 1:  # which frame of a file with several was hashed is not known
            return None
        try:
            return small_picture(decode(self._catalogue.root / path, *frames).pixels)
        except (InputError, OSError):
            return None

    def _frames_of(self, record: str, path: str) -> set[int]:
        if self._frames is None:
            self._frames = {}
            for listed in self._catalogue.records():
                images = () if isinstance(listed, TextDocument) else listed.images
                if any(getattr(image, "frame", 0) for image in images):
                    for image in images:
                        frames = self._frames.setdefault((listed.id, image.path or ""), set())
                        frames.add(getattr(image, "frame", 0))
        return self._frames.get((record, path), {0})


def picture_leaks(pictures: Pictures, files: Files, on_pictures: Callable[[int], None]) -> Iterator[Leak]:
    """Every near pair with what it means; `on_pictures` is told how many pictures have been compared."""
    pairs = list(pictures.near(lambda share: on_pictures(round(share * pictures.num_seen))))
    for pair in pairs:
        leak = _same_group(pictures, pair, files) or _two_groups(pictures, pair, files)
        if leak is not None:
            yield leak


def _same_group(pictures: Pictures, pair: Pair, files: Files) -> Leak | None:
    """A note where two files of one patient are equal byte for byte."""
    one, other = pictures.name(pair.one), pictures.name(pair.other)
    if one[1] != other[1] or one[2] == other[2] or not files.equal(one[2], other[2]):
        return None
    split = pictures.split(pair.one)
    reason = f"the same file, byte for byte, twice of patient {one[1]}"
    return Leak(Verdict.NOTE, "file", one[2], other[2], in_splits(split, split), reason)


def _two_groups(pictures: Pictures, pair: Pair, files: Files) -> Leak | None:
    """A leak, warning or note where two pictures of different patients are near."""
    one, other = pictures.name(pair.one), pictures.name(pair.other)
    if one[1] == other[1]:
        return None
    splits, same = (pictures.split(pair.one), pictures.split(pair.other)), pair.bits <= SAME_BITS
    reasons = [f"{pair.bits} of 256 bits differ" + (", mirrored" if pair.mirrored else "")]
    if pair.bits == 0 and (one[2] == other[2] or files.equal(one[2], other[2])):
        reasons = ["0 of 256 bits differ, the same file byte for byte"]
    reasons.append(f"patients {one[1]} and {other[1]}")
    if splits[0] == splits[1]:
        return Leak(Verdict.NOTE, "picture", one[2], other[2], in_splits(*splits), "; ".join(reasons)) if same else None
    verdict = Verdict.LEAK if same else Verdict.WARNING
    if not same and (like := files.likeness(one, other)) is not None:
        verdict = Verdict.LEAK if like >= LIKENESS else Verdict.NOTE
        reasons.append(f"laid over each other they correlate by {like:.2f}")
    return Leak(verdict, "picture", one[2], other[2], in_splits(*splits), "; ".join(reasons))
