"""Labels of whole records in one spelling; what is not understood leaves the record and is listed."""

import csv

from mammoscribe.data.ingest import ingest
from mammoscribe.data.labels.applied import understood
from mammoscribe.data.records import ListedView, Region
from mammoscribe.domain.view import Box
from tests.data.some_records import CC, L, R, dataset_of, exam


def test_labels_of_exam_breast_picture_and_place_are_read_and_others_left_alone():
    place = Region(Box(0, 0, 2, 2), {"birads": "IV b", "kind": "Mass 4"})
    record = exam(
        labels={"birads": "BI-RADS 4", "age": "50", "note": "BI-RADS 4"},
        breasts={R: {"cancer": "Yes", "density": "C"}, L: {"cancer": "unknown"}},
        images=(ListedView("a.png", R, CC, labels={"birads": "2.0"}, regions=(place,)),),
    )
    tidy, errors = understood(record)
    assert errors == []
    assert tidy.labels == {"birads": "4", "age": "50", "note": "BI-RADS 4"}
    assert tidy.breasts == {R: {"cancer": "1", "density": "c"}}  # an unknown cancer is no label
    assert tidy.images[0].labels == {"birads": "2"}
    assert tidy.images[0].regions[0].labels == {"birads": "4B", "kind": "Mass 4"}


def test_a_value_that_is_not_understood_is_left_out_and_says_where_it_is(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "here").touch()
    records = [
        exam("e1", "p1", labels={"birads": "nine"}), exam("e2", "p2", breasts={L: {"density": "9", "cancer": "0"}}),
        exam("e3", "p3", labels={"birads": "nine"}),
    ]  # fmt: skip
    done = ingest(dataset_of(records), tmp_path / "files", tmp_path / "out")
    kept = list(done.catalogue.records())
    assert [r.labels for r in kept] == [{}, {"age": "50"}, {}]
    assert kept[1].breasts == {L: {"cancer": "0"}}
    assert dict(done.tally.not_understood) == {("birads", "nine"): 2, ("density", "9"): 1}
    assert done.catalogue.about.num_faults == 3
    with (tmp_path / "out" / "errors.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["where"], row["found"]) for row in rows] == [
        ("e1", "e1: birads is 'nine'"), ("e2", "e2, left breast: density is '9'"), ("e3", "e3: birads is 'nine'"),
    ]  # fmt: skip
    assert rows[1]["expected"] == "a, b, c or d"


def test_an_error_of_a_spreadsheet_is_no_value_of_any_label():
    record = exam(labels={"birads": "#REF!", "age": "#FORMULA!", "site": "#N/A", "other": "#1"}, breasts={})
    tidy, errors = understood(record)
    assert tidy.labels == {"other": "#1"}
    assert [error.found for error in errors] == [
        "e1: birads is the error #REF! of a spreadsheet",
        "e1: age is a formula that was never computed (open the table in a spreadsheet and save it)",
    ]
