"""Which spacing of a header is that of the pixels in the breast (PS3.3 10.7.1.3)."""

from typing import Any

import pytest
from pydicom import Dataset

from mammoscribe.imaging.spacing import header_spacing


def header(rows: int = 3328, columns: int = 2560, **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.Rows, dataset.Columns = rows, columns
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


IMAGER = [0.07, 0.07]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"ImagerPixelSpacing": IMAGER}, 0.07),
        ({"ImagerPixelSpacing": IMAGER, "PixelSpacing": IMAGER}, 0.07),
        ({"ImagerPixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": 1.1}, 0.07 / 1.1),
        (
            {"ImagerPixelSpacing": IMAGER, "PixelSpacing": IMAGER, "EstimatedRadiographicMagnificationFactor": 1.1},
            0.07 / 1.1,
        ),
        ({"ImagerPixelSpacing": IMAGER, "PixelSpacing": [0.063, 0.063]}, 0.063),
        (
            {"ImagerPixelSpacing": IMAGER, "PixelSpacing": [0.065, 0.065], "EstimatedRadiographicMagnificationFactor": 1.1},
            0.065,
        ),
        ({"PixelSpacing": [0.05, 0.05]}, 0.05),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, 0.05),
        ({"ImagerPixelSpacing": IMAGER, "DistanceSourceToDetector": 660, "DistanceSourceToPatient": 600}, 0.07 / 1.1),
        (
            {
                "ImagerPixelSpacing": IMAGER, "DistanceSourceToDetector": 660, "DistanceSourceToPatient": 600,
                "EstimatedRadiographicMagnificationFactor": 1.05,
            },
            0.07 / 1.05,
        ),
    ],
)  # fmt: skip
def test_the_spacing_in_the_breast_is_found(elements: dict[str, Any], expected: float) -> None:
    assert header_spacing(header(**elements)) == (pytest.approx((expected, expected)), "")


@pytest.mark.parametrize("placeholder", [[1, 1], [2, 2], [1.0, 0.07], [0, 0], [0.5, 0.5], [25.4, 25.4], [0.001, 0.001]])
@pytest.mark.parametrize("name", ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"])
def test_a_placeholder_is_no_spacing_and_is_said(name: str, placeholder: list[float]) -> None:
    spacing, warning = header_spacing(header(**{name: placeholder}))
    assert spacing is None
    assert f"{name} of {placeholder[0]:g} x {placeholder[1]:g} mm in the header is not used" in warning


def test_a_placeholder_gives_way_to_a_spacing_that_can_be() -> None:
    spacing, warning = header_spacing(header(ImagerPixelSpacing=IMAGER, PixelSpacing=[1, 1]))
    assert spacing == (0.07, 0.07) and "PixelSpacing of 1 x 1 mm" in warning


def test_a_reduced_picture_may_have_a_coarse_spacing() -> None:
    assert header_spacing(header(512, 394, PixelSpacing=[0.5, 0.5]))[0] == (0.5, 0.5)


def test_a_millimetre_is_a_placeholder_in_a_small_picture_too() -> None:
    assert header_spacing(header(256, 200, PixelSpacing=[1, 1]))[0] is None


def test_numbers_with_a_comma_are_numbers() -> None:
    dataset = header()
    dataset.add_new("ImagerPixelSpacing", "LO", ["0,07", "0,07"])
    assert header_spacing(dataset)[0] == (0.07, 0.07)


@pytest.mark.parametrize("text", ["n/a", "0.07", "0.07\\0.07\\0.07", "0.07mm\\0.07mm", "0.07\\", "0,07,0,07"])
def test_text_that_is_no_pair_of_numbers_is_no_spacing_and_told(text: str) -> None:
    dataset = header()
    dataset.add_new("ImagerPixelSpacing", "LO", text.split("\\") if "\\" in text else text)
    shown = " x ".join(text.split("\\")).strip()
    assert header_spacing(dataset) == (
        None, f"ImagerPixelSpacing {shown!r} in the header is not used: it is no pair of numbers",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", " "])
def test_a_blank_spacing_is_none(text: str) -> None:
    dataset = header()
    dataset.add_new("ImagerPixelSpacing", "LO", text)
    assert header_spacing(dataset) == (None, "")


def test_a_spacing_that_is_no_numbers_gives_way_to_one_that_is() -> None:
    dataset = header(PixelSpacing=[0.07, 0.07])
    dataset.add_new("ImagerPixelSpacing", "LO", "n/a")
    spacing, warning = header_spacing(dataset)
    assert spacing == (0.07, 0.07) and "ImagerPixelSpacing 'n/a'" in warning
