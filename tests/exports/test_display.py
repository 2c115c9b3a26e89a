import io

import numpy as np
import pytest
from PIL import Image

from mammoscribe.domain.view import Box, Laterality, Projection, View
from mammoscribe.exports.display import display_image, mark_crop


def view_of(pixels: np.ndarray) -> View:
    return View("L_CC", Laterality.LEFT, Projection.CC, pixels.shape[1], pixels.shape[0], "memory")


def shades(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(0.2, 0.4, (height, width)).astype(np.float32)


def shown(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L")).astype(float)


def test_a_single_bright_pixel_is_seen_in_the_crop_at_its_own_place():
    pixels = shades(1600, 1200)
    pixels[700, 500] = 1.0
    crop = mark_crop(view_of(pixels), pixels, "f1", Box(450, 650, 560, 760))
    grey = shown(crop.png)
    assert grey.shape == (crop.region.height, crop.region.width) == (256, 256)
    y, x = np.unravel_index(grey.argmax(), grey.shape)
    assert (x + crop.region.x0, y + crop.region.y0) == (500, 700)
    assert np.partition(grey.ravel(), -2)[-2] < 0.8 * grey.max()  # nothing else is as bright: it was not averaged


def test_a_crop_holds_the_box_with_its_context():
    pixels = shades(1600, 1200)
    crop = mark_crop(view_of(pixels), pixels, "f1", Box(400, 500, 700, 900))
    assert (crop.region.width, crop.region.height) == (480, 640)
    assert crop.region.centre == pytest.approx((550, 700))


@pytest.mark.parametrize("box", [Box(0, 0, 20, 20), Box(1180, 1585, 1200, 1600)], ids=["corner", "far corner"])
def test_a_crop_at_the_border_is_moved_inside_and_keeps_its_size(box):
    pixels = shades(1600, 1200)
    region = mark_crop(view_of(pixels), pixels, "f1", box).region
    assert (region.width, region.height) == (256, 256)
    assert region.clipped(1200, 1600) == region
    assert region.overlap(box) == box.area


def test_a_box_larger_than_a_thousand_pixels_shows_its_middle_at_full_resolution():
    pixels = shades(2000, 1800)
    region = mark_crop(view_of(pixels), pixels, "f1", Box(100, 100, 1700, 1900)).region
    assert (region.width, region.height) == (1000, 1000)
    assert region.centre == (900, 1000)


def test_a_view_smaller_than_the_smallest_crop_is_shown_whole():
    pixels = shades(200, 100)
    assert mark_crop(view_of(pixels), pixels, "f1", Box(10, 10, 20, 20)).region == Box(0, 0, 100, 200)


def test_a_crop_of_a_flat_place_is_a_picture_too():
    pixels = np.full((400, 400), 0.5, np.float32)
    assert shown(mark_crop(view_of(pixels), pixels, "f1", Box(100, 100, 200, 200)).png).shape == (256, 256)


def test_a_page_of_ten_crops_stays_small():
    pixels = shades(3000, 2400)
    sizes = [
        len(mark_crop(view_of(pixels), pixels, "f1", Box(x, x, x + 160, x + 160)).png) for x in range(200, 2200, 200)
    ]
    assert sum(sizes) < 1_000_000


def test_a_squashed_view_is_shown_at_its_true_shape_and_never_flipped():
    pixels = shades(512, 512)
    pixels[:, :40] = 0.9
    image = display_image(view_of(pixels), pixels, mirrored=True, squash=0.78)
    assert (image.width_px, image.height_px) == (399, 512)
    grey = shown(image.png)
    assert grey[:, :20].mean() > 2 * grey[:, 60:].mean()
