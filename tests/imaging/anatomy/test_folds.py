"""Folds of skin."""

import numpy as np
import pytest

from mammoscribe.domain.anatomy import Structure
from mammoscribe.domain.view import Projection
from mammoscribe.imaging.anatomy.folds import Fold, find_folds
from mammoscribe.imaging.anatomy.outline import skin_line
from tests.imaging.anatomy.scene import Scene, breast


def folds_in(scene: Scene, projection: Projection) -> tuple[Fold, ...]:
    line = skin_line(scene.grey > 0.1, scene.mm, smoothing_mm=3.0)
    assert line is not None
    return find_folds(line, projection)


def test_the_inframammary_fold_is_where_the_breast_turns_into_the_abdomen() -> None:
    (fold,) = folds_in(breast().add_arm().add_muscle().add_abdomen(), Projection.MLO)
    assert (fold.structure, fold.lower, fold.inward) == (Structure.INFRAMAMMARY_FOLD, True, True)
    crossing = 100 + 80 * np.sqrt(1 - (10 / 70) ** 2)
    assert (fold.x / 2, fold.y / 2) == pytest.approx((10, crossing), abs=4)


def test_the_skin_of_a_cc_view_folds_at_both_ends_of_the_chest_wall() -> None:
    lower, upper = folds_in(breast(), Projection.CC)
    assert [f.structure for f in (lower, upper)] == [Structure.SKIN_FOLD] * 2
    assert (lower.y / 2, upper.y / 2) == pytest.approx((180, 20), abs=3)
    assert not lower.inward
    assert not upper.inward


def test_an_arm_above_a_cc_view_folds_where_the_breast_begins() -> None:
    scene = breast()
    scene.grey[(scene.y < 60) & (scene.x < 9) & (scene.grey < 0.1)] = 0.35
    (upper,) = (f for f in folds_in(scene, Projection.CC) if not f.lower)
    assert upper.inward
    assert (upper.x / 2, upper.y / 2) == pytest.approx((9, 100 - 80 * np.sqrt(1 - (9 / 70) ** 2)), abs=4)


def test_the_nipple_is_no_fold() -> None:
    scene = breast().add_nipple(110.0, height=12.0, half_width=4.0)
    assert all(f.x / 2 < 15 and not f.inward for f in folds_in(scene, Projection.CC))
