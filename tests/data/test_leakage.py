"""The audit: what two splits share is found, and what they may share is not called a leak."""

import numpy as np
import pytest

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.dataset import Fault
from mammoscribe.data.leakage import ALIKE_BITS, LONG_TEXT_WORDS, SAME_BITS, Verdict, audit, near_pairs
from mammoscribe.data.picture_hashes import hash_pictures
from mammoscribe.data.records import TextDocument
from mammoscribe.imaging.perceptual import BLANK, picture_hash
from tests.data.datasets.made import grey
from tests.data.some_records import exam, report, written

SPLITS = {"p1": "train", "p2": "test", "p3": "train"}
WORDS = " ".join(f"word{n}" for n in range(LONG_TEXT_WORDS))


def found(records, tmp_path, hashes=None, splits=SPLITS):
    return audit(written(records, tmp_path), splits, hashes)


def told(result):
    return [(leak.verdict.value, leak.what, leak.first, leak.second, leak.splits) for leak in result.found]


def test_patients_apart_with_texts_of_their_own_are_clean(tmp_path):
    result = found([exam("a", "p1"), exam("b", "p2", report=report("Other."))], tmp_path)
    assert result.clean and not result.found and result.num_records == 2


def test_a_record_in_no_split_is_a_leak(tmp_path):
    result = found([exam("a", "p1"), exam("b", "p9", report=None)], tmp_path)
    assert told(result) == [("leak", "patient", "b", "p9", "none")]
    assert not result.clean


def test_a_prior_of_another_patient_is_a_leak_where_it_crosses_splits(tmp_path):
    records = [
        exam("a", "p1", report=None), exam("b", "p2", prior_id="a", report=None), exam("c", "p3", prior_id="a", report=None),
        exam("d", "p3", prior_id="gone", report=None),
    ]  # fmt: skip
    assert told(found(records, tmp_path)) == [
        ("leak", "prior", "b", "a", "test and train"),
        ("warning", "prior", "c", "a", "train and train"),
        ("warning", "prior", "d", "gone", "none"),
    ]


def test_a_long_text_in_two_splits_is_a_leak_however_it_is_set(tmp_path):
    spaced = WORDS.upper().replace(" ", ",\n")
    records = [exam("a", "p1", report=report(WORDS, "")), exam("b", "p2", report=report(spaced, "")), exam("c", "p3")]
    result = found(records, tmp_path)
    assert told(result) == [("leak", "text", "b", "a", "test and train")]
    assert "62 words in 2 records" in result.found[0].detail  # the headings are words of the raw text


def test_short_texts_are_counted_and_texts_within_a_split_are_not(tmp_path):
    records = [
        exam("a", "p1"), exam("b", "p2"), exam("c", "p1", report=report(WORDS)), exam("d", "p3", report=report(WORDS)),
    ]  # fmt: skip
    result = found(records, tmp_path)
    assert result.clean and result.num_short_texts == 1


def test_documents_are_looked_at_too(tmp_path):
    result = found([TextDocument("p1", WORDS), TextDocument("p2", WORDS)], tmp_path)
    assert told(result) == [("leak", "text", "p2", "p1", "test and train")]


def flipped(value, bits):
    data = np.unpackbits(np.frombuffer(value, np.uint8))
    data[100 : 100 + bits] ^= 1
    return np.packbits(data).tobytes()


@pytest.mark.parametrize(
    ("bits", "other", "verdict"),
    [
        (0, "p2", "leak"), (SAME_BITS, "p2", "leak"), (SAME_BITS + 1, "p2", "warning"), (ALIKE_BITS, "p2", "warning"),
        (ALIKE_BITS + 1, "p2", None), (0, "p1", None), (0, "p3", "note"),
    ],
)  # fmt: skip
def test_pictures_are_judged_by_the_bits_that_differ(bits, other, verdict, tmp_path):
    value = picture_hash(grey(1))
    hashes = [("a", "p1", "a.png", value), ("b", other, "b.png", flipped(value, bits))]
    result = found([exam("a", "p1", report=None)], tmp_path, hashes)
    assert [leak.verdict.value for leak in result.found] == ([verdict] if verdict else [])
    assert result.num_pictures == 2


def test_a_mirrored_picture_is_found(tmp_path):
    picture = grey(1, 90, 60)
    pair = [("a", "p1", "a.png", picture_hash(picture)), ("b", "p2", "b.png", picture_hash(picture[:, ::-1]))]
    (leak,) = found([exam("a", "p1", report=None)], tmp_path, pair).found
    assert leak.verdict is Verdict.LEAK and "mirrored" in leak.detail


def test_blank_pictures_are_not_compared(tmp_path):
    pair = [("a", "p1", "a.png", BLANK), ("b", "p2", "b.png", BLANK)]
    assert not found([exam("a", "p1", report=None)], tmp_path, pair).found


def test_every_near_pair_is_found_over_many_blocks(monkeypatch):
    monkeypatch.setattr("mammoscribe.data.leakage.BLOCK", 7)
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32) for _ in range(40)]
    for first, second, bits in ((3, 38, 9), (0, 6, 24), (20, 21, 0), (5, 30, 25)):
        hashes[second] = flipped(hashes[first], bits)
    groups = [f"p{n}" for n in range(40)]
    groups[21] = "p20"
    seen = []
    pairs = sorted((i, j, bits) for i, j, bits, _ in near_pairs(hashes, groups, seen.append))
    assert pairs == [(0, 6, 24), (3, 38, 9)]
    assert seen[-1] == 40


@pytest.mark.parametrize("workers", [1, 2])
def test_pictures_that_are_not_prepared_are_decoded_and_a_broken_one_is_told(workers, tmp_path):
    catalogue = written([exam("a", "p1"), exam("b", "p2")], tmp_path)
    write_splits(catalogue.folder, SPLITS)
    (catalogue.root / "b" / "r_cc.png").write_bytes(b"no picture")
    items = list(hash_pictures(catalogue, workers))
    assert [i.where for i in items if isinstance(i, Fault)] == ["b/r_cc.png"]
    assert [i[:3] for i in items if not isinstance(i, Fault)] == [
        ("a", "p1", "a/r_cc.png"), ("a", "p1", "a/l_mlo.png"), ("b", "p2", "b/l_mlo.png"),
    ]  # fmt: skip
