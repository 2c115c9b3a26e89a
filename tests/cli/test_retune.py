"""`features`, `retune` and `temporal`: from a manifest to a heat map, and one sentence for what cannot be done."""

import json

import numpy as np
import pytest

from mammoscribe.training.feature_cache import load_features, save_features
from tests.feature_sets import NumberSpace, changing_pairs, make_features, separable

QUICK = ("--epochs", "1", "--batch", "200")


@pytest.fixture
def space(monkeypatch) -> NumberSpace:
    """Stands in for every model; `asked` holds what it was loaded with."""
    numbers = NumberSpace()
    numbers.asked = []

    def load(*given: object, **_: object) -> NumberSpace:
        numbers.asked.append(given)
        return numbers

    monkeypatch.setattr("mammoscribe.explain.load.load_space", load)
    return numbers


@pytest.fixture
def manifest(tmp_path):
    """Twelve pictures, the last of which is not there; edema is present in the larger half."""
    lines = ["path,split,edema,mass"]
    for i in range(12):
        if i < 11:
            (tmp_path / f"{i}.txt").write_text(str(i + 1))
        lines.append(f"{i}.txt,{'test' if i % 3 == 0 else 'train'},{int(i > 5)},{i % 2}")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def features(tmp_path):
    return save_features(separable(120, 60)[0], tmp_path / "features.npz")


def test_from_a_manifest_to_a_heat_map(run, space, manifest, tmp_path):
    file, out = tmp_path / "features.npz", tmp_path / "run"
    shown = run("features", manifest, "--model", "numbers", "--out", file)
    assert shown.exit_code == 0, shown.stderr
    assert "11 pictures, 16 projected features, 2 classes, 1 skipped" in shown.stdout
    assert "11.txt skipped: 11.txt is not there" in shown.stderr
    shown = run("retune", file, "--model", "numbers", "--scenario", "class", "--out", out, *QUICK)
    assert shown.exit_code == 0, shown.stderr
    assert "class-incremental, after task mass: macro AUROC" in shown.stdout
    assert sorted(p.name for p in out.iterdir()) == ["adaptors.safetensors", "heat_map.html", "result.json"]


def test_mode_kind_and_classes_reach_the_feature_set(run, space, manifest, tmp_path):
    options = ("--kind", "pooled", "--mode", "whole", "--classes", "mass")
    shown = run("features", manifest, "--model", "m", "--out", tmp_path / "f.npz", *options)
    assert shown.exit_code == 0, shown.stderr
    made = load_features(tmp_path / "f.npz")
    assert (made.kind, made.classes, space.asked) == ("pooled", ("mass",), [("m", "whole", {})])


def test_a_bad_manifest_is_refused_before_a_model_is_loaded(run, space, tmp_path):
    (tmp_path / "m.csv").write_text("path,split,age\na.png,test,54\n")
    shown = run("features", tmp_path / "m.csv", "--model", "m", "--out", tmp_path / "f.npz")
    assert shown.exit_code == 2
    assert "age is '54'" in shown.stderr and "Traceback" not in shown.stderr
    assert space.asked == [] and not (tmp_path / "f.npz").exists()


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (["--scenario", "joint", "--adaptor", "linear", "--sides", "shared"], "joint training"),
        (["--scenario", "label", "--classes", "pneumonia,edema"], "label-incremental"),
        (["--scenario", "data", "--parts", "3"], "data-incremental, 3 parts"),
        (["--scenario", "class", "--positives-only"], "class-incremental, positives only"),
    ],
)
def test_every_scenario_runs(run, space, features, tmp_path, options, title):
    shown = run("retune", features, "--model", "m", *options, *QUICK, "--out", tmp_path / "run")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith(title)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["scenario"] == title


def test_zero_shot_trains_nothing_and_leaves_no_adaptors(run, space, features, tmp_path):
    shown = run("retune", features, "--model", "m", "--scenario", "zero-shot", "--out", tmp_path / "run")
    assert shown.exit_code == 0, shown.stderr
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["heat_map.html", "result.json"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--scenario", "zero-shot", "--epochs", "3"], "--epochs, which scenario zero-shot does not use"),
        (["--scenario", "class", "--parts", "5"], "parts, which scenario class does not use"),
        (["--scenario", "joint", "--positives-only"], "positives only, which scenario joint does not know"),
        (["--scenario", "joint", "--test-on", "val"], "no picture in split val"),
        (["--scenario", "joint", "--classes", "mass"], "no presence labels of mass"),
        (["--scenario", "joint", "--device", "nonsense"], "the device nonsense cannot be used here"),
        (["--scenario", "joint", "--prompts", "nowhere.toml"], "no file of prompts at nowhere.toml"),
    ],
)
def test_what_cannot_be_run_is_one_sentence_and_leaves_nothing(run, space, features, tmp_path, options, sentence):
    shown = run("retune", features, "--model", "m", *options, "--out", tmp_path / "run")
    assert shown.exit_code == 2
    assert sentence in shown.stderr and "Traceback" not in shown.stderr
    assert not (tmp_path / "run").exists()


def test_features_of_another_model_or_kind_are_refused(run, space, tmp_path):
    pooled = save_features(make_features(splits=("train", "train", "test", "test")), tmp_path / "p.npz")
    shown = run("retune", pooled, "--model", "m", "--scenario", "joint", "--out", tmp_path / "run")
    assert shown.exit_code == 2 and "pooled features; expected features in the joint space" in shown.stderr
    space.name = "other"
    shown = run("retune", pooled, "--model", "m", "--scenario", "joint", "--out", tmp_path / "run")
    assert shown.exit_code == 2 and "features of numbers beside the model other" in shown.stderr


def test_temporal_prints_its_table_and_writes_heads(run, tmp_path):
    pairs = save_features(changing_pairs(60), tmp_path / "pairs.npz")
    shown = run("temporal", pairs, "--out", tmp_path / "run", "--folds", "3", "--findings", "edema")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("3-fold cross-validation by patient") and "| edema" in shown.stdout
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["heads.safetensors", "temporal.json"]
    shown = run("temporal", pairs, "--out", tmp_path / "run", "--test-on", "test")
    assert shown.stdout.startswith("fitted on train, measured on test")


def test_temporal_refuses_what_it_does_not_use(run, tmp_path):
    pairs = save_features(changing_pairs(60), tmp_path / "pairs.npz")
    shown = run("temporal", pairs, "--out", tmp_path / "run", "--test-on", "test", "--folds", "3")
    assert shown.exit_code == 2 and "--folds beside --test-on" in shown.stderr
    np.savez(tmp_path / "other.npz", a=np.zeros(1))
    shown = run("temporal", tmp_path / "other.npz", "--out", tmp_path / "run")
    assert shown.exit_code == 2 and "is no feature set" in shown.stderr
    assert not (tmp_path / "run").exists()


def test_the_mode_published_is_what_no_mode_means_and_another_one_is_not(run, space, manifest, tmp_path):
    options = ("features", manifest, "--model", "m", "--out", tmp_path / "f.npz")
    assert run(*options).exit_code == 0
    assert run(*options, "--mode", "published").exit_code == 0
    shown = run(*options, "--mode", "whole")
    assert shown.exit_code == 2 and "made from another manifest, model or kind" in shown.stderr
