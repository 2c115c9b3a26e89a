"""Image files of a lab's folder: what headers and names say, and one sentence for each file that is of no use."""

import datetime as dt
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammoscribe.data.dataset import Fault
from mammoscribe.data.own_folder.folder import folder_dataset
from mammoscribe.support.errors import InputError, NotAMammogram
from tests.data.datasets.made import write_dicom, write_lines, write_picture
from tests.data.datasets.makers.own_folder import TOML, captions, read, toml

NAMED = (
    'name = "x"\nkind = "mammo-exam"\nimages = "**/*.png"\n'
    r"exam = 'name:(?P<exam>(?P<patient>[^-/]+)-(?P<date>[\d_.]+))-(?P<view>\w+)'" + "\n"
)
CHEST = 'name = "x"\nkind = "image-text"\nimages = "**/*"\nexam = "folder"\n'


@pytest.fixture
def dicom(tmp_path):
    toml(tmp_path)
    return tmp_path


@pytest.mark.parametrize("side", ["R", "L"])
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_a_name_says_exam_patient_day_and_view(side, view, tmp_path):
    write_picture(tmp_path / f"p1-2020_03_04-{side}{view}.png")
    records, faults = read(tmp_path, NAMED)
    assert not faults
    (exam,) = records.values()
    assert (exam.id, exam.patient_id, exam.date) == ("p1-2020_03_04", "p1", dt.date(2020, 3, 4))
    assert (exam.images[0].laterality, exam.images[0].projection) == (side, view)


@given(
    patient=st.from_regex(r"[A-Za-z0-9]{1,8}", fullmatch=True),
    day=st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    mark=st.sampled_from(["", "_", "."]),
    view=st.sampled_from(["RCC", "LMLO", "R_CC", "left_mlo"]),
)
@settings(max_examples=25)
def test_whatever_a_name_is_made_of_is_found_in_it_again(tmp_path_factory, patient, day, mark, view):
    folder = tmp_path_factory.mktemp("x")
    write_picture(folder / f"{patient}-{day:%Y{mark}%m{mark}%d}-{view}.png")
    (exam,) = read(folder, NAMED)[0].values()
    assert (exam.patient_id, exam.date, exam.images[0].laterality) == (patient, day, view[0].upper())


def test_a_name_that_does_not_fit_or_says_no_view_or_day_is_told(tmp_path):
    for name in ("p1-20200304-RCC", "p2", "p3-20200304-XYZ", "p4-20201399-RCC"):
        write_picture(tmp_path / f"{name}.png")
    records, faults = read(tmp_path, NAMED)
    assert records.keys() == {"p1-20200304"}
    assert "nothing says which view" in faults[0] and "(?P<view>...)" in faults[0] and "--view" not in faults[0]
    assert faults[1] == "p3-20200304-XYZ.png: 'XYZ' does not name a view; expected RCC, LCC, RMLO or LMLO."
    assert "the date '20201399' in the name of p4-20201399-RCC.png" in faults[2]


def test_files_that_are_of_no_use_are_told_one_by_one_and_the_others_are_read(dicom):
    def add(name, n, **more):
        given = {"PatientID": "P2", "AccessionNumber": "A3", "SOPInstanceUID": f"1.2.9.{n}", "StudyDate": "20230304"}
        return write_dicom(dicom / "dicom" / name, n, **given | more)

    (dicom / "dicom" / "text.dcm").write_text("no picture")
    (dicom / "dicom" / "empty.dcm").touch()
    add("twice.dcm", 1, SOPInstanceUID="1.2.3.1")
    add("spot.dcm", 2, ViewPosition="XCCL")
    add("ct.dcm", 6, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    add("nobody.dcm", 3, AccessionNumber=None)
    add("sides.dcm", 5, Laterality="L")
    add("LCC.dcm", 7, ViewPosition=None, ImageLaterality="R")
    cut = add("cut.dcm", 8)
    cut.write_bytes(cut.read_bytes()[:-2000])
    (dicom / ".hidden.dcm").write_text("x")
    os.symlink("/etc/hostname", dicom / "dicom" / "link.dcm")
    dataset, root = folder_dataset(dicom / "ours.toml")
    items = list(dataset.edition_in(root).read(root))
    assert [i.id for i in items if not isinstance(i, Fault)] == ["A1", "A2", "A3"]
    faults = {i.where: i.error.sentence() for i in items if isinstance(i, Fault)}
    expected = {
        "dicom/text.dcm": "is not a picture", "dicom/empty.dcm": "is empty", "dicom/spot.dcm": "XCCL", "dicom/ct.dcm": "CT",
        "dicom/twice.dcm": "is the same object as an earlier file", "dicom/nobody.dcm": "has no AccessionNumber",
        "dicom/sides.dcm": "contradicts itself", "dicom/LCC.dcm": "says R, its name L", "dicom/cut.dcm": "is cut off",
        "dicom/link.dcm": "a link that leads out",
    }  # fmt: skip
    assert faults.keys() == expected.keys()
    for where, told in expected.items():
        assert told in faults[where], (where, faults)
        assert os.path.basename(where) in faults[where] and "--view" not in faults[where]
    aside = [i.where for i in items if isinstance(i, Fault) and isinstance(i.error, NotAMammogram)]
    assert aside == ["dicom/ct.dcm", "dicom/spot.dcm"]


@pytest.mark.filterwarnings("ignore")
def test_a_file_cut_anywhere_is_a_sentence_and_never_stops_the_reading(dicom):
    path = dicom / "dicom" / "P1" / "0.dcm"
    whole = path.read_bytes()
    for end in range(1, len(whole) - 1, 61):
        path.write_bytes(whole[:end])
        records, faults = read(dicom, TOML)
        assert set(records) == {"A1", "A2", "A3"} and len(records["A1"].images) == 1
        assert len(faults) == 1 and "0.dcm" in faults[0]


@pytest.mark.parametrize("kind", ["mammo-exam", "image-text"])
@given(places=st.lists(st.tuples(st.integers(132, 700), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=40)
@pytest.mark.filterwarnings("ignore")
def test_bytes_changed_anywhere_in_a_header_never_stop_the_reading(tmp_path_factory, kind, places):
    folder = tmp_path_factory.mktemp("x")
    whole = bytearray(write_dicom(folder / "0.dcm", AccessionNumber="A1", PixelSpacing=[0.1, 0.1]).read_bytes())
    for place, value in places:
        whole[place] = value
    (folder / "0.dcm").write_bytes(bytes(whole))
    write_dicom(folder / "1.dcm", 1, AccessionNumber="A2", StudyInstanceUID="1.2.9", SOPInstanceUID="1.2.9.9")
    text = f'name = "x"\nkind = "{kind}"\nimages = "*.dcm"\nexam = "header:AccessionNumber"\n'
    records, faults = read(folder, text)
    assert sum(len(record.images) for record in records.values()) + len(faults) == 2


def test_a_header_that_cannot_be_parsed_is_told_of_other_images_too(dicom):
    path = dicom / "dicom" / "P1" / "0.dcm"
    path.write_bytes(path.read_bytes().replace(b"\x08\x00\x20\x00DA", b"\x08\x00\x20\x00XX"))
    records, faults = read(dicom, TOML.replace("mammo-exam", "image-text"))
    assert len(records) == 3 and len(faults) == 1 and "0.dcm is damaged" in faults[0]


def test_no_file_that_fits_is_told_with_what_is_there(dicom):
    with pytest.raises(
        InputError, match=r"ours\.toml: images: no file in .* fits x/\*\.dcm \(there: 1 \.csv, 4 \.dcm, 1 \.toml"
    ):
        read(dicom, TOML.replace("dicom/**", "x"))


def test_table_manifest_and_description_are_no_images_whatever_the_pattern(dicom):
    records, faults = read(dicom, TOML.replace("dicom/**/*.dcm", "**/*"))
    assert not faults and records.keys() == {"A1", "A2", "A3"}


def test_the_patient_may_stand_elsewhere(dicom):
    records, faults = read(dicom, TOML + 'patient = "folder"\n')
    assert not faults and records["A1"].patient_id == "P1"
    records, _ = read(dicom, TOML + 'patient = "header:StudyInstanceUID"\n')
    assert records["A1"].patient_id == "1.2.1"
    records, _ = read(dicom, TOML + "patient = 'name:dicom/(?P<patient>[^/]+)'\n")
    assert records["A3"].patient_id == "P2"


def test_a_header_that_plain_images_do_not_have_is_told(tmp_path):
    write_picture(tmp_path / "R_CC.png")
    text = 'name = "x"\nkind = "mammo-exam"\nimages = "*.png"\nexam = "header:AccessionNumber"\n'
    records, faults = read(tmp_path, text)
    assert not records and faults == ["R_CC.png has no DICOM header; expected one, for exam = header:AccessionNumber."]


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_other_dicom_images_say_patient_day_and_view(tmp_path):
    given = {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "ViewPosition": "PA"}
    write_dicom(tmp_path / "s1" / "a.dcm", PatientID="P7", StudyDate="20200102", **given)
    write_dicom(tmp_path / "s2" / "a.dcm", 1, PatientID="P7", StudyDate="20201399", SOPInstanceUID="1.2.9", **given)
    write_dicom(tmp_path / "s3" / "a.dcm", 2, PatientID="P8", StudyDate="00010101", SOPInstanceUID="1.2.8", **given)
    records, faults = read(tmp_path, CHEST)
    assert not faults
    one = records["s1"]
    assert (one.patient_id, one.images[0].view, one.date) == ("P7", "PA", dt.date(2020, 1, 2))
    assert records["s2"].date is None and records["s3"].date is None


def test_what_is_no_image_at_all_is_told(tmp_path):
    write_picture(tmp_path / "s1" / "a.png")
    (tmp_path / "s1" / "b.png").write_text("no picture")
    write_dicom(tmp_path / "s1" / "sr.dcm", Modality="SR", Rows=None, Columns=None, PixelData=None)
    write_dicom(tmp_path / "s1" / "cut.dcm", 1).write_bytes((tmp_path / "s1" / "sr.dcm").read_bytes()[:400])
    whole = write_dicom(tmp_path / "s1" / "short.dcm", 2, SOPInstanceUID="1.2.9")
    whole.write_bytes(whole.read_bytes()[:-3000])
    dataset, root = folder_dataset_of(tmp_path, CHEST)
    items = list(dataset.edition_in(root).read(root))
    faults = {i.where: i for i in items if isinstance(i, Fault)}
    assert faults.keys() == {"s1/b.png", "s1/sr.dcm", "s1/cut.dcm", "s1/short.dcm"}
    assert "is not a picture" in faults["s1/b.png"].error.sentence()
    assert faults["s1/sr.dcm"].set_aside and not faults["s1/short.dcm"].set_aside
    assert "is cut off" in faults["s1/short.dcm"].error.sentence()


def folder_dataset_of(folder, text):
    (folder / "ours.toml").write_text(text)
    return folder_dataset(folder / "ours.toml")


def test_a_table_may_name_its_pictures_by_path_name_or_stem(tmp_path):
    captions(tmp_path)
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert not faults
    assert {r.id: r.report.raw for r in records.values()} == {
        "img/3.png": "Three.", "img/a/1.png": "One.", "img/a/2.png": "Two.",
    }  # fmt: skip


def test_pictures_of_a_table_come_together_by_its_exams(tmp_path):
    captions(tmp_path)
    write_lines(
        tmp_path / "captions.csv", "file,caption,study,who", "1.png,One.,s1,p1", "2.png,One.,s1,p1", "x.png,X,s2,p1"
    )
    more = 'report_exam = "study"\nreport_patient = "who"\nexam = "column"\n'
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text() + more)
    (one,) = records.values()
    assert (one.id, one.patient_id, [i.path for i in one.images]) == ("s1", "p1", ["img/a/1.png", "img/a/2.png"])
    assert faults == [
        "no row of captions.csv gives the exam of img/3.png; expected one exam.",
        "captions.csv line 4: no file is the picture x.png; expected one that images finds, by its path from the root.",
    ]


def test_a_row_for_a_picture_is_joined_to_the_exam_of_its_header(dicom):
    write_lines(dicom / "reports.csv", "File,Report", "0.dcm,A mass.", "P2/3.dcm,Text.", "dicom/P2/3.dcm,Normal.")
    records, faults = read(dicom, TOML.replace('report_exam = "Accession"', 'report_image = "File"'))
    assert (records["A1"].report.raw, records["A3"].report.raw) == ("A mass.", "Normal.")
    assert len(faults) == 1 and "no file is the picture P2/3.dcm" in faults[0]


def test_a_picture_of_two_exams_is_told(tmp_path):
    captions(tmp_path)
    write_lines(tmp_path / "captions.csv", "file,caption,study", "1.png,One.,s1", "1.png,One.,s2", "2.png,Two.,s2")
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text() + 'report_exam = "study"\n')
    assert records.keys() == {"s2"} and len(records["s2"].images) == 1
    assert faults[-1] == "captions.csv gives img/a/1.png the exams s1, s2; expected one exam."


def test_a_whole_path_goes_before_a_bare_name(tmp_path):
    captions(tmp_path)
    write_picture(tmp_path / "img" / "a" / "3.png")
    write_lines(tmp_path / "captions.csv", "file,caption", "img/3.png,Three.", "3.png,Of nobody knows which.")
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert records["img/3.png"].report.raw == "Three." and "img/a/3.png" not in records
    assert len(faults) == 1 and "line 3 names 3.png, which is 2 files" in faults[0]
    write_picture(tmp_path / "3.png")
    write_lines(tmp_path / "captions.csv", "file,caption", "3.png,Root.")
    text = (tmp_path / "ours.toml").read_text().replace("img/**", "**")
    assert read(tmp_path, text)[0]["3.png"].report.raw == "Root."


def test_a_bare_name_that_several_files_have_is_told(tmp_path):
    captions(tmp_path)
    write_picture(tmp_path / "img" / "b" / "1.png")
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert records.keys() == {"img/3.png", "img/a/2.png"}
    assert len(faults) == 2
    assert all("captions.csv line 2 names 1.png, which is 2 files, img/a/1.png and others" in fault for fault in faults)


def test_when_no_picture_is_named_rightly_both_sides_are_shown(tmp_path):
    captions(tmp_path)
    write_lines(tmp_path / "captions.csv", "file,caption", "../1.png,One.", "/etc/hostname,Two.")
    records, faults = read(tmp_path, (tmp_path / "ours.toml").read_text())
    assert len(records) == 3 and all(record.report is None for record in records.values())
    (told,) = faults
    assert "captions.csv names ../1.png, /etc/hostname, the files are img/3.png, img/a/1.png, img/a/2.png" in told
    assert re.search(r"look at images and report_image\.$", told)


# --- a table that says side and view of each picture ----------------------------------------------------------------------

PICTURES = """
name = "ours"
kind = "mammo-exam"
images = "*.png"
reports = "t.csv"
report_image = "File"
report_exam = "Exam"
laterality = "Side"
view = "View"
"""


def test_side_and_view_of_a_picture_come_from_its_row(tmp_path):
    for n in range(3):
        write_picture(tmp_path / f"{n}.png", n)
    write_lines(
        tmp_path / "t.csv",
        "File,Exam,Side,View,B",
        "0.png,e1,derecha,Craniocaudal,4",
        "1.png,e1,LT,OML,1",
        "2.png,e1,R,ML,4",
    )
    records, faults = read(tmp_path, PICTURES + 'labels = { birads = "B" }\n')
    assert [(v.path, str(v.laterality), str(v.projection)) for v in records["e1"].images] == [
        ("0.png", "R", "CC"),
        ("1.png", "L", "MLO"),
    ]
    assert {str(side): dict(labels) for side, labels in records["e1"].breasts.items()} == {
        "R": {"birads": "4"},
        "L": {"birads": "1"},
    }
    assert faults == ["t.csv line 4: an ML view; expected CC or MLO."]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["0.png,e1,X,CC"], "t.csv line 2: laterality 'X'; expected R or L"), (["0.png,e1,R,CC", "0.png,e1,R,MLO"], "is R CC, R MLO; expected one view"),
        (["0.png,e1,R,"], "nothing says which view"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_say_one_view_is_told(rows, told, tmp_path):
    write_picture(tmp_path / "0.png")
    write_lines(tmp_path / "t.csv", "File,Exam,Side,View", *rows)
    _, faults = read(tmp_path, PICTURES)
    assert len(faults) == 1 and told in faults[0] and "--view" not in faults[0]


def test_a_header_that_contradicts_the_table_is_told(tmp_path):
    write_dicom(tmp_path / "0.dcm", 1, ImageLaterality="R", ViewPosition="CC")
    write_lines(tmp_path / "t.csv", "File,Exam,Side,View", "0.dcm,e1,L,CC")
    _, faults = read(tmp_path, PICTURES.replace("*.png", "*.dcm"))
    assert len(faults) == 1 and "says R CC, t.csv says L CC" in faults[0]
