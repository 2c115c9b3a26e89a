"""Pictures for image-text models: the published rule to the bit, and whole mammograms that lose no breast."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mammoscribe.domain.view import Box
from mammoscribe.imaging.decode import decode
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.joint_prepare import prepare_published, prepare_whole
from mammoscribe.imaging.mask import find_breast
from mammoscribe.support.errors import InputError
from tests.imaging.drawn import half_disc, mammogram, png, saved


def stored_png(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(values).save(path)
    return path


def by_the_rule(values: np.ndarray, resize: int, crop: int) -> np.ndarray:
    """The published steps again, value by value in Python floats."""
    low, span = float(values.min()), float(values.max()) - float(values.min())
    table = {v: int((float(v) - low) / span * 255) for v in np.unique(values).tolist()}
    grey = np.vectorize(table.__getitem__, otypes=[np.uint8])(values)
    picture = Image.fromarray(grey).convert("L")
    wide, high = picture.size
    size = (resize, int(resize * high / wide)) if wide <= high else (int(resize * wide / high), resize)
    resized = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
    top, left = round((size[1] - crop) / 2.0), round((size[0] - crop) / 2.0)
    return resized[top : top + crop, left : left + crop].astype(np.float32) / np.float32(255.0)


GREY = ((60, 60), (97, 61), (61, 97), (40, 131))
COLOUR = ((200, 151, 3), (33, 64, 4))


@pytest.mark.parametrize(("shape", "dtype"), [*((s, np.uint8) for s in GREY + COLOUR), *((s, np.uint16) for s in GREY)])
@pytest.mark.parametrize(("resize", "crop"), [(64, 56), (64, 60), (64, 64)])
def test_the_published_steps_are_followed_to_the_bit(shape, dtype, resize, crop, tmp_path):
    values = np.random.default_rng(sum(shape)).integers(3, 250 if dtype is np.uint8 else 4011, shape).astype(dtype)
    seen = prepare_published(stored_png(tmp_path / "a.png", values), resize, crop)
    expected = by_the_rule(values, resize, crop)
    assert seen.pixels.dtype == np.float32
    assert np.array_equal(seen.pixels, expected)
    assert (seen.mode, seen.seen) == ("published", Box(0, 0, crop, crop))


def test_colours_share_one_minimum_and_maximum_over_all_channels(tmp_path):
    colours = np.full((20, 20, 3), 100, np.uint8)
    colours[:10, :, 0], colours[10:, :, 2] = 200, 50
    seen = prepare_published(stored_png(tmp_path / "a.png", colours), 20, 20)
    middle = int(50 / 150 * 255)
    expected = np.asarray(Image.fromarray(np.array([[[255, middle, middle]]], np.uint8)).convert("L"))[0, 0]
    assert seen.pixels[0, 0] == np.float32(expected) / np.float32(255)


def test_a_palette_is_looked_up(tmp_path):
    colours = np.zeros((20, 20, 3), np.uint8)
    colours[:10] = (200, 10, 60)
    Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    plain = prepare_published(stored_png(tmp_path / "a.png", colours), 20, 20)
    assert np.array_equal(prepare_published(tmp_path / "p.png", 20, 20).pixels, plain.pixels)


def test_a_constant_picture_becomes_zero_and_says_so(tmp_path):
    seen = prepare_published(stored_png(tmp_path / "a.png", np.full((30, 40), 77, np.uint8)), 30, 28)
    assert not seen.pixels.any()
    assert "all alike, set to 0" in seen.steps


def test_dicom_values_are_taken_as_stored_without_window_or_inversion(tmp_path):
    stored = (half_disc(64, 64) * 4000).astype(np.uint16)
    header = {"WindowCenter": 100, "WindowWidth": 10, "PhotometricInterpretation": "MONOCHROME1"}
    path = saved(mammogram(stored, **header), tmp_path / "a.dcm")
    assert np.array_equal(prepare_published(path, 64, 56).pixels, by_the_rule(stored, 64, 56))


def test_a_crop_larger_than_the_resized_picture_is_refused(tmp_path):
    with pytest.raises(InputError, match="crop of 60 pixels out of 50"):
        prepare_published(png(tmp_path / "a.png"), 50, 60)


@pytest.mark.parametrize("prepare", [prepare_published, prepare_whole])
def test_what_is_no_picture_is_refused(prepare, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match=r"a\.txt is not a picture"):
        prepare(tmp_path / "a.txt")
    with pytest.raises(InputError, match="not there"):
        prepare(tmp_path / "b.png")


def test_a_tiff_whose_second_page_has_no_size_is_one_sentence(tmp_path):
    Image.new("L", (8, 6)).save(tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * entries, len(data))  # where the second page begins
    entry = struct.pack("<HHII", 258, 3, 1, 8)  # bits per sample, and nothing else
    (tmp_path / "a.tif").write_bytes(data + struct.pack("<H", 1) + entry + struct.pack("<I", 0))
    with pytest.raises(InputError, match=r"a\.tif cannot be decoded as a picture"):
        prepare_whole(tmp_path / "a.tif")


def test_a_thread_of_pixels_is_refused_before_it_fills_the_memory(tmp_path):
    Image.new("L", (1, 30_000)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is 1 x 30000 pixels; expected at most 100 times"):
        prepare_published(tmp_path / "a.png")


def test_a_dicom_of_many_frames_is_refused_in_the_published_mode(tmp_path):
    stack = np.zeros((2, 40, 40), np.uint16)
    dataset = mammogram(stack[0], NumberOfFrames=2)
    dataset.PixelData = stack.tobytes()
    with pytest.raises(InputError, match="one frame"):
        prepare_published(saved(dataset, tmp_path / "a.dcm"))


sizes = st.integers(24, 160)


@pytest.mark.parametrize("whole", [False, True])
@settings(deadline=None, max_examples=15)
@given(height=sizes, width=sizes, on_left=st.booleans())
def test_every_stored_point_survives_the_canvas(whole, height, width, on_left, tmp_path_factory):
    path = png(tmp_path_factory.mktemp("p") / "a.png", half_disc(height, width, on_left))
    seen = prepare_whole(path, 64) if whole else prepare_published(path, 64, 56)
    assert seen.pixels.shape == ((64, 64) if whole else (56, 56))
    for x, y in ((0.0, 0.0), (width, height), (width / 3, height / 7)):
        assert seen.placement.to_stored_point(*seen.placement.to_canvas_point(x, y)) == pytest.approx((x, y), abs=1e-6)


def spot_seen(seen: JointPixels, x: float, y: float, near: float) -> tuple[float, float]:
    """Where the brightness around the place that shows stored (x, y) is centred, in stored pixels."""
    at = seen.placement.to_canvas_point(x, y)
    rows, columns = np.mgrid[: seen.pixels.shape[0], : seen.pixels.shape[1]] + 0.5
    close = np.hypot(columns - at[0], rows - at[1]) < near
    weight = np.where(close, np.maximum(seen.pixels - 0.5, 0), 0)
    assert weight.sum() > 0
    centre = (float((columns * weight).sum() / weight.sum()), float((rows * weight).sum() / weight.sum()))
    return seen.placement.to_stored_point(*centre)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("on_left", [True, False])
def test_what_is_seen_on_the_canvas_leads_back_to_the_stored_pixel(whole, on_left, tmp_path):
    breast = (half_disc(300, 220, on_left) > 0) * 0.2
    x, y = (60.0, 150.0) if on_left else (160.0, 150.0)
    rows, columns = np.mgrid[:300, :220] + 0.5
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 32) * 0.8
    path = png(tmp_path / "a.png", np.minimum(breast + spot, 1))
    seen = prepare_whole(path, 200) if whole else prepare_published(path, 200, 180)
    assert spot_seen(seen, x, y, 12) == pytest.approx((x, y), abs=0.6)


def test_a_mammogram_is_cropped_to_its_breast_and_loses_none_of_it(tmp_path):
    breast = half_disc(400, 500, chest_on_left=False)
    seen = prepare_whole(png(tmp_path / "a.png", breast), 128)
    assert seen.mode == "whole"
    assert any(s.startswith("cropped to the breast") for s in seen.steps)
    shown = seen.placement.to_stored_box(seen.seen)
    assert shown is not None
    rows, columns = np.nonzero(breast > 0)
    breast_box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert shown.overlap(breast_box) == pytest.approx(breast_box.area, abs=1e-3)
    assert shown.area < 0.8 * breast.size
    assert seen.placement.scale_x == pytest.approx(seen.placement.scale_y)
    assert not seen.placement.flipped


def test_a_margin_of_two_reduced_pixels_is_kept_for_the_faint_skin(tmp_path):
    path = png(tmp_path / "a.png", half_disc(400, 500))
    outline = find_breast(decode(path).pixels)
    rows, columns = np.nonzero(outline.mask)
    seen = prepare_whole(path, 128)
    shown = seen.placement.to_stored_box(seen.seen)
    assert shown is not None and outline.factor == 2
    edges = (shown.x1, shown.y0, shown.y1)
    assert edges == pytest.approx((2 * columns.max() + 6, 2 * rows.min() - 4, 2 * rows.max() + 6), abs=1e-6)


@pytest.mark.parametrize("seed", [3, 8])
def test_the_breast_of_a_phantom_lies_inside_what_is_seen(seed, tmp_path):
    from mammoscribe.phantom import TRAINING_SPEC, draw_exam

    drawn = draw_exam(seed, TRAINING_SPEC)
    for name, values in list(drawn.pixels.items())[:2]:
        seen = prepare_whole(stored_png(tmp_path / f"{name}.png", values << 4))
        shown = seen.placement.to_stored_box(seen.seen)
        assert shown is not None
        marks = [m.box for f in drawn.findings for m in f.marks if m.view_id == name]
        assert all(shown.overlap(m) == pytest.approx(m.area) for m in marks)
        outside = np.ones(values.shape, bool)
        outside[int(shown.y0) : int(np.ceil(shown.y1)), int(shown.x0) : int(np.ceil(shown.x1))] = False
        bright = values[outside] > 0.25 * np.percentile(values, 99)
        assert bright.sum() < 0.002 * values.size, name  # the label's letters; no breast tissue


def test_outside_of_what_is_seen_the_canvas_is_zero(tmp_path):
    seen = prepare_whole(png(tmp_path / "a.png", half_disc(400, 200) * 0.5 + 0.1), 128)
    box = seen.seen
    inside = np.zeros(seen.pixels.shape, bool)
    inside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = True
    assert box.width < 127 and box.height > 120
    assert not seen.pixels[~inside].any()
    assert (seen.pixels.min(), seen.pixels.max()) == (0, 1)


def test_a_picture_that_is_no_mammogram_is_kept_whole(tmp_path):
    bright = np.random.default_rng(0).random((120, 240)) * 0.2 + 0.6
    seen = prepare_whole(png(tmp_path / "a.png", bright), 60)
    assert seen.placement.to_stored_box(seen.seen) == Box(0, 0, 240, 120)
    assert (seen.seen.x0, seen.seen.x1, seen.seen.height) == (0, 60, 30)
    assert any("whole picture kept" in s for s in seen.steps)


def test_monochrome1_is_turned_bright_is_dense_when_whole(tmp_path):
    stored = (half_disc(64, 64) * 4000).astype(np.uint16)
    plain = prepare_whole(saved(mammogram(stored), tmp_path / "a.dcm"), 64)
    inverted = mammogram((4095 - stored).astype(np.uint16), PhotometricInterpretation="MONOCHROME1")
    assert prepare_whole(saved(inverted, tmp_path / "b.dcm"), 64).pixels == pytest.approx(plain.pixels, abs=1e-3)


def test_stored_pixels_that_are_not_square_become_square(tmp_path):
    stored = (np.random.default_rng(0).random((40, 80)) * 1000 + 2000).astype(np.uint16)
    seen = prepare_whole(saved(mammogram(stored, ImagerPixelSpacing=[0.4, 0.2]), tmp_path / "a.dcm"), 64)
    assert seen.placement.scale_y == pytest.approx(2 * seen.placement.scale_x)
    assert seen.seen.width == pytest.approx(seen.seen.height)


def test_a_blank_picture_is_refused_when_whole(tmp_path):
    with pytest.raises(InputError, match="blank"):
        prepare_whole(stored_png(tmp_path / "a.png", np.full((40, 40), 9, np.uint8)))


@pytest.mark.real
def test_mammograms_are_cropped_and_chest_pictures_are_not(data_root):
    films = sorted((data_root / "mini_mias").rglob("*.jpg"))[::40]
    screening = sorted((data_root / "rsna_512").rglob("*.jpg"))[::400]
    for path in films + screening:
        assert any(s.startswith("cropped to the breast") for s in prepare_whole(path).steps), path.name
    for path in sorted((data_root / "cxr_samples").iterdir()):
        assert any("whole picture kept" in s for s in prepare_whole(path).steps), path.name
