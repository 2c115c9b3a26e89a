"""What is done to a picture, and the way back."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mammoscribe.data.prepared.preparation import PREPARATIONS, FinerScale, Preparation, prepare_picture
from mammoscribe.data.records import ListedImage, ListedView, Region
from mammoscribe.domain.view import Box
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.joint_prepare import prepare_published, published_bytes
from mammoscribe.models.reader.network import base_config, small_config
from mammoscribe.support.errors import InputError, InvalidNoun
from tests.data.datasets.made import write_dicom, write_picture
from tests.data.some_records import CC, L, R

SMALL = Preparation("small", um_per_px=2000.0, canvas_px=(96, 96))


def test_the_reader_preparations_are_those_of_the_presets():
    for suffix, config in (("", small_config()), ("-base", base_config())):
        for name, finer in (("reader", []), ("crops", [config.detail_um]), ("calcifications", [config.detail_um, 100])):
            found = PREPARATIONS[name + suffix]
            assert (found.um_per_px, found.canvas_px) == (config.um_per_px, config.canvas_px)
            assert [scale.um_per_px for scale in found.finer] == finer


def test_a_mammogram_is_stored_at_finer_scales_that_lead_back_to_the_same_place(tmp_path):
    write_picture(tmp_path / "a.png", 1, height=480, width=400)
    view = ListedView("a.png", L, CC, (0.1, 0.1), regions=(Region(Box(100, 200, 140, 260)),))
    found = prepare_picture(view, tmp_path, PREPARATIONS["calcifications"])
    assert [(f.um_per_px, f.pixels.dtype) for f in found.finer] == [(200.0, np.uint8), (100.0, np.uint16)]
    for finer in found.finer:
        box = finer.placement.to_canvas_box(view.regions[0].box)
        assert box.width == pytest.approx(40 * 100 / finer.um_per_px)
        assert finer.pixels.shape == (finer.placement.canvas_height_px, finer.placement.canvas_width_px)
    stored = decode(tmp_path / "a.png").pixels
    fine = found.finer[1]
    x, y = (round(v) for v in fine.placement.to_canvas_point(100, 200))
    there = fine.pixels[y : y + 60, x : x + 40].astype(float)
    assert np.corrcoef(there.ravel(), stored[200:260, 100:140].ravel())[0, 1] > 0.99


@pytest.mark.parametrize("spacing", [None, (0.2, 0.2), (0.1, 0.2)])
def test_pixels_that_cannot_show_calcifications_are_not_stored_for_them(spacing, tmp_path):
    write_picture(tmp_path / "a.png", 1, height=240, width=200)
    found = prepare_picture(ListedView("a.png", L, CC, spacing), tmp_path, PREPARATIONS["calcifications"])
    assert [f.um_per_px for f in found.finer] == [200.0]


def test_a_finer_scale_is_of_a_mammogram_alone_and_has_eight_or_sixteen_bits():
    with pytest.raises(InvalidNoun, match="finer scales"):
        Preparation("p", longest_px=64, finer=(FinerScale(100.0),))
    for um, bits in ((0.0, 8), (100.0, 12)):
        with pytest.raises(InvalidNoun, match="bits"):
            FinerScale(um, bits)


def test_a_mammogram_lies_on_its_canvas_with_its_regions_and_back(tmp_path):
    write_picture(tmp_path / "a.png", 1, height=128, width=96)
    view = ListedView("a.png", L, CC, (1.0, 1.0), regions=(Region(Box(10, 20, 40, 60), {"kind": "mass"}),))
    found = prepare_picture(view, tmp_path, SMALL)
    assert (found.pixels.shape, found.pixels.dtype) == ((96, 96), np.uint8)
    assert found.pixels.max() > 150 and found.pixels[:, -1].max() == 0
    back = found.placement.to_stored_box(found.regions[0])
    assert np.allclose(back.as_list(), [10, 20, 40, 60])
    assert found.regions[0].width == pytest.approx(15)


def test_the_datasets_spacing_goes_before_the_headers(tmp_path):
    write_dicom(tmp_path / "a.dcm", PixelSpacing=[0.9, 0.9], ImagerPixelSpacing=[0.9, 0.9])
    view = ListedView("a.dcm", R, CC)
    ours, declared = (prepare_picture(v, tmp_path, SMALL) for v in (view, replace(view, spacing_mm=(1.8, 1.8))))
    assert declared.placement.scale_x == pytest.approx(2 * ours.placement.scale_x)


def test_the_spacing_of_the_canvas_is_known_where_that_of_the_file_is(tmp_path):
    write_picture(tmp_path / "a.png", 1, height=128, width=96)
    known = ListedView("a.png", L, CC, (1.0, 0.8))
    for preparation, wanted in ((SMALL, (2.0, 2.0)), (Preparation("p", longest_px=64), (2.0, 1.6))):
        assert prepare_picture(known, tmp_path, preparation).spacing_mm == pytest.approx(wanted)
        assert prepare_picture(replace(known, spacing_mm=None), tmp_path, preparation).spacing_mm is None
    joint = prepare_picture(known, tmp_path, Preparation("j", shorter_px=48))
    assert joint.spacing_mm == pytest.approx((2.0, 1.6))


def test_sixteen_bits_hold_the_same_picture_finer(tmp_path):
    write_dicom(tmp_path / "a.dcm")
    view = ListedView("a.dcm", R, CC, (1.0, 1.0))
    for preparation in (SMALL, Preparation("p", longest_px=40)):
        coarse, fine = (prepare_picture(view, tmp_path, replace(preparation, bits=bits)).pixels for bits in (8, 16))
        assert (coarse.dtype, fine.dtype) == (np.uint8, np.uint16)
        assert np.abs(fine / 257 - coarse).max() <= 0.5 + 1 / 257
        assert len(np.unique(fine)) > len(np.unique(coarse))


def test_the_joint_preparation_is_the_published_one_before_its_crop(tmp_path):
    path = write_picture(tmp_path / "a.png", 3, height=150, width=100)
    found = prepare_picture(ListedImage("a.png"), tmp_path, Preparation("j", shorter_px=64))
    assert found.pixels.shape == (96, 64)
    cropped = prepare_published(path, 64, 48)
    assert np.array_equal(found.pixels[24:72, 8:56] / np.float32(255), cropped.pixels)
    assert published_bytes(path, 64)[1] == found.placement


def test_the_plain_preparation_keeps_aspect_and_never_enlarges(tmp_path):
    write_dicom(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1")
    image = ListedImage("a.dcm", regions=(Region(Box(0, 0, 48, 64)),))
    small = prepare_picture(image, tmp_path, Preparation("p", longest_px=32))
    assert small.pixels.shape == (32, 24)
    assert small.regions[0].as_list() == [0, 0, 24, 32]
    whole = prepare_picture(image, tmp_path, PREPARATIONS["plain"])
    assert np.array_equal(whole.pixels, np.rint(decode(tmp_path / "a.dcm").pixels * 255).astype(np.uint8))


def test_the_digest_is_of_what_is_done_and_not_of_the_name():
    assert Preparation("a", longest_px=9).digest == Preparation("b", longest_px=9).digest
    others = [Preparation("x", longest_px=9), Preparation("y", shorter_px=9), Preparation("z", longest_px=9, bits=16)]
    digests = {p.digest for p in (*PREPARATIONS.values(), *others)}
    assert len(digests) == len(PREPARATIONS) + 3


@pytest.mark.parametrize(
    "given",
    [
        {}, {"um_per_px": 400.0}, {"canvas_px": (9, 9)}, {"shorter_px": 9, "longest_px": 9}, {"longest_px": 0},
        {"canvas_px": (9, 9), "longest_px": 9}, {"longest_px": 9, "bits": 12}, {"shorter_px": 9, "bits": 16},
    ],
)  # fmt: skip
def test_a_preparation_is_exactly_one_thing(given):
    with pytest.raises(InvalidNoun):
        Preparation("x", **given)


@pytest.mark.parametrize(
    ("image", "preparation", "told"),
    [
        (ListedImage(None), "plain", "without a file"),
        (ListedImage("none.png"), "plain", "not there"),
        (ListedImage("a.png"), "reader", "not listed as a mammogram"),
        *((ListedView("blank.png", R, CC), name, "blank") for name in PREPARATIONS),
        *((ListedView("bomb.png", R, CC), name, "decompression bomb") for name in PREPARATIONS),
        (ListedView("huge.dcm", R, CC), "joint", "million pixels a frame"),
        (ListedView("tiny.png", R, CC), "reader", "at least 16 x 16"),
        (ListedView("cut.dcm", R, CC), "reader", "cannot be decoded"),
        (ListedView("lie.dcm", R, CC), "plain", "cannot be decoded"),
        (ListedView("huge.dcm", R, CC), "plain", "million pixels a frame"),
        (ListedView("text.dcm", R, CC), "plain", "not a picture"),
    ],
)
def test_what_cannot_be_prepared_is_one_sentence(image, preparation, told, tmp_path):
    write_picture(tmp_path / "a.png")
    write_picture(tmp_path / "tiny.png", height=12, width=12)
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "blank.png")
    _write_bomb(tmp_path / "bomb.png")
    whole = write_dicom(tmp_path / "whole.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:-2000])
    (tmp_path / "text.dcm").write_text("no picture")
    write_dicom(tmp_path / "lie.dcm", Rows=4000)
    write_dicom(tmp_path / "huge.dcm", Rows=65000, Columns=65000)
    with pytest.raises(InputError) as error:
        prepare_picture(image, tmp_path, PREPARATIONS[preparation])
    assert told in error.value.sentence()


def _write_bomb(path):
    """A PNG of a few bytes that says it is 60,000 x 60,000."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def test_a_preparation_without_pictures_says_nothing_of_them_and_changes_no_other_digest():
    assert not PREPARATIONS["text"].pictures
    assert PREPARATIONS["text"].digest not in {p.digest for p in PREPARATIONS.values() if p.pictures}
    for wrong in ({"shorter_px": 512}, {"canvas_px": (2, 2)}, {"bits": 16}, {"finer": (FinerScale(200.0),)}):
        with pytest.raises(InvalidNoun, match="without pictures"):
            Preparation("x", pictures=False, **wrong)
    with pytest.raises(InvalidNoun):
        Preparation("x")


def test_the_digests_of_shards_that_people_have_stay_as_they_are():
    assert PREPARATIONS["joint"].digest.startswith("3a42dd8d5700")
    assert PREPARATIONS["reader"].digest.startswith("311f162e208c")
