"""`search`: an index is built once and searched by text and by picture."""

import csv

import pytest

from tests.cli.joint_house import Loads, stand_in
from tests.explain.fake_space import BrightnessSpace, spot_png


@pytest.fixture
def loads(monkeypatch) -> Loads:
    return stand_in(monkeypatch)


@pytest.fixture
def pictures(tmp_path):
    for n in (8, 60, 110):
        spot_png(tmp_path / "pictures" / f"{n:03}.png", 60, 80, side=n)
    return tmp_path / "pictures"


def found(path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_pictures_are_indexed_once_and_found_by_text(run, loads, pictures, tmp_path):
    shown = run("search", tmp_path / "i", "--images", pictures)
    assert shown.exit_code == 0, shown.output
    assert "holds 3 images" in shown.stdout
    shown = run("search", tmp_path / "i", "--text", "bright", "--top", "2", "--out", tmp_path / "r.csv")
    assert [r["id"] for r in found(tmp_path / "r.csv")] == ["110.png", "060.png"]
    assert loads.space.embedded == 3


def test_pictures_are_found_by_picture_from_the_centre_and_what_that_is_worth_is_printed(
    run, loads, pictures, tmp_path
):
    run("search", tmp_path / "i", "--images", pictures)
    shown = run("search", tmp_path / "i", "--image", pictures / "110.png", "--out", tmp_path / "r.csv")
    assert shown.exit_code == 0, shown.output
    rows = found(tmp_path / "r.csv")
    assert [r["id"] for r in rows] == ["110.png", "060.png", "008.png"]
    assert float(rows[0]["similarity"]) == pytest.approx(1, abs=1e-4) and float(rows[-1]["similarity"]) < 0
    assert "what a search by picture finds with brightness was not measured" in shown.stderr
    shown = run("search", tmp_path / "i", "--text", "bright", "--out", tmp_path / "t.csv")
    assert "not measured" not in shown.stderr
    assert all(float(r["similarity"]) > 0 for r in found(tmp_path / "t.csv"))


def test_texts_are_found_by_picture_in_one_go(run, loads, pictures, tmp_path):
    (tmp_path / "t.csv").write_text("id,text\nr1,dark\nr2,bright\n")
    run(
        "search", tmp_path / "i", "--texts", tmp_path / "t.csv", "--image", pictures / "110.png",
        "--out", tmp_path / "r.csv",
    )  # fmt: skip
    assert [(r["id"], r["value"]) for r in found(tmp_path / "r.csv")] == [("r2", "bright"), ("r1", "dark")]


def test_a_picture_that_cannot_be_read_is_a_warning_with_its_reason(run, loads, pictures, tmp_path):
    (pictures / "060.png").write_text("no picture")
    shown = run("search", tmp_path / "i", "--images", pictures)
    assert "holds 2 images" in shown.stdout
    assert "060.png is not in the index" in shown.stderr and "not a picture" in shown.stderr


def test_a_picture_prepared_otherwise_is_refused(run, loads, pictures, tmp_path):
    run("search", tmp_path / "i", "--images", pictures)
    loads.space = BrightnessSpace(whole=True)
    shown = run("search", tmp_path / "i", "--image", pictures / "110.png")
    assert shown.exit_code == 2
    assert "give the same --mode" in shown.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "nothing to do"),
        (("--images", "a", "--texts", "b"), "both --images and --texts"),
        (("--text", "a", "--image", "b"), "both --text and --image"),
        (("--text", " "), "an empty --text"),
        (("--images", "a", "--top", "3"), "--top without a search"),
        (("--images", "a", "--engine", "exact"), "--engine without a search"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, told, run, loads, tmp_path):
    shown = run("search", tmp_path / "i", *options)
    assert shown.exit_code == 2
    assert told in shown.stderr
    assert loads.asked == []


def test_a_search_without_an_index_is_refused(run, loads, tmp_path):
    shown = run("search", tmp_path / "i", "--text", "bright")
    assert shown.exit_code == 2
    assert "no index in" in shown.stderr


def test_a_text_that_ends_with_its_id_is_shown_like_the_others(run, loads, tmp_path):
    (tmp_path / "t.txt").write_text("dark\nbright, grade 2\n")
    shown = run("search", tmp_path / "i", "--texts", tmp_path / "t.txt", "--text", "dark", "--out", tmp_path / "r.csv")
    assert shown.exit_code == 0, shown.output
    assert [r["value"] for r in found(tmp_path / "r.csv")] == ["dark", "bright, grade 2"]
