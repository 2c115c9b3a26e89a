"""Pictures for a generator: the breast as it hangs, nothing outside it, and a file that holds pixels alone."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.imaging.picture import Picture
from mammoscribe.support.errors import InputError
from mammoscribe.writers.chat_pictures import picture_png, view_png
from tests.nouns import make_view

HIGH, WIDE = 600, 400


def drawn(side: Laterality, letters: bool = False, spot: int = 180) -> Picture:
    """A half disc of tissue at the chest wall of its side with a bright spot at a row, and letters beside it."""
    y, x = np.mgrid[:HIGH, :WIDE].astype(np.float32)
    inside = ((x / 230) ** 2 + ((y - HIGH / 2) / 250) ** 2) < 1
    rng = np.random.default_rng(3)
    pixels = np.where(inside, 0.4 + 0.1 * rng.random((HIGH, WIDE)), 0.0).astype(np.float32)
    pixels[spot : spot + 20, 60:80] = 0.9
    if letters:
        pixels[20:40, 330:390] = pixels[60:80, 180:220] = 1.0  # the second ones in the box around the breast
    return Picture(pixels if side is Laterality.LEFT else np.ascontiguousarray(pixels[:, ::-1]), (0.4, 0.4))


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def chunks(data: bytes) -> list[bytes]:
    """Names of the chunks of a PNG file (its specification, section 5.3), each with a right checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        found.append(name)
        at += 12 + length
    return found


@pytest.mark.parametrize("side", Laterality)
def test_a_view_hangs_with_its_chest_wall_on_the_usual_side(side):
    view = make_view(side, Projection.CC, width_px=WIDE, height_px=HIGH)
    grey = opened(view_png(view, drawn(side), 448))
    wall, skin = (grey[:, :20], grey[:, -20:]) if side is Laterality.LEFT else (grey[:, -20:], grey[:, :20])
    assert wall.mean() > 4 * skin.mean()
    bright = np.argwhere(grey > 0.9 * grey.max())
    assert bright[:, 0].mean() < grey.shape[0] / 2  # the spot stays in the upper half


@pytest.mark.parametrize("longest", [64, 300, 896])
def test_the_longer_side_has_at_most_the_wanted_pixels_and_the_shape_is_kept(longest):
    view = make_view(Laterality.LEFT, width_px=WIDE, height_px=HIGH)
    high, wide = opened(view_png(view, drawn(Laterality.LEFT), longest)).shape
    assert 0.9 * longest <= high <= longest
    assert wide / high == pytest.approx(230 / 500, rel=0.1)


def test_letters_beside_the_breast_are_not_in_the_picture():
    view = make_view(Laterality.LEFT, width_px=WIDE, height_px=HIGH)
    with_letters, without = (drawn(Laterality.LEFT, letters) for letters in (True, False))
    assert np.array_equal(opened(view_png(view, with_letters, 448)), opened(view_png(view, without, 448)))
    assert np.array_equal(opened(picture_png(with_letters, "a", 448)), opened(picture_png(without, "a", 448)))


def test_a_file_holds_pixels_and_no_text():
    view = make_view(Laterality.LEFT, width_px=WIDE, height_px=HIGH)
    for data in (view_png(view, drawn(Laterality.LEFT), 300), picture_png(drawn(Laterality.LEFT), "a", 300)):
        assert set(chunks(data)) == {b"IHDR", b"IDAT", b"IEND"}
        assert Image.open(io.BytesIO(data)).mode == "L"


def test_a_picture_that_is_no_mammogram_is_shown_whole_and_not_stretched():
    grey = np.tile(np.linspace(0.3, 1, 400, dtype=np.float32), (200, 1))
    shown = opened(picture_png(Picture(grey), "a", 100))
    assert shown.shape == (50, 100) and shown[:, 0].max() < 20 and shown[:, -1].min() > 240


def test_a_blank_picture_is_one_sentence():
    with pytest.raises(InputError, match="blank"):
        picture_png(Picture(np.zeros((50, 50), np.float32)), "white.png", 100)
