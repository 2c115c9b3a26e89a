"""Kermany's trees: who the patient is by the file name, and which pictures are not read twice."""

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.known import DATASETS
from tests.data.datasets.made import write_picture
from tests.data.datasets.makers.mendeley import chest_2, chest_3, kaggle, oct_2


def read(name, root):
    dataset = DATASETS[name]
    items = list(dataset.edition_in(root).read(root))
    return {i.id: i for i in items if not isinstance(i, Fault)}, [i for i in items if isinstance(i, Fault)]


def test_a_patient_of_several_classes_is_one_patient(tmp_path):
    oct_2(tmp_path)
    records, _ = read("mendeley-oct", tmp_path)
    assert (
        records["train/CNV/CNV-1016042-1"].patient_id
        == records["train/DRUSEN/DRUSEN-1016042-1"].patient_id
        == "1016042"
    )
    one = records["test/DME/DME-119840-1"]
    assert (one.labels, one.split, one.images[0].path) == (
        {"class": "DME"}, "test", "OCT2017/test/DME/DME-119840-1.jpeg",
    )  # fmt: skip


def test_bacterial_and_viral_patients_are_numbered_apart_and_both_series_of_healthy_ones(tmp_path):
    chest_2(tmp_path)
    records, _ = read("mendeley-cxr", tmp_path)
    assert {name.rpartition("/")[2]: record.patient_id for name, record in records.items()} == {
        "IM-0429-0001": "IM-0429", "IM-0429-0001-0001": "IM-0429", "NORMAL2-IM-0173-0001-0002": "NORMAL2-IM-0173",
        "person101_virus_187": "person101_virus", "person101_virus_188": "person101_virus",
        "person101_bacteria_484": "person101_bacteria", "person447_virus_921_1": "person447_virus",
    }  # fmt: skip
    assert records["test/PNEUMONIA/person101_bacteria_484"].labels == {"class": "PNEUMONIA", "cause": "bacteria"}
    assert records["train/NORMAL/IM-0429-0001"].labels == {"class": "NORMAL"}
    assert {record.images[0].view for record in records.values()} == {"AP"}


def test_version_3_has_numbers_of_patients(tmp_path):
    chest_3(tmp_path)
    records, _ = read("mendeley-cxr", tmp_path)
    found = records["train/PNEUMONIA/BACTERIA-1008087-0002"]
    assert (found.patient_id, found.labels["cause"], found.split) == ("1008087", "bacteria", "train")
    assert records["test/PNEUMONIA/VIRUS-1013-0001"].labels["cause"] == "virus"
    assert records["train/NORMAL/NORMAL-28501-0001"].labels == {"class": "NORMAL"}


def test_the_second_copy_of_kaggle_is_named_and_not_read(tmp_path):
    kaggle(tmp_path)
    records, faults = read("kaggle-cxr", tmp_path)
    assert len(records) == 9 and not any("chest_xray/chest_xray" in r.images[0].path for r in records.values())
    assert [(f.where, f.set_aside) for f in faults] == [("chest_xray/chest_xray", True)]


def test_the_second_copy_is_read_where_it_is_the_only_one(tmp_path):
    kaggle(tmp_path / "all")
    (tmp_path / "one" / "chest_xray").mkdir(parents=True)
    (tmp_path / "all" / "chest_xray" / "chest_xray").rename(tmp_path / "one" / "chest_xray" / "chest_xray")
    records, faults = read("kaggle-cxr", tmp_path / "one")
    assert len(records) == 9 and not faults
    assert records["val/NORMAL/NORMAL2-IM-1427-0001"].images[0].path.startswith("chest_xray/chest_xray/val/")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("train/NORMAL/holiday.jpeg", "has no name of this dataset"),
        ("train/NORMAL/IM-0115-0001.txt", "has no name of this dataset"),
        ("train/NORMAL/person7_virus_20.jpeg", "is PNEUMONIA by its name and NORMAL by its folder"),
        ("train/COVID/IM-0115-0001.jpeg", "is no class"),
        ("train/readme.txt", "is no class"),
        ("extra/NORMAL/IM-0115-0001.jpeg", "is none of the parts"),
    ],
)
def test_what_is_no_picture_of_the_dataset_is_one_fault(path, said, tmp_path):
    chest_2(tmp_path)
    stray = tmp_path / "chest_xray" / path
    stray.parent.mkdir(parents=True, exist_ok=True)
    write_picture(stray) if stray.suffix == ".jpeg" else stray.write_text("x")
    records, faults = read("mendeley-cxr", tmp_path)
    assert len(records) == 7 and len(faults) == 1 and not faults[0].set_aside
    assert said in faults[0].error.found and faults[0].error.expected
