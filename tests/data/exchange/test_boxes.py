"""Marked places for detectors: COCO and YOLO, each read back by a plain reader of its format."""

import json
from dataclasses import replace

import pytest
from PIL import Image

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.exchange.boxes import categories_of
from mammoscribe.data.exchange.coco import export_coco
from mammoscribe.data.exchange.yolo import export_yolo
from mammoscribe.data.records import ListedView, Region, TextDocument
from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import grey, write_dicom, write_picture
from tests.data.exchange import trainers
from tests.data.some_records import CC, MLO, L, R, exam, written


def view(path, *regions, side=R, **labels):
    places = tuple(
        Region(Box(*edges), {"finding": name, "birads": "4"} if name else {"birads": "4"}) for name, edges in regions
    )
    return ListedView(path, side, CC, regions=places, labels=labels)


@pytest.fixture
def marked(tmp_path):
    """Three patients in three splits: two places, one that goes over the edge, and a picture without any."""
    records = [
        exam("e1", "p1", images=(
            view("1/a.png", ("mass", (2, 3, 9, 12.5)), ("suspicious calcification|asymmetry", (20, 30, 22, 34))),
            view("1/b.png", side=L),
        )),
        exam("e2", "p2", images=(view("2/images/a.png", ("mass", (40, 60, 60, 90))),)),
        exam("e3", "p3", images=(view("3/a.png"),)),
    ]  # fmt: skip
    catalogue = written(records, tmp_path)
    write_splits(catalogue.folder, {"p1": "train", "p2": "val", "p3": "test"})
    return catalogue


EXPECTED = {
    "1/a.png": {
        ("mass", (2, 3, 9, 12.5)),
        ("suspicious calcification", (20, 30, 22, 34)),
        ("asymmetry", (20, 30, 22, 34)),
    },
    "1/b.png": set(),
    "2/images/a.png": {("mass", (40, 60, 48, 64))},  # clipped to the picture of 48 x 64
    "3/a.png": set(),
}
PARTS = {"train": ["1/a.png", "1/b.png"], "val": ["2/images/a.png"], "test": ["3/a.png"]}


def test_coco_has_every_picture_with_its_boxes_and_the_others_as_negatives(marked, tmp_path):
    names, counts = export_coco(marked, tmp_path / "out")
    assert names == ["asymmetry", "mass", "suspicious calcification"]
    for part, pictures in PARTS.items():
        found = trainers.coco(tmp_path / "out" / "annotations" / f"instances_{part}.json", tmp_path / "out" / "images")
        assert list(found) == pictures
        for name, boxes in found.items():
            edges = {(kind, (x, y, x + w, y + h)) for kind, (x, y, w, h) in boxes}
            assert edges == EXPECTED[name]
    assert (dict(counts.pictures), counts.num_clipped) == ({"train": 2, "val": 1, "test": 1}, 1)
    assert (counts.boxes["train"], counts.negatives["train"], counts.negatives["test"]) == (3, 1, 1)


def test_categories_have_the_same_number_in_every_split(marked, tmp_path):
    export_coco(marked, tmp_path / "out")
    listed = [
        json.loads((tmp_path / "out" / "annotations" / f"instances_{part}.json").read_text())["categories"]
        for part in PARTS
    ]
    assert listed[0] == listed[1] == listed[2] and [c["id"] for c in listed[0]] == [1, 2, 3]


def test_yolo_has_every_picture_with_its_boxes_and_an_empty_file_for_the_others(marked, tmp_path):
    names, _ = export_yolo(marked, tmp_path / "out")
    assert names == ["asymmetry", "mass", "suspicious calcification"]
    for part, pictures in PARTS.items():
        found = trainers.yolo(tmp_path / "out" / "data.yaml", part)
        assert sorted(found) == sorted(name.replace("/", "_") for name in pictures)
        for name in pictures:
            assert set(found[name.replace("/", "_")]) == EXPECTED[name]


def test_two_pictures_of_one_stem_keep_their_own_boxes_in_yolo(tmp_path):
    images = (view("a.png", ("mass", (2, 3, 9, 12))), view("a.jpg", ("calc", (5, 5, 9, 9))))
    export_yolo(written([exam("e1", images=images)], tmp_path), tmp_path / "out")
    found = trainers.yolo(tmp_path / "out" / "data.yaml", "train")
    assert sorted(boxes[0][0] for boxes in found.values()) == ["calc", "mass"]


def test_before_there_are_splits_train_and_val_are_all(tmp_path):
    catalogue = written([exam("e1", images=(view("a.png", ("mass", (2, 3, 9, 12))),))], tmp_path)
    export_yolo(catalogue, tmp_path / "yolo")
    assert trainers.yolo(tmp_path / "yolo" / "data.yaml", "train") == trainers.yolo(
        tmp_path / "yolo" / "data.yaml", "val"
    )
    export_coco(catalogue, tmp_path / "coco")
    assert [p.name for p in (tmp_path / "coco" / "annotations").iterdir()] == ["instances_all.json"]


def test_dicom_is_written_as_8_bit_png_of_the_same_size_or_named_as_it_is(tmp_path):
    catalogue = written([exam("e1", images=(view("d/x.png", ("mass", (2, 3, 9, 12))),))], tmp_path)
    write_dicom(catalogue.root / "d" / "x.dcm")
    catalogue.records_path.write_text(catalogue.records_path.read_text().replace("d/x.png", "d/x.dcm"))
    export_coco(catalogue, tmp_path / "out")
    assert list(trainers.coco(tmp_path / "out/annotations/instances_all.json", tmp_path / "out/images")) == ["d/x.png"]
    with Image.open(tmp_path / "out" / "images" / "d" / "x.png") as picture:
        assert picture.mode == "L"
    export_coco(catalogue, tmp_path / "named", png=False)
    (image,) = json.loads((tmp_path / "named" / "annotations" / "instances_all.json").read_text())["images"]
    assert (image["file_name"], image["width"], image["height"]) == ("d/x.dcm", 48, 64)
    assert not (tmp_path / "named" / "images").exists()


def test_a_jpeg_that_programs_turn_by_its_exif_keeps_its_boxes_in_stored_pixels(tmp_path):
    catalogue = written([exam("e1", images=(view("a.jpg", ("mass", (2, 3, 9, 12))),))], tmp_path)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(grey()).save(catalogue.root / "a.jpg", exif=exif)
    export_yolo(catalogue, tmp_path / "out")
    assert trainers.yolo(tmp_path / "out" / "data.yaml", "train") == {"a.png": [("mass", (2.0, 3.0, 9.0, 12.0))]}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (view("bad.png", ("", (2, 3, 9, 12))), "bad.png: the box 2, 3, 9, 12 has no finding"),
        (view("bad.png", (" | ", (2, 3, 9, 12))), "has no finding"),
        (view("bad.png", ("mass", (50, 3, 60, 12))), "bad.png: the box 50, 3, 60, 12 is outside the picture"),
        (view("bad.png", ("mass", (-9, -9, 0, 0))), "is outside the picture"),
        (replace(view("bad.png", ("mass", (2, 3, 9, 12))), path=None), "a picture of e1 has no file"),
    ],
)
@pytest.mark.parametrize("export", [export_coco, export_yolo])
def test_a_picture_with_a_box_that_cannot_be_used_is_left_out_and_named(export, bad, told, tmp_path):
    catalogue = written([exam("e1", images=(bad, view("good.png", ("mass", (2, 3, 9, 12)))))], tmp_path)
    _, counts = export(catalogue, tmp_path / "out")
    (fault,) = counts.faults
    assert told in fault.error.sentence()
    assert dict(counts.pictures) == {"all": 1}
    assert [p.name for p in (tmp_path / "out").rglob("*.png")] == ["good.png"]


def test_a_picture_with_something_unmarked_is_no_negative(tmp_path):
    images = (view("a.png", ("mass", (2, 3, 9, 12))), view("b.png", unplaced="CALC"))
    _, counts = export_coco(written([exam("e1", images=images)], tmp_path), tmp_path / "out")
    assert counts.num_unplaced == 1 and dict(counts.pictures) == {"all": 1} and not counts.faults


def test_a_damaged_picture_and_a_patient_in_no_split_are_named(marked, tmp_path):
    (marked.root / "1" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    write_splits(marked.folder, {"p1": "train", "p2": "val"})
    _, counts = export_coco(marked, tmp_path / "out")
    told = [fault.error.sentence() for fault in counts.faults]
    assert "b.png" in told[0] and "e3 is in no split" in told[1]


@pytest.mark.parametrize(
    ("labels", "given", "told"),
    [
        ([{"finding": "mass", "birads": "4"}], None, ("finding", ["mass"])),
        ([{"abnormality": "CALC", "pathology": "benign"}], None, ("abnormality", ["CALC"])),
        ([{"anything": "x"}, {"anything": "y"}], None, ("anything", ["x", "y"])),
        ([{"finding": "mass", "birads": "4"}], "birads", ("birads", ["4"])),
    ],
)
def test_the_category_is_the_label_that_is_asked_for_or_the_usual_one(labels, given, told, tmp_path):
    regions = tuple(Region(Box(1, 1, 5, 5), found) for found in labels)
    catalogue = written([exam("e1", images=(ListedView("a.png", R, MLO, regions=regions),))], tmp_path)
    assert categories_of(catalogue, given) == told


@pytest.mark.parametrize(
    ("labels", "given", "told"),
    [
        (
            {"size": "3", "depth": "2"},
            None,
            r"which label of a box is its category \(depth, size\); expected --category",
        ),
        ({}, None, "they have none"),
        ({"finding": "mass"}, "findng", "did you mean finding"),
    ],
)
def test_a_category_that_cannot_be_chosen_is_one_sentence(labels, given, told, tmp_path):
    regions = (Region(Box(1, 1, 5, 5), labels),)
    catalogue = written([exam("e1", images=(ListedView("a.png", R, MLO, regions=regions),))], tmp_path)
    with pytest.raises(InputError, match=told):
        export_coco(catalogue, tmp_path / "out", given)
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_boxes_is_refused(tmp_path):
    for number, record in enumerate((exam("e1", images=(view("a.png"),)), TextDocument("t", "text"))):
        with pytest.raises(InputError, match="has a marked place"):
            export_coco(written([record], tmp_path / str(number)), tmp_path / "out")


def test_yolo_is_not_written_into_a_folder_with_pictures_since_the_trainer_reads_them_all(marked, tmp_path):
    write_picture(tmp_path / "out" / "images" / "train" / "old.png")
    with pytest.raises(InputError, match="a new folder"):
        export_yolo(marked, tmp_path / "out")


@pytest.mark.parametrize("export", [export_coco, export_yolo])
def test_when_no_picture_can_be_written_that_is_said_with_the_reason(export, tmp_path):
    catalogue = written([exam("e1", images=(view("a.png", ("", (1, 1, 5, 5)), ("mass", (1, 1, 5, 5))),))], tmp_path)
    with pytest.raises(InputError, match=r"no picture could be written.*has no finding"):
        export(catalogue, tmp_path / "out")
