"""Batches: what is drawn, warped and cut, and that boxes go where their pixels go."""

from dataclasses import replace

import numpy as np
import pytest

from mammoscribe.support.errors import InvalidNoun
from mammoscribe.training.reader.batches import NO_AUGMENTATION, Augmentation, make_batch
from mammoscribe.training.reader.samples import LabelledFinding, LabelledMark, TrainingExam, ViewSample

BRIGHT = (200.0, 60.0, 240.0, 110.0)
WARPED = Augmentation(rotation_deg=0, scale=0.2, shift_px=20, gamma=0, gain=0, noise=0, blur_chance=0, drop_view_chance=0,
                      flip_chance=0.5, stretch=0.1)  # fmt: skip


def exam(boxed=frozenset({0}), marked=True, slots=(0, 2)) -> TrainingExam:
    """A dim breast on 320 x 256 pixels with one bright rectangle, which is the box."""
    canvas = np.zeros((320, 256), np.uint8)
    canvas[:, :250] = 60
    x0, y0, x1, y1 = map(int, BRIGHT)
    canvas[y0:y1, x0:x1] = 255
    marks = (LabelledMark(0, BRIGHT),) if marked else ()
    views = tuple(ViewSample(s, canvas, (249.0, 160.0), 0.3, marks, boxed) for s in slots)
    return TrainingExam("e", "p", views, (LabelledFinding(0),) if marked else ())


def bright_box(image: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(image > 0.8)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("crop", [(), (160, 128)])
def test_boxes_go_where_their_pixels_go(seed, crop):
    batch, targets = make_batch([exam()], np.random.default_rng(seed), replace(WARPED, crop_px=crop))
    for view, box in zip(targets.mark_view.tolist(), targets.mark_box.numpy(), strict=True):
        high, wide = batch.images.shape[2:]
        shown = np.clip(box, 0, [wide, high, wide, high])
        assert np.abs(bright_box(batch.images[view, 0].numpy()) - shown).max() < 2.0


def test_most_windows_hold_a_box_and_all_have_the_size_that_was_asked_for():
    amount = replace(WARPED, crop_px=(160, 128))
    held = 0
    for seed in range(60):
        batch, targets = make_batch([exam(slots=(0,))], np.random.default_rng(seed), amount)
        assert batch.images.shape[2] <= 160 and batch.images.shape[3] <= 128
        held += len(targets.mark_view)
    assert 45 <= held < 60


def test_the_nipple_moves_with_the_window():
    still = replace(NO_AUGMENTATION, crop_px=(160, 128))
    batch, targets = next(
        made
        for seed in range(20)
        if len((made := make_batch([exam(slots=(0,))], np.random.default_rng(seed), still))[1].mark_view)
    )
    moved = targets.mark_box[0, :2].numpy() - np.array(BRIGHT[:2])
    np.testing.assert_allclose(batch.nipple[0].numpy() - np.array([249.0, 160.0]), moved, atol=1e-3)


def test_views_without_boxes_are_shown_whole():
    batch, _ = make_batch(
        [exam(frozenset(), marked=False)], np.random.default_rng(0), replace(NO_AUGMENTATION, crop_px=(160, 128))
    )
    assert batch.images.shape[2:] == (320, 256)


def test_a_view_whose_boxes_are_unknown_is_cut_beside_others_whose_boxes_are_known():
    mixed = [exam(), exam(frozenset(), marked=False)]
    batch, _ = make_batch(mixed, np.random.default_rng(0), replace(NO_AUGMENTATION, crop_px=(160, 128)))
    assert len(batch.images) == 4 and batch.images.shape[2] <= 160


@pytest.mark.parametrize("crop", [(160,), (160, 100), (0, 32)])
def test_a_window_that_the_network_cannot_take_is_refused(crop):
    with pytest.raises(InvalidNoun, match="crop_px"):
        Augmentation(crop_px=crop)
