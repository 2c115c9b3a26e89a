"""Near hashes: every pair of few, nearly every pair of many, each once."""

import numpy as np
import pytest

from mammoscribe.data.leakage import near_hashes as module
from mammoscribe.data.leakage.near_hashes import found_share, near_hashes
from mammoscribe.imaging.perceptual import MIRRORED


def changed(value, bits, rng):
    """The hash with so many bits turned."""
    found = np.unpackbits(value)
    found[rng.choice(256, bits, replace=False)] ^= 1
    return np.packbits(found)


def planted(count, distances, mirrored=False):
    """Random hashes; the last ones are changed copies of the first ones."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for n, bits in enumerate(distances):
        hashes[-1 - n] = changed(hashes[n], bits, rng) ^ (MIRRORED if mirrored else 0)
    return hashes


def found(hashes, limit, **options):
    rows = [
        (int(i), int(j), int(d), m) for a, b, apart, m in near_hashes(hashes, limit, **options)
        for i, j, d in zip(a, b, apart, strict=True)
    ]  # fmt: skip
    assert len({row[:2] for row in rows}) == len(rows)
    return sorted(rows)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("all_pairs", [10_000, 10])
def test_near_pairs_are_found_and_others_are_not(mirrored, all_pairs, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 7)
    hashes = planted(50, [0, 9, 24, 25], mirrored)
    pairs = found(hashes, 24, all_pairs=all_pairs)
    assert pairs == [(0, 49, 0, mirrored), (1, 48, 9, mirrored), (2, 47, 24, mirrored)]


@pytest.mark.parametrize("mirrored", [False, True])
def test_tables_find_what_all_pairs_find_but_for_a_share(mirrored):
    hashes = planted(3000, [30] * 300 + [12] * 300, mirrored)
    whole, some = found(hashes, 30), found(hashes, 30, all_pairs=0)
    assert set(some) <= set(whole) and len(whole) == 600
    assert len(some) >= 0.97 * len(whole)
    assert sum(row[2] == 12 for row in some) == 300


def test_equal_keys_are_joined_piece_by_piece(monkeypatch):
    monkeypatch.setattr(module, "_CANDIDATES", 5)
    one, other = np.random.default_rng(0).integers(0, 6, (2, 40))
    pairs = [(int(i), int(j)) for a, b in module._joined(one, other) for i, j in zip(a, b, strict=True)]
    assert sorted(pairs) == [(i, j) for i in range(40) for j in range(i + 1, 40) if one[i] == other[j]]


def test_the_share_that_is_found_is_told():
    assert found_share(46, 1000, 46) == 1
    assert 0.99 <= found_share(46, 1_000_000, 46) < found_share(30, 1_000_000, 46) <= 1
    assert found_share(60, 1_000_000, 46) < 0.9


@pytest.mark.parametrize("all_pairs", [10_000, 0])
def test_a_hash_that_is_as_near_mirrored_is_reported_once_as_it_is(all_pairs):
    turning = np.flatnonzero(np.unpackbits(MIRRORED))
    bits = np.zeros((2, 256), np.uint8)
    bits[1, turning[::2]] = 1  # half of the bits that a mirror turns
    assert found(np.packbits(bits, axis=1), 61, all_pairs=all_pairs) == [(0, 1, 61, False)]


@pytest.mark.parametrize("all_pairs", [10_000, 0])
def test_progress_ends_at_the_whole(all_pairs):
    told = []
    found(planted(40, []), 20, on_share=told.append, all_pairs=all_pairs)
    assert told == sorted(told) and told[-1] == 1


def test_nothing_is_near_nothing():
    assert found(np.empty((0, 32), np.uint8), 46) == found(planted(1, []), 46) == []
