"""Prepared datasets: written once, the same on every machine, resumable, mapped back as they were."""

import csv
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import time

import numpy as np
import pytest

from mammoscribe.data import shards
from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.preparation import Preparation, prepare_picture
from mammoscribe.data.prepare import prepare
from mammoscribe.data.prepared import PreparedDataset
from mammoscribe.data.records import TextDocument
from mammoscribe.imaging.perceptual import picture_hash
from mammoscribe.support.errors import InputError
from tests.data.some_records import exam, study, written

PLAIN = Preparation("p", longest_px=40)


@pytest.fixture
def catalogue(tmp_path):
    return written([exam(f"e{n}", f"p{n % 3}") for n in range(7)], tmp_path)


def prepared(catalogue, folder, **options):
    return prepare(catalogue, folder, PLAIN, **{"records_per_shard": 3} | options)


def digests(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "prepared.json"}


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


def test_pixels_are_mapped_and_not_copied(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    pixels = PreparedDataset(tmp_path / "out")[0].pictures[0].pixels
    assert not pixels.flags.owndata and not pixels.flags.writeable


def test_a_shard_is_a_tar_in_the_way_of_webdataset(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    samples = {}
    with tarfile.open(tmp_path / "out" / "shard-000001.tar") as tar:
        for member in tar:
            key, _, ending = member.name.partition(".")  # WebDataset: all before the first dot is the key
            samples.setdefault(key, {})[ending] = tar.extractfile(member).read()
    assert list(samples) == ["000000003", "000000004", "000000005"]
    assert all(set(s) == {"0.npy", "1.npy", "json"} for s in samples.values())
    meta = json.loads(samples["000000004"]["json"])
    assert (meta["record"]["id"], [p["path"] for p in meta["pictures"]]) == ("e4", ["e4/r_cc.png", "e4/l_mlo.png"])
    (tmp_path / "a.npy").write_bytes(samples["000000004"]["1.npy"])
    assert np.array_equal(np.load(tmp_path / "a.npy"), PreparedDataset(tmp_path / "out")[4].pictures[1].pixels)


def test_two_processes_write_the_same_bytes_as_one(catalogue, tmp_path):
    one, two = prepared(catalogue, tmp_path / "one"), prepared(catalogue, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert one.num_pictures == two.num_pictures


def test_a_second_run_keeps_what_is_finished_and_writes_what_changed(catalogue, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "mammoscribe.data.prepare.write_shard", lambda t: seen.append(t.number) or shards.write_shard(t)
    )
    assert prepared(catalogue, tmp_path / "out").num_kept == 0
    before = digests(tmp_path / "out")
    assert prepared(catalogue, tmp_path / "out").num_kept == 3
    assert digests(tmp_path / "out") == before and seen == [0, 1, 2]
    picture = catalogue.root / "e4" / "r_cc.png"
    os.utime(picture, ns=(1, 1))
    (tmp_path / "out" / "shard-000002.tar").write_bytes(b"short")
    assert prepared(catalogue, tmp_path / "out").num_kept == 1
    assert digests(tmp_path / "out").keys() == before.keys() and seen == [0, 1, 2, 1, 2]
    prepare(catalogue, tmp_path / "out", Preparation("other", longest_px=20), records_per_shard=3)
    assert seen[-3:] == [0, 1, 2]
    assert PreparedDataset(tmp_path / "out")[0].pictures[0].pixels.shape == (20, 15)


def test_a_shorter_run_removes_the_shards_of_a_longer_one(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    prepared(catalogue, tmp_path / "out", records_per_shard=7)
    assert sorted(p.name for p in (tmp_path / "out").glob("shard-*")) == ["shard-000000.json", "shard-000000.tar"]


SLOWLY = """
import sys, time
from pathlib import Path
from mammoscribe.data import prepare as room, shards
from mammoscribe.data.catalogue import open_catalogue
from mammoscribe.data.preparation import Preparation
room.write_shard = lambda task: (print(task.number, flush=True), time.sleep(0.2), shards.write_shard(task))[-1]
room.prepare(open_catalogue(Path(sys.argv[1])), Path(sys.argv[2]), Preparation("p", longest_px=40), records_per_shard=1)
"""


def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(catalogue, tmp_path):
    out = tmp_path / "out"
    killed = subprocess.Popen([sys.executable, "-c", SLOWLY, catalogue.folder, out], stdout=subprocess.PIPE, text=True)
    while killed.stdout.readline().strip() != "3":
        assert killed.poll() is None
    time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with pytest.raises(InputError, match="not finished"):
        PreparedDataset(out)
    (out / ".shard-left").write_bytes(b"half")
    done = prepared(catalogue, out, records_per_shard=1)
    assert 3 <= done.num_kept < 7
    prepared(catalogue, tmp_path / "other", records_per_shard=1)
    assert digests(out) == digests(tmp_path / "other")


def test_pictures_that_cannot_be_prepared_are_listed_and_the_record_keeps_the_others(catalogue, tmp_path):
    (catalogue.root / "e2" / "l_mlo.png").write_bytes(b"no picture")
    (catalogue.root / "e5" / "r_cc.png").unlink()
    done = prepared(catalogue, tmp_path / "out")
    assert (done.num_records, done.num_pictures, done.num_errors) == (7, 12, 2)
    with (tmp_path / "out" / "errors.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["where"] for r in rows] == ["e2/l_mlo.png", "e5/r_cc.png"]
    assert "not a picture" in rows[0]["found"] and "not there" in rows[1]["found"]
    assert [len(s.pictures) for s in PreparedDataset(tmp_path / "out")] == [2, 2, 1, 2, 2, 1, 2]
    from tests.data.datasets.made import write_picture

    write_picture(catalogue.root / "e5" / "r_cc.png")
    assert prepared(catalogue, tmp_path / "out").num_errors == 1


def test_a_split_has_its_patients_only(catalogue, tmp_path):
    write_splits(catalogue.folder, {"p0": "train", "p1": "val", "p2": "train"})
    prepared(catalogue, tmp_path / "out")
    train, val = PreparedDataset(tmp_path / "out", "train"), PreparedDataset(tmp_path / "out", "val")
    assert {s.record.patient_id for s in val} == {"p1"}
    assert len(train) + len(val) == 7
    assert train[len(train) - 1].record.id == "e6"
    with pytest.raises(InputError, match="no record in test"):
        PreparedDataset(tmp_path / "out", "test")
    with pytest.raises(IndexError):
        train[len(train)]


def test_without_splits_a_split_is_refused(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    with pytest.raises(InputError, match=r"no splits\.csv"):
        PreparedDataset(tmp_path / "out", "train")


def test_a_shuffle_gives_every_record_once_in_the_order_of_its_seed(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    dataset = PreparedDataset(tmp_path / "out")
    orders = [[s.record.id for s in dataset.shuffled(seed, 2)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == [f"e{n}" for n in range(7)]


def test_it_travels_to_the_workers_of_a_torch_loader(catalogue, tmp_path):
    from torch.utils.data import DataLoader

    prepared(catalogue, tmp_path / "out")
    dataset = PreparedDataset(tmp_path / "out")
    assert dataset[3].record.id == "e3"
    assert pickle.loads(pickle.dumps(dataset))[3].record == dataset[3].record
    loader = DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=lambda batch: [s.record.id for s in batch])
    assert [name for batch in loader for name in batch] == [f"e{n}" for n in range(7)]


def test_hashes_are_those_of_the_prepared_pictures(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    dataset = PreparedDataset(tmp_path / "out")
    found = list(dataset.hashes())
    assert len(found) == 14
    assert found[2] == ("e1", "p1", "e1/r_cc.png", picture_hash(dataset[1].pictures[0].pixels))


def test_a_byte_that_changed_is_found(catalogue, tmp_path):
    prepared(catalogue, tmp_path / "out")
    assert PreparedDataset(tmp_path / "out").verify() == []
    path = tmp_path / "out" / "shard-000001.tar"
    data = bytearray(path.read_bytes())
    data[1500] ^= 1
    path.write_bytes(data)
    (tmp_path / "out" / "shard-000002.tar").unlink()
    assert PreparedDataset(tmp_path / "out").verify() == [
        "shard-000001.tar is not as it was written", "shard-000002.tar is not there",
    ]  # fmt: skip


def test_a_full_disk_is_one_sentence_and_leaves_no_half_shard(catalogue, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "sha256_of", full)
    with pytest.raises(InputError, match="No space left on device"):
        prepared(catalogue, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == []


def test_other_kinds_are_prepared_too(tmp_path):
    images = written([study("s1"), study("s2", "p2", images=())], tmp_path / "a")
    assert prepared(images, tmp_path / "a" / "out").num_pictures == 1
    texts = written([TextDocument("t1", "A text.")], tmp_path / "b")
    assert prepared(texts, tmp_path / "b" / "out").num_records == 1
    assert PreparedDataset(tmp_path / "b" / "out")[0].record.text == "A text."
