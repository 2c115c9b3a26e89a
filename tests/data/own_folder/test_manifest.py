"""A lab's manifest: views, labels of breasts, splits, what is prior to what, and what is wrong in one sentence."""

import datetime as dt
import os

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_dicom, write_lines, write_picture
from tests.data.datasets.makers.own_folder import manifest, read
from tests.data.some_records import CC, MLO, L, R

FIRST = 'name = "x"\nkind = "mammo-exam"\nmanifest = "m.csv"\n'
HEAD = "exam_id,patient_id,laterality,view,path,date,is_prior"


def pictures(folder, *names):
    for name in names:
        write_picture(folder / f"{name}.png")


def test_views_spacing_labels_and_split_are_those_of_the_rows(tmp_path):
    pictures(tmp_path, "img/a", "img/b", "img/c")
    write_lines(
        tmp_path / "m.csv", "exam_id,laterality,view,path,spacing_mm,Cancer,Part", "e1,R,CC,img/a.png,0.1,1,Testing",
        "e1,R,MLO,img/b.png,0.1,,test", "e1,L,CC,img/c.png,,0,",
    )  # fmt: skip
    records, faults = read(tmp_path, FIRST + 'labels = { cancer = "Cancer" }\nsplit = "Part"\n')
    assert not faults
    one = records["e1"]
    assert (one.patient_id, one.split, one.breasts) == ("e1", "test", {R: {"cancer": "1"}, L: {"cancer": "0"}})
    assert [(v.laterality, v.projection, v.spacing_mm) for v in one.images] == [
        (R, CC, (0.1, 0.1)), (R, MLO, (0.1, 0.1)), (L, CC, None),
    ]  # fmt: skip


def test_the_shape_of_a_squashed_picture_is_that_of_its_row(tmp_path):
    for name in "ab":
        write_picture(tmp_path / "img" / f"{name}.png", height=300, width=300)
    write_lines(
        tmp_path / "m.csv",
        "exam_id,laterality,view,path,height_to_width",
        "e1,R,CC,img/a.png,1.72",
        "e1,R,MLO,img/b.png,",
    )
    records, faults = read(tmp_path, FIRST)
    assert not faults
    assert [(v.spacing_mm, v.height_to_width) for v in records["e1"].images] == [(None, 1.72), (None, None)]


def test_a_prior_that_is_another_exam_is_linked_and_not_read_twice(tmp_path):
    manifest(tmp_path)
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert not faults
    assert {r.id: (r.prior_id, len(r.images)) for r in records.values()} == {
        "e1": (None, 1), "e2": ("e1", 1), "e3": (None, 1),
    }  # fmt: skip


def test_priors_that_are_no_exam_become_exams_once_and_by_day(tmp_path):
    pictures(tmp_path, "a", "b", "c", "d")
    write_lines(
        tmp_path / "m.csv", HEAD, "e1,p1,R,CC,a.png,2020-01-02,0", "e1,p1,R,CC,b.png,2018-01-02,1",
        "e1,p1,R,CC,c.png,2016-01-02,yes", "e2,p1,R,CC,d.png,2022-01-02,0", "e2,p1,R,CC,./b.png,2018-01-02,1",
    )  # fmt: skip
    records, faults = read(tmp_path, FIRST)
    assert not faults
    assert list(records) == ["e1/prior/2016-01-02", "e1/prior/2018-01-02", "e1", "e2"]
    assert records["e1"].prior_id == records["e2"].prior_id == "e1/prior/2018-01-02"
    assert records["e1/prior/2018-01-02"].date == dt.date(2018, 1, 2)
    assert records["e1/prior/2018-01-02"].patient_id == "p1"


def test_a_prior_without_a_day_is_a_prior(tmp_path):
    pictures(tmp_path, "a", "b")
    write_lines(tmp_path / "m.csv", HEAD, "e1,p1,R,CC,a.png,2020-01-02,0", "e1,,R,CC,b.png,,1")
    records, faults = read(tmp_path, FIRST)
    assert not faults and (records["e1"].prior_id, records["e1/prior"].date) == ("e1/prior", None)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["e1,p1,R,CC,a.png,,1"], "exam e1 has priors and no view of its own"),
        (["e1,p1,R,CC,a.png,2020-01-02,0", "e1,p1,R,CC,b.png,2020-01-02,1"], "an earlier day"),
        (["e1,p1,R,CC,a.png,2020-01-02,0", "e1,p1,R,MLO,b.png,2020-01-03,0"], "has views of 2020-01-02, 2020-01-03"),
        (["e1,p1,R,CC,a.png,,0", "e1,p2,R,MLO,b.png,,0"], "exam e1 has more than one patient: p1, p2"),
        (["e1,p1,R,CC,a.png,,0", "e1,p1,R,MLO,./a.png,,0"], "line 3: ./a.png is the same picture as in an earlier row"),
        (["e1,p1,R,CC,a.png,,0", "e1,p1,R,MLO,a.png,,1"], "is its own prior"),
        (["e1,p1,R,CC,none.png,,0"], "none.png is not there"),
        (["e1,p1,R,CC,../a.png,,0"], "leads out of the manifest's folder"),
        (["e1,p1,R,CC,/etc/hostname,,0"], "is not a picture"),
        (["e1,p1,R,CC,a.png,soon,0"], "date 'soon'"),
        (["e1,p1,R,CC,a.png,,maybe"], "is_prior 'maybe'"),
        (["e1,p1,R,CC,a.png,,0,more"], "8 fields"),
        ([",p1,R,CC,a.png,,0"], "no exam_id"),
        (["e1,p1,R,CC,a.png,,0", "e2,p1,R,CC,b.png,,1", "e2,p1,L,CC,a.png,,1", "e2,p1,L,CC,c.png,,0"],
         "priors of exam e2 are views of e1, no exam"),
    ],
)  # fmt: skip
def test_an_exam_that_cannot_be_read_is_one_sentence_and_the_others_go_on(rows, told, tmp_path):
    pictures(tmp_path, "a", "b", "c", "good")
    write_lines(tmp_path / "m.csv", HEAD, *rows, "e9,p9,R,CC,good.png,,0")
    records, faults = read(tmp_path, FIRST)
    assert "e9" in records and "e2" not in records
    assert len(faults) == 1 and told in faults[0]


def test_labels_and_splits_that_contradict_each_other_are_told(tmp_path):
    pictures(tmp_path, "a", "b")
    write_lines(tmp_path / "m.csv", "exam_id,laterality,view,path,Cancer", "e1,R,CC,a.png,1", "e1,R,MLO,b.png,0")
    records, faults = read(tmp_path, FIRST + 'labels = { cancer = "cancer" }\n')
    assert not records
    assert faults == ["exam e1, right breast, has more than one cancer: 1, 0; expected one."]


def test_what_is_no_standard_view_is_set_aside_and_its_exam_read(tmp_path):
    write_dicom(tmp_path / "a.dcm", SOPInstanceUID="1.2.1")
    write_dicom(tmp_path / "b.dcm", 1, SOPInstanceUID="1.2.2", ViewPosition="XCCL")
    write_dicom(tmp_path / "c.dcm", 2, SOPInstanceUID="1.2.3", ViewPosition="XCCL", PatientID="P2")
    write_dicom(tmp_path / "d.dcm", 3, SOPInstanceUID="1.2.4", ViewPosition="MLO")
    write_lines(
        tmp_path / "m.csv", "exam_id,patient_id,path,view,laterality", "e1,P1,a.dcm,,", "e1,P1,b.dcm,,", "e2,P2,c.dcm,,",
        "e3,P1,d.dcm,CC,R", "e4,P2,d.dcm,,",
    )  # fmt: skip
    (tmp_path / "ours.toml").write_text(FIRST)
    dataset, root = folder_dataset(tmp_path / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    assert [i.id for i in items if not isinstance(i, Fault)] == ["e1"]
    faults = {i.where: i for i in items if isinstance(i, Fault)}
    assert [where for where, fault in faults.items() if fault.set_aside] == ["m.csv line 3", "m.csv line 4"]
    assert "says R MLO, the manifest says R CC" in faults["e3"].error.sentence()
    assert "says patient P1, m.csv says P2" in faults["e4"].error.sentence()


def test_of_two_rows_of_one_view_the_last_is_read_and_the_other_is_set_aside(tmp_path):
    pictures(tmp_path, "a", "b")
    write_lines(tmp_path / "m.csv", HEAD, "e1,p1,R,CC,a.png,,0", "e1,p1,R,CC,b.png,,0", "e2,p2,R,CC,a.png,,0")
    (tmp_path / "ours.toml").write_text(FIRST)
    dataset, root = folder_dataset(tmp_path / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    records = {item.id: item for item in items if not isinstance(item, Fault)}
    assert [image.path for image in records["e1"].images] == ["b.png"] and "e2" in records
    (fault,) = (item for item in items if isinstance(item, Fault))
    assert fault.set_aside and fault.error.found == "m.csv line 2: a.png: a repeat, listed before b.png"


def test_where_all_views_are_set_aside_no_more_is_said(tmp_path):
    write_dicom(tmp_path / "a.dcm", SOPInstanceUID="1.2.1", StudyDate="20180102")
    write_dicom(tmp_path / "b.dcm", 1, SOPInstanceUID="1.2.2", ViewPosition="XCCL")
    write_lines(tmp_path / "m.csv", "exam_id,path,is_prior", "e1,b.dcm,0", "e1,a.dcm,1", "e2,b.dcm,1")
    records, faults = read(tmp_path, FIRST)
    assert not records and len(faults) == 2 and all("XCCL" in fault for fault in faults)


def test_a_manifest_behind_a_link_that_leads_out_is_refused(tmp_path):
    (tmp_path / "inside").mkdir()
    write_lines(tmp_path / "m.csv", HEAD)
    os.symlink(tmp_path / "m.csv", tmp_path / "inside" / "m.csv")
    with pytest.raises(InputError, match=r"manifest: m\.csv is a link that leads out of"):
        read(tmp_path, FIRST + 'root = "inside"\n')


def test_one_object_in_two_exams_is_told(tmp_path):
    for name in ("a", "b"):
        write_dicom(tmp_path / f"{name}.dcm", SOPInstanceUID="1.2.1")
    write_lines(tmp_path / "m.csv", "exam_id,path", "e1,a.dcm", "e2,b.dcm")
    records, faults = read(tmp_path, FIRST)
    assert records.keys() == {"e1"} and "line 3: b.dcm is the same picture" in faults[0]


def test_reports_and_labels_of_a_table_are_joined_to_the_manifest(tmp_path):
    manifest(tmp_path)
    lines = (tmp_path / "m.csv").read_text().splitlines()
    write_lines(tmp_path / "m.csv", f"{lines[0]},B,part", *[f"{line},9,train" for line in lines[1:]])
    write_lines(tmp_path / "r.csv", "exam,text,B,part", "e1,A mass.,4,test", "e2,,2,")
    more = 'reports = "r.csv"\nreport_exam = "exam"\nreport_text = "text"\nlabels = { birads = "B" }\nsplit = "part"\n'
    records, faults = read(tmp_path, FIRST + more)
    assert not faults
    assert (records["e1"].report.raw, records["e1"].labels, records["e1"].split) == ("A mass.", {"birads": "4"}, "test")
    assert records["e1"].breasts == {}
    assert (records["e2"].report, records["e2"].labels, records["e2"].prior_id) == (None, {"birads": "2"}, "e1")


def test_files_outside_the_root_are_refused(tmp_path):
    pictures(tmp_path, "elsewhere/R_CC", "inside/a")
    write_lines(
        tmp_path / "inside" / "m.csv", "exam_id,laterality,view,path", f"e1,R,CC,{tmp_path / 'elsewhere' / 'R_CC.png'}",
        f"e2,R,CC,{tmp_path / 'inside' / 'a.png'}",
    )  # fmt: skip
    records, faults = read(tmp_path, FIRST + 'root = "inside"\n')
    assert records["e2"].images[0].path == "a.png"
    assert len(faults) == 1 and "m.csv line 2" in faults[0] and "is not inside" in faults[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FIRST.replace("m.csv", "none.csv"), "manifest: .*none.csv is not there"),
        (FIRST + 'labels = { cancer = "Kancer" }\n', "no column of m.csv is called 'kancer'; did you mean cancer"),
        (FIRST + 'split = "Part"\n', "no column of m.csv is called 'part'"),
        (FIRST.replace("m.csv", "short.csv"), "lacks columns exam_id, path"),
    ],
)
def test_a_manifest_that_is_none_is_told_with_the_file_that_names_it(text, told, tmp_path):
    write_lines(tmp_path / "m.csv", "exam_id,path,Cancer")
    write_lines(tmp_path / "short.csv", "x,y")
    with pytest.raises(InputError, match=rf"ours\.toml: manifest: .*{told}|ours\.toml: {told}"):
        read(tmp_path, text)
