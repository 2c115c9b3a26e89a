"""What is special in INbreast: patients in file names, months for dates, contours in property lists."""

import datetime as dt

import pytest

from mammoscribe.data.chronology import Chronology
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets import inbreast as reader
from mammoscribe.data.datasets.inbreast import INBREAST
from mammoscribe.domain.view import Box, Laterality, Projection
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_lines
from tests.data.datasets.makers import inbreast


def items(root):
    return list(INBREAST.edition_in(root).read(root))


def exams(root):
    return [i for i in items(root) if not isinstance(i, Fault)]


def faults(root):
    return [i for i in items(root) if isinstance(i, Fault) and not i.set_aside]


def test_the_patient_comes_from_the_file_name_and_the_earlier_exam_is_the_prior(tmp_path):
    inbreast.release(tmp_path)
    first, second, other = exams(tmp_path)
    assert [e.id for e in (first, second)] == ["6c613a14b80a8591_201001", "6c613a14b80a8591_201106"]
    assert first.patient_id == second.patient_id == "6c613a14b80a8591" != other.patient_id
    assert first.date == dt.date(2010, 1, 1)
    with Chronology() as chronology:
        chronology.add_all([first, second, other])
        assert [chronology.prior_of(e) for e in (first, second, other)] == [None, first.id, None]


def test_the_table_says_the_view_where_the_name_says_ml(tmp_path):
    inbreast.release(tmp_path)
    view = exams(tmp_path)[0].images[1]
    assert (view.laterality, view.projection) == (Laterality.RIGHT, Projection.MLO)
    assert view.path == "AllDICOMs/102_6c613a14b80a8591_MG_R_ML_ANON.dcm"


def test_values_are_tidy_and_a_blank_density_is_none(tmp_path):
    inbreast.release(tmp_path)
    first, second, _ = exams(tmp_path)
    assert first.breasts == {Laterality.RIGHT: {"birads": "1|4A", "density": "b"}}
    assert second.breasts == {Laterality.RIGHT: {"birads": "2"}}


def test_contours_become_boxes_of_the_pixels_they_touch(tmp_path):
    inbreast.release(tmp_path)
    first, _, other = exams(tmp_path)
    assert [(r.box, r.labels["finding"]) for r in first.images[1].regions] == [
        (Box(10, 18, 31, 42), "mass"), (Box(0, 7, 1, 8), "calcification"),
    ]  # fmt: skip
    assert [r.labels["finding"] for r in other.images[0].regions] == ["spiculated region"]


BAD_XML = {
    "text": b"<plist>not really",
    "list": b"<plist><array><string>a</string></array></plist>",
    "point": b"<plist><dict><key>Images</key><array><dict><key>ROIs</key><array><dict><key>Point_px</key><array>"
    b"<string>(1, x)</string></array></dict></array></dict></array></dict></plist>",
    "entity": b'<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/hostname">]><plist><dict><key>Images</key>'
    b"<string>&a;</string></dict></plist>",
}


@pytest.mark.parametrize("name", BAD_XML)
def test_a_bad_contour_file_is_an_error_and_the_other_pictures_go_on(tmp_path, name):
    inbreast.release(tmp_path)
    (tmp_path / "AllXML" / "102.xml").write_bytes(BAD_XML[name])
    (fault,) = faults(tmp_path)
    assert "102.xml is no list of contours" in fault.error.found
    assert [len(e.images) for e in exams(tmp_path)] == [1, 1, 1]


def test_a_contour_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    inbreast.release(tmp_path)
    monkeypatch.setattr(reader, "MAX_XML_BYTES", 1000)
    assert [f.error.found for f in faults(tmp_path)] == ["INbreast.csv line 3: 102.xml has 0 MB"]


def test_a_row_without_its_picture_or_month_is_an_error(tmp_path):
    inbreast.release(tmp_path)
    with (tmp_path / "INbreast.csv").open("a") as table:
        table.write("removed;removed;R;CC;200912;999;1;1\nremoved;removed;L;CC;2009;104;1;1\n")
    assert [f.error.found for f in faults(tmp_path)] == [
        "INbreast.csv line 7: no picture 999 in AllDICOMs", "the acquisition date '2009'",
    ]  # fmt: skip
    assert len(exams(tmp_path)) == 3


def test_the_spreadsheet_alone_is_not_read_and_the_card_says_what_to_do(tmp_path):
    write_lines(tmp_path / "INbreast.xls", "x")
    (tmp_path / "AllDICOMs").mkdir()
    with pytest.raises(InputError, match=r"INbreast\.csv"):
        INBREAST.edition_in(tmp_path)
    assert "save INbreast.xls as CSV" in INBREAST.obtain
