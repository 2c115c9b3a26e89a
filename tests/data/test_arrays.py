"""Arrays as an exam."""

import numpy as np
import pytest

import mammoscribe
from mammoscribe.data.arrays import exam_of_arrays
from mammoscribe.domain.view import Role, SpacingSource
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import close, half_disc


def test_an_array_is_a_view_with_its_pixels():
    stored = (half_disc() * 4000).astype(np.uint16)
    arrays = exam_of_arrays({"RCC": stored, "left-mlo": half_disc()}, {"R_CC": stored}, spacing_mm=0.07)
    assert [v.id for v in arrays.exam.views] == ["R_CC", "L_MLO", "prior_R_CC"]
    view = arrays.exam.view("R_CC")
    assert (view.width_px, view.height_px, view.spacing_mm) == (200, 256, (0.07, 0.07))
    assert (view.spacing_source, view.role) == (SpacingSource.DECLARED, Role.CURRENT)
    assert close(arrays.decode(view).pixels, stored / stored.max(), 1e-6)


def test_bright_air_in_an_array_is_mended_and_said():
    arrays = exam_of_arrays({"LCC": 1 - half_disc()})
    picture = arrays.decode(arrays.exam.views[0])
    assert picture.pixels[0, -1] == 0.0 and "black and white were exchanged" in picture.warnings[0]
    assert (picture.spacing_mm, picture.spacing_source) == (None, SpacingSource.ASSUMED)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({}, "no array was given"),
        ({"RCC": np.zeros((64, 64, 3))}, r"array RCC is float64 \[64, 64, 3\]; expected numbers \[H, W\]"),
        ({"RCC": np.array([["a"] * 20] * 20)}, "expected numbers"),
        ({"RCC": np.full((64, 64), np.nan)}, "not finite"),
        ({"RCC": np.zeros((4, 4))}, "4 x 4 pixels"),
        ({"XYZ": np.zeros((64, 64))}, "does not name a view"),
        ({"RCC": np.zeros((64, 64)), "right-cc": np.zeros((64, 64))}, "two arrays are the current R CC view"),
    ],
)
def test_what_is_no_exam_is_one_sentence(arrays, told):
    with pytest.raises(InputError, match=told):
        exam_of_arrays(arrays)


def test_the_package_lists_its_names_before_any_is_loaded():
    assert set(mammoscribe.__all__) <= set(dir(mammoscribe))
    assert mammoscribe.exam_of_arrays is exam_of_arrays
