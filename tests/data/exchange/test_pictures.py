"""Pictures as other programs open them: copied or drawn, each under a name of its own."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mammoscribe.data.exchange.pictures import PictureFolder, breast_box, drawn_picture, ready_picture, windowed
from mammoscribe.data.records import ListedImage, ListedView
from mammoscribe.domain.view import Laterality, Projection
from mammoscribe.support.errors import InputError
from tests.data.datasets.made import grey, write_dicom, write_picture

VIEW = ListedView("x", Laterality.RIGHT, Projection.CC)
IMAGE = ListedImage("x")


def as_a_trainer_opens(path):
    """`Image.open(...).convert("RGB")`, which clips 16 bits to white."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def put(tmp_path, image, **more):
    folder = PictureFolder(tmp_path, tmp_path / "out", **more)
    (found,) = folder.add([image])
    return tmp_path / "out" / found.path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG"])
@pytest.mark.parametrize("image", [VIEW, IMAGE])
def test_an_8_bit_png_or_jpeg_is_copied_byte_by_byte(name, image, tmp_path):
    source = write_picture(tmp_path / name)
    assert put(tmp_path, replace(image, path=name)).read_bytes() == source.read_bytes()


def test_colours_stay(tmp_path):
    colours = np.zeros((64, 48, 3), np.uint8)
    colours[..., 0] = 200
    Image.fromarray(colours).save(tmp_path / "a.png")
    assert np.array_equal(as_a_trainer_opens(put(tmp_path, replace(IMAGE, path="a.png"))), colours)


@pytest.mark.parametrize("top", [4095, 65535])
@pytest.mark.parametrize("image", [VIEW, IMAGE])
def test_16_bits_of_which_12_are_used_become_8_that_fill_the_range(image, top, tmp_path):
    Image.fromarray(grey(1, top=top)).save(tmp_path / "a.png")
    seen = as_a_trainer_opens(put(tmp_path, replace(image, path="a.png")))
    assert seen.max() >= 250 and seen.min() == 0
    assert 0.01 < (seen > 200).mean() < 0.6, "a picture clipped to white"


def test_dicom_is_drawn_in_8_bits_at_its_own_size(tmp_path):
    write_dicom(tmp_path / "d" / "a.dcm")
    path = put(tmp_path, replace(VIEW, path="d/a.dcm"))
    seen = as_a_trainer_opens(path)
    assert (path.name, seen.shape, seen.max()) == ("a.png", (64, 48, 3), 255)


def test_a_picture_that_programs_turn_by_its_exif_is_drawn_as_it_is_stored(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(grey()).save(tmp_path / "a.jpg", exif=exif)
    path = put(tmp_path, replace(VIEW, path="a.jpg"))
    with Image.open(path) as picture:
        assert (picture.format, picture.size, picture.getexif().get(274)) == ("PNG", (48, 64), None)


@pytest.mark.parametrize(("name", "suffix"), [("a", ".png"), ("a.dcm", ".png"), ("a.bin", ".bin.png")])
def test_a_copied_file_gets_the_suffix_of_what_it_is(name, suffix, tmp_path):
    Image.fromarray(grey()).save(tmp_path / name, format="PNG")
    assert put(tmp_path, replace(IMAGE, path=name)).name == f"a{suffix}"


def test_names_differ_however_a_file_system_compares_them(tmp_path):
    images = []
    for number, name in enumerate(("d/a.dcm", "d/a.png", "d/A.png", "d/a.jpg", "d/\u00e9.png", "d/e\u0301.png")):
        (write_dicom if name.endswith("dcm") else write_picture)(tmp_path / name, number)
        images.append(replace(IMAGE, path=name))
    names = [image.path for image in PictureFolder(tmp_path, tmp_path / "out").add(images)]
    assert names == ["d/a.png", "d/a-2.png", "d/A-3.png", "d/a.jpg", "d/\u00e9.png", "d/e\u0301-2.png"]
    flat = [image.path for image in PictureFolder(tmp_path, tmp_path / "flat", flat=True).add(images)]
    assert len({name.rsplit(".", 1)[0].lower() for name in flat}) == 6 and not any("/" in name for name in flat)


def test_a_picture_that_two_records_show_is_written_once(tmp_path):
    write_picture(tmp_path / "a.png")
    folder = PictureFolder(tmp_path, tmp_path / "out")
    assert folder.add([replace(IMAGE, path="a.png")]) == folder.add([replace(IMAGE, path="a.png")])
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.png"]


def test_none_is_written_when_one_cannot_be_decoded(tmp_path):
    write_picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:200])
    with pytest.raises(InputError, match=r"b\.png"):
        PictureFolder(tmp_path, tmp_path / "out").add([replace(IMAGE, path=name) for name in ("a.png", "b.png")])
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="without a file"):
        ready_picture(replace(IMAGE, path=None), tmp_path)


def test_written_pictures_have_the_permissions_that_the_umask_leaves(tmp_path):
    write_dicom(tmp_path / "a.dcm")
    before = os.umask(0o077)
    try:
        path = put(tmp_path, replace(VIEW, path="a.dcm"))
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_mammogram_is_windowed_inside_its_breast_and_not_by_what_is_around_it(tmp_path):
    pixels = np.zeros((400, 300), np.float32)
    y, x = np.mgrid[:400, :300]
    breast = ((y - 200) / 150) ** 2 + (x / 200) ** 2 < 1
    pixels[breast] = 0.30 + 0.10 * np.random.default_rng(0).random(int(breast.sum()))
    # a lead letter, large enough to be the brightest part of the whole picture
    pixels[5:35, 240:295] = 1.0
    Image.fromarray((pixels * 4095).astype(np.uint16)).save(tmp_path / "a.png")
    seen = as_a_trainer_opens(put(tmp_path, replace(VIEW, path="a.png")))[..., 0]
    assert seen[breast].max() == 255 and np.median(seen[breast]) > 200
    box = breast_box(pixels)
    assert box is not None and abs(box.x1 - 200) < 6 and abs(box.y0 - 50) < 6 and abs(box.y1 - 350) < 6


def test_a_flat_picture_keeps_its_grey():
    assert set(np.unique(windowed(np.full((32, 32), 0.5, np.float32), None))) == {128}


def test_the_spacing_is_the_datasets_then_the_headers_and_none_where_pixels_are_not_square(tmp_path):
    write_dicom(tmp_path / "a.dcm", ImagerPixelSpacing=[0.07, 0.07])
    view = replace(VIEW, path="a.dcm")
    assert drawn_picture(view, tmp_path)[1] == 0.07
    assert drawn_picture(replace(view, spacing_mm=(0.1, 0.1)), tmp_path)[1] == 0.1
    assert drawn_picture(replace(view, spacing_mm=(0.2, 0.1)), tmp_path)[1] is None


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_with_pixels_only_the_grey_levels_stay_and_what_else_a_file_holds_does_not(name, tmp_path):
    exif, text = Image.Exif(), PngInfo()
    exif[0x010E] = "DOE JANE"  # ImageDescription
    text.add_text("Comment", "DOE JANE")
    more = {"pnginfo": text} if name == "a.png" else {"comment": b"DOE JANE"}
    Image.fromarray(grey()).save(tmp_path / name, exif=exif, **more)
    assert b"DOE" in put(tmp_path, replace(VIEW, path=name)).read_bytes()
    shutil.rmtree(tmp_path / "out")
    clean = put(tmp_path, replace(VIEW, path=name), pixels_only=True)
    assert clean.suffix == ".png" and b"DOE" not in clean.read_bytes()
    assert np.array_equal(as_a_trainer_opens(clean), as_a_trainer_opens(tmp_path / name))
