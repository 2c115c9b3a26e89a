"""Views in file names and options."""

from pathlib import Path

import pytest

from mammoscribe.data.naming import parse_laterality, parse_projection, parse_view, view_in_name
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InputError

RCC, LMLO = (Laterality.RIGHT, Projection.CC), (Laterality.LEFT, Projection.MLO)


@pytest.mark.parametrize("text", ["RCC", "rcc", "R_CC", "right-cc", "Right CC", "cc_r", "CC-RIGHT", "RT CC"])
def test_a_view_is_said_in_many_ways(text: str) -> None:
    assert parse_view(text) == RCC


@pytest.mark.parametrize("text", ["", "RML", "R", "MLO", "XCC", "RCCL", "both", "RCC LMLO"])
def test_other_words_are_no_view(text: str) -> None:
    with pytest.raises(InputError, match="does not name a view"):
        parse_view(text)


@pytest.mark.parametrize(
    "name",
    [
        "p7_L_MLO.png", "LMLO.dcm", "left-mlo.jpg", "exam12LMLO.pgm", "mlo_left_2020.tif", "20586908_6c6_MG_L_ML_MLO.png",
        "A_1141_1.LEFT_MLO.png", "L_2021_MLO_1.png", "MLO_patient_LEFT.png",
    ],
)  # fmt: skip
def test_a_file_name_says_its_view(name: str) -> None:
    assert view_in_name(Path(name)) == LMLO


@pytest.mark.parametrize("name", ["mdb003.jpg", "R_ML.png", "LMO.png", "scan_1.png", "color_ccd.png", "IM0001"])
def test_a_name_without_a_view_says_none(name: str) -> None:
    assert view_in_name(Path(name)) is None


@pytest.mark.parametrize("name", ["RCC_and_LCC.png", "R_CC_MLO_L.png", "L_x_R_x_MLO.png"])
def test_a_name_with_two_views_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="more than one view"):
        view_in_name(Path(name))


def test_the_side_beside_the_projection_counts() -> None:
    assert view_in_name(Path("R_x_L_MLO.png")) == LMLO


@pytest.mark.parametrize(
    ("text", "side"),
    [("R", "R"), (" left ", "L"), ("RT", "R"), ("Derecha", "R"), ("izq", "L"), ("direita", "R"), ("links", "L")],
)
def test_a_side_is_read_in_several_languages(text: str, side: str) -> None:
    assert parse_laterality(text) == Laterality(side)


@pytest.mark.parametrize("text", ["", "B", "both", "RCC", "R|L", "upper", "1"])
def test_other_words_are_no_side(text: str) -> None:
    with pytest.raises(InputError, match="expected R or L"):
        parse_laterality(text)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("cc", "CC"), ("MLO", "MLO"), ("Cranio-Caudal", "CC"), ("craneocaudal", "CC"), ("Mediolateral oblique", "MLO"),
        ("OML", "MLO"), ("médio-lateral oblíqua", "MLO"),
    ],
)  # fmt: skip
def test_a_projection_is_read_in_words(text: str, view: str) -> None:
    assert parse_projection(text) == Projection(view)


@pytest.mark.parametrize("text", ["", "ML", "XCCL", "lateral", "oblique"])
def test_other_projections_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected CC or MLO"):
        parse_projection(text)
