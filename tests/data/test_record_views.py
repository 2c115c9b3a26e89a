"""An ingested exam as an Exam: what its dataset declares, sizes from the files, one picture for each view."""

import pytest

from mammoscribe.data.record_views import exam_of, view_of
from mammoscribe.data.records import ListedView, MammoExam
from mammoscribe.domain.view import Laterality, Projection, SpacingSource
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import write_picture

R, L = Laterality
CC, MLO = Projection


def test_a_view_has_its_size_from_the_file_and_its_spacing_from_the_dataset(tmp_path):
    write_picture(tmp_path / "a.png", height=40, width=30)
    view = view_of(ListedView("a.png", R, MLO, (0.2, 0.3)), tmp_path)
    assert (view.id, view.height_px, view.width_px) == ("R_MLO", 40, 30)
    assert (view.spacing_mm, view.spacing_source) == ((0.2, 0.3), SpacingSource.DECLARED)
    assert view_of(ListedView("a.png", R, CC), tmp_path).spacing_mm is None


def test_a_view_that_was_squashed_has_the_shape_that_its_dataset_states(tmp_path):
    write_picture(tmp_path / "a.png", height=400, width=400)
    view = view_of(ListedView("a.png", R, MLO, height_to_width=1.72), tmp_path)
    assert view.spacing_source is SpacingSource.ASSUMED
    assert view.spacing_mm[0] / view.spacing_mm[1] == pytest.approx(1.72)


def test_of_several_pictures_of_a_view_the_first_is_taken(tmp_path):
    for number, name in enumerate("abc"):
        write_picture(tmp_path / f"{name}.png", number)
    images = (ListedView("a.png", R, CC), ListedView("b.png", R, CC), ListedView("c.png", L, CC))
    exam = exam_of(MammoExam("e", "p", images), tmp_path)
    assert [v.source for v in exam.views] == [str(tmp_path / "a.png"), str(tmp_path / "c.png")]
    assert (exam.id, exam.patient_id) == ("e", "p")


def test_a_picture_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="without a file"):
        view_of(ListedView(None, R, CC), tmp_path)
    with pytest.raises(InputError):
        view_of(ListedView("gone.png", R, CC), tmp_path)
