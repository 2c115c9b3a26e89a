"""Changed pictures: each change does what its words say, always alike, and keeps size and range."""

import numpy as np
import pytest

from mammoscribe.domain.view import Laterality, Projection, View
from mammoscribe.evaluation.outputs.changes import AS_THEY_ARE, CHANGES
from mammoscribe.imaging.picture import Picture

VIEW = View("R_CC", Laterality.RIGHT, Projection.CC, 60, 80, "a.png")
RNG = np.random.default_rng(0)
PIXELS = RNG.random((1000, 60)).astype(np.float32)
BY_NAME = {c.name: c for c in CHANGES}


def changed(name: str, pixels: np.ndarray = PIXELS, view: View = VIEW) -> np.ndarray:
    return BY_NAME[name].picture(view, Picture(pixels.astype(np.float32))).pixels


@pytest.mark.parametrize("name", [c.name for c in CHANGES if not c.name.startswith("without")])
def test_a_change_keeps_size_and_range_is_repeatable_and_changes_something(name):
    one = changed(name)
    assert one.shape == PIXELS.shape and one.dtype == np.float32
    assert one.min() >= 0 and one.max() <= 1 and (one != PIXELS).any()
    assert (changed(name) == one).all()
    assert np.isfinite(changed(name, np.zeros((81, 61)))).all()


def test_pictures_as_they_are_stay():
    assert (AS_THEY_ARE.picture(VIEW, Picture(PIXELS)).pixels == PIXELS).all()


def test_changes_do_what_their_words_say():
    flat = np.full((200, 200), 0.5)
    assert changed("noise", flat).std() == pytest.approx(0.02, rel=0.05)
    other = View("R_CC", Laterality.RIGHT, Projection.CC, 60, 80, "b.png")
    assert (changed("noise", flat, other) != changed("noise", flat)).any()
    assert len(np.unique(changed("8 bits", np.linspace(0, 1, 10000).reshape(100, 100)))) == 256
    assert changed("darker", flat)[0, 0] == pytest.approx(0.4) and changed("brighter", flat)[0, 0] == pytest.approx(
        0.625
    )
    assert changed("brighter", np.full((20, 20), 0.9)).max() == 1.0
    checked = np.indices((80, 60)).sum(axis=0) % 2
    assert np.ptp(changed("half resolution", checked)) < 0.01
    edge = (np.arange(2000)[:, None] >= 1000) * np.ones((1, 20))
    assert 0.1 < changed("blur", edge)[999, 0] < 0.5 and changed("blur", edge)[980, 0] < 0.01
    assert changed("gamma", flat)[0, 0] == pytest.approx(0.5**0.7)
    curve = changed("sigmoid", np.linspace(0, 1, 101)[None].repeat(20, 0))[0]
    assert curve[[0, 50, 100]] == pytest.approx([0, 0.5, 1], abs=1e-6) and (np.diff(curve) > 0).all()
    assert curve[20] < 0.15 and curve[80] > 0.85


def test_missing_views_are_left_out():
    mlo = View("R_MLO", Laterality.RIGHT, Projection.MLO, 60, 80, "m.png")
    assert [BY_NAME["without CC"].keeps(v) for v in (VIEW, mlo)] == [False, True]
    assert [BY_NAME["without MLO"].keeps(v) for v in (VIEW, mlo)] == [True, False]
    assert BY_NAME["without CC"].concerns(["R_CC", "R_MLO"]) and not BY_NAME["without CC"].concerns(["R_MLO", "L_MLO"])
    assert BY_NAME["noise"].concerns(["R_MLO"])
