"""COCO's format: every annotation is a row, and what it cannot be is told at its place."""

import json

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.coco import coco_rows
from mammoscribe.support.errors import InputError

WHOLE = {"images": [{"id": 1, "file_name": "a/1.png"}], "categories": [{"id": 5, "name": "mass"}]}


def rows_of(tmp_path, *annotations):
    (tmp_path / "coco.json").write_text(json.dumps({**WHOLE, "annotations": annotations}))
    return list(coco_rows(tmp_path / "coco.json"))


def test_a_row_has_picture_edges_category_and_attributes(tmp_path):
    (row,) = rows_of(
        tmp_path,
        {
            "image_id": 1,
            "category_id": 5,
            "bbox": [10, 20, 30.5, 4],
            "attributes": {"side": "R", "category": "no", "list": [1]},
        },
    )
    assert (row.where, dict(row.fields)) == (
        "coco.json line 1",
        {"file_name": "a/1.png", "x0": "10", "y0": "20", "x1": "40.5", "y1": "24", "category": "mass", "side": "R"},
    )


@pytest.mark.parametrize("bbox", [None, [], [1, 2, 3], [1, 2, 3, "4"], [1, 2, 3, True], [1, 2, 3, 10**400], "1 2 3 4"])
def test_a_bbox_that_is_not_four_numbers_has_blank_edges(bbox, tmp_path):
    (row,) = rows_of(tmp_path, {"image_id": 1, "category_id": 5, "bbox": bbox})
    assert [row.get(edge) for edge in ("x0", "y0", "x1", "y1")] == [""] * 4


def test_an_annotation_of_no_listed_picture_is_a_fault_and_the_next_is_read(tmp_path):
    box = [1, 2, 3, 4]
    fault, row = rows_of(tmp_path, {"image_id": [2], "bbox": box}, {"image_id": 1, "category_id": 6, "bbox": box})
    assert isinstance(fault, Fault) and "coco.json line 1" in fault.error.sentence()
    assert row.get("category") == ""


def test_bytes_that_are_no_text_are_one_sentence(tmp_path):
    (tmp_path / "coco.json").write_bytes(b"\x00\xff\xfe\x80 {")
    with pytest.raises(InputError, match=r"coco\.json"):
        list(coco_rows(tmp_path / "coco.json"))
    with pytest.raises(InputError, match="is not there"):
        list(coco_rows(tmp_path / "none.json"))
