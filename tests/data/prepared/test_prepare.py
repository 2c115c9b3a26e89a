"""Preparing: written once, the same on every machine, resumable; what cannot be read is listed and the rest goes on."""

import csv
import json
import multiprocessing
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammoscribe.data.catalogue import open_catalogue, write_splits
from mammoscribe.data.prepared import shards
from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.data.prepared.preparation import PREPARATIONS, Preparation, prepare_picture
from mammoscribe.data.prepared.prepare import prepare
from mammoscribe.data.records import ListedImage, TextDocument
from mammoscribe.imaging.perceptual import picture_hash
from mammoscribe.phantom.encoding import encode
from mammoscribe.support.errors import InputError
from mammoscribe.support.files import held_folder
from tests.data.datasets.made import write_dicom, write_picture
from tests.data.some_records import exam, study, written
from tests.imaging.drawn import crashing

PLAIN = Preparation("p", longest_px=40)


@pytest.fixture
def catalogue(tmp_path):
    return written([exam(f"e{n}", f"p{n % 3}") for n in range(7)], tmp_path)


def prepared(catalogue, folder, **options):
    return prepare(catalogue, folder, PLAIN, **{"records_per_shard": 3} | options)


def contents(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def listed_errors(folder):
    with (folder / "errors.csv").open(newline="", encoding="utf-8") as stream:
        return [tuple(row.values()) for row in csv.DictReader(stream)]


def test_records_come_back_with_their_pictures_as_they_were_prepared(catalogue, tmp_path):
    done = prepared(catalogue, tmp_path / "out")
    assert (done.num_shards, done.num_records, done.num_pictures, done.num_errors) == (3, 7, 14, 0)
    dataset = PreparedDataset(tmp_path / "out")
    assert [stored.record for stored in dataset] == list(catalogue.records())
    for stored in dataset:
        for image, picture in zip(stored.record.images, stored.pictures, strict=True):
            wanted = prepare_picture(image, catalogue.root, PLAIN)
            assert np.array_equal(picture.pixels, wanted.pixels)
            assert (picture.path, picture.placement, picture.regions) == (image.path, wanted.placement, wanted.regions)
            assert (picture.steps, picture.warnings) == (wanted.steps, wanted.warnings)


def test_two_processes_write_the_same_bytes_as_one(catalogue, tmp_path):
    (catalogue.root / "e1" / "l_mlo.png").write_bytes(b"no picture")
    (catalogue.root / "e5" / "l_mlo.png").write_bytes(b"no picture")
    prepared(catalogue, tmp_path / "one", records_per_shard=1)
    prepared(catalogue, tmp_path / "two", records_per_shard=1, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(listed_errors(tmp_path / "two")) == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_pictures_that_crash_their_decoder_are_listed_and_the_rest_is_prepared(workers, catalogue, tmp_path):
    for name in ("e1", "e5"):
        crashing(catalogue.root / name / "l_mlo.png")
    done = prepared(catalogue, tmp_path / "out", records_per_shard=1, workers=workers)
    assert (done.num_records, done.num_pictures, done.num_errors) == (7, 12, 2)
    assert [error[2].split(":")[0] for error in listed_errors(tmp_path / "out")] == ["e1/l_mlo.png", "e5/l_mlo.png"]
    assert all("the decoder crashed" in error[2] for error in listed_errors(tmp_path / "out"))


def test_a_second_run_keeps_what_is_finished_and_writes_what_changed(catalogue, tmp_path):
    out = tmp_path / "out"
    assert prepared(catalogue, out).num_kept == 0
    before = contents(out)
    assert prepared(catalogue, out).num_kept == 3
    assert contents(out) == before
    os.utime(catalogue.root / "e4" / "r_cc.png", ns=(1, 1))
    (out / "shard-000002.tar").write_bytes(b"short")
    assert prepared(catalogue, out).num_kept == 1
    assert contents(out).keys() == before.keys() and PreparedDataset(out).verify() == []
    (out / "shard-000000.json").write_text("{")
    assert prepared(catalogue, out).num_kept == 2
    (out / "shard-000001.json").unlink()
    assert prepared(catalogue, out).num_kept == 2


def test_another_preparation_or_record_writes_the_shard_again(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    assert prepare(catalogue, tmp_path / "out", Preparation("q", longest_px=20), records_per_shard=3).num_kept == 0
    assert PreparedDataset(tmp_path / "out")[0].pictures[0].pixels.shape == (20, 15)
    lines = catalogue.records_path.read_text().replace('"e6"', '"E6"')
    catalogue.records_path.write_text(lines)
    assert prepare(catalogue, tmp_path / "out", Preparation("r", longest_px=20), records_per_shard=3).num_kept == 2
    assert PreparedDataset(tmp_path / "out")[6].record.id == "E6"


def test_a_hash_that_comes_out_otherwise_needs_another_schema():
    # a shard that is kept keeps its hashes: raise shards.SCHEMA together with these bits
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40), dtype=np.uint8)
    known = bytes.fromhex("bd88e0a5f062b60b58413d4253c5cd0a5aed3469c7ed26414b74b4a3fef3ee89")
    apart = sum((one ^ other).bit_count() for one, other in zip(picture_hash(pixels), known, strict=True))
    assert shards.SCHEMA == "mammoscribe.shard/3" and apart <= 2  # a coefficient near 0 may fall otherwise elsewhere


def test_a_shorter_run_removes_the_shards_of_a_longer_one(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    prepared(catalogue, tmp_path / "out", records_per_shard=7)
    assert sorted(p.name for p in (tmp_path / "out").glob("shard-*")) == ["shard-000000.json", "shard-000000.tar"]


RUN = """
import multiprocessing, os, signal, sys
from pathlib import Path
from mammoscribe.data.catalogue import open_catalogue
from mammoscribe.data.prepared.preparation import Preparation
from mammoscribe.data.prepared.prepare import prepare

def end(records):
    if records >= int(sys.argv[4]):
        print(*(p.pid for p in multiprocessing.active_children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    catalogue, out, workers = open_catalogue(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
    prepare(catalogue, out, Preparation("p", longest_px=40), workers, end, records_per_shard=2)
"""


def killed(catalogue, out, workers, records):
    """Pids of the workers of a run that kills itself after so many records."""
    script = out.with_suffix(".py")
    script.write_text(RUN)
    told = subprocess.run(
        [sys.executable, script, catalogue.folder, out, str(workers), str(records)], capture_output=True, text=True
    )
    assert told.returncode == -9, told.stderr
    return [int(pid) for pid in told.stdout.split()]


def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(catalogue, tmp_path):
    out = tmp_path / "out"
    assert killed(catalogue, out, 1, 5) == []
    assert list(out.glob(".shard-*")) and list(out.glob(".rows.bin")) and len(list(out.glob("shard-*.json"))) == 2
    with pytest.raises(InputError, match="not finished"):
        PreparedDataset(out)
    assert prepared(catalogue, out, records_per_shard=2).num_kept == 2
    prepared(catalogue, tmp_path / "other", records_per_shard=2)
    assert contents(out) == contents(tmp_path / "other")


def test_workers_end_when_the_run_is_killed(catalogue, tmp_path):
    pids = killed(catalogue, tmp_path / "out", 2, 1)
    assert len(pids) == 2
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end, "a worker lives on"
        time.sleep(0.02)
    prepared(catalogue, tmp_path / "out", records_per_shard=2)
    assert PreparedDataset(tmp_path / "out").verify() == []


def test_pictures_that_cannot_be_prepared_are_listed_and_the_record_keeps_the_others(catalogue, tmp_path):
    (catalogue.root / "e2" / "l_mlo.png").write_bytes(b"no picture")
    (catalogue.root / "e5" / "r_cc.png").unlink()
    done = prepared(catalogue, tmp_path / "out")
    assert (done.num_records, done.num_pictures, done.num_errors) == (7, 12, 2)
    assert listed_errors(tmp_path / "out") == [
        ("e2", "e2/l_mlo.png", "e2/l_mlo.png is not a picture; expected a DICOM, PNG, JPEG, TIFF or PGM file."),
        ("e5", "e5/r_cc.png", "e5/r_cc.png is not there; expected a picture file."),
    ]
    dataset = PreparedDataset(tmp_path / "out")
    assert [[p.image for p in s.pictures] for s in dataset] == [[0, 1], [0, 1], [0], [0, 1], [0, 1], [1], [0, 1]]
    write_picture(catalogue.root / "e5" / "r_cc.png")
    again = prepared(catalogue, tmp_path / "out")
    assert (again.num_errors, again.num_kept) == (1, 2)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("division by zero"), "cannot be prepared (ZeroDivisionError: division by zero)."),
        (OSError(5, "Input/output error"), "cannot be prepared (OSError: [Errno 5] Input/output error)."),
        (MemoryError(), "needs more memory than there is."),
    ],
)
def test_a_failure_that_nobody_has_seen_before_is_one_more_line(error, told, catalogue, tmp_path, monkeypatch):
    def failing(image, *rest):
        if image.path == "e3/r_cc.png":
            raise error
        return prepare_picture(image, *rest)

    monkeypatch.setattr(shards, "prepare_picture", failing)
    assert prepared(catalogue, tmp_path / "out").num_pictures == 13
    assert listed_errors(tmp_path / "out") == [("e3", "e3/r_cc.png", f"e3/r_cc.png {told}")]


def test_files_that_lie_or_are_cut_off_are_listed_and_the_worker_lives(tmp_path):
    names = ("good", "cut", "rows", "huge", "jpegls")
    catalogue = written([study("s1", images=tuple(ListedImage(f"{n}.dcm.png") for n in names))], tmp_path)
    files = {n: catalogue.root / f"{n}.dcm.png" for n in names}
    for name in names:
        write_dicom(files[name], Rows=32 if name == "rows" else 64)
    write_dicom(files["huge"], Rows=60000, Columns=60000)
    files["cut"].write_bytes(files["cut"].read_bytes()[:-1000])
    _lying_jpeg_ls(files["jpegls"])
    assert prepared(catalogue, tmp_path / "out", workers=2).num_pictures == 1
    told = {path.split(".")[0]: sentence for _, path, sentence in listed_errors(tmp_path / "out")}
    assert list(told) == ["cut", "rows", "huge", "jpegls"]
    assert "less than expected" in told["cut"] and "million pixels" in told["huge"]
    assert "48 x 32 pixels" in told["rows"] and "48 x 68 pixels" in told["jpegls"]


def _lying_jpeg_ls(path):
    """Rows are too many for the compressed picture: left to its decoder, this ends the process."""
    dataset = pydicom.dcmread(path)
    encode(dataset, "jpeg_ls")
    dataset.Rows = 68
    dataset.save_as(path, enforce_file_format=True)


def test_progress_is_told_within_a_shard_and_counts_pictures_that_failed(catalogue, tmp_path):
    (catalogue.root / "e2" / "l_mlo.png").write_bytes(b"no picture")
    records, pictures = [], []
    prepared(catalogue, tmp_path / "out", on_records=records.append, on_pictures=pictures.append)
    assert (records, pictures) == ([1, 2, 3, 4, 5, 6, 7], [2, 4, 6, 8, 10, 12, 14])
    records.clear()
    prepared(catalogue, tmp_path / "out", on_records=records.append, on_pictures=pictures.append)
    assert (records, pictures[-1]) == ([3, 6, 7], 14)
    prepared(catalogue, tmp_path / "two", on_records=records.append, on_pictures=pictures.append, workers=2)
    assert (records[-1], pictures[-1]) == (7, 14)


def test_new_splits_decode_nothing_again(catalogue, tmp_path):
    write_splits(catalogue.folder, {"p0": "train", "p1": "val", "p2": "train"})
    prepared(catalogue, tmp_path / "out")
    assert {s.record.patient_id for s in PreparedDataset(tmp_path / "out", "val")} == {"p1"}
    write_splits(catalogue.folder, {"p0": "val", "p1": "train", "gone": "test"})
    assert prepared(catalogue, tmp_path / "out").num_kept == 3
    assert {s.record.patient_id for s in PreparedDataset(tmp_path / "out", "val")} == {"p0"}
    assert {s.record.patient_id for s in PreparedDataset(tmp_path / "out", "train")} == {"p1"}


@pytest.mark.parametrize(
    ("text", "told"), [("patient,split\np1,train\n", "patient"), ("group,split\np1,dev\n", "'dev'")]
)
def test_splits_that_are_none_are_refused(text, told, catalogue, tmp_path):
    (catalogue.folder / "splits.csv").write_text(text)
    with pytest.raises(InputError, match=told):
        prepared(catalogue, tmp_path / "out")


def test_what_makes_no_sense_is_refused_before_anything_is_written(catalogue, tmp_path):
    (tmp_path / "file").touch()
    chests = written([study("s1")], tmp_path / "chests")
    cases = [
        (lambda: prepared(catalogue, catalogue.folder), "holds a catalogue"),
        (lambda: prepared(catalogue, tmp_path / "file"), "is a file"),
        (lambda: prepared(catalogue, tmp_path / "out", workers=0), "at least one"),
        (lambda: prepare(chests, tmp_path / "out", PREPARATIONS["reader"]), "no mammograms"),
    ]
    before = contents(catalogue.folder)
    for run, told in cases:
        with pytest.raises(InputError, match=told):
            run()
    assert contents(catalogue.folder) == before and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("text", "told"), [("{\n", "line 8 is not JSON"), ("", "holds 7 records")])
def test_a_damaged_catalogue_is_one_sentence(text, told, catalogue, tmp_path):
    about = json.loads((catalogue.folder / "dataset.json").read_text())
    (catalogue.folder / "dataset.json").write_text(json.dumps(about | {"num_records": 8}))
    with catalogue.records_path.open("a") as stream:
        stream.write(text)
    with pytest.raises(InputError, match=told):
        prepared(open_catalogue(catalogue.folder), tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*")) and not (tmp_path / "out" / "prepared.json").exists()


def test_two_runs_do_not_write_to_one_folder_at_once(catalogue, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".shard-of-the-other").touch()
    with (
        held_folder(tmp_path / "out", "held by the test in"),
        pytest.raises(InputError, match="another run is preparing"),
    ):
        prepared(catalogue, tmp_path / "out")
    assert (tmp_path / "out" / ".shard-of-the-other").exists()
    prepared(catalogue, tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*"))


def test_an_old_index_never_stands_beside_a_new_shard(catalogue, tmp_path, monkeypatch):
    def broken_off(*_):
        raise KeyboardInterrupt

    out, lines = tmp_path / "out", catalogue.records_path.read_text()
    prepared(catalogue, out)
    catalogue.records_path.write_text(lines.replace('"e6"', '"E6"'))
    monkeypatch.setattr(shards, "write_bytes", broken_off)
    with pytest.raises(KeyboardInterrupt):
        prepared(catalogue, out)
    monkeypatch.undo()
    with pytest.raises(InputError, match="not finished"):
        PreparedDataset(out)
    catalogue.records_path.write_text(lines)
    assert prepared(catalogue, out).num_kept == 2
    assert PreparedDataset(out)[6].record.id == "e6" and PreparedDataset(out).verify() == []


@pytest.mark.parametrize("name", ["shards.os.fsync", "shards.temporary_file", "prepare.text_writer"])
def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(name, catalogue, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"mammoscribe.data.prepared.{name}", full)
    with pytest.raises(InputError, match=r"No space left on device.*make room"):
        prepared(catalogue, tmp_path / "out")
    monkeypatch.undo()
    assert not list((tmp_path / "out").glob(".*")) and not (tmp_path / "out" / "prepared.json").exists()
    assert prepared(catalogue, tmp_path / "out").num_pictures == 14


def test_memory_does_not_grow_with_the_records(tmp_path):
    def peak(count):
        texts = written([TextDocument(f"t{n}", "A text. " * 20) for n in range(count)], tmp_path / str(count))
        write_splits(texts.folder, {f"t{n}": "train" for n in range(count)})
        tracemalloc.start()
        prepared(texts, tmp_path / str(count) / "out", records_per_shard=8)
        return tracemalloc.get_traced_memory()[1], tracemalloc.stop()

    assert peak(1200)[0] < 1.5 * peak(120)[0] + 100_000


def test_other_kinds_are_prepared_too(tmp_path):
    images = written(
        [study("s1"), study("s2", "p2", images=()), study("s3", images=(ListedImage(None),))], tmp_path / "a"
    )
    done = prepared(images, tmp_path / "a" / "out")
    assert (done.num_pictures, done.num_errors) == (1, 0)
    texts = written([TextDocument("t1", "A text.")], tmp_path / "b")
    assert prepared(texts, tmp_path / "b" / "out").num_records == 1
    assert PreparedDataset(tmp_path / "b" / "out")[0].record.text == "A text."


def test_no_worker_is_left_when_all_is_done(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out", workers=2)
    assert multiprocessing.active_children() == []


def test_texts_are_prepared_without_opening_or_missing_a_picture(tmp_path):
    catalogue = written([exam("e1")], tmp_path)
    for picture in (tmp_path / "files").rglob("*.png"):
        picture.unlink()
    done = prepare(catalogue, tmp_path / "texts", PREPARATIONS["text"])
    assert (done.num_records, done.num_pictures, done.num_errors) == (1, 0, 0)
    (stored,) = PreparedDataset(tmp_path / "texts")
    assert stored.pictures == () and stored.record == exam("e1")
    (tmp_path / "files" / "e1").mkdir(exist_ok=True)
    write_picture(tmp_path / "files" / "e1" / "r_cc.png", 1)
    assert prepare(catalogue, tmp_path / "texts", PREPARATIONS["text"]).num_kept == 1
    assert prepare(catalogue, tmp_path / "joint", PREPARATIONS["joint"]).num_errors == 1
