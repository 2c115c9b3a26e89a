"""Studies out of a table with one row per picture."""

import datetime as dt

import pytest

from mammoscribe.data.dataset import Fault
from mammoscribe.data.formats.study_table import StudyTable, day, read_study_table, time_of_day
from mammoscribe.data.formats.view_table import column
from mammoscribe.data.records import ListedImage
from mammoscribe.data.texts.report_text import ReportText
from mammoscribe.support.errors import InputError

COLUMNS = "study,patient,file,view,finding,split,day,time"


def read(root, *rows):
    (root / "t.csv").write_text("\n".join((COLUMNS, *rows, "")))

    def image(row):
        if not row.get("file"):
            raise InputError("no file", "its name")
        return ListedImage(row.get("file"), row.get("view"))

    def report(study, rows):
        return ReportText(f"{study}: {len(rows)} pictures")

    spec = StudyTable(
        "t.csv", ("study", "file"), column("study"), column("patient"), image, {"finding": column("finding")},
        column("split"), lambda row: (day(row.get("day")), time_of_day(row.get("time"))), report,
    )  # fmt: skip
    return list(read_study_table(root, spec))


def test_rows_of_a_study_are_put_together_wherever_they_stand(tmp_path):
    first, second = read(
        tmp_path,
        "s1,p1,a.png,PA,mass,train,20100302,101500",
        "s2,p1,b.png,PA,,val,,",
        "s1,p1,c.png,L,nodule,train,20100302,101459.5",
    )
    assert (first.id, first.patient_id, first.split) == ("s1", "p1", "train")
    assert first.images == (ListedImage("a.png", "PA"), ListedImage("c.png", "L"))
    assert (first.labels, first.report.raw) == ({"finding": "mass|nodule"}, "s1: 2 pictures")
    assert (first.date, first.time) == (dt.date(2010, 3, 2), dt.time(10, 14, 59, 500_000))
    assert (second.labels, second.date, second.time, second.split) == ({}, None, None, "val")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (("s1,p1,,PA,,,,",), "t.csv line 3: no file"),
        (("s1,p1,b.png,PA,,,May,",), "t.csv line 3: the study date 'May'"),
        (("s1,p1,../b.png,PA,,,,",), "t.csv line 3: the path '../b.png'"),
    ],
)
def test_a_picture_that_cannot_be_read_costs_its_row_only(tmp_path, rows, words):
    fault, study = read(tmp_path, "s1,p1,a.png,PA,,,20100302,", *rows)
    assert words in fault.error.found
    assert [i.path for i in study.images] == ["a.png"]


def test_a_study_of_two_patients_or_splits_is_one_fault_and_the_others_go_on(tmp_path):
    items = read(
        tmp_path,
        "s1,p1,a.png,,,,,",
        "s2,p2,b.png,,,train,,",
        "s1,p9,c.png,,,,,",
        "s2,p2,d.png,,,val,,",
        "s3,p3,e.png,,,,,",
    )
    assert [i.error.found for i in items if isinstance(i, Fault)] == [
        "study s1 has the patients p1, p9", "study s2 has the splits train, val",
    ]  # fmt: skip
    assert [i.id for i in items if not isinstance(i, Fault)] == ["s3"]


def test_times_of_day_may_have_lost_their_zeros():
    assert time_of_day("213014.531") == dt.time(21, 30, 14, 531_000)
    assert time_of_day("80556.875") == dt.time(8, 5, 56, 875_000)
    assert time_of_day("4.5") == dt.time(0, 0, 4, 500_000)
    assert (time_of_day("0"), time_of_day("")) == (dt.time(0, 0), None)


@pytest.mark.parametrize("text", ["246000", "126100", "12:30", "-4.5", "1e3", "noon", "1230141"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="the study time"):
        time_of_day(text)


def test_days_are_read_as_dicom_and_spreadsheets_write_them():
    assert day("20150622") == day("20150622.0") == dt.date(2015, 6, 22)
    for text in ("2015-06-22", "20150231", "0"):
        with pytest.raises(InputError, match="the study date"):
            day(text)
