"""The audit: what two splits share is found, and what they may share is not called a leak."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.dataset import Fault
from mammoscribe.data.leakage.audit import ALIKE_BITS, LONG_TEXT_WORDS, SAME_BITS, Verdict, audit
from mammoscribe.data.leakage.picture_hashes import hash_pictures
from mammoscribe.data.leakage.pictures import Files
from mammoscribe.data.leakage.texts import FEWEST_PATIENTS
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


TEMPLATE = "The breasts are fatty. No mass is seen. No calcification is seen."
OWN = (
    "A lobed mass of nineteen mm lies deep in the lower outer quarter.",
    "Its rim is blurred towards the nipple and sharp towards the chest wall.",
    "Three coarse specks lie within it.",
)


def corpus(tmp_path, *texts, patients=FEWEST_PATIENTS):
    """Patients with a template each, half in train and half in test, and a few more with these texts."""
    records = [TextDocument(f"n{n}", TEMPLATE) for n in range(patients)]
    records += [TextDocument(f"own{n}", text) for n, text in enumerate(texts)]
    splits = {record.id: ("train", "test")[n % 2] for n, record in enumerate(records[:patients])}
    splits |= {f"own{n}": ("train", "test", "val")[n] for n in range(len(texts))}
    return found(records, tmp_path, splits=splits)


def test_a_copied_report_is_a_leak_where_nobody_else_has_its_sentences(tmp_path):
    copy = "\n\n".join(OWN).replace(" ", "\n", 3).replace("ly", "LY").replace(".", " .")
    result = corpus(tmp_path, " ".join(OWN), copy)
    assert told(result) == [("leak", "text", "own0", "own1", "train and test")]
    assert "100% of the words in common, 32 of them" in result.found[0].detail


def test_a_report_that_differs_by_a_sentence_is_to_be_looked_at(tmp_path):
    result = corpus(tmp_path, " ".join(OWN), f"{OWN[0]} {OWN[1]} The skin is thin and even.")
    assert told(result) == [("warning", "text", "own0", "own1", "train and test")]
    assert not corpus(tmp_path / "two", " ".join(OWN), f"{OWN[0]} {TEMPLATE} The skin is thin and even.").found
    assert not corpus(tmp_path / "three", " ".join(OWN), f"{' '.join(OWN)} {TEMPLATE}").found


def test_a_copied_report_with_few_sentences_of_its_own_is_to_be_looked_at(tmp_path):
    text = f"{OWN[0]} {TEMPLATE}"
    result = corpus(tmp_path, text, text)
    assert told(result) == [("warning", "text", "own0", "own1", "train and test")]
    assert not corpus(tmp_path / "two", f"{OWN[2]} {TEMPLATE}", f"{OWN[2]} {TEMPLATE}").found


def test_a_template_is_counted_however_often_two_splits_have_it(tmp_path):
    result = corpus(tmp_path)
    assert not result.found and result.num_short_texts == 1
    third = corpus(tmp_path / "three", *[" ".join(OWN)] * 3)
    assert not third.found and third.num_short_texts == 2


def test_among_few_patients_nothing_is_rare(tmp_path):
    result = corpus(tmp_path, " ".join(OWN), " ".join(OWN), patients=FEWEST_PATIENTS - 3)
    assert not result.found and result.num_short_texts == 2


def test_the_same_sentences_within_a_split_are_no_leak(tmp_path):
    records = [TextDocument(f"n{n}", TEMPLATE) for n in range(FEWEST_PATIENTS)]
    records += [TextDocument(name, " ".join(OWN)) for name in ("one", "other")]
    assert not found(records, tmp_path, splits={record.id: "train" for record in records}).found


def test_a_long_copied_report_is_told_once_for_each_two_splits(tmp_path):
    result = corpus(tmp_path, WORDS + ".", WORDS + ".")
    assert told(result) == [("leak", "text", "own1", "own0", "test and train")]
    three = corpus(tmp_path / "three", WORDS, WORDS, WORDS)
    assert [leak.splits for leak in three.found] == ["train and val", "test and train", "test and val"]


def flipped(value, bits):
    data = np.unpackbits(np.frombuffer(value, np.uint8))
    data[100 : 100 + bits] ^= 1
    return np.packbits(data).tobytes()


@pytest.mark.parametrize(
    ("bits", "other", "verdict"),
    [
        (0, "p2", "leak"), (SAME_BITS, "p2", "leak"), (SAME_BITS + 1, "p2", "warning"), (ALIKE_BITS, "p2", "warning"),
        (ALIKE_BITS + 1, "p2", None), (0, "p1", None), (0, "p3", "note"), (SAME_BITS, "p3", "note"),
        (SAME_BITS + 1, "p3", None),
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


BETWEEN = SAME_BITS + 5


def pictured(tmp_path, second):
    """Two exams of two patients with a picture each in a file, and hashes that leave open whether it is the same."""
    catalogue = written([exam("a", "p1", report=None), exam("b", "p2", report=None)], tmp_path)
    first = tissue(1)
    Image.fromarray(first).save(catalogue.root / "a" / "r_cc.png")
    if second is not None:
        Image.fromarray(second).save(catalogue.root / "b" / "r_cc.png")
    else:
        (catalogue.root / "b" / "r_cc.png").write_bytes(b"no picture")
    value = picture_hash(first)
    return catalogue, [("a", "p1", "a/r_cc.png", value), ("b", "p2", "b/r_cc.png", flipped(value, BETWEEN))]


def tissue(seed):
    return np.kron(np.random.default_rng(seed).integers(0, 256, (40, 30), dtype=np.uint8), np.ones((5, 5), np.uint8))


@pytest.mark.parametrize(
    ("second", "verdict", "detail"),
    [
        (tissue(1)[:195, 2:], "leak", "they correlate by 0."), (tissue(1)[:, ::-1], "leak", "they correlate by 1."),
        (tissue(2), "note", "they correlate by 0."), (None, "warning", "patients p1 and p2"),
    ],
    ids=["cropped", "mirrored", "another", "unreadable"],
)  # fmt: skip
def test_what_hashes_leave_open_is_settled_by_the_pictures(second, verdict, detail, tmp_path):
    catalogue, hashes = pictured(tmp_path, second)
    (leak,) = audit(catalogue, SPLITS, hashes).found
    assert leak.verdict == verdict and detail in leak.detail and leak.detail.startswith(f"{BETWEEN} of 256 bits")


def test_pictures_beyond_the_most_that_are_opened_remain_for_a_person(tmp_path, monkeypatch):
    monkeypatch.setattr("mammoscribe.data.leakage.pictures.MOST_OPENED", 0)
    catalogue, hashes = pictured(tmp_path, tissue(2))
    assert [leak.verdict.value for leak in audit(catalogue, SPLITS, hashes).found] == ["warning"]


def test_a_file_of_which_several_frames_are_listed_is_not_compared(tmp_path):
    one = exam("a", "p1", report=None)
    views = (one.images[0], replace(one.images[0], frame=2))
    catalogue = written([replace(one, images=views), exam("b", "p2", report=None)], tmp_path)
    assert Files(catalogue).likeness(("a", "p1", "a/r_cc.png"), ("b", "p2", "b/r_cc.png")) is None
    assert Files(catalogue).likeness(("b", "p2", "b/l_mlo.png"), ("b", "p2", "b/r_cc.png")) is not None


def test_equal_files_are_told_from_pictures_that_are_merely_equal(tmp_path):
    catalogue = written([exam("a", "p1", report=None), exam("b", "p2", report=None)], tmp_path)
    value = picture_hash(grey(1))
    names = [("a", "p1", "a/r_cc.png"), ("b", "p2", "b/r_cc.png"), ("a", "p1", "a/l_mlo.png")]
    hashes = [(*name, value) for name in names]
    for number, (_, _, path) in enumerate(names):
        Image.fromarray(grey(number)).save(catalogue.root / path)
    assert not any("byte for byte" in leak.detail for leak in audit(catalogue, SPLITS, hashes).found)
    for _, _, path in names:
        Image.fromarray(grey(1)).save(catalogue.root / path)
    result = audit(catalogue, SPLITS, hashes)
    assert told(result) == [
        ("leak", "picture", "a/r_cc.png", "b/r_cc.png", "train and test"),
        ("leak", "picture", "b/r_cc.png", "a/l_mlo.png", "test and train"),
        ("note", "file", "a/r_cc.png", "a/l_mlo.png", "train and train"),
    ]
    assert "byte for byte" in result.found[0].detail


def test_of_many_equal_pictures_each_that_leaks_is_named_and_not_every_pair(tmp_path):
    value = picture_hash(grey(1))
    hashes = [(f"e{n}", f"q{n}", f"{n}.png", value) for n in range(60)]
    splits = {f"q{n}": "test" if n % 6 == 0 else "train" for n in range(60)} | {"p1": "train"}
    result = audit(written([exam("a", "p1", report=None)], tmp_path), splits, hashes)
    named = {path for leak in result.found if leak.verdict is Verdict.LEAK for path in (leak.first, leak.second)}
    assert named == {f"{n}.png" for n in range(60)}
    assert len(result.found) <= 60


def test_equal_pictures_of_one_patient_are_each_held_against_those_of_another(tmp_path):
    value = picture_hash(grey(1))
    hashes = [("a", "p1", "1.png", value), ("a", "p1", "2.png", value), ("b", "p3", "3.png", value)]
    result = audit(written([exam("a", "p1", report=None)], tmp_path), SPLITS, hashes)
    assert [(leak.first, leak.second) for leak in result.found] == [("1.png", "3.png"), ("2.png", "3.png")]


def test_near_ones_of_equal_pictures_are_found_over_splits(tmp_path):
    value = picture_hash(grey(1))
    hashes = [("a", "p1", "1.png", value), ("b", "p3", "2.png", value), ("c", "p2", "3.png", flipped(value, 9))]
    result = audit(written([exam("a", "p1", report=None)], tmp_path), SPLITS, hashes)
    leaks = [(leak.first, leak.second) for leak in result.found if leak.verdict is Verdict.LEAK]
    assert leaks == [("1.png", "3.png"), ("2.png", "3.png")]


def test_progress_is_told_in_pictures(tmp_path):
    seen = []
    hashes = [("a", "p1", f"{n}.png", np.random.default_rng(n).bytes(32)) for n in range(7)]
    audit(written([exam("a", "p1", report=None)], tmp_path), SPLITS, hashes, seen.append)
    assert seen[-1] == 7


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


def test_a_picture_that_fails_in_a_way_nobody_has_seen_is_told_too(tmp_path, monkeypatch):
    def failing(path, frame=0):
        raise ZeroDivisionError

    monkeypatch.setattr("mammoscribe.data.leakage.picture_hashes.decode", failing)
    (one, _) = hash_pictures(written([exam("a", "p1")], tmp_path))
    assert isinstance(one, Fault) and "r_cc.png cannot be decoded (ZeroDivisionError)" in one.error.sentence()
