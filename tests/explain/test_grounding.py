"""Grounding: the published map by its rule, any other by the placement, and the box of the best place."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import correlate1d

from mammoscribe.domain.view import Box
from mammoscribe.explain.grounding import Interpolation, best_box, ground, heat_map, smoothed
from mammoscribe.imaging.joint_pixels import JointPixels
from mammoscribe.imaging.joint_prepare import prepare_published
from mammoscribe.imaging.placement import Placement
from mammoscribe.support.errors import InputError
from tests.explain.fake_space import BrightnessSpace, FixedSpace, placed, spot_png


def gaussian_by_the_rule(grid: np.ndarray) -> np.ndarray:
    """Sigma 1.5, truncated at 4 sigma: 13 taps; symmetric edges; one axis after the other."""
    taps = np.exp(-(np.arange(-6, 7) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    padded = np.pad(grid.astype(float), 6, mode="symmetric")
    return correlate1d(correlate1d(padded, taps, 0), taps, 1)[6:-6, 6:-6]


def nearest_by_the_rule(grid: np.ndarray, side: int) -> np.ndarray:
    at = (np.arange(side, dtype=np.float32) * np.float32(len(grid) / side)).astype(int)
    return grid[np.ix_(np.minimum(at, len(grid) - 1), np.minimum(at, len(grid) - 1))]


def bilinear_by_the_rule(grid: np.ndarray, side: int) -> np.ndarray:
    centres = np.clip((np.arange(side) + 0.5) * len(grid) / side - 0.5, 0, len(grid) - 1)
    along = np.array([np.interp(centres, np.arange(len(grid)), row) for row in grid])
    return np.array([np.interp(centres, np.arange(len(grid)), column) for column in along.T]).T


@pytest.mark.parametrize(("height", "width"), [(90, 90), (121, 83), (75, 140), (64, 101)])
@pytest.mark.parametrize("interpolation", list(Interpolation))
def test_the_published_map_follows_the_published_rule(height, width, interpolation, tmp_path):
    noise = np.random.default_rng(height).integers(0, 255, (height, width), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    image = prepare_published(tmp_path / "a.png", 512, 448)
    torch.manual_seed(width)
    patches, text = torch.randn(1, 128, 14, 14), torch.randn(1, 128)
    found = ground(FixedSpace(patches, text), image, "a mass", interpolation=interpolation)

    vectors = patches[0].double().numpy() / np.linalg.norm(patches[0].double().numpy(), axis=0)
    direction = text[0].double().numpy() / np.linalg.norm(text[0].double().numpy())
    grid = gaussian_by_the_rule(np.tensordot(direction, vectors, 1))
    side = int(448 * min(height, width) / 512)
    resize = nearest_by_the_rule if interpolation is Interpolation.NEAREST else bilinear_by_the_rule
    top, bottom = math.floor((height - side) / 2), math.ceil((height - side) / 2)
    left, right = math.floor((width - side) / 2), math.ceil((width - side) / 2)
    expected = np.pad(resize(grid, side), ((top, bottom), (left, right)), constant_values=np.nan)
    assert found.heat.shape == (height, width)
    assert np.array_equal(np.isnan(found.heat), np.isnan(expected))
    assert np.nanmax(np.abs(found.heat - expected)) < 1e-7
    whole = patches[0].double().numpy().mean((1, 2))
    assert found.similarity == pytest.approx(float(whole @ direction / np.linalg.norm(whole)), abs=1e-6)


def test_smoothing_alone_is_exact():
    grid = np.random.default_rng(0).standard_normal((14, 14)).astype(np.float32) / 3
    assert np.abs(smoothed(grid) - gaussian_by_the_rule(grid)).max() < 5e-8


def test_a_phrase_is_found_where_the_picture_says_so(tmp_path):
    space = BrightnessSpace()
    image = space.prepare(spot_png(tmp_path / "a.png", x=80, y=50))
    found = ground(space, image, "bright", interpolation=Interpolation.BILINEAR)
    assert found.heat.shape == (160, 120)
    assert found.best is not None and found.best.contains(80, 50)
    assert found.best.centre == pytest.approx((80, 50), abs=10)
    row, column = np.unravel_index(np.nanargmax(found.heat), found.heat.shape)
    assert (column, row) == pytest.approx((80, 50), abs=12)


def test_the_opposite_phrase_is_not_found_there(tmp_path):
    space = BrightnessSpace()
    found = ground(space, space.prepare(spot_png(tmp_path / "a.png", x=80, y=50)), "dark")
    assert found.heat[50, 80] < np.nanmedian(found.heat)


def test_the_prior_reaches_the_space(tmp_path):
    space = BrightnessSpace()
    image, prior = (space.prepare(spot_png(tmp_path / f"{n}.png", x=80, y=50)) for n in "ab")
    ground(space, image, "bright", prior=prior)
    assert space.priors == [prior]


def test_an_empty_phrase_is_refused(tmp_path):
    space = BrightnessSpace()
    with pytest.raises(InputError, match="empty phrase"):
        ground(space, space.prepare(spot_png(tmp_path / "a.png", 80, 50)), "  ")


@pytest.mark.parametrize("interpolation", list(Interpolation))
@pytest.mark.parametrize("flipped", [False, True])
def test_a_placed_map_has_every_patch_where_it_lies(interpolation, flipped):
    grid = np.arange(32, dtype=np.float32).reshape(4, 8)
    placement = Placement(400, 200, flipped, 0.2, 0.2, 0.0, 0.0, 80, 40)
    heat = heat_map(grid, placed(placement, Box(0, 0, 80, 40)), interpolation)
    for row, column in ((0, 0), (2, 5), (3, 7)):
        x, y = placement.to_stored_point(column * 10 + 5, row * 10 + 5)
        assert heat[int(y), int(x)] == pytest.approx(grid[row, column], abs=0.3)
    assert np.isfinite(heat).all()


def test_outside_of_what_was_seen_the_map_is_nan():
    placement = Placement(100, 100, False, 0.5, 0.5, -10.0, 5.0, 40, 60)
    heat = heat_map(np.ones((6, 4), np.float32), placed(placement, Box(0, 5, 40, 55)))
    rows, columns = np.nonzero(np.isfinite(heat))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 99, 20, 99)


def test_bilinear_lies_between_its_neighbours_and_nearest_is_flat():
    placement = Placement(80, 40, False, 1.0, 1.0, 0.0, 0.0, 80, 40)
    image = placed(placement, Box(0, 0, 80, 40))
    grid = np.array([[0.0, 1.0]], np.float32)
    between = heat_map(grid, image, Interpolation.BILINEAR)[20]
    assert between[0] == 0 and between[-1] == 1
    assert between[40] == pytest.approx(0.5, abs=0.02)
    assert (np.diff(between) >= 0).all()
    assert set(heat_map(grid, image)[20]) == {0.0, 1.0}


def test_the_best_box_is_the_part_around_the_maximum_at_half_height_over_the_median():
    heat = np.zeros((40, 50), np.float32)
    heat[5:10, 5:12] = 0.6
    heat[20:30, 30:45] = 0.4
    heat[25, 32] = 0.9
    heat[12:14, 40:42] = 0.8
    heat[0] = np.nan
    box, threshold = best_box(heat)
    assert threshold == pytest.approx(0.45)
    assert box == Box(32, 25, 33, 26)
    heat[20:30, 30:45] = 0.5
    heat[25, 32] = 0.9
    assert best_box(heat)[0] == Box(30, 20, 45, 30)


def test_a_flat_map_and_one_that_saw_nothing_have_no_best_box():
    assert best_box(np.full((5, 5), 0.3, np.float32))[0] is None
    box, threshold = best_box(np.full((5, 5), np.nan, np.float32))
    assert box is None and math.isnan(threshold)


def test_a_published_model_of_random_weights_grounds_in_both_modes(tmp_path):
    pytest.importorskip("transformers")
    from mammoscribe.explain.load import load_space
    from tests.models.tiny_joint import write_published_folder

    folder = write_published_folder(tmp_path / "model")
    picture = spot_png(tmp_path / "a.png", 80, 50)
    for mode in ("published", "whole"):
        space = load_space(str(folder), mode)
        image = space.prepare(picture)
        alone = ground(space, image, "mass in the left breast.")
        assert alone.grid.shape == (14, 14)
        assert np.isfinite(alone.heat).any() and np.nanmax(np.abs(alone.heat)) <= 1
        paired = ground(space, image, "mass in the left breast", prior=image)
        assert paired.similarity != alone.similarity


def test_a_picture_of_one_pixel_has_a_map_of_one_pixel(tmp_path):
    Image.new("L", (1, 1), 7).save(tmp_path / "a.png")
    found = ground(BrightnessSpace(whole=False), prepare_published(tmp_path / "a.png", 72, 64), "bright")
    assert found.heat.shape == (1, 1) and np.isfinite(found.heat).all()
    assert found.best is None


def test_what_shows_nothing_does_not_flow_into_the_map_and_is_no_place():
    grid = np.full((4, 4), -0.5, np.float32)
    grid[:, 3] = 0.0  # air, whose patches have no direction: a cosine of 0 is more than the tissue's
    grid[1, 1] = 0.4
    shown = np.ones((32, 32), bool)
    shown[:, 24:] = False
    map_ = smoothed(grid, 0.5, shown)
    assert np.unravel_index(int(map_.argmax()), map_.shape) == (1, 1)
    assert map_[0, 2] == pytest.approx(-0.5, abs=0.02)
    assert map_[:, 3] == pytest.approx(map_[:, :3].min())
    assert smoothed(grid, 0.5)[0, 2] > map_[0, 2]  # without that knowledge, air lifts its neighbours


def test_stored_pixels_that_show_nothing_are_not_a_number():
    shown = np.zeros((16, 16), bool)
    shown[:, :8] = True
    placement = Placement(32, 32, False, 0.5, 0.5, 0.0, 0.0, 16, 16)
    image = JointPixels(np.zeros((16, 16), np.float32), placement, Box(0, 0, 16, 16), "test", (), shown)
    heat = heat_map(np.ones((2, 2), np.float32), image, Interpolation.BILINEAR)
    assert np.isfinite(heat[:, :16]).all() and np.isnan(heat[:, 16:]).all()
