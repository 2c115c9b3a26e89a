"""`train`: a recipe that lacks what it needs is refused before anything is prepared."""

import pytest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["starter"], "train starter_phantom first"),
        (["starter", "--warm-start", "checkpoint.pt"], "expected --data DIR"),
        (["real_fold", "--data", "nowhere"], "train starter_phantom first"),
        (["joint_space"], "train starter_phantom first"),
        (["fold_marks", "--warm-start", "checkpoint.pt"], "expected --data DIR"),
        (["starter_phantom", "--crop-refiner", "run"], "--crop-refiner, which starter_phantom does not use"),
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


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint"])
def test_a_checkpoint_that_is_none_is_refused_before_anything_is_drawn(run, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.pt").write_bytes(content)
    shown = run("train-starter", "joint_space", "--warm-start", tmp_path / "bad.pt", "--out", tmp_path / "run",
                "--cache", tmp_path / "cache")  # fmt: skip
    assert shown.exit_code == 2
    assert "checkpoint" in shown.stderr and not (tmp_path / "cache").exists()


def test_a_run_without_a_crop_refiner_is_refused_before_anything_is_prepared(run, tmp_path):
    import torch

    from mammoscribe.models.reader.network import ReaderNet, starter_config

    torch.save({"net": ReaderNet(starter_config()).state_dict()}, tmp_path / "good.pt")
    (tmp_path / "films").mkdir()
    shown = run("train-starter", "fold_marks", "--warm-start", tmp_path / "good.pt", "--crop-refiner", tmp_path / "films",
                "--data", tmp_path / "films", "--out", tmp_path / "run", "--cache", tmp_path / "cache")  # fmt: skip
    assert shown.exit_code == 2
    assert "card.json" in shown.stderr and not (tmp_path / "cache").exists()


def test_a_checkpoint_of_another_network_is_refused_before_anything_is_drawn(run, tmp_path):
    import torch

    torch.save({"net": torch.nn.Linear(2, 2).state_dict()}, tmp_path / "other.pt")
    shown = run("train-starter", "joint_space", "--warm-start", tmp_path / "other.pt", "--out", tmp_path / "run",
                "--cache", tmp_path / "cache")  # fmt: skip
    assert shown.exit_code == 2
    assert "is of another network" in shown.stderr and not (tmp_path / "cache").exists()
