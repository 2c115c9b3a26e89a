"""Files to pictures: every format, every transfer syntax, and what cannot be decoded."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gdcm import TransferSyntax
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from mammoscribe.domain.view import SpacingSource
from mammoscribe.imaging.decode import decode, decode_pixels, decode_view
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import a_view, close, half_disc, mammogram, png, recompressed, saved

QUALITY: dict[str, dict[str, Any]] = {"a.jpg": {"quality": 95}}

SAMPLE_SHA256 = {
    "RG1_J2KI_mono1.dcm": "c0204d0b7e471bdbdecd556efef17bbc6180f1ca1c0d6c8889d0c80aba2131ce",
    "RG2_JPLL.dcm": "33781d3cd94b52c270b2d97af07a41c340fe13415bd039c122f31c34bba0653c",
    "RG3_JLSL.dcm": "d1a944eae2f63392d679ab67b1db6fd564d47f88bed39c66bc9a8f32fa71b96e",
    "RG3_RLE_mono1.dcm": "d1a944eae2f63392d679ab67b1db6fd564d47f88bed39c66bc9a8f32fa71b96e",
    "mlut_18.dcm": "c03504deb7b6ec365be3805bd7d4b2eeddd920730f8c28b5192bb714241dbac3",
    "vlut_04.dcm": "a38b81c9af81a33858cdbfb48bb744b2f500dc450dc2d05f60a1e129e7377e86",
}


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_syntaxes_written_by_pydicom_decode_exactly(syntax: str, tmp_path: Path) -> None:
    dataset = mammogram()
    plain = decode_pixels(dataset).pixels
    dataset.compress(syntax, generate_instance_uid=False)
    picture = decode(saved(dataset, tmp_path / "c.dcm"))
    assert np.array_equal(picture.pixels, plain)
    assert picture.steps[0] == syntax.name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "syntax",
    [
        TransferSyntax.JPEGLosslessProcess14,
        TransferSyntax.JPEGLosslessProcess14_1,
        TransferSyntax.JPEGLSLossless,
        TransferSyntax.JPEG2000Lossless,
        TransferSyntax.DeflatedExplicitVRLittleEndian,
    ],
)
def test_lossless_syntaxes_written_by_gdcm_decode_exactly(syntax: int, tmp_path: Path) -> None:
    source = saved(mammogram(), tmp_path / "plain.dcm")
    target = recompressed(source, tmp_path / "c.dcm", syntax)
    assert np.array_equal(decode(target).pixels, decode(source).pixels)


def test_a_dicom_without_suffix_or_preamble_is_decoded(tmp_path: Path) -> None:
    dataset = mammogram()
    plain = decode_pixels(dataset).pixels
    assert np.array_equal(decode(saved(dataset, tmp_path / "IM0001")).pixels, plain)
    bare = tmp_path / "bare.dcm"
    dataset.save_as(bare, implicit_vr=False, little_endian=True)
    bare.write_bytes((tmp_path / "IM0001").read_bytes()[132:])
    assert np.array_equal(decode(bare).pixels, plain)


def test_eight_and_sixteen_bit_png_agree(tmp_path: Path) -> None:
    grey = half_disc()
    Image.fromarray((grey * 255).astype(np.uint8)).save(tmp_path / "8.png")
    Image.fromarray((grey * 65535).astype(np.uint16)).save(tmp_path / "16.png")
    assert close(decode(tmp_path / "8.png").pixels, grey, 1 / 255)
    assert close(decode(tmp_path / "16.png").pixels, grey, 1 / 65535)


@pytest.mark.parametrize("name", ["a.pgm", "a.tif", "a.jpg"])
def test_other_plain_formats_are_decoded(name: str, tmp_path: Path) -> None:
    grey = half_disc()
    Image.fromarray((grey * 255).astype(np.uint8)).save(tmp_path / name, **QUALITY.get(name, {}))
    picture = decode(tmp_path / name)
    assert float(np.abs(picture.pixels - grey).mean()) < 0.01
    assert picture.spacing_mm is None
    assert picture.spacing_source is SpacingSource.UNKNOWN


def test_sixteen_bit_pgm_and_tiff_are_decoded(tmp_path: Path) -> None:
    grey = half_disc()
    values = (grey * 65535).astype(np.uint16)
    (tmp_path / "a.pgm").write_bytes(b"P5\n200 256\n65535\n" + values.astype(">u2").tobytes())
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert close(decode(tmp_path / "a.pgm").pixels, grey, 1 / 65535)
    assert close(decode(tmp_path / "a.tif").pixels, grey, 1 / 65535)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiff_in_which_white_is_zero_is_turned_round(kind: type, tmp_path: Path) -> None:
    top = np.iinfo(kind).max
    values = (half_disc() * top).astype(kind)
    # Pillow writes no 16-bit WhiteIsZero: write it as black-is-zero and change the tag's value in the file.
    Image.fromarray((top - values).astype(kind)).save(tmp_path / "a.tif")
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    tag = raw.index(b"\x06\x01\x03\x00\x01\x00\x00\x00")
    raw[tag + 8] = 0
    (tmp_path / "a.tif").write_bytes(raw)
    assert close(decode(tmp_path / "a.tif").pixels, values / top, 1e-4)


def test_a_page_of_a_tiff_is_chosen_by_frame(tmp_path: Path) -> None:
    pages = [Image.new("L", (32, 32), v) for v in (10, 200)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert decode(tmp_path / "a.tif", frame=1).pixels.max() == pytest.approx(200 / 255)
    with pytest.raises(InputError, match=r"no frame 2; expected 0 to 1\."):
        decode(tmp_path / "a.tif", frame=2)


def test_a_plain_picture_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr("mammoscribe.imaging.plain.MAX_PIXELS", 64 * 64 * 3 - 1)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match=r"a\.png has 0 million pixels; expected at most"):
        decode(tmp_path / "a.png")


def test_colour_png_is_read_as_luminance_and_grey_png_in_three_channels_exactly(tmp_path: Path) -> None:
    grey = (half_disc() * 255).astype(np.uint8)
    Image.fromarray(np.stack([grey] * 3, -1)).save(tmp_path / "rgb.png")
    picture = decode(tmp_path / "rgb.png")
    assert np.array_equal(picture.pixels, grey.astype(np.float32) / 255)
    assert picture.steps == ("8 bit, three equal channels",)


def test_the_header_gives_spacing_corrected_for_magnification() -> None:
    dataset = mammogram(ImagerPixelSpacing=[0.07, 0.07], EstimatedRadiographicMagnificationFactor=1.05)
    picture = decode_pixels(dataset)
    assert picture.spacing_mm == pytest.approx((0.07 / 1.05, 0.07 / 1.05))
    assert picture.spacing_source is SpacingSource.HEADER


def test_a_calibrated_pixel_spacing_goes_first() -> None:
    dataset = mammogram(PixelSpacing=[0.065, 0.065], PixelSpacingCalibrationType="GEOMETRY")
    assert decode_pixels(dataset).spacing_mm == (0.065, 0.065)


def test_a_spacing_of_zero_is_not_used() -> None:
    assert decode_pixels(mammogram(ImagerPixelSpacing=[0, 0])).spacing_mm is None


def test_a_view_declares_its_spacing_over_the_file(tmp_path: Path) -> None:
    path = saved(mammogram(), tmp_path / "a.dcm")
    view = a_view(decode(path), "RCC", str(path))
    declared = replace(view, spacing_mm=(0.2, 0.2), spacing_source=SpacingSource.DECLARED)
    picture = decode_view(declared)
    assert (picture.spacing_mm, picture.spacing_source) == ((0.2, 0.2), SpacingSource.DECLARED)


def test_a_view_whose_file_changed_size_is_refused(tmp_path: Path) -> None:
    view = a_view(decode(png(tmp_path / "a.png")), "RCC", str(tmp_path / "a.png"))
    png(tmp_path / "a.png", half_disc(64, 64))
    with pytest.raises(InputError, match="64 x 64 pixels; expected 200 x 256"):
        decode_view(view)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"not a picture at all", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "is not a picture"),
    ],
)
def test_what_is_not_a_picture_is_one_sentence(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        decode(path)


def test_missing_files_and_folders_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        decode(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder"):
        decode(tmp_path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated_files_are_one_sentence(keep: float, tmp_path: Path) -> None:
    noisy = half_disc(noise=0.1)
    for path in (
        png(tmp_path / "a.png", noisy),
        saved(mammogram((noisy * 3000).astype(np.uint16)), tmp_path / "a.dcm"),
    ):
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
        with pytest.raises(InputError, match=r"cannot be decoded|damaged"):
            decode(path)


def test_an_object_without_pixels_and_a_missing_frame_are_one_sentence() -> None:
    with pytest.raises(InputError, match="has no pixels"):
        decode_pixels(mammogram(PixelData=None))
    with pytest.raises(InputError, match="no frame 1"):
        decode_pixels(mammogram(), frame=1)


@pytest.mark.real
def test_the_sample_files_decode_to_known_pixels(data_root: Path) -> None:
    for name, expected in SAMPLE_SHA256.items():
        pixels = decode(data_root / "dicom_samples" / name).pixels
        levels = np.rint(pixels * 65535).astype("<u2")  # libm may differ in the last bit of a float
        assert hashlib.sha256(levels.tobytes()).hexdigest() == expected, name


@pytest.mark.real
def test_the_two_encodings_of_one_sample_agree(data_root: Path) -> None:
    one, other = (decode(data_root / "dicom_samples" / n).pixels for n in ("RG3_JLSL.dcm", "RG3_RLE_mono1.dcm"))
    assert np.array_equal(one, other)
