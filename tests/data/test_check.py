"""Checking a download: counted, held against a whole one, everything missing named."""

import csv
from dataclasses import replace

import pytest

from mammoscribe.data.check import check_download
from mammoscribe.data.dataset import Fault
from mammoscribe.support.errors import InputError, NotAMammogram
from tests.data.datasets.made import write_dicom
from tests.data.some_records import dataset_of, exam, written
from tests.imaging.drawn import crashing

ITEMS = [
    exam("e1"),
    exam("e2", "p2", split="test"),
    Fault("line 9", InputError("line 9: no id")),
    Fault("line 8", NotAMammogram("a spot view")),
]


def expecting(**expected):
    dataset = dataset_of(ITEMS)
    return replace(dataset, editions=(replace(dataset.editions[0], expected=expected),))


def test_what_is_there_is_counted(tmp_path):
    written(ITEMS, tmp_path)
    checked = check_download(expecting(), tmp_path / "files")
    counts = {name: count for name, count in checked.tally.counts.items() if count}
    assert counts == {
        "records": 2, "patients": 2, "images": 4, "files": 4, "regions": 2, "reports": 2, "split:test": 1, "faults": 1,
        "set_aside": 1,
    }  # fmt: skip
    assert not checked.whole


def test_counts_that_differ_and_pictures_that_are_missing_are_named(tmp_path):
    written(ITEMS, tmp_path)
    (tmp_path / "files" / "e2" / "l_mlo.png").unlink()
    labelled = {"label:cancer=1": 2, "label:kind=mass": 3}
    checked = check_download(expecting(records=2, images=5, **labelled), tmp_path / "files", errors=tmp_path / "e.csv")
    assert [(d.name, d.found, d.expected) for d in checked.differences] == [("images", 4, 5), ("label:kind=mass", 2, 3)]
    assert checked.tally.missing == ["e2/l_mlo.png"]
    with (tmp_path / "e.csv").open(newline="") as stream:
        found = [(row["what"], row["where"]) for row in csv.DictReader(stream)]
    assert found == [("missing", "e2/l_mlo.png"), ("error", "line 9"), ("set aside", "line 8")]


def test_a_picture_that_cannot_be_decoded_is_found_when_asked(tmp_path):
    written(ITEMS[:2], tmp_path)
    picture = tmp_path / "files" / "e1" / "r_cc.png"
    picture.write_bytes(picture.read_bytes()[:200])
    (tmp_path / "files" / "e1" / "l_mlo.png").unlink()
    assert not check_download(dataset_of(ITEMS[:2]), tmp_path / "files").tally.faults
    (fault,) = check_download(dataset_of(ITEMS[:2]), tmp_path / "files", open_all=True).tally.faults
    assert fault.where == "e1/r_cc.png"


def test_opening_every_picture_survives_those_that_crash_their_decoder_or_are_in_a_syntax_nobody_knows(tmp_path):
    written(ITEMS[:2], tmp_path)
    crashing(tmp_path / "files" / "e1" / "r_cc.png")
    unknown = write_dicom(tmp_path / "files" / "e2" / "r_cc.png")
    unknown.write_bytes(unknown.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113845.1.2\0\0"))
    checked = check_download(dataset_of(ITEMS[:2]), tmp_path / "files", open_all=True)
    assert {fault.where: fault.error.found.split(": ")[1][:40] for fault in checked.tally.faults} == {
        "e1/r_cc.png": "the pixels cannot be decoded (the decode",
        "e2/r_cc.png": "the transfer syntax 1.2.840.113845.1.2 i",
    }


def test_a_layout_can_be_chosen_by_name(tmp_path):
    written(ITEMS, tmp_path)
    assert check_download(expecting(), tmp_path / "files", "list").edition.name == "list"
    with pytest.raises(InputError, match="no layout of listed is called 'lists'; did you mean list"):
        check_download(expecting(), tmp_path / "files", "lists")


def test_a_whole_download_is_whole_and_one_with_a_missing_picture_is_not(tmp_path):
    written(ITEMS[:2], tmp_path)
    assert check_download(dataset_of(ITEMS[:2]), tmp_path / "files").whole
    (tmp_path / "files" / "e2" / "l_mlo.png").unlink()
    assert not check_download(dataset_of(ITEMS[:2]), tmp_path / "files").whole
