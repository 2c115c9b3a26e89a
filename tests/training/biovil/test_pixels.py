"""What the image model is shown: as the commands show it, varied without turning anything over, with air left out."""

import numpy as np
import pytest
from PIL import Image

from mammoscribe.data.prepared.dataset import PreparedDataset
from mammoscribe.imaging.joint_pixels import patches_shown
from mammoscribe.imaging.joint_prepare import prepare_published, prepare_whole
from mammoscribe.support.errors import InputError, InvalidNoun
from mammoscribe.training.biovil.pixels import (
    CHEST,
    MAMMOGRAM,
    Canvas,
    Variation,
    canvas_of,
    draw,
    middle,
    mode_of,
    varied,
)
from tests.training.biovil.lab import breast_records, chest_lab, chest_records, prepared

AMOUNTS = (CHEST, MAMMOGRAM)


def quarters(side: int = 96) -> Canvas:
    """Upper left .2, upper right .4, lower left .6, lower right .8."""
    pixels = np.kron(np.array([[0.2, 0.4], [0.6, 0.8]], np.float32), np.ones((side // 2, side // 2), np.float32))
    return Canvas(pixels, np.ones((side, side), bool))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_up_stays_up_and_left_stays_left(amount):
    for seed in range(200):
        found = varied(quarters(), draw(amount, np.random.default_rng(seed)), 96).pixels
        at = {(y, x): found[y - 4 : y + 4, x - 4 : x + 4].mean() for y in (26, 70) for x in (26, 70)}
        assert at[26, 26] < at[26, 70] < at[70, 26] < at[70, 70], seed


def test_pictures_are_varied_and_the_same_draw_gives_the_same():
    drawn = [draw(CHEST, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    one, same, other = (varied(quarters(), d, 96).pixels for d in drawn)
    assert np.array_equal(one, same) and np.abs(one - other).mean() > 0.02


def test_no_variation_is_the_picture_itself():
    grey = Canvas(np.random.default_rng(0).random((80, 96)).astype(np.float32), np.ones((80, 96), bool))
    still = varied(grey, draw(Variation(0, 0, 0, 0, 0, 0), np.random.default_rng(0)), 64)
    np.testing.assert_allclose(still.pixels, middle(grey, 64).pixels, atol=1e-5)
    assert still.shown.all()


def test_a_shift_moves_what_is_shown_and_what_is_air_alike():
    pixels, shown = np.zeros((64, 64), np.float32), np.zeros((64, 64), bool)
    pixels[:, :32], shown[:, :32] = 0.5, True
    for seed in range(20):
        found = varied(Canvas(pixels, shown), draw(Variation(0, 0, 0, 0.2, 0, 0), np.random.default_rng(seed)), 64)
        assert np.array_equal(found.shown, found.pixels > 0.25), seed
        assert found.pixels[~found.shown].max() <= 0.25 and np.median(found.pixels[~found.shown]) == 0


@pytest.mark.parametrize("wrong", [
    {"rotation_deg": 90.0}, {"rotation_deg": 180.0}, {"rotation_deg": 40.0, "shear_deg": 6.0}, {"shift": -0.1},
    {"scale": 1.0}, {"contrast": 1.5}, {"brightness": float("nan")},
])  # fmt: skip
def test_a_variation_that_turns_pictures_over_is_refused(wrong):
    with pytest.raises(InvalidNoun):
        Variation(**wrong)


def test_a_patch_counts_when_one_of_its_pixels_shows_something():
    shown = np.zeros((64, 96), bool)
    shown[33, 95] = True
    assert patches_shown(shown).tolist() == [[False, False, False], [False, False, True]]
    assert patches_shown(np.zeros((64, 64), bool)).all()


def test_chest_pictures_are_shown_as_the_commands_show_them(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (700, 600)).astype(np.uint8)
    grey[0, 0], grey[0, 1] = 0, 255
    folder = prepared(_with_picture(tmp_path, grey), tmp_path, "joint", ("train",))
    stored = PreparedDataset(folder, "train")[0].pictures[0]
    found = middle(canvas_of(stored, "published", 448), 448)
    assert np.array_equal(found.pixels, prepare_published(tmp_path / "files" / stored.path).pixels)
    small = middle(canvas_of(stored, "published", 224), 224)
    expected = prepare_published(tmp_path / "files" / stored.path, 256, 224)
    assert small.pixels.shape == expected.pixels.shape
    assert np.abs(small.pixels - expected.pixels).mean() < 0.02  # resized twice


def _with_picture(root, grey):
    record = chest_records(root, 1)[0]
    Image.fromarray(grey).save(root / "files" / record.images[0].path)
    return [record]


def test_mammograms_are_shown_whole_and_their_air_is_known(tmp_path):
    folder = prepared(breast_records(tmp_path, 1), tmp_path, "plain", ("train",))
    dataset = PreparedDataset(folder, "train")
    stored = next(p for r in dataset for p in r.pictures if "L_CC" in p.path)
    found = canvas_of(stored, "whole", 64)
    expected = prepare_whole(tmp_path / "files" / stored.path, 64)
    np.testing.assert_allclose(found.pixels, expected.pixels, atol=0.01)
    assert expected.shown is None
    assert found.shown.any() and not found.shown.all()
    assert found.pixels[~found.shown].max() < 0.1 < found.pixels[found.shown].mean()


def test_a_preparation_of_which_the_breast_would_be_cut_is_refused(tmp_path):
    folder = prepared(breast_records(tmp_path / "breast", 1), tmp_path / "breast", "joint", ("train",))
    with pytest.raises(InputError, match="--as plain"):
        mode_of(PreparedDataset(folder))
    assert mode_of(PreparedDataset(chest_lab(tmp_path / "chest", 2))) == "published"
    assert mode_of(PreparedDataset(chest_lab(tmp_path / "whole", 2, "plain"))) == "whole"
