"""Boxes of a lab's folder: each is put into its picture, a row that is none is told, and what was exported reads back."""

import json

import numpy as np
import pytest

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.exchange.coco import export_coco
from mammoscribe.data.ingest import ingest
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.data.own_folder.spec import read_spec
from mammoscribe.data.supervision import Question
from mammoscribe.domain.view import Box
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_lines, write_picture
from tests.data.datasets.makers.own_folder import read, toml, write_sheet

FIRST = """
name = "ours"
kind = "mammo-exam"
images = "dicom/**/*.dcm"
exam = "header:AccessionNumber"
"""
KEYS = 'boxes = "boxes.csv"\nbox_image = "File"\nbox_edges = ["x0", "y0", "x1", "y1"]\n'
LABELS = 'box_labels = { kind = "Kind", name = "Nr" }\n'
TEACHES = '[teaches.region]\nkind = { question = "kind", answers = { Mass = "mass", Calc = "calcification" } }\nname = "finding"\n'
WHOLE = FIRST + KEYS + LABELS + 'boxed_kinds = ["mass"]\n' + TEACHES
HEAD = "File,x0,y0,x1,y1,Kind,Nr"
FIRST_PICTURE, SECOND = "dicom/P1/0.dcm", "dicom/P1/1.dcm"  # 48 x 64 pixels


@pytest.fixture
def lab(tmp_path):
    toml(tmp_path)
    (tmp_path / "reports.csv").unlink()
    return tmp_path


def read_boxes(folder, *rows, text=WHOLE):
    write_lines(folder / "boxes.csv", HEAD, *rows)
    records, faults = read(folder, text)
    return {view.path: view for record in records.values() for view in record.images}, faults


def test_boxes_are_in_the_pictures_that_rows_name_by_path_or_bare_name(lab):
    views, faults = read_boxes(
        lab, f"{FIRST_PICTURE},1,2,10.5,20,Mass,1", "1.dcm,0,0,48,64,Calc,1", f"./{FIRST_PICTURE},20,20,30,30,Mass,2"
    )
    assert not faults
    first = views[FIRST_PICTURE].regions
    assert [region.box for region in first] == [Box(1, 2, 10.5, 20), Box(20, 20, 30, 30)]
    assert first[0].labels == {"kind": "Mass", "name": "1"}
    assert [region.box for region in views[SECOND].regions] == [Box(0, 0, 48, 64)]
    assert not any(view.regions for path, view in views.items() if path not in (FIRST_PICTURE, SECOND))


def test_what_boxes_teach_is_on_the_card(lab):
    views, _ = read_boxes(lab, f"{FIRST_PICTURE},1,2,10,20,Mass,1")
    dataset, root = folder_dataset(lab / "ours.toml")
    taught = dataset.supervision_of(dataset.edition_in(root))
    (region,) = views[FIRST_PICTURE].regions
    assert [kind.value for kind in taught.boxed_kinds] == ["mass"]
    assert taught.answer("region", Question.KIND, region.labels) == "mass"
    assert taught.answer("region", Question.FINDING, region.labels) == "1"
    assert taught.answers("view", Question.UNPLACED, views[FIRST_PICTURE].labels) == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"{FIRST_PICTURE},10,2,1,20,Mass,1", ("boxes.csv line 2", "reversed")),
        (f"{FIRST_PICTURE},1,20,10,20,Mass,1", ("boxes.csv line 2", "empty")),
        (f"{FIRST_PICTURE},1,2,60,20,Mass,1", ("boxes.csv line 2", "beyond its picture", "48 x 64")),
        (f"{FIRST_PICTURE},-9,2,10,20,Mass,1", ("boxes.csv line 2", "beyond its picture")),
        (f"{FIRST_PICTURE},100,2,200,20,Mass,1", ("boxes.csv line 2", "beyond its picture")),
        (f"{FIRST_PICTURE},1,2,,20,Mass,1", ("boxes.csv line 2", "x1 ''", "four numbers")),
        (f"{FIRST_PICTURE},1,2,nan,20,Mass,1", ("boxes.csv line 2", "four numbers")),
        (f"{FIRST_PICTURE},1,2,1e400,20,Mass,1", ("boxes.csv line 2", "four numbers")),
    ],
)
def test_a_row_that_is_no_box_is_told_and_its_picture_denies_nothing(row, words, lab):
    views, faults = read_boxes(lab, row, f"{FIRST_PICTURE},1,2,10,20,Mass,2", f"{SECOND},1,2,10,20,Mass,3")
    (sentence,) = faults
    assert all(word in sentence for word in words), sentence
    assert len(views[FIRST_PICTURE].regions) == len(views[SECOND].regions) == 1
    taught = read_spec(lab / "ours.toml").supervision
    assert "mass" in taught.answers("view", Question.UNPLACED, views[FIRST_PICTURE].labels)
    assert not views[SECOND].labels


def test_rows_of_no_picture_are_told_one_by_one(lab):
    views, faults = read_boxes(
        lab, f"{FIRST_PICTURE},1,2,10,20,Mass,1", "dicom/P9/0.dcm,1,2,10,20,Mass,1", ",1,2,3,4,Mass,1"
    )
    assert len(views[FIRST_PICTURE].regions) == 1
    assert ["line 3" in faults[1], "dicom/P9/0.dcm" in faults[1], "line 4" in faults[0]] == [True] * 3, faults


def test_where_no_row_names_a_picture_nothing_is_read(lab):
    with pytest.raises(
        InputError, match=r"ours.toml: boxes: boxes.csv names elsewhere/0.png.*the files are dicom/P1/0.dcm"
    ):
        read_boxes(lab, "elsewhere/0.png,1,2,10,20,Mass,1")


def test_a_bare_name_of_two_files_is_told(lab):
    (lab / "dicom/P9").mkdir()
    (lab / "dicom/P9/0.dcm").write_bytes((lab / FIRST_PICTURE).read_bytes())
    _, faults = read_boxes(lab, "0.dcm,1,2,10,20,Mass,1")
    assert any("which is 2 files" in sentence for sentence in faults)


def test_a_box_of_no_known_kind_leaves_its_picture_out_where_all_boxes_are_to_be_known(lab):
    rows = f"{FIRST_PICTURE},1,2,10,20,Masse,1", f"{SECOND},1,2,10,20,Mass,1"
    views, _ = read_boxes(lab, *rows)
    assert [bool(views[path].labels) for path in (FIRST_PICTURE, SECOND)] == [True, False]
    views, _ = read_boxes(lab, *rows, text=FIRST + KEYS + LABELS)
    assert not any(view.labels for view in views.values())


def test_an_edge_may_be_one_pixel_beyond_and_have_a_decimal_comma(lab):
    views, faults = read_boxes(lab, f'{FIRST_PICTURE},-0.5,0,"48,7",65,Mass,1')
    assert not faults and [region.box for region in views[FIRST_PICTURE].regions] == [Box(0, 0, 48, 64)]


def test_boxes_of_a_sheet_belong_to_the_pictures_of_a_manifest(tmp_path):
    for name in ("a/RCC.png", "b/RCC.png"):
        write_picture(tmp_path / "png" / name)
    write_lines(
        tmp_path / "m.csv",
        "exam_id,patient_id,laterality,view,path",
        "E1,P1,R,CC,png/a/RCC.png",
        "E2,P2,R,CC,png/b/RCC.png",
    )
    rows = [HEAD.split(","), ["png/b/RCC.png", 1, 2, 10, 20.5, "Mass", 1], ["RCC.png", 1, 2, 10, 20, "Mass", 1]]
    write_sheet(tmp_path / "boxes.xlsx", *rows)
    text = 'name = "x"\nkind = "mammo-exam"\nmanifest = "m.csv"\n' + KEYS.replace(".csv", ".xlsx") + LABELS
    records, faults = read(tmp_path, text)
    assert [region.box for region in records["E2"].images[0].regions] == [Box(1, 2, 10, 20.5)]
    assert len(faults) == 1 and "RCC.png, which is 2 files" in faults[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FIRST + 'box_image = "File"\n', ("box_image without boxes",)),
        (FIRST + 'boxed_kinds = ["mass"]\n', ("boxed_kinds without boxes",)),
        (FIRST + 'boxes = "boxes.csv"\n', ("box_image",)),
        (FIRST + 'boxes = "boxes.csv"\nbox_image = "File"\n', ("box_edges", '["x0", "y0", "x1", "y1"]')),
        (FIRST + KEYS.replace('"y0"', '"x0"'), ("box_edges", "four columns")),
        (FIRST + KEYS.replace("boxes.csv", "boxes.xml"), ("boxes.xml", ".json")),
        (FIRST + KEYS.replace("boxes.csv", "coco.json"), ("COCO",)),
        (FIRST + KEYS.replace("boxes.csv", "../boxes.csv"), ("leads out of the root",)),
        (WHOLE.replace('["mass"]', '["masss"]'), ("masss", "did you mean mass?")),
        (WHOLE.replace('["mass"]', '["asymmetry"]'), ("asymmetry", "no answer")),
        (FIRST + KEYS + LABELS + 'boxed_kinds = ["mass"]\n', ("no label of a box teaches its kind",)),
        (FIRST + KEYS + LABELS + TEACHES, ("boxed_kinds",)),
        (WHOLE.replace("\nname = \"finding\"", "\nnmae = \"finding\""), ("nmae", "did you mean name?")),
        (WHOLE.replace('"finding"', '"descriptor"'), ("descriptor", "did you mean descriptors?")),
        (WHOLE.replace('Calc = "calcification"', 'Calc = "calcifications"'), ("calcifications", "did you mean calcification?")),
        (
            WHOLE.replace('name = "finding"', 'name = { question = "descriptors", answers = { r = "shape.roundd" } }'),
            ("shape.roundd", "did you mean shape.round"),
        ),
        (
            WHOLE.replace('name = "finding"', 'name = { question = "suspicion", answers = { r = "high" } }'),
            ("'high'", "a number from 0 to 1"),
        ),
        (WHOLE.replace('kind = "Kind"', 'Kind = "Kind"'), ("'Kind'", "small letters")),
    ],
)  # fmt: skip
def test_a_mistake_in_the_toml_is_one_sentence(text, words, lab):
    (lab / "ours.toml").write_text(text)
    with pytest.raises(InputError) as raised:
        read_spec(lab / "ours.toml")
    sentence = raised.value.sentence()
    assert all(word in sentence for word in (*words, "ours.toml")), sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE.replace("boxes.csv", "none.csv"), ("boxes", "none.csv is not there")),
        (WHOLE.replace('"File"', '"Fille"'), ("box_image", "Fille", "did you mean File?")),
        (WHOLE.replace('"x1"', '"x3"'), ("box_edges", "x3")),
        (WHOLE.replace('"Kind"', '"Kindd"'), ("box_labels.kind", "did you mean Kind?")),
    ],
)
def test_a_table_that_lacks_something_is_one_sentence(text, words, lab):
    with pytest.raises(InputError) as raised:
        read_boxes(lab, f"{FIRST_PICTURE},1,2,10,20,Mass,1", text=text)
    sentence = raised.value.sentence()
    assert all(word in sentence for word in (*words, "ours.toml")), sentence


# --- COCO --------------------------------------------------------------------------------------------------------------

COCO = FIRST + 'boxes = "coco.json"\n'
COCO_TEACHES = (
    'boxed_kinds = ["mass"]\n[teaches.region]\ncategory = { question = "kind", answers = { Mass = "mass" } }\n'
)


def coco(*annotations, images=((7, FIRST_PICTURE), (8, SECOND))):
    return {
        "images": [{"id": number, "file_name": name, "width": 48, "height": 64} for number, name in images],
        "categories": [{"id": 1, "name": "Mass"}, {"id": 2, "name": "Calc"}],
        "annotations": [{"id": n, **annotation} for n, annotation in enumerate(annotations)],
    }


def read_coco(folder, whole, text=COCO + COCO_TEACHES):
    (folder / "coco.json").write_text(json.dumps(whole))
    records, faults = read(folder, text)
    return {view.path: view for record in records.values() for view in record.images}, faults


def test_a_coco_file_of_another_program_is_read(lab):
    whole = coco(
        {"image_id": 7, "category_id": 1, "bbox": [1, 2, 9.5, 18]}, {"image_id": "8", "category_id": 1, "bbox": [0, 0, 48, 64]},
    )  # fmt: skip
    views, faults = read_coco(lab, whole)
    assert not faults
    assert [(r.box, r.labels) for r in views[FIRST_PICTURE].regions] == [(Box(1, 2, 10.5, 20), {"category": "Mass"})]
    assert [r.box for r in views[SECOND].regions] == [Box(0, 0, 48, 64)]


def test_attributes_of_an_annotation_are_labels(lab):
    box = {"image_id": 7, "category_id": 1, "bbox": [1, 2, 9, 18], "attributes": {"Nr": 3, "occluded": False}}
    views, faults = read_coco(lab, coco(box), COCO + 'box_labels = { kind = "category", name = "Nr" }\n')
    assert not faults and views[FIRST_PICTURE].regions[0].labels == {"kind": "Mass", "name": "3"}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ({"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4]}, ("coco.json line 1", "9")),
        ({"image_id": 7, "category_id": 1, "bbox": [1, 2, 3]}, ("coco.json line 1", "four numbers")),
        ({"image_id": 7, "category_id": 1, "bbox": [1, 2, -3, 4]}, ("coco.json line 1", "reversed")),
        ({"image_id": 7, "category_id": 1}, ("coco.json line 1", "four numbers")),
        ({"image_id": 7, "category_id": 1, "bbox": [40, 2, 30, 4]}, ("coco.json line 1", "beyond its picture")),
    ],
)
def test_an_annotation_that_is_no_box_is_told_and_the_others_are_read(annotation, words, lab):
    views, faults = read_coco(lab, coco(annotation, {"image_id": 8, "category_id": 1, "bbox": [1, 2, 3, 4]}))
    (sentence,) = faults
    assert all(word in sentence for word in words), sentence
    assert len(views[SECOND].regions) == 1


@pytest.mark.parametrize(
    "text",
    ["[]", "{", "{}", '{"images": 3}', '{"images": [1], "annotations": [], "categories": []}', "[" * 100_000, '"\x00"'],
)
def test_what_is_no_coco_file_is_one_sentence(text, lab):
    (lab / "coco.json").write_text(text)
    with pytest.raises(InputError) as raised:
        read(lab, COCO)
    assert "coco.json" in raised.value.sentence()


def test_what_was_exported_as_coco_reads_back(lab):
    rows = f"{FIRST_PICTURE},1,2,10.25,20,Mass,1", f"{SECOND},3,4,8,9,Calc,1", "dicom/P2/3.dcm,0,0,48,64,Mass,1"
    before, _ = read_boxes(lab, *rows, text=FIRST + KEYS + 'box_labels = { kind = "Kind" }\n')
    dataset, root = folder_dataset(lab / "ours.toml")
    catalogue = ingest(dataset, root, lab / "catalogue").catalogue
    write_splits(catalogue.folder, {"P1": "train", "P2": "test"})
    export_coco(catalogue, lab / "coco", png=False)
    back = FIRST + 'boxes = "coco/annotations/*.json"\nbox_labels = { kind = "category" }\n'
    records, faults = read(lab, back)
    after = {view.path: view for record in records.values() for view in record.images}
    assert not faults and after == before and sum(len(view.regions) for view in after.values()) == 3


def test_a_name_that_cannot_be_printed_is_told(lab):
    whole = coco(
        {"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4]}, {"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]},
        images=((7, FIRST_PICTURE), (9, "\ud800.dcm")),
    )  # fmt: skip
    views, faults = read_coco(lab, whole)
    assert len(faults) == 1 and "file_name" in faults[0] and len(views[FIRST_PICTURE].regions) == 1


def test_many_random_boxes_come_back_as_they_were_written(lab):
    rng = np.random.default_rng(3)
    boxes = []
    for _ in range(50):
        (x0, x1), (y0, y1) = sorted(rng.uniform(0, 48, 2)), sorted(rng.uniform(0, 64, 2))
        boxes.append(tuple(round(float(edge), 3) for edge in (x0, y0, x1, y1)))
    boxes = [box for box in boxes if box[2] > box[0] and box[3] > box[1]]
    views, faults = read_boxes(lab, *(f"{SECOND},{','.join(map(str, box))},Mass,{n}" for n, box in enumerate(boxes)))
    assert not faults
    assert [(r.box.x0, r.box.y0, r.box.x1, r.box.y1) for r in views[SECOND].regions] == boxes
