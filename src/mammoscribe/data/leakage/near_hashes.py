"""Finding near-equal hashes among many: all pairs of a few thousand, tables of some bits for a million."""

from collections.abc import Callable, Iterator
from math import ceil, comb, log, log2

import numpy as np

from mammoscribe.imaging.perceptual import HASH_BYTES, MIRRORED

BITS = 8 * HASH_BYTES
ALL_PAIRS = 16_384
"""Up to so many hashes every pair is compared; beyond, those that agree in one of many tables."""
FOUND = 0.99
"""Share of pairs at the limit itself that the tables find; nearer ones are missed less often, see `found_share`."""
_BLOCK, _CANDIDATES = 1024, 1 << 20
_PAIRS, _FOURS, _EIGHTS, _ONES = (np.uint64(b * 0x0101010101010101) for b in (0x55, 0x33, 0x0F, 0x01))
_SEED = 20  # of the choice of bits: fixed, so that an audit gives the same answer every time

Near = tuple[np.ndarray, np.ndarray, np.ndarray, bool]
"""(numbers of one, numbers of the other, bits that differ, whether the other was mirrored)."""


def near_hashes(
    hashes: np.ndarray, limit: int, on_share: Callable[[float], None] = lambda _: None, all_pairs: int = ALL_PAIRS
) -> Iterator[Near]:
    """Every two hashes with at most `limit` bits that differ, as they are or with one of them mirrored.

    Above `all_pairs` hashes, only pairs that agree in all bits of one of many tables are compared (locality-sensitive
    hashing by sampled bits, Indyk and Motwani 1998; the bits of a table are one band of a shuffled hash, so that bands
    of one shuffle overlap nowhere). Memory: some 200 bytes a hash.

    Args:
        hashes: uint8 [N, 32], all different.
        limit: 0 to 255 bits.
        on_share: told the share that is done, 0 to 1.
        all_pairs: see above.

    Yields:
        Each pair once, by numbers of rows, the smaller one first; mirrored only where that is nearer.
    """
    if len(hashes) <= all_pairs:
        yield from _by_all_pairs(hashes, limit, on_share)
        return
    words = np.ascontiguousarray(hashes).view(np.uint64)
    for mirrored in (False, True):
        yield from _by_tables(hashes, words, limit, mirrored, lambda s, m=mirrored: on_share((s + m) / 2))


def found_share(distance: int, num_hashes: int, limit: int) -> float:
    """Share of pairs at a distance that the tables find, over all choices of bits; 1 where all pairs are compared."""
    if num_hashes <= ALL_PAIRS:
        return 1.0
    width = _width(num_hashes)
    return 1 - (1 - _agree(distance, width)) ** _num_tables(limit, width)


def _agree(distance: int, width: int) -> float:
    """Chance that `width` of 256 bits miss all those in which two hashes differ."""
    return comb(BITS - distance, width) / comb(BITS, width)


def _width(num_hashes: int) -> int:
    """Bits of a table: about one hash in each of its places; 24 at most, as many as a float32 holds exactly."""
    return min(24, ceil(log2(num_hashes)))


def _num_tables(limit: int, width: int) -> int:
    per_shuffle = BITS // width
    needed = log(1 - FOUND) / log(1 - _agree(limit, width))
    return per_shuffle * ceil(needed / per_shuffle)


def _by_all_pairs(hashes: np.ndarray, limit: int, on_share: Callable[[float], None]) -> Iterator[Near]:
    """Block by block as a product of signs, which is 256 less twice the bits that differ."""
    signs = np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
    mirror = 1 - 2 * np.unpackbits(MIRRORED).astype(np.float32)
    for start in range(0, len(signs), _BLOCK):
        rows = signs[start : start + _BLOCK]
        turned_rows = rows * mirror
        for other in range(start, len(signs), _BLOCK):
            columns = signs[other : other + _BLOCK]
            plain, turned = rows @ columns.T, turned_rows @ columns.T
            for agree, chosen, mirrored in ((plain, plain >= turned, False), (turned, turned > plain, True)):
                one, two = np.nonzero(chosen & (agree >= BITS - 2 * limit))
                later = one + start < two + other
                one, two = one[later], two[later]
                if len(one):
                    yield one + start, two + other, ((BITS - agree[one, two]) / 2).astype(np.int64), mirrored
        on_share(min(1.0, (start + _BLOCK) / len(signs)))


def _by_tables(
    hashes: np.ndarray, words: np.ndarray, limit: int, mirrored: bool, on_share: Callable[[float], None]
) -> Iterator[Near]:
    width = _width(len(hashes))
    num_tables, seen = _num_tables(limit, width), np.empty(0, np.int64)
    turned = words ^ MIRRORED.view(np.uint64) if mirrored else words
    for done, bits in enumerate(_bands(num_tables, width), start=1):
        for one, two in _joined(_keys(hashes, bits, mirrored), _keys(hashes, bits, False)):
            apart = _apart(turned[one], words[two])
            near = apart <= limit
            if mirrored and near.any():  # a picture that is like its own mirror is reported as it is
                near &= _apart(words[one], words[two]) > apart
            one, two, apart = one[near], two[near], apart[near]
            pairs = one << 32 | two
            fresh = ~np.isin(pairs, seen)
            if fresh.any():
                _, first = np.unique(pairs[fresh], return_index=True)
                seen = np.concatenate([seen, pairs[fresh][first]])
                yield one[fresh][first], two[fresh][first], apart[fresh][first], mirrored
        on_share(done / num_tables)


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """int64 [n]: bits in which hashes of four words differ (sums of bits side by side; numpy 1 cannot count bits)."""
    words = one ^ other
    words -= words >> np.uint64(1) & _PAIRS
    words = (words & _FOURS) + (words >> np.uint64(2) & _FOURS)
    words = words + (words >> np.uint64(4)) & _EIGHTS
    return (words * _ONES >> np.uint64(56)).astype(np.int64).sum(axis=1)


def _bands(num_tables: int, width: int) -> Iterator[np.ndarray]:
    """The bits of each table: bands of one shuffle after the other."""
    shuffles = np.random.default_rng(_SEED)
    for _ in range(num_tables // (BITS // width)):
        order = shuffles.permutation(BITS)
        yield from order[: BITS // width * width].reshape(-1, width)


def _keys(hashes: np.ndarray, bits: np.ndarray, mirrored: bool) -> np.ndarray:
    """uint32 [N]: the given bits of every hash as one number."""
    keys = np.zeros(len(hashes), np.uint32)
    for place, bit in enumerate(bits):
        byte, shift = divmod(int(bit), 8)
        value = hashes[:, byte] >> (7 - shift) & 1
        if mirrored and MIRRORED[byte] >> (7 - shift) & 1:
            value ^= 1
        keys |= value.astype(np.uint32) << np.uint32(place)
    return keys


def _joined(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(i, j), i < j, of equal keys, at most some millions at a time."""
    rows, order = np.argsort(one), np.argsort(other)
    keys, ordered = one[rows], other[order]
    first = np.searchsorted(ordered, keys, "left")
    count = np.searchsorted(ordered, keys, "right") - first
    ends = np.cumsum(count)
    start = 0
    while start < len(rows):
        base = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, base + _CANDIDATES, "right")))
        here = count[start:stop]
        i = np.repeat(rows[start:stop], here)
        offsets = np.arange(len(i)) - np.repeat(ends[start:stop] - base - here, here)
        j = order[np.repeat(first[start:stop], here) + offsets]
        later = i < j
        yield i[later], j[later]
        start = stop
