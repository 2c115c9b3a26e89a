"""The pectoral muscle of an MLO view."""

import numpy as np
import pytest

from mammoscribe.imaging.anatomy.pectoral import Pectoral, find_pectoral
from mammoscribe.support.errors import InvalidNoun
from tests.imaging.anatomy.scene import MM, Scene, breast


def found_in(scene: Scene) -> Pectoral | None:
    view = scene.prepared("LMLO", size=None)
    return find_pectoral(view.pixels, view.mask, view.um_per_px / 1000)


@pytest.mark.parametrize(("width", "length"), [(40.0, 110.0), (25.0, 70.0), (48.0, 60.0)])
def test_the_edge_of_a_bright_triangle_is_found(width: float, length: float) -> None:
    edge = found_in(breast().add_arm().add_muscle(width, length))
    assert edge is not None
    y_mm = np.arange(0.05, 0.75, 0.05) * length
    assert np.abs(edge.width_at(y_mm / MM) * MM - width * (1 - y_mm / length)).mean() < 2.0


def test_a_breast_without_the_muscle_has_no_edge() -> None:
    assert found_in(breast().add_arm()) is None


def test_a_darker_triangle_is_no_muscle() -> None:
    assert found_in(breast().add_arm().add_muscle(grey=0.2)) is None


def test_below_its_end_the_muscle_has_no_width() -> None:
    edge = Pectoral(np.array([[20.0, 0.0], [0.0, 50.0]]), 0.9)
    assert edge.width_at(np.array([25.0, 60.0])).tolist() == [10.0, 0.0]


def test_an_edge_needs_two_points_and_a_strength_that_is_a_fraction() -> None:
    with pytest.raises(InvalidNoun, match="two points"):
        Pectoral(np.zeros((1, 2)), 0.5)
    with pytest.raises(InvalidNoun, match="strength"):
        Pectoral(np.zeros((3, 2)), 1.5)
