"""How many bits of a stored value count, when header, compressed stream and pixels disagree."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammoscribe.imaging.decode import decode, decode_mammogram
from mammoscribe.imaging.stored import read_stored
from mammoscribe.phantom.encoding import encode
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import close, half_disc, mammogram, saved

STORED = (half_disc(96, 64) * 4000).astype(np.uint16)
"""12 bits, some of them in use in every part of the breast."""
GREY = STORED / 4095


def written(path: Path, syntax: str, stored: np.ndarray = STORED, bits: int = 12, **header: object) -> Path:
    """A file whose pixels were encoded under a true header, which is then replaced."""
    dataset = pydicom.dcmread(saved(mammogram(stored, bits=bits), path))
    encode(dataset, syntax)
    for name, value in header.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", ["explicit", "rle", "j2k_lossless", "jpeg_lossless", "jpeg_ls"])
@pytest.mark.parametrize("claimed", [16, 14, 12, 11, 10, 9])
def test_pixels_are_whole_whatever_bits_the_header_claims(syntax: str, claimed: int, tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm", syntax, BitsStored=claimed, HighBit=claimed - 1)
    picture = decode(path)
    assert close(picture.pixels, GREY, 1e-6)
    if claimed < 12:
        assert picture.warnings == (f"the header says {claimed} bits stored, the pixels have 12; all of them are used",)


def test_fewer_bits_in_the_stream_than_in_the_header_are_used_and_said(tmp_path: Path) -> None:
    picture = decode(written(tmp_path / "a.dcm", "j2k_lossless", BitsStored=16, HighBit=15))
    assert picture.warnings == ("the header says 16 bits stored, the compressed picture has 12, which are used",)


@pytest.mark.parametrize("syntax", ["j2k_lossless", "jpeg_lossless", "jpeg_ls", "rle"])
def test_an_unsigned_stream_under_a_signed_header_is_read_as_unsigned(syntax: str, tmp_path: Path) -> None:
    picture = decode(written(tmp_path / "a.dcm", syntax, PixelRepresentation=1))
    assert close(picture.pixels, GREY, 1e-6)
    assert picture.warnings == (
        "the header says signed values, the compressed picture has unsigned ones, which are used",
    )


@pytest.mark.parametrize("syntax", ["explicit", "rle", "j2k_lossless", "jpeg_lossless"])
def test_signed_pixels_stay_signed(syntax: str, tmp_path: Path) -> None:
    signed = STORED.astype(np.int16) - 2048
    stored = read_stored(pydicom.dcmread(written(tmp_path / "a.dcm", syntax, signed)))
    assert np.array_equal(stored.values, signed)
    assert (stored.signed, stored.bits, stored.warnings) == (True, 12, ())


def test_signed_bits_in_an_unsigned_stream_are_extended(tmp_path: Path) -> None:
    signed = STORED.astype(np.int16) - 2048
    path = written(tmp_path / "a.dcm", "j2k_lossless", (signed & 0x0FFF).astype(np.uint16), PixelRepresentation=1)
    stored = read_stored(pydicom.dcmread(path))
    assert np.array_equal(stored.values, signed)


def test_where_the_pixels_do_not_tell_the_header_is_followed() -> None:
    ramp = np.tile(np.arange(-2048, 2048, dtype=np.int16), (16, 3))
    stored = read_stored(mammogram((ramp & 0x0FFF).astype(np.int16)))
    assert np.array_equal(stored.values, ramp) and stored.warnings == ()


def test_overlay_bits_above_the_stored_ones_are_cut_away() -> None:
    for bit in (12, 13, 15):
        marked = STORED.copy()
        marked[20:60, 10:30] |= 1 << bit
        assert np.array_equal(read_stored(mammogram(marked)).values, STORED)
    declared = mammogram(STORED, bits=11)  # what the pixels alone would take for a twelfth bit
    assert np.array_equal(read_stored(declared).values, STORED)
    declared.add_new((0x6000, 0x0102), "US", 11)
    assert np.array_equal(read_stored(declared).values, STORED & 0x07FF)


def test_pixels_in_the_upper_bits_are_shifted_down_where_the_header_says_so() -> None:
    assert np.array_equal(read_stored(mammogram(STORED << 4, HighBit=15)).values, STORED)


@pytest.mark.parametrize("high_bit", [0, 3, 12, 15, 200])
def test_a_high_bit_that_cannot_be_changes_nothing(high_bit: int) -> None:
    assert np.array_equal(read_stored(mammogram(STORED, HighBit=high_bit)).values, STORED)


def test_pixels_that_are_not_finite_are_one_sentence(tmp_path: Path) -> None:
    values = STORED.astype(np.float32)
    values[3, 4] = np.nan
    dataset = mammogram(STORED, PixelData=None, BitsAllocated=32, BitsStored=32, HighBit=31)
    dataset.FloatPixelData = values.tobytes()
    with pytest.raises(InputError, match="not finite"):
        read_stored(dataset)
    dataset.FloatPixelData = STORED.astype(np.float32).tobytes()
    assert np.array_equal(read_stored(dataset).values, STORED)


def test_a_film_whose_header_lies_about_bits_and_polarity_at_once_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm", "j2k_lossless", 4095 - STORED, BitsStored=10, PresentationLUTShape="INVERSE")
    picture = decode_mammogram(path)
    assert close(picture.pixels, GREY, 1e-5)
    assert len(picture.warnings) == 2
