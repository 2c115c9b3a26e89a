import json

import numpy as np
import pytest
from PIL import Image

from mammoscribe.phantom import write_png_exam
from mammoscribe.phantom.png import PNG_SCALE


@pytest.fixture(scope="module")
def folder(with_prior, tmp_path_factory):
    return write_png_exam(with_prior, tmp_path_factory.mktemp("png") / "exam")


def test_pictures_come_back_as_drawn(with_prior, folder):
    for view in with_prior.exam.views:
        stored = np.asarray(Image.open(folder / f"{view.id}.png")).astype(np.uint16)
        assert np.array_equal(stored // PNG_SCALE, with_prior.pixels[view.id])


def test_the_manifest_names_every_file(with_prior, folder):
    manifest = json.loads((folder / "exam.json").read_text())
    assert manifest["exam_id"] == with_prior.exam.id
    assert [v["id"] for v in manifest["views"]] == [v.id for v in with_prior.exam.views]
    for view in manifest["views"]:
        assert (folder / view["path"]).is_file()
        assert view["spacing_mm"] == [0.1, 0.1]
        assert view["is_prior"] == view["id"].startswith("prior_")
        assert (view["date"] < "2020") == view["is_prior"]


def test_the_truth_file_holds_findings_breasts_and_masks(with_prior, folder):
    truth = json.loads((folder / "truth.json").read_text())
    assert [f["id"] for f in truth["findings"]] == [f.id for f in with_prior.findings]
    assert [b["laterality"] for b in truth["breasts"]] == ["R", "L"]
    for finding in truth["findings"]:
        for mark in finding["marks"]:
            mask = np.asarray(Image.open(folder / "masks" / f"{finding['id']}__{mark['view']}.png"))
            x0, y0, x1, y1 = mark["box_px"]
            assert mask.shape == (y1 - y0, x1 - x0)
            assert mask.any()
