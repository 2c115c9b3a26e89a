"""`match`: prompt sets or texts against pictures, printed and written."""

import csv

import pytest

from mammoscribe.domain.view import Origin
from mammoscribe.explain.zero_shot import PromptSet
from mammoscribe.models.space_measures import PromptMargin
from tests.cli.joint_house import Loads, stand_in
from tests.explain.fake_space import MeasuredBrightness, figures, spot_png

PROMPTS = '[light]\npositive = ["bright spot"]\nnegative = ["dark"]\n'


@pytest.fixture
def loads(monkeypatch) -> Loads:
    return stand_in(monkeypatch)


@pytest.fixture
def pictures(tmp_path):
    return [spot_png(tmp_path / f"{n}.png", 60, 80, side=n) for n in (110, 8)]


def scored(run, pictures, tmp_path) -> tuple[list[dict[str, str]], str]:
    """The rows that are written, and what is printed, for prompts of one's own."""
    (tmp_path / "p.toml").write_text(PROMPTS)
    shown = run("match", *pictures, "--prompts", tmp_path / "p.toml", "--out", tmp_path / "s.csv")
    assert shown.exit_code == 0, shown.output
    with (tmp_path / "s.csv").open() as stream:
        return list(csv.DictReader(stream)), shown.stdout


def test_prompts_without_a_margin_give_differences_and_no_yes_or_no(run, loads, pictures, tmp_path):
    rows, printed = scored(run, pictures, tmp_path)
    assert [(r["image"], r["what"]) for r in rows] == [(str(p), "light") for p in pictures]
    for row in rows:
        assert float(row["difference"]) == pytest.approx(float(row["positive"]) - float(row["negative"]), abs=2e-4)
        assert row["difference"] in printed
        assert (row["present"], row["margin"]) == ("not given", "")
        assert row["why"] == "no yes or no: no margin was fixed for these prompts on brightness"


def test_prompts_with_a_margin_are_answered_by_it(run, loads, pictures, tmp_path):
    low, high = sorted(float(row["difference"]) for row in scored(run, pictures, tmp_path)[0])
    prompts = PromptSet("light", ("bright spot",), ("dark",))
    at = (low + 3 * high) / 4
    loads.space = MeasuredBrightness(PromptMargin("x", prompts.sha256, at, Origin.SYNTHETIC, figures(), figures()))
    rows, printed = scored(run, pictures, tmp_path)
    assert [r["present"] for r in rows] == ["yes", "no"]
    assert f"{high - at:.4f} above the margin that was fixed on 60 drawn exams" in rows[0]["why"]
    assert rows[1]["why"] in printed


def test_the_shipped_prompts_are_the_default_and_classes_use_the_published_ones(run, loads, pictures):
    assert "architectural_distortion" in run("match", pictures[0]).stdout
    shown = run("match", pictures[0], "--class", "edema", "--class", "pleural effusion").stdout
    assert "edema" in shown and "pleural effusion" in shown and "mass" not in shown


def test_texts_are_ranked(run, loads, pictures, tmp_path):
    (tmp_path / "t.txt").write_text("dark\na [lump]\nbright\n")
    shown = run("match", pictures[0], "--texts", tmp_path / "t.txt", "--top", "2", "--out", tmp_path / "s.csv")
    with (tmp_path / "s.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [r["rank"] for r in rows] == ["1", "2"]
    assert rows[0]["text"] == "bright"
    assert f"{pictures[0]}\n" in shown.stdout
    assert shown.exit_code == 0


def test_a_picture_that_cannot_be_read_does_not_take_the_others_with_it(run, loads, pictures, tmp_path):
    shown = run(
        "match", pictures[0], tmp_path / "none.png", pictures[1], "--class", "edema", "--out", tmp_path / "s.csv"
    )
    assert shown.exit_code == 1
    assert "none.png is not there" in shown.stderr
    with (tmp_path / "s.csv").open() as stream:
        assert [r["image"] for r in csv.DictReader(stream)] == [str(p) for p in pictures]
    shown = run("match", tmp_path / "none.png", "--class", "edema", "--out", tmp_path / "t.csv")
    assert shown.exit_code == 2 and "error" in shown.stderr
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("options", [("--class", "edema"), ("--texts", "t.txt")])
def test_texts_are_embedded_once_however_many_pictures(options, run, loads, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("dark\nbright\n")
    asked = []
    embed = loads.space.embed_texts
    loads.space.embed_texts = lambda texts: asked.extend(texts) or embed(texts)
    assert run("match", *pictures, *options).exit_code == 0
    assert len(asked) == len(set(asked)) > 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--class", "edema", "--texts", "t.txt"), "one of them"),
        (("--top", "3"), "--top without --texts"),
        (("--prompts", "none.toml"), "no file of prompts"),
        (("--texts", "none.txt"), "is not there"),
        (("--out", "."), "is a folder"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_the_model_is_loaded(options, told, run, loads, pictures):
    shown = run("match", pictures[0], *options)
    assert shown.exit_code == 2
    assert told in shown.stderr
    assert loads.asked == []
