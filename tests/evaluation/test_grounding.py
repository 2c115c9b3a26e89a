"""Figures of heat maps: contrast to noise, IoU over thresholds, the pointing game, and their edges."""

import math

import numpy as np
import pytest

from mammoscribe.domain.view import Box
from mammoscribe.evaluation.grounding import contrast_to_noise, mean_iou, pointing_hit, region
from mammoscribe.support.errors import InputError

NAN = float("nan")


def test_contrast_to_noise_by_hand():
    heat = np.array([[1.0, 3.0, 0.0, 2.0]])
    assert contrast_to_noise(heat, [Box(0, 0, 2, 1)]) == pytest.approx(1 / math.sqrt(1 + 1))


def test_a_map_turned_round_has_the_same_contrast_and_another_pointing_hit():
    heat = np.zeros((10, 10))
    heat[2:5, 2:5] = np.arange(9).reshape(3, 3) + 1
    box = [Box(2, 2, 5, 5)]
    assert contrast_to_noise(-heat, box) == pytest.approx(contrast_to_noise(heat, box))
    assert pointing_hit(heat, box) and not pointing_hit(-heat, box)


def test_pixels_that_were_not_seen_are_left_out_of_the_contrast():
    heat = np.array([[NAN, 1.0, 3.0, 0.0, 2.0, NAN]])
    assert contrast_to_noise(heat, [Box(0, 0, 3, 1)]) == pytest.approx(1 / math.sqrt(2))


def test_a_box_that_was_cropped_away_has_no_contrast_no_overlap_and_no_hit():
    heat = np.full((10, 10), NAN)
    heat[:, 2:8] = np.linspace(0, 1, 60).reshape(10, 6)
    box = [Box(8, 0, 10, 10)]
    assert math.isnan(contrast_to_noise(heat, box))
    assert mean_iou(heat, box) == 0
    assert not pointing_hit(heat, box)


def test_flat_sides_are_infinitely_apart_or_nothing():
    heat = np.zeros((4, 4))
    assert math.isnan(contrast_to_noise(heat, [Box(0, 0, 2, 2)]))
    heat[:2, :2] = 1
    assert contrast_to_noise(heat, [Box(0, 0, 2, 2)]) == math.inf


def test_iou_is_averaged_over_the_five_thresholds():
    heat = np.zeros((1, 8))
    heat[0, :4] = [0.15, 0.25, 0.35, 0.9]
    # box of the first four: marked 4, 3, 2, 1, 1 of them
    assert mean_iou(heat, [Box(0, 0, 4, 1)]) == pytest.approx((4 + 3 + 2 + 1 + 1) / 20)
    assert mean_iou(heat, [Box(2, 0, 4, 1)], (0.3,)) == 1
    assert mean_iou(heat, [Box(2, 0, 4, 1)], (0.1,)) == 0.5


def test_a_threshold_counts_the_value_itself():
    assert mean_iou(np.array([[0.5, 0.0]]), [Box(0, 0, 1, 1)], (0.5,)) == 1


def test_the_part_of_a_box_that_was_not_seen_counts_against_the_iou():
    heat = np.array([[NAN, NAN, 1.0, 1.0, 0.0, 0.0]])
    assert mean_iou(heat, [Box(0, 0, 4, 1)]) == pytest.approx(0.5)


def test_several_boxes_are_one_region_counted_once():
    inside = region([Box(0, 0, 2, 2), Box(1, 1, 3, 3)], (4, 4))
    assert inside.sum() == 7
    assert region([Box(-5, 0, 1, 100)], (4, 4)).sum() == 4


def test_boxes_outside_of_the_picture_are_refused():
    with pytest.raises(InputError, match="a box beside all pixels of a picture of 6 x 4"):
        region([Box(10, 10, 12, 12)], (4, 6))
    with pytest.raises(InputError, match="heat map of shape"):
        mean_iou(np.zeros((1, 4, 4)), [Box(0, 0, 1, 1)])


def test_of_a_patch_of_equal_pixels_the_middle_points():
    heat = np.zeros((20, 20))
    heat[4:10, 4:10] = 1
    assert pointing_hit(heat, [Box(6, 6, 8, 8)])
    assert not pointing_hit(heat, [Box(4, 4, 6, 6)])


def test_nothing_seen_points_nowhere():
    assert not pointing_hit(np.full((4, 4), NAN), [Box(0, 0, 2, 2)])
