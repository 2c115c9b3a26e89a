"""The grounding picture: fixed colours, boxes where they belong, darkness where nothing was seen."""

import io

import numpy as np
import pytest
from PIL import Image

from mammoscribe.domain.view import Box
from mammoscribe.explain.grounding import Grounding, Interpolation
from mammoscribe.explain.overlay import BEST, GIVEN, MARGIN, Caption, colours, opacity, overlay_png

CAPTION = Caption("similarity 0.5", "model")


def grounding(heat: np.ndarray, best: Box | None = None, phrase: str = "a mass") -> Grounding:
    return Grounding(phrase, 0.5, heat, heat, best, 0.3, Interpolation.NEAREST)


def drawn(pixels: np.ndarray, found: Grounding, given: Box | None = None) -> np.ndarray:
    """The overlay's pixels, from the picture's corner on."""
    page = Image.open(io.BytesIO(overlay_png(pixels.astype(np.float32), found, CAPTION, given))).convert("RGB")
    return np.asarray(page)[MARGIN:, MARGIN:]


def test_colours_are_those_of_the_value_whatever_the_map():
    assert colours(np.array([1.0, 2.0]))[0] == pytest.approx(colours(np.array([1.0, 2.0]))[1])
    warm, cold = colours(np.array([0.6, -0.6]))
    assert warm[0] > warm[2] and cold[2] > cold[0]
    assert opacity(np.zeros(1))[0] == 0
    assert (np.diff(opacity(np.linspace(0, 1, 9))) > 0).all()


def test_heat_colours_the_picture_and_zero_leaves_it_grey():
    heat = np.zeros((480, 480), np.float32)
    heat[:240] = 0.9
    page = drawn(np.full((480, 480), 0.5) + np.linspace(0, 0.1, 480), grounding(heat))
    top, bottom = page[100, 100].astype(int), page[400, 100].astype(int)
    assert top[0] > top[2] + 60
    assert np.ptp(bottom) == 0


def test_what_was_not_seen_is_darker_than_what_was():
    heat = np.zeros((480, 480), np.float32)
    heat[:, :240] = np.nan
    page = drawn(np.tile(np.linspace(0.2, 1, 480), (480, 1)).T, grounding(heat))
    assert page[400, 100].mean() < 0.6 * page[400, 300].mean()


def test_the_boxes_are_drawn_at_their_edges():
    heat = np.zeros((960, 960), np.float32)
    page = drawn(
        np.random.default_rng(0).random((960, 960)), grounding(heat, Box(100, 200, 300, 500)), Box(600, 600, 700, 800)
    )
    assert tuple(page[200, 150]) == BEST and tuple(page[350, 299]) == BEST
    assert tuple(page[600, 602]) == GIVEN
    assert tuple(page[201, 150]) != BEST


@pytest.mark.parametrize("shape", [(60, 40), (1500, 1200), (400, 2000)])
def test_pictures_of_any_size_fit_the_page(shape):
    page = drawn(np.random.default_rng(0).random(shape), grounding(np.zeros(shape, np.float32)))
    assert max(page.shape[:2]) >= 420
    assert max(page.shape[:2]) <= 1300


def test_a_long_phrase_is_wrapped_and_none_of_it_is_lost():
    heat = np.zeros((480, 480), np.float32)
    short = drawn(np.random.default_rng(0).random((480, 480)), grounding(heat))
    longer = drawn(np.random.default_rng(0).random((480, 480)), grounding(heat, phrase="spiculated mass " * 20))
    assert longer.shape[1] == short.shape[1]
    assert longer.shape[0] > short.shape[0] + 100


def test_a_constant_picture_can_be_drawn():
    drawn(np.full((50, 50), 0.5), grounding(np.zeros((50, 50), np.float32)))
