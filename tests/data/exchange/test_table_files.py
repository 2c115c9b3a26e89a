"""A catalogue as the CSV files of other commands."""

from dataclasses import replace

import pytest

from mammoscribe.data.catalogue import write_splits
from mammoscribe.data.exchange.table_files import export_labels, export_manifest
from mammoscribe.data.labelled import read_labels
from mammoscribe.data.manifest import exams_in_manifest, read_manifest
from mammoscribe.domain.exam import Exam
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_picture
from tests.data.some_records import exam, report, study, written


def test_a_manifest_opens_as_exams_with_their_priors_and_labels(tmp_path):
    records = [exam("old", day="2018-01-01"), exam("new", day="2020-01-01", report=report(indication="A lump."))]
    catalogue = written(records, tmp_path)
    assert export_manifest(catalogue, tmp_path / "m.csv") == 2 + 4
    exams = dict(exams_in_manifest(tmp_path / "m.csv"))
    new = exams["new"]
    assert isinstance(new, Exam)
    assert [(v.id, str(v.date)) for v in new.views] == [
        ("R_CC", "2020-01-01"), ("L_MLO", "2020-01-01"), ("prior_R_CC", "2018-01-01"), ("prior_L_MLO", "2018-01-01"),
    ]  # fmt: skip
    assert new.indication == "A lump."
    rows = read_manifest(tmp_path / "m.csv")
    assert [r.labels["cancer"] for r in rows if r.exam_id == "new"] == ["1", "0", "", ""]
    assert rows[0].labels["age"] == "50"


def test_the_shape_of_a_picture_that_was_squashed_goes_into_the_manifest(tmp_path):
    squashed = tuple(replace(v, spacing_mm=None, height_to_width=1.72) for v in exam().images)
    catalogue = written([exam(images=squashed)], tmp_path)
    for view in squashed:
        write_picture(catalogue.root / str(view.path), height=300, width=300)
    export_manifest(catalogue, tmp_path / "m.csv")
    (opened,) = dict(exams_in_manifest(tmp_path / "m.csv")).values()
    assert isinstance(opened, Exam)
    for view in opened.views:
        row, column = view.spacing_mm
        assert view.height_px * row / (view.width_px * column) == pytest.approx(1.72)


def test_of_two_pictures_of_a_view_the_first_is_listed(tmp_path):
    views = exam().images
    catalogue = written([exam(images=(*views, views[0]))], tmp_path)
    assert export_manifest(catalogue, tmp_path / "m.csv") == 2


def test_other_kinds_have_no_manifest(tmp_path):
    with pytest.raises(InputError, match="holds image-text; expected mammo-exam"):
        export_manifest(written([study()], tmp_path), tmp_path / "m.csv")


def test_labels_become_classes_by_their_values(tmp_path):
    records = [
        study("s1", "p1", labels={"finding": "effusion|mass"}), study("s2", "p2", labels={"finding": "none"}),
        study("s3", "p3"),
    ]  # fmt: skip
    catalogue = written(records, tmp_path)
    write_splits(catalogue.folder, {"p1": "train", "p2": "val", "p3": "test"})
    assert export_labels(catalogue, tmp_path / "l.csv", {"effusion": "finding=effusion"}).num_rows == 3
    table = read_labels(tmp_path / "l.csv")
    assert table.classes == ("effusion",)
    assert [(r.id, r.split, r.patient_id, r.labels[0]) for r in table.rows[:2]] == [
        ("s1", "train", "p1", 1.0), ("s2", "val", "p2", 0.0),
    ]  # fmt: skip
    assert table.rows[2].labels[0] != table.rows[2].labels[0]
    assert table.rows[0].path.is_file()


def test_breast_labels_go_to_the_views_of_that_breast(tmp_path):
    catalogue = written([exam("e1")], tmp_path)
    write_splits(catalogue.folder, {"p1": "train"})
    export_labels(catalogue, tmp_path / "l.csv", {"cancer": "cancer=1"})
    assert [(r.id, r.labels[0]) for r in read_labels(tmp_path / "l.csv").rows] == [("e1/0", 1.0), ("e1/1", 0.0)]


def test_studies_of_one_picture_are_paired_with_their_prior(tmp_path):
    catalogue = written([study("a", day="2018-01-01", labels={"x": "1"}), study("b", day="2019-01-01")], tmp_path)
    write_splits(catalogue.folder, {"p1": "train"})
    export_labels(catalogue, tmp_path / "l.csv", {"x": "x=1"})
    assert [r.prior and r.prior.name for r in read_labels(tmp_path / "l.csv").rows] == [None, "a.png"]


@pytest.mark.parametrize(
    ("classes", "told"), [({"c": "cancr=1"}, "did you mean cancer"), ({"c": "cancer"}, "LABEL=VALUE")]
)
def test_a_class_that_no_label_gives_is_refused(classes, told, tmp_path):
    catalogue = written([exam("e1")], tmp_path)
    write_splits(catalogue.folder, {"p1": "train"})
    with pytest.raises(InputError, match=told):
        export_labels(catalogue, tmp_path / "l.csv", classes)


def test_labels_need_splits(tmp_path):
    with pytest.raises(InputError, match="no splits"):
        export_labels(written([exam()], tmp_path), tmp_path / "l.csv", {"c": "cancer=1"})
