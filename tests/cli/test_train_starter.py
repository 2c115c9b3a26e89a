"""`train`: a recipe that lacks what it needs is refused before anything is prepared."""

import pytest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["starter"], "train starter_phantom first"),
        (["starter", "--warm-start", "checkpoint.pt"], "expected --data DIR"),
        (["real_fold", "--data", "nowhere"], "train starter_phantom first"),
        (["second_look"], "train starter_phantom first"),
        (["fold_marks", "--warm-start", "checkpoint.pt"], "expected --data DIR"),
        (["starter_phantom", "--looks", "checkpoint.pt"], "--looks, which starter_phantom does not use"),
        (["real_fold", "--data", "nowhere", "--warm-start", "checkpoint.pt"], "no real data in nowhere"),
    ],
)
def test_a_recipe_without_what_it_needs_is_refused(run, tmp_path, monkeypatch, options, message):
    monkeypatch.delenv("MAMMOSCRIBE_DATA", raising=False)
    shown = run("train-starter", *options, "--out", tmp_path / "run", "--cache", tmp_path / "cache")
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_recipe_is_refused_with_the_known_ones(run, tmp_path):
    shown = run("train-starter", "startr", "--out", tmp_path / "run")
    assert shown.exit_code == 2
    assert "starter_phantom" in shown.stderr
