"""`ground`: three files and one line; figures with a box; nothing half-written."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.joint_house import Loads, stand_in
from tests.explain.fake_space import spot_png


@pytest.fixture
def loads(monkeypatch) -> Loads:
    return stand_in(monkeypatch)


def test_a_phrase_is_found_and_written_with_its_figures(run, loads, tmp_path):
    picture = spot_png(tmp_path / "a.png", x=70, y=60)
    shown = run("ground", picture, "bright spot", "--box", "58,48,82,72", "--out", tmp_path / "out")
    assert shown.exit_code == 0, shown.output
    record = json.loads((tmp_path / "out" / "grounding.json").read_text())
    x0, y0, x1, y1 = record["best_box_px"]
    assert x0 <= 70 <= x1 and y0 <= 60 <= y1
    assert record["phrase"] == "bright spot"
    assert record["given_box_px"] == [58, 48, 82, 72]
    assert record["figures"]["CNR"] > 1
    assert 0 < record["figures"]["mIoU"] < 1
    assert (record["model"], record["mode"], record["size_px"]) == ("brightness", "published", [120, 160])
    assert record["steps"]
    heat = np.load(tmp_path / "out" / "heat.npy")
    assert heat.shape == (160, 120)
    assert record["heat"]["highest"] == pytest.approx(float(np.nanmax(heat)))
    assert np.isnan(heat[0]).all()
    with Image.open(tmp_path / "out" / "overlay.png") as overlay:
        assert overlay.width > 400
    assert len(shown.stdout.splitlines()) == 1
    assert f"similarity {record['similarity']:.3f}, best place x {x0:.0f}-{x1:.0f}" in shown.stdout
    assert "CNR" in shown.stdout and "overlay.png" in shown.stdout


def test_without_a_box_there_are_no_figures(run, loads, tmp_path):
    run("ground", spot_png(tmp_path / "a.png", 70, 60), "bright", "--out", tmp_path)
    record = json.loads((tmp_path / "grounding.json").read_text())
    assert record["figures"] == {} and record["given_box_px"] is None


def test_a_figure_that_is_not_finite_is_null(run, loads, tmp_path):
    picture = spot_png(tmp_path / "a.png", 70, 60)
    run("ground", picture, "bright", "--box", "0,0,120,4", "--out", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "grounding.json").read_text())
    assert record["figures"] == {"CNR": None, "mIoU": 0}


def test_options_reach_the_model(run, loads, tmp_path):
    picture, prior = (spot_png(tmp_path / f"{n}.png", 70, 60) for n in "ab")
    run(
        "ground", picture, "bright", "--out", tmp_path / "out", "--model", "folder", "--mode", "whole",
        "--prior", prior, "--view", f"{picture}=RCC", "--interpolation", "bilinear",
    )  # fmt: skip
    assert loads.asked == [("folder", "whole", {"a.png": "RCC"})]
    assert len(loads.space.priors) == 1
    record = json.loads((tmp_path / "out" / "grounding.json").read_text())
    assert record["prior"] == str(prior)
    assert record["heat"]["interpolation"] == "bilinear"


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "5,5,1,1", "1,2,3,4,5", "nan,0,1,1"])
def test_a_box_that_is_none_is_refused_before_the_model_is_loaded(box, run, loads, tmp_path):
    shown = run("ground", spot_png(tmp_path / "a.png", 70, 60), "bright", "--box", box, "--out", tmp_path / "out")
    assert shown.exit_code == 2
    assert "x0,y0,x1,y1" in shown.stderr
    assert loads.asked == []


@pytest.mark.parametrize(("phrase", "box"), [("bright", "500,500,600,600"), ("  ", "1,1,9,9")])
def test_nothing_is_written_when_something_is_wrong(phrase, box, run, loads, tmp_path):
    picture = spot_png(tmp_path / "a.png", 70, 60)
    assert run("ground", picture, phrase, "--box", box, "--out", tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out").exists()
