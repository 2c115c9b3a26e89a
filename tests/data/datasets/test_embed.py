"""What is special in EMBED: findings that join pictures by side, mirrored marks, paths of another machine."""

import datetime as dt

import pytest

from mammoscribe.data.chronology import Chronology
from mammoscribe.data.dataset import Fault
from mammoscribe.data.datasets.embed import EMBED
from mammoscribe.domain.view import Box, Laterality
from tests.data.datasets.makers import embed

LEFT, RIGHT = Laterality.LEFT, Laterality.RIGHT
METADATA = "tables/EMBED_OpenData_metadata.csv"


def items(root):
    return list(EMBED.edition_in(root).read(root))


def exams(root):
    return [i for i in items(root) if not isinstance(i, Fault)]


def add(root, *row, **said):
    with (root / METADATA).open("a") as table:
        table.write(f"{embed.picture(*row, **said)}\n")


def test_findings_are_about_the_breast_of_their_side_and_of_both_where_they_say_b_or_nothing(tmp_path):
    embed.open_data(tmp_path)
    first, second, third = exams(tmp_path)
    assert first.breasts[LEFT] == {
        "birads": "0", "density": "c", "finding": "mass|asymmetry and calcification", "pathology_severity": "1",
    }  # fmt: skip
    assert first.breasts[RIGHT] == {"birads": "1", "density": "c"}
    assert second.breasts == {
        RIGHT: {"birads": "2", "density": "b", "finding": "calcification", "pathology_severity": "4"}
    }
    assert third.breasts == {LEFT: {"birads": "1", "density": "male"}}
    assert first.labels == {
        "description": "MG Screening Bilateral", "age": "52", "machine": "HOLOGIC, Inc. Selenia Dimensions", "cohort": "1",
    }  # fmt: skip


def test_the_exam_before_is_the_prior_by_the_day_of_acquisition(tmp_path):
    embed.open_data(tmp_path)
    first, second, third = exams(tmp_path)
    assert [e.date for e in (first, second)] == [dt.date(2014, 2, 3), dt.date(2016, 5, 6)]
    with Chronology() as chronology:
        chronology.add_all([first, second, third])
        assert [chronology.prior_of(e) for e in (first, second, third)] == [None, "9001", None]


def test_a_2d_picture_stands_before_the_synthetic_one(tmp_path):
    embed.open_data(tmp_path)
    views = exams(tmp_path)[0].images
    assert [(v.labels["image_type"], v.path.rpartition("/")[2]) for v in views] == [
        ("2d", "b.dcm"), ("2d", "c.dcm"), ("c-view", "a.dcm"),
    ]  # fmt: skip


def test_marks_are_read_row_first_and_turned_back_where_the_picture_was_mirrored(tmp_path):
    embed.open_data(tmp_path)
    as_stored, mirrored, _ = exams(tmp_path)[0].images
    assert [(r.box, r.labels) for r in as_stored.regions] == [
        (Box(1, 5, 11, 20), {"mirrored": "0", "match_level": "1"}),
        (Box(0, 30, 8, 40), {"mirrored": "0", "match_level": "2"}),
    ]
    assert [(r.box, r.labels["mirrored"]) for r in mirrored.regions] == [(Box(48 - 11, 5, 48 - 1, 20), "1")]


@pytest.mark.parametrize(
    ("view", "orientation", "box"),
    [
        ("R,CC", "['P', 'L']", Box(37, 5, 47, 20)),
        ("R,CC", "['A', 'L']", Box(1, 5, 11, 20)),
        ("L,CC", "['P', 'R']", Box(37, 5, 47, 20)),
        ("R,CC", "", Box(37, 5, 47, 20)),
        ("L,CC", "", Box(1, 5, 11, 20)),
    ],
)
def test_the_orientation_decides_and_where_it_is_blank_the_breast(tmp_path, view, orientation, box):
    embed.open_data(tmp_path)
    add(tmp_path, "z", "303,9009", "2015-01-01", "2D", view, marks=f'1,"[[[5, 1, 20, 11]]]",[1],"{orientation}"')
    assert exams(tmp_path)[-1].images[0].regions[0].box == box


def test_marks_that_are_given_for_the_dicom_are_taken_as_they_are(tmp_path):
    embed.open_data(tmp_path)
    path = tmp_path / METADATA
    path.write_text(path.read_text().replace("ROI_coords,match_level", "DCM_ROI_coords,ROI_match_level"))
    assert exams(tmp_path)[0].images[1].regions[0].box == Box(1, 5, 11, 20)


@pytest.mark.parametrize(
    ("row", "said", "words"),
    [
        (("z", "303,9009", "2015-01-01", "2D", "R,CC"), {"marks": '1,"((5, 1, 20),)",[1],'}, "marks with 3 numbers"),
        (("z", "303,9009", "2015-01-01", "2D", "R,CC"), {"marks": '1,"((5, 9, 20, 3),)",[1],'}, "is empty"),
        (("z", "303,9009", "May 2015", "2D", "R,CC"), {}, "the study date 'May 2015'"),
        (("z", "303,9009", "2015-01-01", "2D", ",CC"), {}, "laterality ''"),
    ],
)
def test_a_row_that_cannot_be_read_is_an_error_and_the_others_go_on(tmp_path, row, said, words):
    embed.open_data(tmp_path)
    add(tmp_path, *row, **said)
    (fault,) = (i for i in items(tmp_path) if isinstance(i, Fault) and not i.set_aside)
    assert words in fault.error.found
    assert len(exams(tmp_path)) == 3


def test_a_path_is_sought_from_its_cohort_on_with_and_without_a_folder_of_images(tmp_path):
    embed.open_data(tmp_path)
    table = (tmp_path / METADATA).read_text()
    (tmp_path / METADATA).write_text(table.replace("/mnt/NAS2/mammo/anon_dicom/", "./images/"))
    assert all((tmp_path / v.path).is_file() for exam in exams(tmp_path) for v in exam.images)
    (tmp_path / "images" / "cohort_1").rename(tmp_path / "cohort_1")
    (tmp_path / "images").rmdir()
    assert all((tmp_path / v.path).is_file() for exam in exams(tmp_path) for v in exam.images)
    (tmp_path / METADATA).write_text(table.replace("cohort_1/202", "elsewhere/202"))
    assert [e.id for e in exams(tmp_path)] == ["9001", "9002"]
