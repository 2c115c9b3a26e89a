"""Whether the air round a breast is bright, and what is tissue."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mammoscribe.imaging.air import air_is_bright, reduced, tissue_of
from mammoscribe.imaging.decode import decode, decode_mammogram
from tests.imaging.drawn import close, half_disc, mammogram, png, saved

STORED = (half_disc() * 4000).astype(np.uint16)


def spanned(pixels: np.ndarray) -> np.ndarray:
    small = reduced(pixels).astype(float)
    return (small - small.min()) / np.ptp(small)


@pytest.mark.parametrize("on_left", [True, False])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_bright_air_is_known_from_dark_air(on_left: bool, noise: float) -> None:
    pixels = half_disc(400, 300, on_left, noise)
    assert not air_is_bright(spanned(pixels))
    assert air_is_bright(spanned(1 - pixels))


def with_border(pixels: np.ndarray) -> np.ndarray:
    framed = np.pad(pixels, ((0, 0), (0, 30)), constant_values=1.0)
    framed[20:60, 180:215] = 1.0
    return framed


def with_implant(pixels: np.ndarray) -> np.ndarray:
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    return np.where(np.hypot(rows - 128, columns) < 90, 1.0, pixels)


def filling(pixels: np.ndarray) -> np.ndarray:
    return pixels[70:180, :90]


@pytest.mark.parametrize("change", [with_border, with_implant, filling])
def test_white_borders_implants_and_pictures_without_air_are_not_taken_for_bright_air(change: Any) -> None:
    assert not air_is_bright(spanned(change(half_disc(noise=0.02))))


def test_tissue_is_the_breast_whatever_the_polarity() -> None:
    breast = half_disc() > 0
    for pixels in (half_disc(), 1 - half_disc()):
        found = tissue_of(spanned(pixels))
        assert (found == breast).mean() > 0.97


@pytest.mark.parametrize(
    "header",
    [
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME2"},
        {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationshipSign": -1},
    ],
)
def test_a_picture_stored_the_other_way_round_is_mended_and_said(header: dict[str, Any], tmp_path: Path) -> None:
    picture = decode_mammogram(saved(mammogram(4095 - STORED, **header), tmp_path / "a.dcm"))
    assert close(picture.pixels, STORED / 4095, 1e-6)
    assert "black and white were exchanged" in picture.warnings[-1]
    assert "inverted (the air was bright)" in picture.steps


def test_an_inverted_png_is_mended_and_said_for_a_mammogram_only(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", 1 - half_disc())
    assert close(decode_mammogram(path).pixels, half_disc(), 1 / 200)
    assert decode_mammogram(path).warnings == ("the air round the breast was bright: black and white were exchanged",)
    assert close(decode(path).pixels, 1 - half_disc(), 1 / 200)


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")])
def test_a_lut_shape_against_the_photometric_interpretation_is_said_where_the_picture_is_right(
    photometric: str, shape: str, tmp_path: Path
) -> None:
    stored = STORED if photometric == "MONOCHROME2" else 4095 - STORED
    dataset = mammogram(stored, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    picture = decode_mammogram(saved(dataset, tmp_path / "a.dcm"))
    assert close(picture.pixels, STORED / 4095, 1e-6)
    told = f"Presentation LUT Shape {shape} contradicts the photometric interpretation"
    assert picture.warnings == (f"{told}; the air is dark, the picture is read as it is",)


@pytest.mark.real
def test_no_real_picture_is_taken_for_an_inverted_one_and_most_inverted_ones_are_known(data_root: Path) -> None:
    for folder, least in (("rsna_512", 0.9), ("mini_mias", 0.9), ("msynth", 0.9)):
        files = sorted(p for p in (data_root / folder).rglob("*") if p.suffix in (".jpg", ".jpeg", ".png"))[::12]
        pictures = [spanned(np.asarray(Image.open(f).convert("L"))) for f in files]
        assert not any(air_is_bright(p) for p in pictures), folder
        assert np.mean([air_is_bright(1 - p) for p in pictures]) > least, folder
