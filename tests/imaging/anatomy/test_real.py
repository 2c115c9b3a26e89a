"""Real images: the nipple where a person saw it, and true lesions that rest on nothing. Figures: benchmarks/anatomy.py."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.anatomy_labels import read_nipples, true_lesions
from mammoscribe.imaging.anatomy.find import find_anatomy
from mammoscribe.imaging.decode import decode_view
from mammoscribe.imaging.prepare import prepare_view


@pytest.mark.real
def test_nipples_seen_by_a_person_are_found_within_a_centimetre(data_root: Path) -> None:
    errors, agree = [], []
    for label in (i for i in read_nipples(data_root) if i.measuring and i.sure):
        view = prepare_view(label.view, decode_view(label.view))
        x, y = view.placement.to_canvas_point(*label.xy)
        errors.append(np.hypot(x - view.nipple_xy[0], y - view.nipple_xy[1]) * view.um_per_px / 1000)
        agree.append(view.nipple_in_profile == label.visible)
    assert len(errors) > 40
    assert np.median(errors) < 4.5
    assert np.mean(np.array(errors) <= 10) > 0.84
    assert np.mean(agree) > 0.75


@pytest.mark.real
def test_true_lesions_rest_on_nothing(data_root: Path) -> None:
    lesions = [i for i in true_lesions(data_root) if i.measuring][::9]
    called = 0
    for lesion in lesions:
        view = prepare_view(lesion.view, decode_view(lesion.view), 500.0, (384, 224))
        called += find_anatomy(view).structure_of(view.placement.to_canvas_box(lesion.box)) is not None
    assert len(lesions) > 70
    assert called <= 0.05 * len(lesions)
