"""Changed pictures: what is filled is gone, what is not touched stays, and random places are in the breast."""

import numpy as np

from mammoscribe.domain.view import Box, Laterality
from mammoscribe.evaluation.faithfulness.pixels import breast_of, enlarged, filled, greyed, place_like, shown_only
from tests.evaluation.faithfulness.made import breast

SPOT = Box(40.0, 80.0, 60.0, 100.0)
PICTURE = breast(3, Laterality.LEFT, (90, 50))


def outside(box: Box, margin: int = 0) -> np.ndarray:
    keep = np.ones(PICTURE.shape, bool)
    keep[int(box.y0) - margin : int(box.y1) + margin, int(box.x0) - margin : int(box.x1) + margin] = False
    return keep


def test_a_filled_place_shows_tissue_and_all_else_stays():
    box = enlarged(SPOT, PICTURE)
    assert box is not None and (box.x0, box.y1) == (37.0, 103.0)
    donor = Box(30.0, 150.0, 30.0 + box.width, 150.0 + box.height)
    for texture in (donor, None):
        out = filled(PICTURE, box, texture)
        assert (out[outside(box)] == PICTURE[outside(box)]).all()
        assert out.max() < 0.6 and abs(out[85:95, 45:55].mean() - 0.4) < 0.03
    assert filled(PICTURE, box, donor)[85:95, 45:55].std() > 2 * filled(PICTURE, box, None)[85:95, 45:55].std()


def test_a_place_at_the_edge_of_the_picture_is_filled_too():
    at_edge = breast(3, Laterality.LEFT, (120, 3))
    out = filled(at_edge, Box(0.0, 108.0, 16.0, 132.0), None)
    assert out[:, :16].max() < 0.6
    whole = filled(at_edge, Box(0.0, 0.0, 160.0, 240.0), None)
    assert np.isfinite(whole).all()


def test_grey_tissue_keeps_the_outline_and_shows_nothing():
    inside = breast_of(PICTURE)
    out = greyed(PICTURE, inside)
    assert np.ptp(out[inside]) == 0 and (out[~inside] == PICTURE[~inside]).all()
    assert inside[120, 60] and not inside[5, 150]


def test_only_the_shown_place_differs_from_grey():
    inside = breast_of(PICTURE)
    out = shown_only(PICTURE, inside, [SPOT])
    assert (out[outside(SPOT)] == greyed(PICTURE, inside)[outside(SPOT)]).all()
    assert out[90, 50] > 0.9


def test_a_random_place_is_in_the_breast_beside_what_is_avoided():
    inside, rng = breast_of(PICTURE), np.random.default_rng(0)
    for _ in range(50):
        found = place_like(SPOT, inside, [SPOT], rng)
        assert found is not None and (found.width, found.height) == (20, 20) and not found.overlap(SPOT)
        assert inside[int(found.y0) : int(found.y1), int(found.x0) : int(found.x1)].mean() >= 0.9
    assert place_like(Box(0.0, 0.0, 150.0, 200.0), inside, [SPOT], rng) is None
    assert enlarged(Box(500.0, 500.0, 510.0, 510.0), PICTURE) is None
