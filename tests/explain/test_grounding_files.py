"""What a grounding leaves behind: a summary, and a record that every JSON reader takes."""

import json
from pathlib import Path

import numpy as np
import pytest

from mammoscribe.domain.view import Box
from mammoscribe.explain.grounding import BOX_RULE, ground
from mammoscribe.explain.grounding_files import Grounded, record, write_grounding
from tests.explain.fake_space import BrightnessSpace, spot_png


@pytest.fixture
def grounded(tmp_path) -> Grounded:
    space, path = BrightnessSpace(), spot_png(tmp_path / "a.png", 80, 50)
    image = space.prepare(path)
    figures = {"CNR": float("inf"), "mIoU": 0.25}
    return Grounded(ground(space, image, "bright"), image, path, None, space.name, Box(68, 38, 92, 62), figures)


def test_the_record_says_where_how_and_by_what(grounded):
    values = json.loads(json.dumps(record(grounded), allow_nan=False))
    assert values["figures"] == {"CNR": None, "mIoU": 0.25}
    assert values["best_box_rule"] == BOX_RULE
    assert values["steps"] == list(grounded.image.steps)
    assert values["heat"]["interpolation"] == "bilinear"
    assert values["threshold"] == pytest.approx(grounded.grounding.threshold)


def test_the_summary_is_one_line_with_the_figures(grounded):
    assert grounded.summary.startswith(f"similarity {grounded.grounding.similarity:.3f}, best place x ")
    assert grounded.summary.endswith(", CNR inf, mIoU 0.25")


def test_the_heat_map_on_disk_is_the_one_found(grounded, tmp_path):
    picture, heat, _ = write_grounding(grounded, tmp_path / "out")
    assert np.array_equal(np.load(heat), grounded.grounding.heat, equal_nan=True)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert {p.name for p in Path(tmp_path / "out").iterdir()} == {"overlay.png", "heat.npy", "grounding.json"}
